//! The differential test: the same requests to a node of ours and to Apache Kafka, and every field of every answer compared.
//!
//! `airis-diff OURS KAFKA [--verbose] [--only SCRIPT]`, both given as host:port; `tests/diff/run` starts the two. Prints
//! `N passed, M failed`, and exits non-zero if any answer differs without a reason in `deliberate.rs`.

mod ask;
mod compare;
mod deliberate;
mod scripts;
mod side;
mod tree;

use std::process::ExitCode;

use anyhow::{Context, Result};

use side::Side;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [ours, kafka, flags @ ..] = &args[..] else {
        anyhow::bail!("usage: airis-diff OURS KAFKA [--verbose] [--only SCRIPT]");
    };
    let verbose = flags.iter().any(|f| f == "--verbose");
    let only = flags
        .iter()
        .position(|f| f == "--only")
        .and_then(|at| flags.get(at + 1));
    let only = only.map(String::as_str);
    let play = |bootstrap: &str| {
        let bootstrap = bootstrap.to_owned();
        async move {
            let mut side = Side::open(&bootstrap).await?;
            // What was asked until then is compared even if a script cannot go on.
            let end = scripts::play(&mut side, only)
                .await
                .with_context(|| format!("at {bootstrap}"));
            Result::<_>::Ok((side.pairs, end))
        }
    };
    let ((ours, our_end), (kafka, their_end)) = tokio::try_join!(play(ours), play(kafka))?;
    let mut outcome = compare::compare(&ours, &kafka, verbose);
    for end in [our_end, their_end] {
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
