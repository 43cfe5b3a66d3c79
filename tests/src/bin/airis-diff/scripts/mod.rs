//! The scripts, each over topics and groups of its own names; both sides play them in the same order.

mod assign;
mod cluster;
mod configs;
mod control;
mod down;
mod fetch;
mod groups;
mod members;
mod offsets;
mod produce;
mod quorum;
mod replicas;
mod topics;

use anyhow::Result;

use crate::side::Side;
use crate::three::Three;

pub async fn play(side: &mut Side, only: Option<&str>) -> Result<()> {
    macro_rules! scripts {
        ($($script:ident)*) => {$(
            if only.is_none_or(|only| only == stringify!($script)) {
                $script::play(side.on(0)).await?;
            }
        )*};
    }
    // First what shows everything that a node has, while it has little.
    scripts!(cluster topics configs produce fetch offsets members groups);
    Ok(())
}

/// The scripts over three nodes. The last one stops a node.
pub async fn play_three(three: &mut Three, only: Option<&str>) -> Result<()> {
    macro_rules! scripts {
        ($($script:ident)*) => {$(
            if only.is_none_or(|only| only == stringify!($script)) {
                $script::play(three).await?;
            }
        )*};
    }
    scripts!(quorum control replicas assign down);
    Ok(())
}
