//! `airis-sim`: whole clusters in one thread, on virtual time, with a simulated network and simulated disks, random by seed.
//!
//! Each seed runs in a process of its own: whatever counts or is keyed per process is then the same for the same seed. Without
//! `--seed` this program runs many of them, several at a time, and prints for each that fails the one command that replays it.
//!
//! Always holds: one seed gives one run. Must never: use the machine's clock, network or chance within a run.

mod chance;
mod check;
mod client;
mod model;
mod nemesis;
mod plots;
mod trace;
mod work;
mod world;

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use airis_broker::sim::Plant;
use clap::Parser;
use parking_lot::Mutex;

use nemesis::Fault;

#[derive(Parser, Clone)]
struct Args {
    /// Run this seed alone
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds to run
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many run at a time
    #[arg(long)]
    jobs: Option<usize>,
    /// A known bug to plant, by name; `list` names them, `all` plants one after the other and says after how many seeds each is found
    #[arg(long)]
    plant: Option<String>,
    /// Let nothing else break than this, by name; `list` names them
    #[arg(long)]
    fault: Option<String>,
    /// Stop at the first seed that fails
    #[arg(long)]
    until_failure: bool,
    /// Virtual seconds of faults
    #[arg(long, default_value_t = 40)]
    seconds: u64,
    /// Write what happens to standard error
    #[arg(long)]
    verbose: bool,
    /// What the nodes log to standard error, as for the broker's --log-level
    #[arg(long)]
    log: Option<String>,
    /// Write the whole trace to this file
    #[arg(long)]
    trace: Option<std::path::PathBuf>,
}

/// A run that takes longer hangs: it has stopped to move its clock.
const RUN_MAX: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let args = Args::parse();
    let plant = match args.plant.as_deref() {
        None => None,
        Some("list") => {
            for plant in Plant::ALL {
                println!("{:<28} {}", plant.name(), plant.about());
            }
            return ExitCode::SUCCESS;
        }
        Some("all") => return plants(&args),
        Some(name) => match Plant::ALL.iter().find(|p| p.name() == name) {
            Some(plant) => Some(*plant),
            None => {
                eprintln!("no bug is called {name}; --plant list names them");
                return ExitCode::from(2);
            }
        },
    };
    let fault = match args.fault.as_deref() {
        None => None,
        Some("list") => {
            println!("{}", Fault::names().join("\n"));
            return ExitCode::SUCCESS;
        }
        Some(name) => match Fault::named(name) {
            Some(fault) => Some(fault),
            None => {
                eprintln!("no fault is called {name}; --fault list names them");
                return ExitCode::from(2);
            }
        },
    };
    match args.seed {
        Some(seed) => one(&args, seed, plant, fault),
        None => many(&args),
    }
}

/// Runs one seed in this process.
fn one(args: &Args, seed: u64, plant: Option<Plant>, fault: Option<Fault>) -> ExitCode {
    if let Some(filter) = &args.log {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .without_time()
            .with_ansi(false)
            .with_writer(std::io::stderr)
            .init();
    }
    // A thread of its own: what came before, a log for example, has drawn nothing there.
    let args = args.clone();
    let thread = std::thread::Builder::new().stack_size(16 << 20);
    let run = thread.spawn(move || alone(&args, seed, plant, fault));
    let _ = run.expect("a thread can be started").join();
    ExitCode::FAILURE
}

fn alone(args: &Args, seed: u64, plant: Option<Plant>, fault: Option<Fault>) {
    chance::begin(seed);
    airis_broker::sim::plant(plant);
    trace::begin(args.verbose, args.trace.as_deref(), replay(args, seed));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime on this thread needs nothing");
    let took = Instant::now();
    let time = Duration::from_secs(args.seconds);
    let virtual_time = runtime.block_on(world::run(seed, time, fault));
    println!(
        "seed {seed}: {} in {:.1} virtual s, {:.2} s",
        trace::summary(),
        virtual_time.as_secs_f64(),
        took.elapsed().as_secs_f64()
    );
    // What is left of the nodes need not be taken apart.
    let _ = std::io::stdout().flush();
    std::process::exit(0)
}

/// The command that runs a seed again.
fn replay(args: &Args, seed: u64) -> String {
    let mut more = String::new();
    for (option, given) in [("--plant", &args.plant), ("--fault", &args.fault)] {
        if let Some(name) = given {
            more += &format!(" {option} {name}");
        }
    }
    format!(
        "cargo run --profile sim -p airis-sim -- --seed {seed} --seconds {}{more}",
        args.seconds
    )
}

