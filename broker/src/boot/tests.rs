//! A node on a disk that a test makes fail.

use airis_storage::disk::faulty::FaultyDisk;

use super::*;
use crate::config::load::{Given, Origin};

/// A node that is alone, on 127.0.0.1 and this disk.
pub(crate) async fn start_on(disk: &FaultyDisk, properties: &[(&str, &str)]) -> Running {
    let mut given = Given::default();
    let fixed = [
        ("listeners", "PLAINTEXT://127.0.0.1:0"),
        ("log.dirs", "/airis"),
        ("offsets.topic.num.partitions", "1"),
    ];
    for (name, value) in fixed.iter().chain(properties) {
        given.add(name, value, Origin::Override);
    }
    let host = Host {
        disk: Arc::new(disk.clone()),
        ..Host::default()
    };
    let serving = [tokio::runtime::Handle::current()].into();
    let started = start(given.resolve().unwrap(), 7, serving, host);
    timeout(Duration::from_secs(20), started)
        .await
        .expect("it starts in time")
        .unwrap()
}
