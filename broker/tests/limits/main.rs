//! The built binary within the limits of a process: too few file descriptors (fault S19), too little memory (fault P9).

#[path = "../api/client.rs"]
#[allow(dead_code)]
mod client;
mod connections;
mod descriptors;
mod memory;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use client::PATIENCE;
use tempfile::TempDir;

/// A node in a process of its own. Killed when it is dropped.
pub struct Process {
    child: Child,
    pub dir: TempDir,
    pub address: String,
}

impl Process {
    /// Starts the binary by this shell, after `before` (which may set limits), and waits until it is ready.
    pub fn start(dir: TempDir, before: &str, overrides: &[&str]) -> Process {
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("{before}\nexec \"$@\""))
            .arg("sh")
            .arg(env!("CARGO_BIN_EXE_airis-broker"))
            .args(["start", "--override", "listeners=PLAINTEXT://127.0.0.1:0"])
            .args([
                "--override",
                &format!("log.dirs={}", dir.path().join("data").display()),
            ]);
        for set in overrides {
            command.args(["--override", set]);
        }
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(dir.path().join("log"))
            .unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut ready = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut ready).unwrap();
        let address = ready.trim().rsplit_once("://").map(|(_, a)| a.to_owned());
        let process = |address| Process {
            child,
            dir,
            address,
        };
        match address {
            Some(address) => process(address),
            None => panic!("it did not start: {}", process(String::new()).log()),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    fn proc(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.pid()))
    }

    /// Open file descriptors.
    pub fn descriptors(&self) -> u64 {
        std::fs::read_dir(self.proc("fd")).unwrap().count() as u64
    }

    /// Processor time used so far.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(self.proc("stat")).unwrap();
        let after_name = stat.rsplit_once(')').unwrap().1;
        let ticks = after_name.split_whitespace().skip(11).take(2);
        // A hundred of them are a second wherever Linux runs.
        Duration::from_millis(ticks.map(|n| n.parse::<u64>().unwrap() * 10).sum())
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Tells it to stop; true if it ends in order.
    pub fn stop(mut self) -> (bool, TempDir) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let begun = Instant::now();
        let ended = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.success();
            }
            assert!(begun.elapsed() < PATIENCE, "it does not stop");
            std::thread::sleep(Duration::from_millis(10));
        };
        (
            ended,
            std::mem::replace(&mut self.dir, TempDir::new().unwrap()),
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
