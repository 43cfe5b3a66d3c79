//! Real processes that are really hurt: three nodes under load, one fault after another, and after each everything is read back.
//!
//! `airis-faults BROKER [--minutes N] [--seed S] [--only A,B]`; `tests/faults/run` gives it the binary. A round is a cluster of its own
//! that lives five minutes at most; its seed chooses the order of the faults and whom they hit, but no thread's or packet's timing.
//! Ends with 0: all held; 1: something did not; 2: it was called wrongly; 3: what ran held, but some faults could not be injected here.

mod check;
mod fault;
mod load;
mod node;
mod place;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use airis_cluster::machine::Chance;
use anyhow::{Context, Result, bail};

use fault::{FAULTS, Fault, Needs};
use place::Able;
use world::{Seen, World};

const ROUND: Duration = Duration::from_secs(300);
const USAGE: &str = "airis-faults BROKER [--minutes N] [--seed S] [--only A,B]";

struct Args {
    broker: PathBuf,
    minutes: f64,
    seed: u64,
    only: Vec<String>,
}

fn args() -> Result<Args> {
    let mut args = std::env::args().skip(1);
    let broker = PathBuf::from(args.next().context(USAGE)?);
    let seed = match std::env::var("AIRIS_SEED") {
        Ok(seed) => seed.parse().context("AIRIS_SEED")?,
        Err(_) => std::time::UNIX_EPOCH.elapsed()?.as_nanos() as u64 % 1_000_000,
    };
    let mut parsed = Args { broker, minutes: 3.0, seed, only: Vec::new() };
    while let Some(flag) = args.next() {
        let value = args.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--minutes" => parsed.minutes = value.parse().context("--minutes")?,
            "--seed" => parsed.seed = value.parse().context("--seed")?,
            "--only" => parsed.only = value.split(',').map(str::to_owned).collect(),
            _ => bail!("{flag}? {USAGE}"),
        }
    }
    let names: Vec<&str> = FAULTS.iter().map(|f| f.name).collect();
    if let Some(unknown) = parsed.only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("no fault {unknown}; there are {}", names.join(", "));
    }
    Ok(parsed)
}

fn main() -> ExitCode {
    let args = match args() {
        Ok(args) => args,
        Err(e) => {
            eprintln!("{e:#}");
            return ExitCode::from(2);
        }
    };
    match place::enter().and_then(|able| play(&args, able)) {
        Ok(code) => code,
        Err(e) => {
            println!("not ok: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn possible(fault: &Fault, able: Able) -> bool {
    match fault.needs {
        Needs::Nothing => true,
        Needs::Net => able.net,
        Needs::Disk => able.disk,
    }
}

fn play(args: &Args, able: Able) -> Result<ExitCode> {
    let wanted: Vec<&Fault> = FAULTS.iter().filter(|f| args.only.is_empty() || args.only.iter().any(|o| o == f.name)).collect();
    let (can, cannot): (Vec<&Fault>, Vec<&Fault>) = wanted.into_iter().partition(|f| possible(f, able));
    if can.is_empty() {
        bail!("none of these faults can be injected here");
    }
    let end = Instant::now() + Duration::from_secs_f64(args.minutes * 60.0);
    let (mut all, mut acked, mut seed, start) = (Vec::new(), 0, args.seed, Instant::now());
    while Instant::now() < end {
        let dir = tempfile::Builder::new().prefix("airis-faults.").tempdir()?;
        let left = ROUND.min(end - Instant::now());
        println!("--- AIRIS_SEED={seed}, {:.1} minutes", left.as_secs_f64() / 60.0);
        if let Err(e) = round(able, dir.path(), &args.broker, &can, seed, left, &mut all, &mut acked) {
            let kept = dir.keep();
            println!("not ok: {e:#}");
            println!("kept: {} (faults.log says what was injected and seen)", kept.display());
            let only = if args.only.is_empty() { String::new() } else { format!(" --only {}", args.only.join(",")) };
            println!("again: tests/faults/run --seed {seed} --minutes {:.1}{only}", left.as_secs_f64() / 60.0);
            summary(&all, acked, start.elapsed());
            return Ok(ExitCode::FAILURE);
        }
        seed += 1;
    }
    summary(&all, acked, start.elapsed());
    if cannot.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let names: Vec<&str> = cannot.iter().map(|f| f.name).collect();
    println!("SKIPPED, because this machine does not permit network namespaces, nft or loop mounts: {}", names.join(", "));
    Ok(ExitCode::from(3))
}

/// One cluster's life: faults in an order of its own, as many as there is time for.
fn round(
    able: Able,
    dir: &Path,
    broker: &Path,
    faults: &[&Fault],
    seed: u64,
    time: Duration,
    all: &mut Vec<Seen>,
    acked: &mut usize,
) -> Result<()> {
    let end = Instant::now() + time;
    let mut world = World::new(able, dir, broker, seed).context("the beginning")?;
    let mut chance = Chance::new(seed);
    let mut deck: Vec<&Fault> = Vec::new();
    while Instant::now() < end {
        if deck.is_empty() {
            deck = faults.to_vec();
            chance.shuffle(&mut deck);
        }
        let fault = deck.pop().expect("there are faults");
        let before = world.acked();
        let seen = match world.suffer(fault) {
            Ok(seen) => seen,
            Err(e) => {
                world.say(&format!("FAILED {e:#}"));
                return Err(e.context(fault.name));
            }
        };
        println!(
            "ok {} ({}): {} acknowledged, longest stand-still {:.1} s, in sync {:.1} s after it",
            fault.name,
            fault.rows,
            world.acked() - before,
            seen.stand_still.as_secs_f64(),
            seen.in_sync.as_secs_f64(),
        );
        all.push(seen);
    }
    if let Err(e) = world.finish() {
        world.say(&format!("FAILED {e:#}"));
        return Err(e.context("the end"));
    }
    *acked += world.acked();
    println!("ok the end: {} acknowledged, all there, the same files on all nodes", world.acked());
    Ok(())
}

fn summary(all: &[Seen], acked: usize, took: Duration) {
    let mut kinds: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    for seen in all {
        kinds.entry(seen.name).or_default().push(seen);
    }
    println!("{:18} {:>5}  longest stand-still of a partition: median, most", "fault", "times");
    for (name, mut seen) in kinds {
        seen.sort_by_key(|s| s.stand_still);
        let at = |i: usize| seen[i].stand_still.as_secs_f64();
        println!("{name:18} {:5} {:8.1} s {:8.1} s", seen.len(), at(seen.len() / 2), at(seen.len() - 1));
    }
    println!("{} faults, {acked} records acknowledged in whole rounds, {:.1} minutes", all.len(), took.as_secs_f64() / 60.0);
}
