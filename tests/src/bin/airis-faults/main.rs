//! Real processes that are really hurt: three nodes under load, one fault after another, and after each everything is read back.
//!
//! `airis-faults BROKER [--minutes N] [--seed S] [--only A,B] [--log FILE]`; `tests/faults/run` gives it the binary. Without minutes it
//! is one round with every fault once. With minutes there are rounds of five minutes at most, each a cluster of its own, as long as there
//! is time. A round's seed chooses the order of the faults and whom they hit, but no thread's or packet's timing. Ends with 0: all held;
//! 1: something did not; 2: it was called wrongly; 3: what ran held, but some faults could not be injected here.

mod check;
mod fault;
mod load;
mod moves;
mod node;
mod place;
mod world;

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use airis_cluster::machine::Chance;
use anyhow::{Context, Result, bail, ensure};

use fault::{FAULTS, Fault, Needs};
use place::Able;
use world::{Seen, World};

const ROUND: Duration = Duration::from_secs(300);
/// For every fault once: more than twice what it takes. Who needs longer fails.
const ONCE_MAX: Duration = Duration::from_secs(480);
const USAGE: &str = "airis-faults BROKER [--minutes N] [--seed S] [--only A,B] [--log FILE]";

struct Args {
    broker: PathBuf,
    /// None: every fault once.
    minutes: Option<f64>,
    seed: u64,
    only: Vec<String>,
    log: Option<PathBuf>,
}

fn args() -> Result<Args> {
    let mut args = std::env::args().skip(1);
    let broker = PathBuf::from(args.next().context(USAGE)?);
    let seed = match std::env::var("AIRIS_SEED") {
        Ok(seed) => seed.parse().context("AIRIS_SEED")?,
        Err(_) => std::time::UNIX_EPOCH.elapsed()?.as_nanos() as u64 % 1_000_000,
    };
    let mut parsed = Args {
        broker,
        minutes: None,
        seed,
        only: Vec::new(),
        log: None,
    };
    while let Some(flag) = args.next() {
        let value = args
            .next()
            .with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--minutes" => parsed.minutes = Some(value.parse().context("--minutes")?),
            "--seed" => parsed.seed = value.parse().context("--seed")?,
            "--log" => parsed.log = Some(value.into()),
            "--only" => parsed.only = value.split(',').map(str::to_owned).collect(),
            _ => bail!("{flag}? {USAGE}"),
        }
    }
    let names: Vec<&str> = FAULTS.iter().map(|f| f.name).collect();
    if let Some(unknown) = parsed
        .only
        .iter()
        .find(|name| !names.contains(&name.as_str()))
    {
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

/// Which faults a round has.
#[derive(Clone, Copy)]
enum Deal {
    Once,
    /// As many as there is time for, all kinds before any comes again.
    For(Duration),
}

/// The whole run: what can be injected, and what was seen.
struct Run<'a> {
    able: Able,
    broker: &'a Path,
    faults: Vec<&'static Fault>,
    seen: Vec<Seen>,
    acked: usize,
    start: Instant,
}

