//! The time that a node waits by: tokio's, which with the feature `faults` a test can set forward for all nodes of a cluster.
//!
//! What a node does with clients, groups, logs and files waits by this clock. What nodes know of each other (elections, sessions,
//! connections and their timeouts) goes by tokio's alone: a leap must not make nodes that live look dead. `faults::clock` says how
//! those sessions come to their end.
//!
//! Always holds: without the feature this is tokio's clock and nothing else. Must never: show a task of one cluster the leap of
//! another (the leap belongs to the scope of the task).

#[cfg(not(feature = "faults"))]
pub use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

#[cfg(feature = "faults")]
pub use leaping::{Instant, Leap, sleep, sleep_until, timeout, timeout_at};

#[cfg(feature = "faults")]
mod leaping {
    use std::collections::HashMap;
    use std::ops::{Add, Sub};
    use std::pin::{Pin, pin};
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use parking_lot::Mutex;
    use pin_project_lite::pin_project;
    use tokio::time as real;

    use crate::task;

    /// How far a cluster is ahead of tokio's clock, and who wants to know.
    #[derive(Default)]
    pub struct Leap(Mutex<State>);

    #[derive(Default)]
    struct State {
        ahead: Duration,
        next: u64,
        sleepers: HashMap<u64, Waker>,
    }

    impl Leap {
        pub fn by(&self, step: Duration) {
            let sleepers: Vec<Waker> = {
                let mut state = self.0.lock();
                state.ahead += step;
                state.sleepers.drain().map(|(_, waker)| waker).collect()
            };
            sleepers.into_iter().for_each(Waker::wake);
        }

        fn ahead(&self) -> Duration {
            self.0.lock().ahead
        }
    }

    /// As tokio's, and ahead of it by the leap of the task's cluster.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub struct Instant(real::Instant);

    impl Instant {
        pub fn now() -> Instant {
            let ahead = task::leap().map_or(Duration::ZERO, |leap| leap.ahead());
            Instant(real::Instant::now() + ahead)
        }

        pub fn elapsed(&self) -> Duration {
            Instant::now() - *self
        }
    }

    impl Add<Duration> for Instant {
        type Output = Instant;

        fn add(self, by: Duration) -> Instant {
            Instant(self.0 + by)
        }
    }

    impl Sub for Instant {
        type Output = Duration;

        fn sub(self, since: Instant) -> Duration {
            self.0 - since.0
        }
    }

    pin_project! {
        /// A wait that a leap shortens.
        pub struct Sleep {
            until: Instant,
            leap: Option<Arc<Leap>>,
            // Its place among the sleepers.
            place: Option<u64>,
            seen: Duration,
            #[pin]
            timer: real::Sleep,
        }

        impl PinnedDrop for Sleep {
            fn drop(this: Pin<&mut Self>) {
                let this = this.project();
                if let (Some(leap), Some(place)) = (this.leap, this.place) {
                    leap.0.lock().sleepers.remove(place);
                }
            }
        }
    }

    impl Future for Sleep {
        type Output = ();

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            let mut this = self.project();
            if let Some(leap) = this.leap {
                let mut state = leap.0.lock();
                let place = *this.place.get_or_insert_with(|| {
                    state.next += 1;
                    state.next
                });
                state.sleepers.insert(place, cx.waker().clone());
                if state.ahead != *this.seen {
                    *this.seen = state.ahead;
                    let at = this.until.0.checked_sub(state.ahead);
                    this.timer
                        .as_mut()
                        .reset(at.unwrap_or_else(real::Instant::now));
                }
            }
            this.timer.poll(cx)
        }
    }

    pub fn sleep_until(until: Instant) -> Sleep {
        let leap = task::leap();
        let seen = leap.as_ref().map_or(Duration::ZERO, |leap| leap.ahead());
        let at = until.0.checked_sub(seen);
        Sleep {
            until,
            leap,
            place: None,
            seen,
            timer: real::sleep_until(at.unwrap_or_else(real::Instant::now)),
        }
    }

    pub fn sleep(duration: Duration) -> Sleep {
        sleep_until(Instant::now() + duration)
    }

    /// The time is over.
    #[derive(Debug)]
    pub struct Elapsed;

    pub fn timeout<F: Future>(
        duration: Duration,
        work: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> {
        timeout_at(Instant::now() + duration, work)
    }

    pub async fn timeout_at<F: Future>(until: Instant, work: F) -> Result<F::Output, Elapsed> {
        let over = pin!(sleep_until(until));
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = over => Err(Elapsed),
        }
    }
}
