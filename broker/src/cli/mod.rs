//! The command line.
//!
//! Always holds: what a program reads (the ready line) goes to standard output, everything for people to standard error; exit code
//! 0 is a clean end, 1 a failure, 2 a wrong command line or configuration. Must never: print a stack trace for something that a
//! user can mend.

mod cluster;
mod start;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

/// A Kafka-compatible broker in one small binary.
#[derive(Parser)]
#[command(name = "airis-broker", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a node. With nothing given: on 127.0.0.1:9092, its data under ./airis-data
    Start(start::Args),
    /// Start a whole cluster in one process on this machine's loopback, to try things with
    Cluster(cluster::Args),
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Start(args) => start::run(args),
        Command::Cluster(args) => cluster::run(args),
    }
}
