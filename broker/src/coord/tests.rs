//! Groups of a node that is short of file descriptors for a while.

use airis_protocol::types::Offset;
use airis_storage::disk::faulty::FaultyDisk;
use tokio::time::sleep;

use super::*;
use crate::boot::tests::start_on;
use crate::topics;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_could_not_be_opened_for_want_of_descriptors_is_loaded_later() {
    let disk = FaultyDisk::new();
    let running = start_on(&disk, &[]).await;
    let node = running.node.clone();
    disk.refuse_opens(true);
    let failed = topics::auto_create(&node, vec![Str::from(names::OFFSETS_TOPIC)]).await;
    assert!(failed.is_empty());
    let opened = node
        .partitions
        .by_name(names::OFFSETS_TOPIC, PartitionId(0));
    assert_eq!(opened.err(), Some(ErrorCode::KafkaStorageError));
    // It is tried, more than once.
    sleep(Duration::from_millis(1_200)).await;
    let state = node.groups.read("g", |_| ()).err();
    assert_eq!(state, Some(ErrorCode::CoordinatorLoadInProgress));
    disk.refuse_opens(false);
    timeout(PATIENCE, async {
        while node.groups.read("g", |_| ()).is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("it is loaded once there are descriptors");
    drop(node);
    running.stop().await;
}

#[test]
fn only_what_the_process_is_short_of_counts_as_such() {
    let of = |code| load::LoadError::Io(Offset(0), std::io::Error::from_raw_os_error(code));
    // EMFILE, ENFILE, ENOMEM.
    assert!([24, 23, 12].map(of).iter().all(|e| e.is_short()));
    // EIO: where nobody can help it is for good.
    assert!(!of(5).is_short() && of(5).may_pass());
}
