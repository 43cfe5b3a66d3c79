//! The tasks of a node: where they are started, and what holds them together.
//!
//! A node in a process of its own has no [`Scope`]: its tasks are the runtime's, and so is its blocking work. Nodes that share a
//! process each have one, so that a single node can be paused or ended like a process. A scope may also keep blocking work on the
//! thread that asks for it: then a whole cluster runs on one thread, under a clock that a test moves.
//!
//! Always holds: what a task starts belongs to the scope of that task; nothing of a paused scope runs; nothing of an ended one runs
//! again, and all that it had is dropped. Must never: cost a node without a scope more than a look at a thread-local.

// For nodes that share a process, which tests have.
#![cfg_attr(not(feature = "sim"), allow(dead_code))]

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use openraft::AsyncRuntime;
use openraft::impls::TokioRuntime;
use parking_lot::{Condvar, Mutex};
use pin_project_lite::pin_project;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle, JoinSet};

thread_local! {
    /// Whose task runs on this thread now.
    static CURRENT: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

const RUNS: u8 = 0;
const PAUSED: u8 = 1;
const ENDED: u8 = 2;

/// Tells how long the next piece of blocking work takes, beyond what it takes.
pub type Stall = Box<dyn FnMut() -> Duration + Send>;

/// The tasks of one node among others in this process. Clones are the same scope.
#[derive(Clone)]
pub struct Scope(Arc<Inner>);

struct Inner {
    /// Blocking work is done by the thread that asks for it, in a task.
    inline: bool,
    state: AtomicU8,
    held: Mutex<Held>,
    resumed: Condvar,
    stall: Mutex<Option<Stall>>,
    #[cfg(feature = "faults")]
    reach: Option<Arc<crate::faults::Reach>>,
}

#[derive(Default)]
struct Held {
    /// Tasks that wanted to run while they were paused.
    waiting: Vec<Waker>,
    tasks: Vec<AbortHandle>,
    /// Finished tasks are forgotten when there are so many in `tasks`.
    sweep_at: usize,
}

impl Scope {
    pub fn new(inline: bool) -> Scope {
        Scope(Arc::new(Inner {
            inline,
            state: AtomicU8::new(RUNS),
            held: Mutex::default(),
            resumed: Condvar::new(),
            stall: Mutex::new(None),
            #[cfg(feature = "faults")]
            reach: None,
        }))
    }

    /// One whose tasks feel what a test does to the node.
    #[cfg(feature = "faults")]
    pub(crate) fn within(reach: Arc<crate::faults::Reach>) -> Scope {
        Scope(Arc::new(Inner {
            inline: false,
            state: AtomicU8::new(RUNS),
            held: Mutex::default(),
            resumed: Condvar::new(),
            stall: Mutex::new(None),
            reach: Some(reach),
        }))
    }

    /// For what is done to the node by another than its tasks: as one of them, for as long as the value lives.
    #[cfg(feature = "faults")]
    pub fn enter(&self) -> Entered {
        Entered::new(self.clone())
    }

    /// True while it is paused.
    #[cfg(feature = "faults")]
    pub fn is_paused(&self) -> bool {
        self.state() == PAUSED
    }

    /// A future whose task, and all that it starts, belongs here.
    pub fn of<F: Future>(&self, future: F) -> Scoped<F> {
        Scoped {
            scope: Some(self.clone()),
            future: Some(future),
        }
    }

    /// Starts a task that belongs here.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let task = tokio::spawn(self.of(future));
        self.keep(task.abort_handle());
        task
    }

    /// Stops everything until [`Scope::resume`], as SIGSTOP stops a process. What a thread is doing at this moment it still does.
    pub fn pause(&self) {
        let _ = self.change(RUNS, PAUSED);
    }

    pub fn resume(&self) {
        if self.change(PAUSED, RUNS) {
            self.0.resumed.notify_all();
            let waiting = std::mem::take(&mut self.0.held.lock().waiting);
            for waker in waiting {
                waker.wake();
            }
        }
    }

    /// Ends everything, as SIGKILL ends a process: no task runs on, their values are dropped by the runtime.
    pub fn end(&self) {
        let mut held = self.0.held.lock();
        self.0.state.store(ENDED, Ordering::Release);
        let tasks = std::mem::take(&mut held.tasks);
        let waiting = std::mem::take(&mut held.waiting);
        drop(held);
        self.0.resumed.notify_all();
        for task in tasks {
            task.abort();
        }
        // A task that its owner keeps drops what it had when it is polled, and others may wait for that.
        for waker in waiting {
            waker.wake();
        }
    }

    /// Makes blocking work of this scope take longer: a slow disk.
    pub fn set_stall(&self, stall: Option<Stall>) {
        *self.0.stall.lock() = stall;
    }

    fn change(&self, from: u8, to: u8) -> bool {
        let _held = self.0.held.lock();
        let changed = self
            .0
            .state
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        changed.is_ok()
    }

    fn state(&self) -> u8 {
        self.0.state.load(Ordering::Acquire)
    }

    /// True if a task may not run now; it is woken when it may.
    fn holds_back(&self, cx: &Context<'_>) -> bool {
        if self.state() == RUNS {
            return false;
        }
        let mut held = self.0.held.lock();
        match self.state() {
            RUNS => return false,
            PAUSED => held.waiting.push(cx.waker().clone()),
            _ => {}
        }
        true
    }

    fn keep(&self, task: AbortHandle) {
        let mut held = self.0.held.lock();
        if self.state() == ENDED {
            drop(held);
            return task.abort();
        }
        if held.tasks.len() >= held.sweep_at.max(64) {
            held.tasks.retain(|t| !t.is_finished());
            held.sweep_at = held.tasks.len() * 2;
        }
        held.tasks.push(task);
    }

    fn stall(&self) -> Duration {
        let mut stall = self.0.stall.lock();
        stall.as_mut().map_or(Duration::ZERO, |stall| stall())
    }

    /// On a thread that may block: waits while the scope is paused. False if it has ended.
    fn passes(&self) -> bool {
        let mut held = self.0.held.lock();
        while self.state() == PAUSED {
            self.0.resumed.wait(&mut held);
        }
        self.state() == RUNS
    }
}

