//! Wall time, as the node reads it.
//!
//! Always holds: pure code never calls this; the shell reads it once a request and passes it on. Must never: be used to measure a
//! duration (that is tokio's clock).

// For nodes that share a process, which tests have.
#![cfg_attr(not(feature = "sim"), allow(dead_code))]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use airis_protocol::types::Millis;
use tokio::time::Instant;

/// A node's source of wall time. Clones are the same clock.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Own>>);

/// A clock that is not the machine's.
#[derive(Debug)]
struct Own {
    /// It goes with tokio's clock from here; otherwise with the machine's.
    since: Option<(Duration, Instant)>,
    /// Milliseconds that it is ahead.
    ahead: AtomicI64,
}

/// Since the Unix epoch.
fn machine() -> Duration {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    since_epoch.unwrap_or_default()
}

fn millis(since_epoch: Duration) -> Millis {
    Millis(since_epoch.as_millis() as i64)
}

impl Clock {
    /// The machine's time, as one that can be set differently for this node.
    pub fn settable() -> Clock {
        Clock(Some(Arc::new(Own {
            since: None,
            ahead: AtomicI64::new(0),
        })))
    }

    /// A clock that shows `now` and goes on with tokio's, so that a test can move it.
    pub fn starting_at(now: Millis) -> Clock {
        Clock::with_tokio(Duration::from_millis(now.0.max(0) as u64))
    }

    /// The same from the machine's time on, and no millisecond behind it for what was rounded off.
    pub fn starting_now() -> Clock {
        Clock::with_tokio(machine())
    }

    fn with_tokio(now: Duration) -> Clock {
        Clock(Some(Arc::new(Own {
            since: Some((now, Instant::now())),
            ahead: AtomicI64::new(0),
        })))
    }

    /// Milliseconds since the Unix epoch.
    pub fn now(&self) -> Millis {
        let Some(own) = &self.0 else {
            return millis(machine());
        };
        let now = match own.since {
            Some((at, since)) => millis(at + since.elapsed()),
            None => millis(machine()),
        };
        Millis(now.0 + own.ahead.load(Ordering::Relaxed))
    }

    /// Sets it forward. The machine's own clock cannot be set.
    pub fn advance(&self, by: Duration) {
        self.jump(by.as_millis() as i64);
    }

    /// Sets it forward or back by so many milliseconds.
    pub fn jump(&self, by: i64) {
        if let Some(own) = &self.0 {
            own.ahead.fetch_add(by, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_goes_with_the_runtime_and_can_be_set() {
        let clock = Clock::starting_at(Millis(1_000));
        let same = clock.clone();
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now(), Millis(3_000));
        same.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), Millis(4_000));
        clock.jump(-3_500);
        assert_eq!(same.now(), Millis(500));
        let settable = Clock::settable();
        settable.advance(Duration::from_secs(3_600));
        let ahead = settable.now().0 - Clock::default().now().0;
        assert!((3_599_000..=3_601_000).contains(&ahead), "{ahead}");
    }
}
