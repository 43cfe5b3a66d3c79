//! What the table does with metadata that come while it is busy.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use airis_protocol::messages::{MetadataRecord, PartitionRecord, RemoveTopicRecord, TopicRecord};
use airis_protocol::types::{LeaderEpoch, Offset};
use airis_storage::disk::faulty::FaultyDisk;

use super::*;
use crate::host::Host;

const PATIENCE: Duration = Duration::from_secs(20);

/// A topic of one partition on node 1.
fn topic(name: &'static str, topic_id: Uuid) -> Vec<MetadataRecord> {
    vec![
        MetadataRecord::TopicRecord(TopicRecord {
            name: name.into(),
            topic_id,
        }),
        MetadataRecord::PartitionRecord(PartitionRecord {
            partition_id: 0,
            topic_id,
            replicas: vec![1],
            isr: vec![1],
            leader: 1,
            ..Default::default()
        }),
    ]
}

/// The image that follows with these records.
fn then(image: &Image, offset: i64, records: &[MetadataRecord]) -> (Arc<Image>, Delta) {
    let (mut next, mut delta) = (image.clone(), Delta::default());
    next.replay_all(&mut delta, Offset(offset), LeaderEpoch(1), records)
        .unwrap();
    (Arc::new(next), delta)
}

#[test]
fn metadata_are_taken_while_the_first_logs_are_opened() {
    let disk = FaultyDisk::new();
    let host = Host {
        disk: Arc::new(disk.clone()),
        ..Host::default()
    };
    let config = Arc::new(BrokerConfig {
        node_id: NodeId(1),
        log_dirs: vec!["/a".into()],
        ..Default::default()
    });
    let disks = Disks::open_all(&host, &config, "AAAAAAAAAAAAAAAAAAAAAQ", 3).unwrap();
    let table = Arc::new(PartitionTable::new(config, Arc::new(disks)));
    let there = [topic("kept", Uuid(7)), topic("goes", Uuid(8))].concat();
    let (first, delta) = then(&Image::default(), 0, &there);
    table.publish(&first, &delta);

    // While the first log is made one topic goes and another comes.
    let removed = MetadataRecord::RemoveTopicRecord(RemoveTopicRecord { topic_id: Uuid(8) });
    let (second, delta) = then(
        &first,
        10,
        &[vec![removed], topic("comes", Uuid(9))].concat(),
    );
    let publisher = table.clone();
    disk.amid_next_write(move || publisher.publish(&second, &delta));
    let (done, began) = mpsc::channel();
    let beginner = table.clone();
    thread::spawn(move || {
        beginner.begin(Uuid(1));
        done.send(()).unwrap();
    });
    began
        .recv_timeout(PATIENCE)
        .expect("the metadata do not wait for the logs");
    let here = |name: &str| table.by_name(name, PartitionId(0)).map(|p| p.topic_id);
    assert_eq!(here("kept"), Ok(Uuid(7)));
    assert_eq!(here("goes"), Err(ErrorCode::UnknownTopicOrPartition));
    assert_eq!(here("comes"), Ok(Uuid(9)));
    let gone = table.take_deleted(|_| true);
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert!(gone[0].to_str().unwrap().contains("goes-0"), "{gone:?}");
}
