//! What a GB costs that is written to segments, by the ways there are to write it: fresh files as the log does it, room reserved before,
//! recycled files, and around the page cache.
//!
//! Always holds: every way writes the same bytes, in the same pieces, into as many files, and begins when nothing is left to be written
//! back, with pages of a known kind. Must never: be taken for a way that the log can use as it is: see docs/PERFORMANCE.md.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::IoSlice;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use airis_benches::machine::{machine_cpu, own_cpu};
use airis_storage::RealDisk;
use airis_storage::disk::{Disk, OpenMode};
use anyhow::{Context, Result};
use clap::Parser;
use rustix::fs::{Advice, OFlags, fadvise};

#[derive(Parser)]
#[command(about = "CPU time per GB written to segments, by several ways; prints a table")]
struct Args {
    /// Bytes of a segment, in MiB.
    #[arg(long, default_value_t = 256)]
    segment_mb: u64,
    /// How many segments each way writes
    #[arg(long, default_value_t = 8)]
    segments: usize,
    /// How often each way is tried; the medians are printed
    #[arg(long, default_value_t = 3)]
    reps: usize,
    /// Where they lie meanwhile
    #[arg(long, default_value = "target/bench/segment-writes")]
    dir: PathBuf,
}

/// How a way gets its pages: on a virtual machine those that the host has not given yet, or has taken back, are dear.
#[derive(Clone, Copy, PartialEq)]
enum Pages {
    /// So much memory has just been given back.
    Warm,
    /// Nothing has been given back for a while.
    Cold,
    /// It takes none, or has them.
    None,
}

#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    recycled: bool,
    cached: bool,
    reserved: bool,
    direct: bool,
}

const PLAIN: Way = Way {
    name: "fresh files, as the log writes them",
    recycled: false,
    cached: false,
    reserved: false,
    direct: false,
};
const WAYS: [Way; 6] = [
    PLAIN,
    Way {
        name: "fresh files, room reserved by fallocate",
        reserved: true,
        ..PLAIN
    },
    Way {
        name: "recycled files, not in the page cache",
        recycled: true,
        ..PLAIN
    },
    Way {
        name: "recycled files, still in the page cache",
        recycled: true,
        cached: true,
        ..PLAIN
    },
    Way {
        name: "fresh files, around the page cache",
        direct: true,
        ..PLAIN
    },
    Way {
        name: "recycled files, around the page cache",
        recycled: true,
        direct: true,
        ..PLAIN
    },
];
/// A batch of a usual producer, and what several requests of one connection bring at once.
const PIECES: [usize; 2] = [64 << 10, 1 << 20];
/// How long a host may take to get pages back that are free.
const TAKEN_BACK: Duration = Duration::from_secs(4);

/// Memory that O_DIRECT takes: on a page's boundary.
struct Piece(Vec<u8>, usize);

impl Piece {
    fn new(len: usize) -> Piece {
        let page = rustix::param::page_size();
        let mut memory = vec![0; len + page];
        let skip = memory.as_ptr().align_offset(page);
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for byte in &mut memory {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
        memory.truncate(skip + len);
        Piece(memory, skip)
    }

    fn bytes(&self) -> &[u8] {
        &self.0[self.1..]
    }
}

/// Seconds of CPU and of the clock.
#[derive(Clone, Copy)]
struct Cost {
    cpu: f64,
    machine: f64,
    wall: f64,
}

fn paths(dir: &Path, count: usize) -> Vec<PathBuf> {
    (0..count)
        .map(|i| dir.join(format!("{i:020}.log")))
        .collect()
}

/// Has the files there that a way writes over, and the pages as they are to be.
fn prepare(
    way: Way,
    pages: Pages,
    dir: &Path,
    files: &[PathBuf],
    len: u64,
    piece: &Piece,
) -> Result<()> {
    for path in files {
        let _ = fs::remove_file(path);
        if way.recycled {
            fill(path, len, piece)?;
            if !way.cached {
                fadvise(&File::open(path)?, 0, None, Advice::DontNeed)?;
            }
        }
    }
    // Nothing of what came before is to be written back meanwhile.
    rustix::fs::sync();
    match pages {
        Pages::None => {}
        Pages::Cold => sleep(TAKEN_BACK),
        Pages::Warm => {
            let given_back = dir.join("given-back");
            fill(&given_back, len * files.len() as u64, piece)?;
            fs::remove_file(given_back)?;
        }
    }
    Ok(())
}

fn fill(path: &Path, len: u64, piece: &Piece) -> Result<()> {
    let file = File::create(path)?;
    for at in (0..len).step_by(piece.bytes().len()) {
        file.write_all_at(piece.bytes(), at)?;
    }
    file.sync_all()?;
    Ok(())
}

fn write(way: Way, files: &[PathBuf], len: u64, piece: &Piece) -> Result<()> {
    for path in files {
        if way.direct {
            let file = File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .custom_flags(OFlags::DIRECT.bits() as i32)
                .open(path)
                .context("this file system takes no direct writes")?;
            for at in (0..len).step_by(piece.bytes().len()) {
                file.write_all_at(piece.bytes(), at)?;
            }
            continue;
        }
        let mode = match way.recycled {
            true => OpenMode::Write,
            false => OpenMode::Truncate,
        };
        let file = RealDisk.open(path, mode)?;
        if way.reserved {
            file.preallocate(len)?;
        }
        for at in (0..len).step_by(piece.bytes().len()) {
            file.write_at(at, &mut [IoSlice::new(black_box(piece.bytes()))])?;
        }
    }
    Ok(())
}

fn median(mut costs: Vec<Cost>, of: impl Fn(&Cost) -> f64) -> f64 {
    costs.sort_by(|a, b| of(a).total_cmp(&of(b)));
    of(&costs[costs.len() / 2])
}

fn main() -> Result<()> {
    let args = Args::parse();
    fs::create_dir_all(&args.dir)?;
    let files = paths(&args.dir, args.segments);
    let len = args.segment_mb << 20;
    let gb = (len * files.len() as u64) as f64 / 1e9;
    println!(
        "| way | pages | piece | CPU of the writer per GB | and of the machine, written back | GB/s of the writer |\n|---|---|---:|---:|---:|---:|"
    );
    for size in PIECES {
        let piece = Piece::new(size);
        for way in WAYS {
            let states: &[Pages] = match way.direct || way.cached {
                true => &[Pages::None],
                false => &[Pages::Warm, Pages::Cold],
            };
            for pages in states {
                let mut costs = Vec::new();
                for _ in 0..args.reps {
                    prepare(way, *pages, &args.dir, &files, len, &piece)?;
                    let (own, machine, began) = (own_cpu(), machine_cpu(), Instant::now());
                    write(way, &files, len, &piece)?;
                    let (wall, cpu) = (began.elapsed().as_secs_f64(), own_cpu() - own);
                    rustix::fs::sync();
                    let machine = machine_cpu() - machine;
                    costs.push(Cost { cpu, machine, wall });
                }
                println!(
                    "| {} | {} | {} KiB | {:.2} s | {:.2} s | {:.2} |",
                    way.name,
                    match pages {
                        Pages::Warm => "just given back",
                        Pages::Cold => "not touched lately",
                        Pages::None => "",
                    },
                    size >> 10,
                    median(costs.clone(), |c| c.cpu) / gb,
                    median(costs.clone(), |c| c.machine) / gb,
                    gb / median(costs, |c| c.wall),
                );
            }
        }
    }
    fs::remove_dir_all(&args.dir)?;
    Ok(())
}
