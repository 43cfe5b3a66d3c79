//! Throttled replication (KIP-73): how much has passed lately, and whether that is too much.
//!
//! Always holds: the rate is measured over the last windows, as if the node had been idle before the first. Must never: hold back a
//! replica that is in sync; its user sees to that.

use std::collections::VecDeque;

use airis_protocol::types::Millis;

/// No limit.
pub const UNLIMITED: i64 = i64::MAX;

/// Bytes over the last windows, and the limit.
#[derive(Clone, Debug)]
pub struct Throttle {
    bytes_per_second: i64,
    /// `replication.quota.window.num`.
    windows_max: usize,
    /// `replication.quota.window.size.seconds`.
    window_ms: i64,
    /// Start and bytes of each window, oldest first.
    windows: VecDeque<(i64, i64)>,
}

impl Throttle {
    pub fn new(windows_max: usize, window_ms: i64) -> Throttle {
        Throttle {
            bytes_per_second: UNLIMITED,
            windows_max: windows_max.max(1),
            window_ms: window_ms.max(1),
            windows: VecDeque::new(),
        }
    }

    pub fn limit(&mut self, bytes_per_second: i64) {
        self.bytes_per_second = bytes_per_second;
    }

    /// So many bytes of a throttled replica have passed.
    pub fn record(&mut self, now: Millis, bytes: usize) {
        self.forget(now);
        match self.windows.back_mut() {
            Some((start, sum)) if now.0 - *start < self.window_ms => *sum += bytes as i64,
            _ => self.windows.push_back((now.0, bytes as i64)),
        }
    }

    /// True if no more may pass now.
    pub fn exceeded(&mut self, now: Millis) -> bool {
        if self.bytes_per_second == UNLIMITED {
            return false;
        }
        self.forget(now);
        let sum: i64 = self.windows.iter().map(|w| w.1).sum();
        let Some((oldest, _)) = self.windows.front() else {
            return false;
        };
        // Fewer windows than there can be stand for idle ones before them.
        let least = (self.windows_max as i64 - 1).max(1) * self.window_ms;
        let elapsed = (now.0 - oldest).max(least);
        sum.saturating_mul(1000) / elapsed > self.bytes_per_second
    }

    fn forget(&mut self, now: Millis) {
        let span = self.windows_max as i64 * self.window_ms;
        while self.windows.front().is_some_and(|w| now.0 - w.0 >= span) {
            self.windows.pop_front();
        }
    }
}

/// Whether a topic's list of throttled replicas (`*`, or `partition:broker` entries) names this one.
pub fn names(list: &[String], partition: i32, broker: i32) -> bool {
    list.iter().any(|entry| {
        let entry = entry.trim();
        entry == "*"
            || entry
                .split_once(':')
                .is_some_and(|(p, b)| p.parse() == Ok(partition) && b.parse() == Ok(broker))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_over_the_windows() {
        let mut t = Throttle::new(11, 1000);
        t.record(Millis(0), 1_000_000);
        assert!(!t.exceeded(Millis(0)), "no limit is set");
        t.limit(50_000);
        assert!(t.exceeded(Millis(0)), "100,000 a second over ten seconds");
        assert!(t.exceeded(Millis(10_000)));
        assert!(!t.exceeded(Millis(11_000)), "forgotten");
        // At twice the rate half of the time is waited.
        let mut passed = 0;
        for ms in (20_000..120_000).step_by(100) {
            if !t.exceeded(Millis(ms)) {
                t.record(Millis(ms), 10_000);
                passed += 10_000;
            }
        }
        let rate = passed / 100;
        assert!((45_000..60_000).contains(&rate), "{rate} a second");
    }

    #[test]
    fn lists_name_replicas() {
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        assert!(names(&list("*"), 3, 1));
        assert!(names(&list("0:1, 3:2"), 3, 2));
        assert!(!names(&list("0:1,3:2"), 3, 1));
        assert!(!names(&[], 0, 0));
    }
}
