//! What the table does with metadata that come while it is busy.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use airis_protocol::batch::{BatchBuilder, TimestampType};
use airis_protocol::compress::Codec;
use airis_protocol::messages::{
    ConfigRecord, MetadataRecord, PartitionChangeRecord, PartitionRecord, RemoveTopicRecord,
    TopicRecord,
};
use airis_protocol::types::{LeaderEpoch, Millis, Offset};
use airis_storage::disk::faulty::FaultyDisk;
use airis_storage::log::Origin;

use super::*;
use crate::host::Host;

const PATIENCE: Duration = Duration::from_secs(20);

/// A topic of one partition on node 1.
fn topic(name: &'static str, topic_id: Uuid) -> Vec<MetadataRecord> {
    led(name, topic_id, &[1], &[1])
}

/// A topic of one partition on nodes 1 and 2.
fn shared(name: &'static str, topic_id: Uuid, isr: &[i32]) -> Vec<MetadataRecord> {
    led(name, topic_id, &[1, 2], isr)
}

/// A topic of one partition, led by node 1.
fn led(name: &'static str, topic_id: Uuid, replicas: &[i32], isr: &[i32]) -> Vec<MetadataRecord> {
    vec![
        MetadataRecord::TopicRecord(TopicRecord {
            name: name.into(),
            topic_id,
        }),
        MetadataRecord::PartitionRecord(PartitionRecord {
            partition_id: 0,
            topic_id,
            replicas: replicas.to_vec(),
            isr: isr.to_vec(),
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

/// The table of node 1, empty.
fn table(disk: &FaultyDisk) -> Arc<PartitionTable> {
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
    Arc::new(PartitionTable::new(config, Arc::new(disks)))
}

#[test]
fn metadata_are_taken_while_the_first_logs_are_opened() {
    let disk = FaultyDisk::new();
    let table = table(&disk);
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

fn min_insync(topic: &str, min: &str) -> MetadataRecord {
    MetadataRecord::ConfigRecord(ConfigRecord {
        resource_type: ResourceType::Topic as i8,
        resource_name: topic.into(),
        name: "min.insync.replicas".into(),
        value: Some(min.into()),
    })
}

/// Writes a record at node 1, and gives up to where records are committed then.
fn write(table: &PartitionTable, topic: &str) -> i64 {
    let now = Millis(1_700_000_000_000);
    let mut batch = BatchBuilder::new(Codec::None, TimestampType::Create);
    batch.push(now, None, Some(b"v"), &[]);
    let batch = batch.build(Offset(0), LeaderEpoch(-1));
    let partition = table.by_name(topic, PartitionId(0)).unwrap();
    let any = LeaderEpoch(-1);
    partition
        .append(batch, now, Origin::Client, false, any)
        .unwrap();
    partition.high_watermark().0
}

/// Whoever is taken out of an ISR that becomes too small may be elected all the same (KIP-966): what it lacks must not count as
/// committed, also if the ISR and what is too small come to be known at once.
#[test]
fn an_isr_counts_under_the_configs_that_come_with_it() {
    let table = table(&FaultyDisk::new());
    let committed = |topic: &str| {
        let partition = table.by_name(topic, PartitionId(0)).unwrap();
        partition.high_watermark().0
    };
    let (first, delta) = then(&Image::default(), 0, &shared("t", Uuid(7), &[1, 2]));
    table.publish(&first, &delta);
    table.begin(Uuid(1));
    assert_eq!(write(&table, "t"), 0, "2 does not have it");
    let shrunk = MetadataRecord::PartitionChangeRecord(PartitionChangeRecord {
        partition_id: 0,
        topic_id: Uuid(7),
        isr: Some(vec![1]),
        eligible_leader_replicas: Some(vec![2]),
        ..Default::default()
    });
    let (second, delta) = then(&first, 10, &[min_insync("t", "2"), shrunk]);
    table.publish(&second, &delta);
    assert_eq!(committed("t"), 0, "2 may be elected");
    let (third, delta) = then(&second, 20, &[min_insync("t", "1")]);
    table.publish(&third, &delta);
    assert_eq!(committed("t"), 1);
    // A topic that comes with its configs has them from the first.
    let made = [shared("u", Uuid(8), &[1]), vec![min_insync("u", "2")]].concat();
    let (fourth, delta) = then(&third, 30, &made);
    table.publish(&fourth, &delta);
    assert_eq!(write(&table, "u"), 0);
}
