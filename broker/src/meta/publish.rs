//! From applied records to published images: one task that hands each image to the publisher and then shows it to readers.
//!
//! Always holds: order; readers see an image only after the publisher has taken it. Must never: skip a delta (images in between
//! may be skipped by readers, differences may not).

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use airis_cluster::metadata::{Delta, Image};
use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};

use super::Publisher;
use crate::task;

/// How many applied images may wait for a slow publisher before the log stops applying.
pub(super) const PUBLISH_QUEUE_MAX: usize = 64;

/// An applied image on its way to readers.
pub(super) struct Applied {
    pub image: Arc<Image>,
    pub delta: Delta,
}

/// Runs until the sending side is gone. Once `quiet` is set, images are shown to readers only. `published` is told the offset of each image that readers can see.
pub(super) async fn run(
    mut applied: mpsc::Receiver<Applied>,
    publisher: Arc<dyn Publisher>,
    quiet: Arc<AtomicBool>,
    image: Arc<ArcSwap<Image>>,
    published: watch::Sender<i64>,
) {
    while let Some(next) = applied.recv().await {
        let (publisher, quiet) = (publisher.clone(), quiet.clone());
        let taken = task::blocking(move || {
            if !next.delta.is_empty() && !quiet.load(Ordering::SeqCst) {
                publisher.publish(&next.image, &next.delta);
            }
            next.image
        })
        .await;
        let newest = match taken {
            Ok(newest) => newest,
            // A publisher that panics must not show half of its work to readers: stop here, submits then end with an error.
            Err(e) => match e.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => return,
            },
        };
        let offset = newest.position.offset.0;
        image.store(newest);
        published.send_replace(offset);
    }
}
