//! The scripts, each over topics and groups of its own names; both nodes play them in the same order.

mod cluster;
mod configs;
mod fetch;
mod groups;
mod members;
mod offsets;
mod produce;
mod topics;

use anyhow::Result;

use crate::side::Side;

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