fn play(args: &Args, able: Able) -> Result<ExitCode> {
    let wanted = FAULTS
        .iter()
        .filter(|f| args.only.is_empty() || args.only.iter().any(|o| o == f.name));
    let (faults, cannot): (Vec<&Fault>, Vec<&Fault>) = wanted.partition(|f| possible(f, able));
    if faults.is_empty() {
        bail!("none of these faults can be injected here");
    }
    let mut run = Run {
        able,
        broker: &args.broker,
        faults,
        seen: Vec::new(),
        acked: 0,
        start: Instant::now(),
    };
    let end = args
        .minutes
        .map(|minutes| run.start + Duration::from_secs_f64(minutes * 60.0));
    let mut seed = args.seed;
    loop {
        let dir = tempfile::Builder::new().prefix("airis-faults.").tempdir()?;
        let deal = match end {
            None => Deal::Once,
            Some(end) => Deal::For(ROUND.min(end.saturating_duration_since(Instant::now()))),
        };
        let (told, again) = match deal {
            Deal::Once => ("every fault once".to_owned(), String::new()),
            Deal::For(time) => {
                let minutes = time.as_secs_f64() / 60.0;
                (
                    format!("{minutes:.1} minutes"),
                    format!(" --minutes {minutes:.1}"),
                )
            }
        };
        println!("--- AIRIS_SEED={seed}, {told}");
        let held = run.round(dir.path(), seed, deal);
        if let Some(log) = &args.log {
            keep_log(dir.path(), log).with_context(|| log.display().to_string())?;
        }
        if let Err(e) = held {
            let kept = dir.keep().display().to_string();
            println!("not ok: {e:#}");
            println!("kept: {kept} (faults.log says what was injected and seen)");
            let mut only = args.only.join(",");
            if !only.is_empty() {
                only.insert_str(0, " --only ");
            }
            println!("again: tests/faults/run --seed {seed}{again}{only}");
            run.summary();
            return Ok(ExitCode::FAILURE);
        }
        if end.is_none_or(|end| Instant::now() >= end) {
            break;
        }
        seed += 1;
    }
    run.summary();
    if cannot.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let names: Vec<&str> = cannot.iter().map(|f| f.name).collect();
    let names = names.join(", ");
    println!("SKIPPED, as network namespaces, nft or loop mounts are not permitted here: {names}");
    Ok(ExitCode::from(3))
}

/// Adds a round's log to a file that stays.
fn keep_log(dir: &Path, to: &Path) -> Result<()> {
    // None, if the cluster did not even form.
    let Ok(said) = std::fs::read(dir.join("faults.log")) else {
        return Ok(());
    };
    let mut file = OpenOptions::new().create(true).append(true).open(to)?;
    Ok(file.write_all(&said)?)
}

impl Run<'_> {
    /// One cluster's life: faults in an order of its own.
    fn round(&mut self, dir: &Path, seed: u64, deal: Deal) -> Result<()> {
        let begun = Instant::now();
        let mut world = World::new(self.able, dir, self.broker, seed).context("the beginning")?;
        let mut chance = Chance::new(seed);
        let mut deck: Vec<&Fault> = Vec::new();
        let mut dealt = 0;
        loop {
            match deal {
                Deal::For(time) if begun.elapsed() >= time => break,
                Deal::Once if dealt == self.faults.len() => break,
                Deal::Once => ensure!(
                    begun.elapsed() < ONCE_MAX,
                    "{dealt} of {} faults in {ONCE_MAX:?}",
                    self.faults.len()
                ),
                Deal::For(_) => {}
            }
            if deck.is_empty() {
                deck.clone_from(&self.faults);
                chance.shuffle(&mut deck);
            }
            let fault = deck.pop().expect("there are faults");
            dealt += 1;
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
            self.seen.push(seen);
        }
        if let Err(e) = world.finish() {
            world.say(&format!("FAILED {e:#}"));
            return Err(e.context("the end"));
        }
        let acked = world.acked();
        self.acked += acked;
        println!("ok the end: {acked} acknowledged, all there, the same files on all nodes");
        Ok(())
    }

    fn summary(&self) {
        let mut kinds: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        for seen in &self.seen {
            let stood = seen.stand_still.as_secs_f64();
            kinds.entry(seen.name).or_default().push(stood);
        }
        println!("fault              times  longest stand-still of a partition: median, most");
        for (name, mut stood) in kinds {
            stood.sort_by(f64::total_cmp);
            let (median, most) = (stood[stood.len() / 2], stood[stood.len() - 1]);
            println!("{name:18} {:5} {median:8.1} s {most:8.1} s", stood.len());
        }
        println!(
            "{} faults, {} records acknowledged in whole rounds, {:.1} minutes",
            self.seen.len(),
            self.acked,
            self.start.elapsed().as_secs_f64() / 60.0
        );
    }
}