/// Sets whose task runs for as long as it lives.
pub struct Entered(Option<Scope>);

impl Entered {
    fn new(scope: Scope) -> Entered {
        Entered(CURRENT.replace(Some(scope)))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

pin_project! {
    /// A future that belongs to a scope, or to none.
    pub struct Scoped<F> {
        scope: Option<Scope>,
        #[pin]
        future: Option<F>,
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _entered = match this.scope {
            None => None,
            Some(scope) => {
                if scope.holds_back(cx) {
                    if scope.state() == ENDED {
                        this.future.set(None);
                    }
                    return Poll::Pending;
                }
                Some(Entered::new(scope.clone()))
            }
        };
        match this.future.as_mut().as_pin_mut() {
            Some(future) => future.poll(cx),
            None => Poll::Pending,
        }
    }
}

fn current() -> Option<Scope> {
    CURRENT.with_borrow(Option::clone)
}

/// What a test does to the node of this task.
#[cfg(feature = "faults")]
pub fn reach() -> Option<Arc<crate::faults::Reach>> {
    CURRENT.with_borrow(|scope| scope.as_ref()?.0.reach.clone())
}

/// How far the cluster of this task is ahead in time.
#[cfg(feature = "faults")]
pub fn leap() -> Option<Arc<crate::time::Leap>> {
    Some(reach()?.leap.clone())
}

/// A future for a task that is started by other means than [`spawn`]: it belongs where this task does.
pub fn scoped<F: Future>(future: F) -> Scoped<F> {
    Scoped {
        scope: current(),
        future: Some(future),
    }
}

/// As `tokio::spawn`, in the scope of this task.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match current() {
        None => tokio::spawn(future),
        Some(scope) => scope.spawn(future),
    }
}

/// As [`spawn`], for a set that its owner keeps.
pub fn spawn_in<T: Send + 'static>(
    set: &mut JoinSet<T>,
    future: impl Future<Output = T> + Send + 'static,
    on: &Handle,
) {
    match current() {
        None => set.spawn_on(future, on),
        Some(scope) => set.spawn_on(scope.of(future), on),
    };
}

/// Work that may block, for one thread among those that may.
pub fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    match current() {
        None => tokio::task::spawn_blocking(work),
        Some(scope) if scope.0.inline => spawn(stalled(scope, work)),
        Some(scope) => tokio::task::spawn_blocking(move || held_back(scope, work)),
    }
}

/// On a thread that may block.
fn held_back<T>(scope: Scope, work: impl FnOnce() -> T) -> T {
    if !scope.passes() {
        // Nobody waits for it any more; whoever does is told that it was not done.
        std::panic::resume_unwind(Box::new("the node has ended"));
    }
    std::thread::sleep(scope.stall());
    let _entered = Entered::new(scope);
    work()
}

/// As [`blocking`], for a set that its owner keeps.
pub fn blocking_in<T: Send + 'static>(
    set: &mut JoinSet<T>,
    work: impl FnOnce() -> T + Send + 'static,
) {
    match current() {
        None => set.spawn_blocking(work),
        Some(scope) if scope.0.inline => set.spawn(scope.of(stalled(scope.clone(), work))),
        Some(scope) => set.spawn_blocking(move || held_back(scope, work)),
    };
}

async fn stalled<T>(scope: Scope, work: impl FnOnce() -> T) -> T {
    let stall = scope.stall();
    if !stall.is_zero() {
        tokio::time::sleep(stall).await;
    }
    work()
}

/// Runs `work` on so many threads at once and waits for all of them: on this one alone if one will do, or if the node has but one.
/// Each run takes what the others have not taken yet.
pub fn side_by_side(threads: usize, work: impl Fn() + Sync) {
    let inline = CURRENT.with_borrow(|s| s.as_ref().is_some_and(|s| s.0.inline));
    if threads <= 1 || inline {
        return work();
    }
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(&work);
        }
        work();
    });
}

