//! What Linux tells of processes and of the machine: CPU time, memory, threads, open files.
//!
//! Always holds: CPU time is user and system together, of all threads, ended ones included. Must never: fail a measurement because
//! a process has ended: it counts as nothing.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

/// One look at some processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Seconds.
    pub cpu: f64,
    pub rss: u64,
    pub threads: u64,
    /// Bytes that really came from the disk.
    pub disk_read: u64,
}

fn tick() -> f64 {
    1.0 / rustix::param::clock_ticks_per_second() as f64
}

/// Of these processes together.
pub fn usage(pids: &[u32]) -> Usage {
    let mut all = Usage::default();
    for pid in pids {
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        // The name in parentheses may hold anything.
        let fields: Vec<u64> = stat
            .rsplit_once(')')
            .map_or("", |(_, rest)| rest)
            .split_whitespace()
            .map(|f| f.parse().unwrap_or(0))
            .collect();
        let field = |i: usize| fields.get(i).copied().unwrap_or(0);
        all.cpu += (field(11) + field(12)) as f64 * tick();
        all.threads += field(17);
        all.rss += field(21) * rustix::param::page_size() as u64;
        let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        all.disk_read += io
            .lines()
            .find_map(|l| l.strip_prefix("read_bytes: "))
            .and_then(|n| n.trim().parse::<u64>().ok())
            .unwrap_or(0);
    }
    all
}

/// Open file descriptors of these processes.
pub fn open_files(pids: &[u32]) -> usize {
    pids.iter()
        .map(|pid| fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count))
        .sum()
}

/// CPU seconds that the whole machine has spent.
pub fn machine_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or("")
        .split_whitespace()
        .skip(1)
        .map(|f| f.parse().unwrap_or(0))
        .collect();
    // All but idle and waiting for disks: user, nice, system, interrupts.
    [0, 1, 2, 5, 6]
        .iter()
        .filter_map(|i| ticks.get(*i))
        .sum::<u64>() as f64
        * tick()
}

/// CPU seconds of this process.
pub fn own_cpu() -> f64 {
    usage(&[std::process::id()]).cpu
}

/// Watches the broker, this client and the machine while something is measured.
pub struct Meter {
    pids: Vec<u32>,
    began: Instant,
    broker: Usage,
    machine: f64,
    own: f64,
}

impl Meter {
    pub fn start(pids: &[u32]) -> Self {
        Meter {
            pids: pids.to_vec(),
            broker: usage(pids),
            machine: machine_cpu(),
            own: own_cpu(),
            began: Instant::now(),
        }
    }

    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// What was spent since the start. `requests` and `bytes` (0: does not apply) give the cost of one.
    pub fn stop(&self, requests: u64, bytes: u64) -> Map<String, Value> {
        let wall = self.elapsed().as_secs_f64();
        let now = usage(&self.pids);
        let cpu = now.cpu - self.broker.cpu;
        let own = own_cpu() - self.own;
        let mut out = Map::new();
        let mut put = |name: &str, value: f64, digits: i32| {
            let scale = 10f64.powi(digits);
            out.insert(name.to_owned(), json!((value * scale).round() / scale));
        };
        put("wall_s", wall, 3);
        put("client_cpu_s", own, 2);
        if requests > 0 {
            put("requests", requests as f64, 0);
            put("req_s", requests as f64 / wall, 0);
        }
        if bytes > 0 {
            put("bytes", bytes as f64, 0);
            put("MB_s", bytes as f64 / wall / 1e6, 1);
        }
        if !self.pids.is_empty() {
            put("broker_cpu_s", cpu, 2);
            put("broker_cpu_pct", 100.0 * cpu / wall, 2);
            let other = machine_cpu() - self.machine - cpu - own;
            put("other_cpu_s", other.max(0.0), 2);
            put("rss_MiB", now.rss as f64 / (1 << 20) as f64, 1);
            put("threads", now.threads as f64, 0);
            let read = now.disk_read - self.broker.disk_read;
            put("broker_disk_read_MB", read as f64 / 1e6, 1);
            if requests > 0 {
                put("broker_cpu_us_per_req", cpu / requests as f64 * 1e6, 2);
            }
            if bytes > 0 {
                put("broker_cpu_s_per_GB", cpu / bytes as f64 * 1e9, 4);
            }
        }
        out
    }
}

/// The percentiles of durations in nanoseconds, in microseconds. Sorts them.
pub fn percentiles(nanos: &mut [u64]) -> Value {
    if nanos.is_empty() {
        return Value::Null;
    }
    nanos.sort_unstable();
    let at = |share: f64| {
        let i = ((nanos.len() as f64 * share) as usize).min(nanos.len() - 1);
        (nanos[i] as f64 / 100.0).round() / 10.0
    };
    json!({
        "p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "p999": at(0.999), "max": at(1.0), "n": nanos.len(),
    })
}
