//! Groups whose coordinator's partition changes its epoch.

use airis_protocol::messages::join_group_request::JoinGroupRequestProtocol;

use super::*;

const OFFSETS: &str = "__consumer_offsets";

fn patient(config: &mut BrokerConfig) {
    brisk(config);
    config.group_initial_rebalance_delay = Millis(1000);
}

/// A reassignment that takes a follower away gives the partition a new epoch, under the same leader.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_goes_on_in_a_new_epoch_of_its_leader() {
    let c = Cluster::start(3, patient).await;
    c.create(OFFSETS, &[1, 2, 3], &[("min.insync.replicas", "1")])
        .await;
    let groups = c.running[&1].node.groups.clone();
    c.until("it is loaded", |_| groups.read("g", |_| ()).is_ok())
        .await;
    let request = JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 30_000,
        rebalance_timeout_ms: 30_000,
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let mut member = c.client(1).await;
    let joining = tokio::spawn(async move { member.call(&request, 3).await.unwrap() });
    // The group waits for more members.
    sleep(Duration::from_millis(300)).await;
    let topic_id = c.controller.image().topic(OFFSETS).unwrap().id;
    let before = c.partition(1, OFFSETS).leader().1;
    let controller = c.controller.clone();
    let again = MetadataRecord::PartitionChangeRecord(PartitionChangeRecord {
        partition_id: 0,
        topic_id,
        leader: 1,
        ..Default::default()
    });
    tokio::task::spawn_blocking(move || controller.dictate(&[again]))
        .await
        .unwrap();
    let now = c.partition(1, OFFSETS).leader();
    assert_eq!(now, (Some(NodeId(1)), LeaderEpoch(before.0 + 1)));
    let joined = joining.await.unwrap();
    assert_eq!(joined.error_code, 0, "{joined:?}");
    // What it writes is taken in the new epoch.
    let sync = SyncGroupRequest {
        group_id: "g".into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id,
        ..Default::default()
    };
    let synced = c.client(1).await.call(&sync, 3).await.unwrap();
    assert_eq!(synced.error_code, 0, "{synced:?}");
}
