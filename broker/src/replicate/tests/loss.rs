//! What had been acknowledged and is gone: who tells of it, when, and in which words.

use super::*;

/// What the nodes of all tests have warned of, a line each.
static WARNED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Warnings;

impl std::io::Write for Warnings {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        WARNED.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// From here on the log of this process is kept.
fn listen() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_ansi(false)
            .with_writer(|| Warnings)
            .init();
    });
}

/// What was said of lost records of a topic, without time and place.
fn lost(topic: &str) -> Vec<String> {
    let all = String::from_utf8(WARNED.lock().clone()).unwrap();
    all.lines()
        .filter(|l| l.contains("lost") && l.ends_with(&format!("topic={topic} partition=0")))
        .map(|l| l.split_once("loss: ").unwrap().1.to_owned())
        .collect()
}

impl Cluster {
    /// As the node does every five seconds.
    fn checkpoint(&self, id: i32) {
        let partitions = &self.running[&id].node.partitions;
        partitions
            .disks()
            .write_high_watermarks(&partitions.all())
            .unwrap();
    }

    async fn elect_uncleanly(&self, topic: &str) -> i16 {
        let request = ElectLeadersRequest {
            election_type: 1,
            topic_partitions: Some(vec![elect_leaders_request::TopicPartitions {
                topic: topic.into(),
                partitions: vec![0],
            }]),
            ..Default::default()
        };
        let controller = self.controller.clone();
        let reply =
            tokio::task::spawn_blocking(move || controller.run(Command::ElectLeaders(request)));
        let Ok(Reply::ElectLeaders(response)) = reply.await.unwrap() else {
            panic!("not an answer to ElectLeaders");
        };
        response.replica_election_results[0].partition_result[0].error_code
    }