/// How hash maps of a node are keyed whose order may be seen from outside: at random, but not where one seed must give one run.
#[cfg(not(feature = "sim"))]
pub type HashState = foldhash::fast::RandomState;
#[cfg(feature = "sim")]
pub type HashState = foldhash::fast::FixedState;

/// tokio, as openraft wants it; its tasks belong to the scope of those that start them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Runtime;

type Tokio = TokioRuntime;

impl AsyncRuntime for Runtime {
    type JoinError = <Tokio as AsyncRuntime>::JoinError;
    type JoinHandle<T: Send + 'static> = JoinHandle<T>;
    type Sleep = <Tokio as AsyncRuntime>::Sleep;
    type Instant = <Tokio as AsyncRuntime>::Instant;
    type TimeoutError = <Tokio as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + Send> = <Tokio as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = <Tokio as AsyncRuntime>::ThreadLocalRng;
    type OneshotSender<T: Send> = <Tokio as AsyncRuntime>::OneshotSender<T>;
    type OneshotReceiver<T: Send> = <Tokio as AsyncRuntime>::OneshotReceiver<T>;
    type OneshotReceiverError = <Tokio as AsyncRuntime>::OneshotReceiverError;

    fn spawn<T>(future: T) -> JoinHandle<T::Output>
    where
        T: Future + Send + 'static,
        T::Output: Send + 'static,
    {
        spawn(future)
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        Tokio::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        Tokio::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + Send>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        Tokio::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + Send>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        Tokio::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        Tokio::is_panic(join_error)
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        Tokio::thread_rng()
    }

    fn oneshot<T: Send>() -> (Self::OneshotSender<T>, Self::OneshotReceiver<T>) {
        Tokio::oneshot()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use tokio::time::{sleep, timeout};

    use super::*;

    const TICK: Duration = Duration::from_millis(10);

    /// A task, and one that it starts, which both count for ever.
    fn counting(scope: &Scope) -> Arc<AtomicU32> {
        let count = Arc::new(AtomicU32::new(0));
        let counted = count.clone();
        let main = async move {
            let child = counted.clone();
            let child = spawn(async move {
                loop {
                    sleep(TICK).await;
                    child.fetch_add(1, Ordering::Relaxed);
                }
            });
            loop {
                blocking({
                    let counted = counted.clone();
                    move || counted.fetch_add(1, Ordering::Relaxed)
                })
                .await
                .unwrap();
                sleep(TICK).await;
                assert!(!child.is_finished());
            }
        };
        scope.spawn(main);
        count
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_scope_stands_still_and_an_ended_one_drops_what_it_had() {
        let scope = Scope::new(true);
        let count = counting(&scope);
        sleep(TICK * 10).await;
        assert!(count.load(Ordering::Relaxed) > 15);
        scope.pause();
        let before = count.load(Ordering::Relaxed);
        sleep(TICK * 10).await;
        assert_eq!(count.load(Ordering::Relaxed), before);
        scope.resume();
        sleep(TICK * 10).await;
        assert!(count.load(Ordering::Relaxed) > before + 15);
        scope.end();
        let before = count.load(Ordering::Relaxed);
        sleep(TICK * 10).await;
        assert_eq!(count.load(Ordering::Relaxed), before);
        // This test's own clone is the last one.
        let gone = async {
            while Arc::strong_count(&count) > 1 {
                sleep(TICK).await;
            }
        };
        timeout(TICK * 100, gone).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_held_back_by_a_pause_is_dropped_at_the_end_whoever_keeps_the_task() {
        let scope = Scope::new(true);
        let has = Arc::new(());
        let mut kept = JoinSet::new();
        {
            let _entered = Entered::new(scope.clone());
            let had = has.clone();
            let work = async move {
                let _had = had;
                sleep(TICK).await;
            };
            spawn_in(&mut kept, work, &Handle::current());
        }
        scope.pause();
        // It is polled, and held back.
        sleep(TICK * 5).await;
        assert_eq!(Arc::strong_count(&has), 2);
        scope.end();
        sleep(TICK).await;
        assert_eq!(Arc::strong_count(&has), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_pause_holds_back_blocking_work_on_other_threads() {
        let scope = Scope::new(false);
        let count = counting(&scope);
        let patience = Duration::from_secs(10);
        let counted = async |more_than: u32| {
            while count.load(Ordering::Relaxed) <= more_than {
                sleep(TICK).await;
            }
        };
        timeout(patience, counted(5)).await.unwrap();
        scope.pause();
        // What runs at this moment ends.
        sleep(TICK * 5).await;
        let before = count.load(Ordering::Relaxed);
        sleep(TICK * 10).await;
        assert_eq!(count.load(Ordering::Relaxed), before);
        scope.resume();
        timeout(patience, counted(before + 5)).await.unwrap();
        scope.end();
    }
}
