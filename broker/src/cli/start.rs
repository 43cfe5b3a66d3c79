//! `airis-broker start`.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;
use tracing_subscriber::EnvFilter;

use super::LogFormat;
use crate::boot::StartError;
use crate::config::load::load;
use crate::embed;
use crate::net::{Serving, Threads};
use crate::scarce;

#[derive(ClapArgs)]
pub struct Args {
    /// A file in the format, and with the property names, of Kafka's server.properties
    #[arg(value_name = "server.properties")]
    file: Option<PathBuf>,
    /// Set one property over the file; may be given several times
    #[arg(long = "override", value_name = "key=value")]
    overrides: Vec<String>,
    #[command(flatten)]
    log: Log,
}

/// What goes to standard error.
#[derive(ClapArgs)]
pub struct Log {
    /// How log lines on standard error look
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or filters such as info,airis_broker::net=debug
    #[arg(long, default_value = LOG_LEVEL, value_name = "level")]
    log_level: String,
}

/// openraft calls a voter that cannot be reached an error, again and again.
const LOG_LEVEL: &str = "info,openraft=off";

impl Log {
    pub fn init(&self) -> Result<(), String> {
        let filter = EnvFilter::builder()
            .parse(&self.log_level)
            .map_err(|e| format!("--log-level {:?}: {e}", self.log_level))?;
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Text => log.init(),
            LogFormat::Json => log.json().init(),
        }
        Ok(())
    }
}

pub fn fail(code: u8, what: impl std::fmt::Display) -> ExitCode {
    eprintln!("airis-broker: {what}");
    ExitCode::from(code)
}

pub fn run(args: Args) -> ExitCode {
    if let Err(e) = args.log.init() {
        return fail(2, e);
    }
    let loaded = match load(args.file.as_deref(), &args.overrides) {
        Ok(loaded) => loaded,
        Err(e) => return fail(2, e),
    };
    let announced = |broker: &embed::Broker| {
        if let Err(e) = announce(broker) {
            info!("the ready line could not be written: {e}");
        }
    };
    run_until_signalled(
        |serving| embed::start(loaded, serving),
        announced,
        |broker: &embed::Broker| broker.failed(),
        embed::Broker::stop,
    )
}

/// Starts something, says that it is there, and stops it when the process is told to end. If it cannot go on the process ends at
/// once, as after a crash.
pub fn run_until_signalled<T, S, W, F>(
    start: impl FnOnce(Serving) -> S,
    announce: impl FnOnce(&T),
    failed: impl FnOnce(&T) -> W,
    stop: impl FnOnce(T) -> F,
) -> ExitCode
where
    S: Future<Output = Result<T, StartError>>,
    W: Future<Output = String>,
    F: Future<Output = ()>,
{
    scarce::raise_limit();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let started = Threads::start(processors).and_then(|threads| {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        Ok((threads, runtime))
    });
    let (threads, runtime) = match started {
        Ok(started) => started,
        Err(e) => return fail(1, format!("the threads cannot start: {e}")),
    };
    runtime.block_on(async {
        // Before anything starts, so that no signal is missed.
        let signals =
            signal(SignalKind::terminate()).and_then(|t| Ok((t, signal(SignalKind::interrupt())?)));
        let (mut terminate, mut interrupt) = match signals {
            Ok(signals) => signals,
            Err(e) => return fail(1, format!("signals cannot be received: {e}")),
        };
        let started = tokio::select! {
            started = start(threads.serving()) => match started {
                Ok(started) => started,
                Err(e) => {
                    fail(1, e);
                    // As below: a disk that does not answer may be why.
                    std::process::exit(1);
                }
            },
            _ = terminate.recv() => std::process::exit(0),
            _ = interrupt.recv() => std::process::exit(0),
        };
        announce(&started);
        let signal = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            why = failed(&started) => {
                fail(1, why);
                // Threads may hang in calls to a disk that does not answer: nobody waits for them.
                std::process::exit(1);
            }
        };
        info!("{signal}: stopping");
        tokio::select! {
            () = stop(started) => ExitCode::SUCCESS,
            _ = interrupt.recv() => {
                fail(1, "interrupted again while stopping: the next start checks the logs");
                // As above: nobody waits for threads that hang.
                std::process::exit(1);
            }
        }
    })
}

/// The one line on standard output: ready, who, where.
fn announce(broker: &embed::Broker) -> std::io::Result<()> {
    let listeners: Vec<String> = broker
        .listeners()
        .map(|(name, addr)| format!("{name}://{addr}"))
        .collect();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "airis-broker ready: node {} of cluster {}, listening on {}",
        broker.node_id(),
        broker.cluster_id(),
        listeners.join(",")
    )?;
    out.flush()
}
