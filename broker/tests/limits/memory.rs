//! Fault P9: memory is bounded by configuration. Large requests that come together wait for their share, whoever sends half of one or
//! reads no answer costs little, and a process that the kernel would kill beyond its limit lives.

use std::path::PathBuf;
use std::time::Duration;

use airis_protocol::header::{read_response_header, request_frame};
use airis_protocol::messages::{ProduceRequest, ProduceResponse};
use airis_protocol::types::Str;
use airis_protocol::wire::{Message, Reader, Request};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::Process;
use super::client::{Client, batch, fetch, produce};

const MIB: usize = 1 << 20;
/// What large requests may take together.
const BUDGET: usize = 32 * MIB;
/// What the kernel lets the process have, where the test may say so.
const LIMIT: usize = 256 * MIB;
const PRODUCERS: usize = 60;
const LARGE: usize = 8 * MIB;
const ROUNDS: usize = 2;
/// Each sends a part of a request that needs no permit, and no more.
const HALVES: usize = 200;
const HALF: usize = 60 * 1024;
const READERS: usize = 40;
/// All of it together.
const PATIENCE: Duration = Duration::from_secs(180);

/// A memory cgroup (v1). Gone when it is dropped, if nobody is in it any more.
struct Cage(PathBuf);

impl Cage {
    /// `None` if the machine does not let this test have one.
    fn new() -> Option<Cage> {
        let path = PathBuf::from(format!(
            "/sys/fs/cgroup/memory/airis-test-{}",
            std::process::id()
        ));
        std::fs::create_dir(&path).ok()?;
        let cage = Cage(path);
        std::fs::write(cage.0.join("memory.limit_in_bytes"), LIMIT.to_string()).ok()?;
        Some(cage)
    }

    fn killed(&self) -> u64 {
        let text = std::fs::read_to_string(self.0.join("memory.oom_control")).unwrap();
        let line = text.lines().find_map(|l| l.strip_prefix("oom_kill "));
        line.map_or(0, |n| n.parse().unwrap())
    }
}

impl Drop for Cage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// A field of the process's status, in bytes.
fn memory(process: &Process, field: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix(field)).unwrap();
    let kib = line.trim_start_matches(':').trim().trim_end_matches(" kB");
    kib.parse::<usize>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_within_what_is_configured() {
    let cage = Cage::new();
    let before = match &cage {
        Some(cage) => format!("echo $$ > {}/cgroup.procs", cage.0.display()),
        None => {
            println!("no memory cgroup: only what the process says of itself is looked at");
            String::new()
        }
    };
    let mut process = Process::start(
        TempDir::new().unwrap(),
        &before,
        &[
            &format!("airis.request.memory.bytes={BUDGET}"),
            "socket.request.max.bytes=104857600",
        ],
    );
    let mut first = Client::at(&process.address).await;
    let configs = [
        ("max.message.bytes", "20000000"),
        ("segment.bytes", "100000000"),
    ];
    first.create("large", 4, &configs).await;
    let idle = memory(&process, "VmRSS");

    // Halves of requests that lie there, and answers that nobody reads.
    let mut silent = Vec::new();
    let half = request_frame(
        &produce("large", 0, -1, batch(&[&"h".repeat(MIB)])),
        12,
        1,
        Some(Str::from("half")),
    );
    let half = half.unwrap().to_bytes();
    for _ in 0..HALVES {
        let mut client = Client::at(&process.address).await;
        client.write(&half[..HALF]).await;
        silent.push(client);
    }

    // Requests that would take many times the limit, all at once.
    let large = "x".repeat(LARGE);
    let large = batch(&[&large]);
    let mut producers = JoinSet::new();
    for n in 0..PRODUCERS {
        let (address, large) = (process.address.clone(), large.clone());
        producers.spawn(async move {
            let mut socket = TcpStream::connect(&address).await.unwrap();
            let request = produce("large", (n % 4) as i32, -1, large);
            let frame = request_frame(&request, 12, 1, Some(Str::from("large")));
            let frame = frame.unwrap().to_bytes();
            for _ in 0..ROUNDS {
                socket.write_all(&frame).await.unwrap();
                // Others may be served first, for longer than a client's patience.
                let size = socket.read_i32().await.unwrap();
                let mut answer = vec![0; size as usize];
                socket.read_exact(&mut answer).await.unwrap();
                let mut r = Reader::new(answer.into());
                read_response_header(&mut r, ProduceRequest::KEY, 12).unwrap();
                let answer = ProduceResponse::read(&mut r, 12).unwrap();
                let p = &answer.responses[0].partition_responses[0];
                assert_eq!(p.error_code, 0, "{p:?}");
            }
        });
    }
    sleep(Duration::from_millis(500)).await;
    for _ in 0..READERS {
        let mut client = Client::at(&process.address).await;
        for _ in 0..20 {
            client.send(&fetch("large", 0, 0, 1), 12).await;
        }
        silent.push(client);
    }
    let all = async {
        while let Some(done) = producers.join_next().await {
            done.unwrap();
        }
    };
    timeout(PATIENCE, all).await.expect("all are taken in time");

    assert!(process.is_alive(), "{}", process.log());
    assert_eq!(cage.as_ref().map_or(0, Cage::killed), 0);
    let connections = HALVES + READERS + PRODUCERS;
    // A buffer that grows is for a moment there twice; and the allocator gives back a little later.
    let bound = idle + 2 * BUDGET + connections * 2 * 64 * 1024 + 48 * MIB;
    let peak = memory(&process, "VmHWM");
    println!(
        "idle {} MiB, peak {} MiB, bound {} MiB, {} MiB produced",
        idle / MIB,
        peak / MIB,
        bound / MIB,
        PRODUCERS * ROUNDS * LARGE / MIB
    );
    assert!(
        peak <= bound,
        "{} MiB, {} MiB are allowed",
        peak / MIB,
        bound / MIB
    );
    drop(silent);
    assert!(process.stop().0);
}
