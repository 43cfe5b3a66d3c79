//! A group of three that loses a member: cooperative, so that the others keep what they have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airis_broker::Broker;
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance, StreamConsumer,
};
use rdkafka::message::Message;
use rdkafka::producer::FutureRecord;
use rdkafka::{Offset, TopicPartitionList};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};

use crate::support::*;

const PARTITIONS: i32 = 6;

/// What a member has been told.
#[derive(Clone, Default)]
struct Told {
    owned: Arc<Mutex<BTreeSet<i32>>>,
    revoked: Arc<Mutex<BTreeSet<i32>>>,
}

impl ClientContext for Told {}

fn numbers(list: &TopicPartitionList) -> impl Iterator<Item = i32> + '_ {
    list.elements()
        .into_iter()
        .map(|e| e.partition())
        .collect::<Vec<_>>()
        .into_iter()
}

impl ConsumerContext for Told {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            for partition in numbers(list) {
                self.owned.lock().unwrap().remove(&partition);
                self.revoked.lock().unwrap().insert(partition);
            }
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(list) = rebalance {
            self.owned.lock().unwrap().extend(numbers(list));
        }
    }
}

/// Offsets that were read, by partition; how often.
type Read = Arc<Mutex<BTreeMap<(i32, i64), usize>>>;

struct Member {
    told: Told,
    consumer: Arc<StreamConsumer<Told>>,
    reading: JoinHandle<()>,
}

impl Member {
    fn owned(&self) -> BTreeSet<i32> {
        self.told.owned.lock().unwrap().clone()
    }

    /// Ends without a word to the coordinator: a static member does not leave when it closes.
    async fn vanish(self) {
        self.reading.abort();
        let _ = self.reading.await;
        // The last of its handles blocks until its commits are answered: not on a thread that serves the broker.
        let consumer = self.consumer;
        spawn_blocking(move || drop(consumer)).await.unwrap();
    }
}

fn join(broker: &Broker, instance: &str, read: &Read) -> Member {
    let told = Told::default();
    let consumer: StreamConsumer<Told> = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap_servers())
        .set("broker.address.family", "v4")
        .set("group.id", "three")
        .set("group.instance.id", instance)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "500")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create_with_context(told.clone())
        .unwrap();
    consumer.subscribe(&["t"]).unwrap();
    let consumer = Arc::new(consumer);
    let (reader, read) = (consumer.clone(), read.clone());
    let reading = tokio::spawn(async move {
        loop {
            let message = reader.recv().await.expect("reading goes on");
            let at = (message.partition(), message.offset());
            *read.lock().unwrap().entry(at).or_default() += 1;
            // A member that has just lost the partition may not commit any more; whoever has it now reads it again.
            let _ = reader.commit_message(&message, CommitMode::Async);
        }
    });
    Member {
        told,
        consumer,
        reading,
    }
}

/// Sends so many records to each partition.
async fn send(broker: &Broker, each: usize) {
    let producer = producer(broker, &[("acks", "all"), ("linger.ms", "5")]);
    let sends = (0..each).flat_map(|i| (0..PARTITIONS).map(move |p| (p, i.to_string())));
    let sends = sends.map(|(partition, value)| {
        let producer = producer.clone();
        async move {
            let record = FutureRecord::<(), _>::to("t")
                .partition(partition)
                .payload(&value);
            producer.send(record, PATIENCE).await.unwrap();
        }
    });
    futures::future::join_all(sends).await;
}

async fn until(what: &str, mut met: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !met() {
        assert!(Instant::now() < deadline, "{what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Every partition has one owner, and each member its share.
fn shared(members: &[&Member]) -> bool {
    let all: Vec<BTreeSet<i32>> = members.iter().map(|m| m.owned()).collect();
    let share = PARTITIONS as usize / members.len();
    let together: BTreeSet<i32> = all.iter().flatten().copied().collect();
    all.iter().all(|owned| owned.len() == share) && together.len() == PARTITIONS as usize
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_three_goes_on_without_the_one_that_vanishes() {
    let broker = broker().await;
    create(&broker, "t", PARTITIONS, &[]).await;
    let read = Read::default();
    send(&broker, 50).await;
    let (a, b, c) = (
        join(&broker, "a", &read),
        join(&broker, "b", &read),
        join(&broker, "c", &read),
    );
    until("three members share the partitions", || {
        shared(&[&a, &b, &c])
    })
    .await;
    let have = |each: usize| {
        let read = read.clone();
        move || read.lock().unwrap().len() == each * PARTITIONS as usize
    };
    until("all is read", have(50)).await;
    let before: [BTreeSet<i32>; 2] = [a.owned(), b.owned()];
    for member in [&a, &b] {
        member.told.revoked.lock().unwrap().clear();
    }
    timeout(PATIENCE, c.vanish()).await.unwrap();
    send(&broker, 50).await;
    until("the two that are left share the partitions", || {
        shared(&[&a, &b])
    })
    .await;
    until("what the lost member had is read too", have(100)).await;
    for (member, before) in [&a, &b].into_iter().zip(before) {
        assert!(
            member.owned().is_superset(&before),
            "it keeps what it had: {before:?}, now {:?}",
            member.owned()
        );
        assert_eq!(*member.told.revoked.lock().unwrap(), BTreeSet::new());
    }
    // The instance comes back: it gets its share, and nobody reads what was committed again.
    let d = join(&broker, "c", &read);
    until("three members share the partitions again", || {
        shared(&[&a, &b, &d])
    })
    .await;
    send(&broker, 50).await;
    until("all of the last round is read", have(150)).await;
    let committed = || {
        tokio::task::block_in_place(|| {
            let consumer: BaseConsumer = client(&broker, &[("group.id", "three")]);
            let mut asked = TopicPartitionList::new();
            asked.add_partition_range("t", 0, PARTITIONS - 1);
            let got = consumer.committed_offsets(asked, PATIENCE).unwrap();
            got.elements()
                .iter()
                .all(|e| e.offset() == Offset::Offset(150))
        })
    };
    until("all is committed", committed).await;
    for member in [a, b, d] {
        timeout(PATIENCE, member.vanish()).await.unwrap();
    }
    // Another consumer of the group finds nothing left to read.
    let again = Read::default();
    let e = join(&broker, "e", &again);
    until("one member has all partitions", || shared(&[&e])).await;
    send(&broker, 1).await;
    until("it reads what is new", || {
        again.lock().unwrap().len() == PARTITIONS as usize
    })
    .await;
    let offsets: BTreeSet<i64> = again.lock().unwrap().keys().map(|(_, o)| *o).collect();
    assert_eq!(offsets, BTreeSet::from([150]));
    timeout(PATIENCE, e.vanish()).await.unwrap();
    broker.stop().await;
}
