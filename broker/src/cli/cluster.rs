//! `airis-broker cluster`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use tracing::info;

use super::start::{Log, fail, run_until_signalled};
use crate::embed::Cluster;

#[derive(ClapArgs)]
pub struct Args {
    /// How many nodes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
    nodes: u8,
    /// Keep the data here; without it, it goes when the cluster ends
    #[arg(long, value_name = "dir")]
    data_dir: Option<PathBuf>,
    /// Set one property of every node; may be given several times
    #[arg(long = "override", value_name = "key=value")]
    overrides: Vec<String>,
    #[command(flatten)]
    log: Log,
}

pub fn run(args: Args) -> ExitCode {
    if let Err(e) = args.log.init() {
        return fail(2, e);
    }
    let mut builder = Cluster::builder().nodes(args.nodes.into());
    if let Some(dir) = args.data_dir {
        builder = builder.data_dir(dir);
    }
    for text in &args.overrides {
        match text.split_once('=') {
            Some((name, value)) => builder = builder.property(name.trim(), value.trim()),
            None => {
                return fail(
                    2,
                    format!("override {text:?} is not of the form name=value"),
                );
            }
        }
    }
    run_until_signalled(
        |serving| builder.start_on(serving),
        announce,
        // The others go on, as they would without its machine.
        |_| std::future::pending(),
        Cluster::shutdown,
    )
}

/// The one line on standard output: ready, and where.
fn announce(cluster: &Cluster) {
    let mut out = std::io::stdout().lock();
    let line = format!(
        "airis-broker cluster ready: bootstrap servers {}",
        cluster.bootstrap_servers()
    );
    if let Err(e) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        info!("the ready line could not be written: {e}");
    }
}