/// Plants every known bug, one after the other, until it is found: what docs/SIMULATION.md says of each.
fn plants(args: &Args) -> ExitCode {
    let mut missed = 0;
    for plant in Plant::ALL {
        let args = Args {
            plant: Some(plant.name().to_owned()),
            until_failure: true,
            ..args.clone()
        };
        let ran = run_seeds(&args, |_| ());
        let found = !ran.failed.is_empty();
        let seeds = if found { "" } else { ", not found" };
        println!(
            "| `{}`: {} | {}{seeds} |",
            plant.name(),
            plant.about(),
            ran.seeds
        );
        missed += u8::from(!found);
    }
    ExitCode::from(missed)
}

fn many(args: &Args) -> ExitCode {
    let began = Instant::now();
    let Ran {
        seeds,
        failed,
        virtual_ms,
    } = run_seeds(args, |failure| print!("{failure}"));
    let took = began.elapsed().as_secs_f64();
    let hours = virtual_ms as f64 / 3_600_000.0;
    println!(
        "{seeds} seeds, {} failed {failed:?}; {hours:.2} virtual hours in {took:.0} s: {:.0} seeds a minute, {:.3} virtual hours a second",
        failed.len(),
        seeds as f64 * 60.0 / took,
        hours / took,
    );
    ExitCode::from(u8::from(!failed.is_empty()))
}

/// What came of many seeds.
struct Ran {
    seeds: u64,
    /// Rising.
    failed: Vec<u64>,
    virtual_ms: u64,
}

/// Runs the seeds, each in a process of its own; `tell` is given what one that failed has printed.
fn run_seeds(args: &Args, tell: impl Fn(&str) + Sync) -> Ran {
    let program = std::env::current_exe().expect("this program has a path");
    let next = AtomicU64::new(args.from);
    let end = args.from + args.seeds;
    let failed: Mutex<Vec<u64>> = Mutex::default();
    let virtual_ms = AtomicU64::new(0);
    let done = AtomicU64::new(0);
    let jobs = args
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    if args.until_failure && !failed.lock().is_empty() {
                        return;
                    }
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let (good, output) = child(&program, args, seed);
                    done.fetch_add(1, Ordering::Relaxed);
                    if let Some(time) = virtual_of(&output) {
                        virtual_ms.fetch_add(time, Ordering::Relaxed);
                    }
                    if !good {
                        tell(&output);
                        failed.lock().push(seed);
                    } else if args.verbose {
                        print!("{output}");
                    }
                }
            });
        }
    });
    let mut failed = failed.into_inner();
    failed.sort_unstable();
    Ran {
        seeds: done.into_inner(),
        failed,
        virtual_ms: virtual_ms.into_inner(),
    }
}

fn child(program: &std::path::Path, args: &Args, seed: u64) -> (bool, String) {
    let mut command = Command::new(program);
    command
        .args(["--seed", &seed.to_string()])
        .args(["--seconds", &args.seconds.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (option, given) in [("--plant", &args.plant), ("--fault", &args.fault)] {
        if let Some(name) = given {
            command.args([option, name]);
        }
    }
    let mut running = match command.spawn() {
        Ok(running) => running,
        Err(e) => return (false, format!("seed {seed}: cannot be run: {e}\n")),
    };
    let began = Instant::now();
    let ended = loop {
        match running.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if began.elapsed() > RUN_MAX => break None,
            Ok(None) => std::thread::sleep(Duration::from_millis(5)),
            Err(_) => break None,
        }
    };
    let _ = running.kill();
    let output = running.wait_with_output();
    let mut text = output.map_or(String::new(), |o| {
        String::from_utf8_lossy(&o.stdout).into_owned() + &String::from_utf8_lossy(&o.stderr)
    });
    if ended.is_none() {
        text += &format!("seed {seed}: HANGS\nREPLAY {}\n", replay(args, seed));
    }
    (ended.is_some_and(|s| s.success()), text)
}

/// Virtual milliseconds, out of a run's last line.
fn virtual_of(output: &str) -> Option<u64> {
    let (before, _) = output.split_once(" virtual s")?;
    let seconds: f64 = before.rsplit(' ').next()?.parse().ok()?;
    Some((seconds * 1000.0) as u64)
}
