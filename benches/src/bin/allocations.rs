//! Counts what the node's own threads allocate for one request of each kind.
//!
//! Always holds: only threads of the node are counted; the client runs on another one. Must never: count the start.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use airis_benches::paths::{self, Paths};
use anyhow::Result;
use clap::Parser;
use serde_json::json;

thread_local! {
    static COUNTED: Cell<bool> = const { Cell::new(false) };
}
static CALLS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

struct Counting;

fn count(bytes: usize) {
    if COUNTED.try_with(Cell::get).unwrap_or(false) {
        CALLS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size.saturating_sub(layout.size()));
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Parser)]
#[command(about = "Counts allocations per request on the node's threads")]
struct Args {
    /// Operations of each kind that are counted
    #[arg(long, default_value_t = 5000)]
    count: u64,
    /// Where the node's data lies meanwhile
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// One line of JSON instead of a table
    #[arg(long)]
    json: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut paths = Paths::new(&args.dir, 1, || COUNTED.set(true))?;
    let mut all = serde_json::Map::new();
    if !args.json {
        println!("| operation | allocations | bytes allocated |\n|---|---|---|");
    }
    for op in paths::ALL {
        let n = if op.heavy {
            args.count.div_ceil(10)
        } else {
            args.count
        };
        paths.run(op.name, (n / 10).max(50))?;
        let (calls, bytes) = (CALLS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
        paths.run(op.name, n)?;
        let calls = (CALLS.load(Ordering::Relaxed) - calls) as f64 / n as f64;
        let bytes = (BYTES.load(Ordering::Relaxed) - bytes) as f64 / n as f64;
        if args.json {
            all.insert(
                op.name.into(),
                json!({ "allocations": calls, "bytes": bytes }),
            );
        } else {
            println!("| {} | {calls:.1} | {bytes:.0} |", op.what);
        }
    }
    if args.json {
        println!("{}", json!(all));
    }
    Ok(())
}
