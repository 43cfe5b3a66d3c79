//! The threads that serve sockets: each has a runtime of its own, and a connection stays on one of them.
//!
//! A runtime of many threads hands the poller from thread to thread with every wake-up, which costs a small request more than all
//! that is done for it. Here a request is read, handled and answered by the thread that waits for the socket.
//!
//! Always holds: the threads end with this value. Must never: run work that can stall (that goes to the node's own runtime).

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// The runtimes that connections are spread over, in turn.
pub type Serving = Arc<[Handle]>;

pub struct Threads {
    handles: Serving,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Threads {
    /// Starts so many threads, at least one.
    pub fn start(count: usize) -> io::Result<Threads> {
        let (stop, _) = watch::channel(false);
        let mut handles = Vec::new();
        let mut threads = Vec::new();
        for i in 0..count.max(1) {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            handles.push(runtime.handle().clone());
            let mut stopped = stop.subscribe();
            let thread = thread::Builder::new().name(format!("net-{i}"));
            threads.push(thread.spawn(move || {
                runtime.block_on(async {
                    let _ = stopped.wait_for(|s| *s).await;
                });
            })?);
        }
        Ok(Threads {
            handles: handles.into(),
            stop,
            threads,
        })
    }

    pub fn serving(&self) -> Serving {
        self.handles.clone()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
