//! The differential test: the same requests to ours and to Apache Kafka, and every field of every answer compared.
//!
//! `airis-diff OURS KAFKA [--verbose] [--only SCRIPT]` asks two nodes, each given as host:port; `airis-diff three OURS KAFKA ...` two
//! clusters, each given as a file that says where its nodes are (`three.rs`). `tests/diff/run` starts them. Prints
//! `N passed, M failed`, and exits non-zero if any answer differs without a reason in `deliberate.rs`.

mod ask;
mod compare;
mod deliberate;
mod scripts;
mod side;
mod three;
mod tree;

use std::process::ExitCode;

use anyhow::{Context, Result};

use side::{Pair, Side};
use three::Three;

/// What was asked until then is compared even if a script cannot go on.
type Played = Result<(Vec<Pair>, Result<()>)>;

async fn play_node(bootstrap: &str, only: Option<&str>) -> Played {
    let mut side = Side::open(bootstrap).await?;
    let end = scripts::play(&mut side, only).await;
    Ok((side.pairs, end.with_context(|| format!("at {bootstrap}"))))
}

async fn play_cluster(file: &str, only: Option<&str>) -> Played {
    let mut three = Three::open(file).await?;
    let end = scripts::play_three(&mut three, only).await;
    let end = end.with_context(|| format!("at the cluster of {file}"));
    Ok((three.side.pairs, end))
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let of_three = args.first().is_some_and(|arg| arg == "three");
    let [ours, kafka, flags @ ..] = &args[usize::from(of_three)..] else {
        anyhow::bail!("usage: airis-diff [three] OURS KAFKA [--verbose] [--only SCRIPT]");
    };
    let verbose = flags.iter().any(|f| f == "--verbose");
    let only = flags
        .iter()
        .position(|f| f == "--only")
        .and_then(|at| flags.get(at + 1));
    let only = only.map(String::as_str);
    let (reasons, (ours, kafka)) = if of_three {
        let played = tokio::try_join!(play_cluster(ours, only), play_cluster(kafka, only))?;
        (deliberate::OF_THREE, played)
    } else {
        let played = tokio::try_join!(play_node(ours, only), play_node(kafka, only))?;
        (deliberate::DELIBERATE, played)
    };
    let mut outcome = compare::compare(&ours.0, &kafka.0, reasons, verbose);
    for end in [ours.1, kafka.1] {
        if let Err(error) = end {
            println!("not ok: {error:#}");
            outcome.failed += 1;
        }
    }
    println!("{} passed, {} failed", outcome.passed, outcome.failed);
    Ok(if outcome.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