    /// Cuts a stopped node's log off behind its first `keep` batches, as a loss of power may.
    fn lose_end(&self, id: i32, topic: &str, keep: usize) {
        let path = self.dir(id).join(format!("{topic}-0/{:020}.log", 0));
        let bytes = std::fs::read(&path).unwrap();
        let mut at = 0;
        for _ in 0..keep {
            at += BatchHeader::read(&bytes[at..]).unwrap().size();
        }
        assert!(at < bytes.len(), "there is something to lose");
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(at as u64).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_unclean_election_loses_is_told_once_with_its_offsets() {
    listen();
    let mut c = Cluster::start(2, brisk).await;
    c.create("unclean", &[1, 2], &[("min.insync.replicas", "1")])
        .await;
    for i in 0..3 {
        c.acked(1, "unclean", &format!("{i}")).await;
    }
    c.kill(2).await;
    for i in 3..7 {
        c.acked(1, "unclean", &format!("{i}")).await;
    }
    c.checkpoint(1);
    // Committed too, but nobody has written down that it is.
    c.acked(1, "unclean", "7").await;
    c.kill(1).await;
    c.boot(2).await;
    assert_eq!(c.leader("unclean"), None, "not by itself");
    assert_eq!(lost("unclean"), Vec::<String>::new());
    assert_eq!(c.elect_uncleanly("unclean").await, 0);
    let told = lost("unclean");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("this replica leads in epoch 2 although it may lack records"),
        "{told:?}"
    );
    assert!(told[0].contains("at offset 3 or behind it"), "{told:?}");
    c.acked(2, "unclean", "other").await;
    c.boot(1).await;
    c.converged("unclean", &[1, 2]).await;
    assert_eq!(
        values(&content(&c.partition(1, "unclean"))),
        ["0", "1", "2", "other"]
    );
    let told = lost("unclean");
    assert_eq!(told.len(), 2, "{told:?}");
    let of = "records at offsets 3 to 6 had been acknowledged and are lost (and perhaps those up to 7, which were cut off too): node 2 ";
    assert!(told[1].starts_with(of), "{told:?}");
    for name in [
        "unclean.leader.election.enable=true",
        "airis.ack.durability=fsync",
    ] {
        assert!(told[1].contains(name), "{told:?}");
    }
    // Without a note of what was committed: what is cut off is named all the same, as the election was unclean.
    c.checkpoint(1);
    c.kill(2).await;
    c.acked(1, "unclean", "more").await;
    c.kill(1).await;
    c.boot(2).await;
    assert_eq!(c.elect_uncleanly("unclean").await, 0);
    c.boot(1).await;
    c.converged("unclean", &[1, 2]).await;
    let told = lost("unclean");
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[2].contains("at offset 4 or behind it"), "{told:?}");
    let of = "records at offsets 4 to 4 are cut off, and those of them that had been acknowledged are lost: node 2 was made";
    assert!(told[3].starts_with(of), "{told:?}");
    // It is not lost again.
    c.kill(2).await;
    c.boot(2).await;
    c.acked(1, "unclean", "again").await;
    c.converged("unclean", &[1, 2]).await;
    assert_eq!(lost("unclean"), told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_called_lost_that_was_never_acknowledged() {
    listen();
    let mut c = Cluster::start(3, brisk).await;
    c.create("clean", &[1, 2, 3], &[]).await;
    c.acked(1, "clean", "0").await;
    c.converged("clean", &[1, 2, 3]).await;
    c.checkpoint(1);
    c.crash(1).await;
    append_behind(&c, 1, "clean", 3);
    // At its start it takes itself for the leader still, by the metadata that it has.
    c.boot(1).await;
    let leader = c.leader("clean").unwrap();
    assert_ne!(leader, 1);
    c.acked(leader, "clean", "1").await;
    c.converged("clean", &[1, 2, 3]).await;
    assert_eq!(values(&content(&c.partition(1, "clean"))), ["0", "1"]);
    // And so does one whose log has lost what the others still have.
    let leader = c.leader("clean").unwrap();
    c.checkpoint(leader);
    c.crash(leader).await;
    c.lose_end(leader, "clean", 1);
    c.boot(leader).await;
    let next = c.leader("clean").unwrap();
    assert_ne!(next, leader);
    c.acked(next, "clean", "2").await;
    c.converged("clean", &[1, 2, 3]).await;
    assert_eq!(values(&content(&c.partition(1, "clean"))), ["0", "1", "2"]);
    assert_eq!(lost("clean"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_election_is_doubted_unless_the_last_leader_is_back_with_all_that_was_on_stable_storage()
{
    listen();
    for (topic, of_the_last) in [("doubt-fsync", 0), ("doubt-cache", 1)] {
        let change = if of_the_last == 0 { durable } else { brisk };
        let c = Cluster::start(2, change).await;
        c.create(topic, &[1, 2], &[("min.insync.replicas", "1")])
            .await;
        c.acked(1, topic, "0").await;
        c.converged(topic, &[1, 2]).await;
        let topic_id = c.partition(1, topic).topic_id;
        let elect = |leader: i32, isr: Vec<i32>| {
            let record = PartitionChangeRecord {
                partition_id: 0,
                topic_id,
                leader,
                isr: Some(isr),
                leader_recovery_state: 1,
                ..Default::default()
            };
            [MetadataRecord::PartitionChangeRecord(record)]
        };
        for (leader, told) in [(1, of_the_last), (2, of_the_last + 1)] {
            c.controller.dictate(&elect(-1, vec![]));
            c.controller.dictate(&elect(leader, vec![leader]));
            let lost = lost(topic);
            assert_eq!(lost.len(), told, "{leader}: {lost:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_loss_of_power_takes_is_told_by_who_leads_without_it() {
    listen();
    let mut c = Cluster::start(2, brisk).await;
    c.create("power", &[1, 2], &[("min.insync.replicas", "1")])
        .await;
    c.create("power-alone", &[1], &[]).await;
    for i in 0..6 {
        c.acked(1, "power", &format!("{i}")).await;
        c.acked(1, "power-alone", &format!("{i}")).await;
    }
    c.converged("power", &[1, 2]).await;
    // A follower whose log has lost its end fetches it again: nothing to tell of, then or later.
    c.checkpoint(2);
    c.kill(2).await;
    c.lose_end(2, "power", 2);
    c.boot(2).await;
    c.converged("power", &[1, 2]).await;
    assert_eq!(lost("power"), Vec::<String>::new());
    for id in [1, 2] {
        c.checkpoint(id);
        c.kill(id).await;
    }
    c.lose_end(1, "power", 5);
    c.lose_end(2, "power", 4);
    c.lose_end(1, "power-alone", 3);
    // Node 2 led last, and is the one that is turned to.
    c.boot(1).await;
    c.boot(2).await;
    c.until("it leads", |c| c.leader("power") == Some(2)).await;
    c.converged("power", &[1, 2]).await;
    assert_eq!(
        values(&content(&c.partition(1, "power"))),
        ["0", "1", "2", "3"]
    );
    let told = lost("power");
    assert_eq!(told.len(), 2, "{told:?}");
    let of = "records at offsets 4 to 5 had been acknowledged and are lost: ";
    assert!(told.iter().all(|l| l.starts_with(of)), "{told:?}");
    assert!(
        told.iter()
            .all(|l| l.contains("airis.ack.durability=fsync")),
        "{told:?}"
    );
    let told = lost("power-alone");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("records at offsets 3 to 5 had been acknowledged and are lost: "),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_last_one_standing_loses_its_end_an_eligible_one_leads_with_everything() {
    listen();
    let mut c = Cluster::start(3, brisk).await;
    c.create("last", &[1, 2, 3], &[]).await;
    let mut acked = Vec::new();
    for i in 0..8 {
        let value = i.to_string();
        c.acked(1, "last", &value).await;
        acked.push(value);
        if i == 3 {
            c.kill(2).await;
        }
    }
    // In an orderly way: what it has is whole.
    c.kill(3).await;
    assert_eq!(c.isr("last"), [1]);
    let (error, _) = c.produce(1, "last", -1, "too few").await;
    assert_eq!(error, ErrorCode::NotEnoughReplicas);
    assert_eq!(c.produce(1, "last", 1, "alone").await, (ErrorCode::None, 8));
    c.checkpoint(1);
    c.kill(1).await;
    c.lose_end(1, "last", 2);
    // It is not trusted any more, and the first one that died never is.
    c.boot(1).await;
    c.boot(2).await;
    assert_eq!(c.leader("last"), None);
    c.clean = true;
    c.boot(3).await;
    assert_eq!(c.leader("last"), Some(3));
    c.until("they follow", |c| c.isr("last") == [1, 2, 3]).await;
    acked.push("more".into());
    c.acked(3, "last", "more").await;
    c.converged("last", &[1, 2, 3]).await;
    assert_eq!(values(&content(&c.partition(1, "last"))), acked);
    assert_eq!(lost("last"), Vec::<String>::new());
}
