//! Nodes die, are stopped, and come back.

use std::time::{Duration, Instant};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_forms_and_what_is_created_on_one_node_is_known_on_all() {
    let dir = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let cluster = three(dir.path()).await;
    println!("formed in {:?}", began.elapsed());
    assert!(cluster.controller().is_some());
    for i in 0..3 {
        let node = cluster.node(i).unwrap();
        assert_eq!(live(node).await, [1, 2, 3]);
        let name = format!("t{i}");
        let began = Instant::now();
        assert_eq!(create(node, &name, 6, 3).await, 0);
        println!("created by node {i} in {:?}", began.elapsed());
        for other in 0..3 {
            let told = metadata(cluster.node(other).unwrap(), &[&name]).await;
            let topic = &told.topics[0];
            assert_eq!((topic.error_code, topic.partitions.len()), (0, 6));
            assert!(topic.partitions.iter().all(|p| p.leader_id > 0));
        }
    }
    let ids: Vec<&str> = (0..3)
        .map(|i| cluster.node(i).unwrap().cluster_id())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    timely("shutdown", cluster.shutdown()).await;
    same_logs(dir.path(), 1..=3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_controller_is_replaced_and_fenced_before_its_session_ends_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = three(dir.path()).await;
    for round in 0..3 {
        let old = cluster.controller().unwrap();
        let other = (old + 1) % 3;
        let began = Instant::now();
        timely("kill", cluster.kill(old)).await;
        until("another controller", async || {
            cluster.controller().is_some()
        })
        .await;
        let elected = began.elapsed();
        until("the dead one is fenced", async || {
            live(cluster.node(other).unwrap()).await.len() == 2
        })
        .await;
        let fenced = began.elapsed();
        println!("round {round}: a controller after {elected:?}, fenced after {fenced:?}");
        // Its session is of nine seconds; as a rule this takes less than one.
        assert!(fenced < Duration::from_secs(5), "{fenced:?}");
        let name = format!("while-{round}");
        assert_eq!(create(cluster.node(other).unwrap(), &name, 3, 2).await, 0);
        let began = Instant::now();
        timely("restart", cluster.restart(old)).await.unwrap();
        println!("round {round}: back after {:?}", began.elapsed());
        let told = metadata(cluster.node(old).unwrap(), &[&name]).await;
        assert_eq!(told.topics[0].error_code, 0, "it has caught up");
        assert_eq!(live(cluster.node(other).unwrap()).await, [1, 2, 3]);
    }
    timely("shutdown", cluster.shutdown()).await;
    same_logs(dir.path(), 1..=3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_follower_is_fenced_long_before_its_session_ends() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = Cluster::builder()
        .data_dir(dir.path())
        .property("broker.session.timeout.ms", 60_000);
    let mut cluster = cluster.start().await.unwrap();
    let leader = cluster.controller().unwrap();
    let follower = (leader + 1) % 3;
    assert_eq!(create(cluster.node(leader).unwrap(), "t", 9, 3).await, 0);
    let id = follower as i32 + 1;
    let began = Instant::now();
    timely("kill", cluster.kill(follower)).await;
    until("it leads nothing", async || {
        let told = metadata(cluster.node(leader).unwrap(), &["t"]).await;
        let gone = told.brokers.iter().all(|b| b.node_id != id);
        gone && told.topics[0].partitions.iter().all(|p| p.leader_id != id)
    })
    .await;
    println!("fenced after {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(cluster.controller(), Some(leader), "nobody else campaigned");
    timely("shutdown", cluster.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_node_gives_its_leaderships_away_and_all_nodes_may_go_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = three(dir.path()).await;
    assert_eq!(create(cluster.node(0).unwrap(), "t", 9, 3).await, 0);
    for i in 0..3 {
        timely("stop", cluster.stop(i)).await;
        let other = cluster.node((i + 1) % 3).unwrap();
        let told = metadata(other, &["t"]).await;
        let id = i as i32 + 1;
        assert!(
            told.topics[0]
                .partitions
                .iter()
                .all(|p| p.leader_id != id && p.leader_id > 0),
            "before it has gone: {told:?}"
        );
        until("a controller", async || cluster.controller().is_some()).await;
        timely("restart", cluster.restart(i)).await.unwrap();
    }
    for i in 0..3 {
        timely("kill", cluster.kill(i)).await;
    }

    drop(cluster);
    let began = Instant::now();
    let cluster = three(dir.path()).await;
    println!("all back after {:?}", began.elapsed());
    let told = metadata(cluster.node(2).unwrap(), &["t"]).await;
    assert_eq!(told.topics[0].partitions.len(), 9);
    timely("shutdown", cluster.shutdown()).await;
    same_logs(dir.path(), 1..=3);
}

/// Asks for the metadata of a topic again and again, from before the node listens on; gives the answers that name no broker, and
/// how many there were in all.
async fn ask(address: String, ready: tokio::sync::watch::Receiver<bool>) -> (Vec<i32>, usize) {
    let request = MetadataRequest {
        topics: None,
        ..Default::default()
    };
    let (mut lost, mut asked) = (Vec::new(), 0);
    while !*ready.borrow() {
        // Not so often that the ports of this machine run short.
        tokio::time::sleep(Duration::from_millis(5)).await;
        if tokio::net::TcpStream::connect(&address).await.is_err() {
            continue;
        }
        let told = Client::at(&address).await.call(&request, 12).await;
        asked += 1;
        if told.brokers.is_empty() {
            lost.push(told.controller_id);
        }
    }
    (lost, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_all_nodes_died_no_client_is_told_of_a_cluster_without_brokers() {
    let dir = tempfile::tempdir().unwrap();
    let ports: Vec<u16> = (0..6).map(|_| free_port()).collect();
    let voters: Vec<String> = (0..3)
        .map(|i| format!("{}@127.0.0.1:{}", i + 1, ports[i]))
        .collect();
    let voters = voters.join(",");
    let start = || {
        futures::future::try_join_all((0..3).map(|i| {
            let listeners = format!(
                "PLAINTEXT://127.0.0.1:{},CONTROLLER://127.0.0.1:{}",
                ports[3 + i],
                ports[i]
            );
            Broker::builder()
                .data_dir(dir.path().join(format!("node-{}", i + 1)))
                .property("node.id", i + 1)
                .property("listeners", listeners)
                .property("controller.quorum.voters", &voters)
                .start()
        }))
    };
    let nodes = timely("start", start()).await.unwrap();
    until("all take part", async || live(&nodes[0]).await.len() == 3).await;
    assert_eq!(create(&nodes[0], "t", 3, 3).await, 0);
    for node in nodes {
        timely("kill", node.kill()).await;
    }
    let (ready, done) = tokio::sync::watch::channel(false);
    let clients: Vec<_> = ports[3..]
        .iter()
        .map(|port| tokio::spawn(ask(format!("127.0.0.1:{port}"), done.clone())))
        .collect();
    let nodes = timely("start again", start()).await.unwrap();
    ready.send_replace(true);
    for client in clients {
        let (lost, asked) = timely("the last answer", client).await.unwrap();
        println!("{asked} answers");
        assert!(lost.is_empty(), "{} of {asked} without brokers", lost.len());
    }
    for node in nodes {
        timely("stop", node.stop()).await;
    }
}

async fn quorum(client: &mut Client) -> DescribeQuorumResponse {
    let request = DescribeQuorumRequest {
        topics: vec![describe_quorum_request::TopicData {
            topic_name: Str::from("__cluster_metadata"),
            partitions: vec![Default::default()],
        }],
    };
    client.call(&request, 2).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quorum_is_described_with_its_own_listeners_and_since_when_a_voter_lags() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = three(dir.path()).await;
    for i in 0..3 {
        let mut client = Client::to(cluster.node(i).unwrap()).await;
        let told = quorum(&mut client).await;
        let mut voters: Vec<String> = Vec::new();
        for node in &told.nodes {
            let at = &node.listeners[0];
            assert_eq!(at.name.as_str(), "CONTROLLER", "asked node {i}");
            voters.push(format!("{}@{}:{}", node.node_id, at.host, at.port));
        }
        voters.sort_unstable();
        assert_eq!(voters.join(","), cluster.voters());
    }
    let leader = cluster.controller().unwrap();
    let (dead, asked) = ((leader + 1) % 3, cluster.node(leader).unwrap());
    let mut client = Client::to(asked).await;
    timely("kill", cluster.kill(dead)).await;
    assert_eq!(create(cluster.node(leader).unwrap(), "t", 3, 2).await, 0);
    let told = quorum(&mut client).await;
    let partition = &told.topics[0].partitions[0];
    let voter = |i: usize| {
        let id = i as i32 + 1;
        let mut all = partition.current_voters.iter();
        all.find(|v| v.replica_id == id).unwrap()
    };
    let (leads, lags) = (voter(leader), voter(dead));
    assert!(lags.log_end_offset < leads.log_end_offset, "{partition:?}");
    assert!(lags.last_caught_up_timestamp > 0, "{partition:?}");
    assert!(lags.last_caught_up_timestamp < leads.last_caught_up_timestamp);
    timely("shutdown", cluster.shutdown()).await;
}

/// Asks for a node's vote, at the address of its listener for controllers.
fn vote_for(node: &Broker) -> AddRaftVoterRequest {
    let mut listeners = node.listeners();
    let (_, addr) = listeners.find(|(name, _)| *name == "CONTROLLER").unwrap();
    AddRaftVoterRequest {
        cluster_id: Some(Str::from(node.cluster_id())),
        timeout_ms: 10_000,
        voter_id: node.node_id(),
        listeners: vec![add_raft_voter_request::Listener {
            name: Str::from("CONTROLLER"),
            host: Str::from(addr.ip().to_string()),
            port: addr.port(),
        }],
        ..Default::default()
    }
}

/// Takes the vote from a node; asks another one to.
async fn remove_voter(asked: &Broker, id: i32) {
    let remove = RemoveRaftVoterRequest {
        cluster_id: Some(Str::from(asked.cluster_id())),
        voter_id: id,
        ..Default::default()
    };
    let removed = Client::to(asked).await.call(&remove, 0).await;
    assert_eq!(removed.error_code, 0, "{removed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_voter_leads_when_the_one_that_led_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let two = Cluster::builder().nodes(2).data_dir(dir.path()).start();
    let mut cluster = timely("the cluster forms", two).await.unwrap();
    let removed = cluster.controller().unwrap();
    let left = 1 - removed;
    remove_voter(cluster.node(left).unwrap(), removed as i32 + 1).await;
    let leads = async || cluster.controller() == Some(left);
    until("the only voter leads", leads).await;
    timely("kill", cluster.kill(removed)).await;
    assert_eq!(create(cluster.node(left).unwrap(), "t", 1, 1).await, 0);
    timely("shutdown", cluster.shutdown()).await;
}

/// It was alone when it started, and sent no heartbeats.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_node_of_a_grown_cluster_lives_on_when_another_one_leads() {
    let dir = tempfile::tempdir().unwrap();
    let server = format!("127.0.0.1:{}", free_port());
    let session = Duration::from_millis(1000);
    let node = |id: i32, addr: &str| {
        Broker::builder()
            .data_dir(dir.path().join(format!("node-{id}")))
            .property("node.id", id)
            .property(
                "listeners",
                format!("PLAINTEXT://127.0.0.1:0,CONTROLLER://{addr}"),
            )
            .property("controller.quorum.bootstrap.servers", &server)
            .property("broker.session.timeout.ms", session.as_millis())
            .property("broker.heartbeat.interval.ms", 200)
            .start()
    };
    let first = timely("the first starts", node(1, &server)).await.unwrap();
    let second = timely("the second starts", node(2, "127.0.0.1:0"));
    let second = second.await.unwrap();
    let added = Client::to(&first).await.call(&vote_for(&second), 0).await;
    assert_eq!(added.error_code, 0, "{added:?}");
    remove_voter(&first, 1).await;
    until("the second leads", async || second.is_controller()).await;
    tokio::time::sleep(session * 3).await;
    assert_eq!(live(&second).await, [1, 2]);
    // It leaves in order: nobody waits for its session.
    timely("stop", first.stop()).await;
    assert_eq!(live(&second).await, [2]);
    timely("stop", second.stop()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn voters_are_added_and_removed_while_the_cluster_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = three(dir.path()).await;
    // One of them is enough to follow their cluster, and not to begin another.
    let server = cluster.voters().split(',').next();
    let server = server.unwrap().split_once('@').unwrap().1.to_owned();
    // Nobody is there: it is given up, and does not stand in the way of the same node elsewhere.
    let mut wrong = vote_for(cluster.node(0).unwrap());
    wrong.voter_id = 4;
    wrong.timeout_ms = 700;
    wrong.listeners[0].port = 1;
    let mut client = Client::to(cluster.node(0).unwrap()).await;
    let told = client.call(&wrong, 0).await;
    assert_eq!(told.error_code, 7, "REQUEST_TIMED_OUT: {told:?}");
    let fourth = Broker::builder()
        .data_dir(dir.path().join("node-4"))
        .property("node.id", 4)
        .property(
            "listeners",
            "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0",
        )
        .property("controller.quorum.bootstrap.servers", server);
    let fourth = tokio::time::timeout(PATIENCE, fourth.start()).await;
    let fourth = fourth.expect("it follows").unwrap();
    assert_eq!(fourth.cluster_id(), cluster.node(0).unwrap().cluster_id());
    let mut client = Client::to(&fourth).await;
    // And a wrong one takes the place of the right one until it is given up.
    wrong.timeout_ms = 100;
    assert_eq!(client.call(&wrong, 0).await.error_code, 7);
    let add = vote_for(&fourth);
    let added = client.call(&add, 0).await;
    assert_eq!(added.error_code, 0, "{added:?}");
    assert_eq!(
        client.call(&add, 0).await.error_code,
        126,
        "DUPLICATE_VOTER"
    );
    let voters = async |client: &mut Client| {
        let answer = quorum(client).await;
        let partition = &answer.topics[0].partitions[0];
        let mut ids: Vec<i32> = partition
            .current_voters
            .iter()
            .map(|v| v.replica_id)
            .collect();
        ids.sort_unstable();
        (partition.leader_id, ids)
    };
    let (leader, ids) = voters(&mut client).await;
    assert_eq!(ids, [1, 2, 3, 4]);
    // The leader itself goes: another one follows.
    remove_voter(&fourth, leader).await;
    let gone = leader;
    until("another leader", async || {
        let (leader, ids) = voters(&mut client).await;
        leader != gone && leader > 0 && !ids.contains(&gone)
    })
    .await;
    assert_eq!(create(&fourth, "t", 3, 3).await, 0);
    timely("stop", fourth.stop()).await;
    for i in 0..3 {
        timely("kill", cluster.kill(i)).await;
    }
    same_logs(dir.path(), 1..=4);
}

/// What a stranger is told at the listeners for controllers; compared with Kafka's by the differential test.
#[tokio::test(flavor = "multi_thread")]
async fn controllers_refuse_a_second_process_and_old_epochs_in_every_version() {
    use airis_protocol::types::Uuid;
    let dir = tempfile::tempdir().unwrap();
    let cluster = three(dir.path()).await;
    let active = cluster.controller().unwrap();
    let at = |i: usize| {
        let of = cluster.voters().split(',').nth(i).unwrap();
        of.split_once('@').unwrap().1
    };
    let mut client = Client::to(cluster.node(active).unwrap()).await;
    let described = client.call(&DescribeClusterRequest::default(), 1).await;
    // The node that decides does not let another process be its broker.
    let second = BrokerRegistrationRequest {
        broker_id: active as i32 + 1,
        cluster_id: described.cluster_id,
        incarnation_id: Uuid(0xaaaa),
        log_dirs: vec![Uuid(0xbbbb_0000_0000)],
        ..Default::default()
    };
    let mut controller = Client::at(at(active)).await;
    let told = controller.call(&second, 4).await;
    assert_eq!((told.error_code, told.broker_epoch), (101, -1), "{told:?}");
    // Errors come in versions that cannot say where the leader is, too.
    for version in 13..=17 {
        let mut request = FetchRequest::default();
        request.topics.push(fetch_request::FetchTopic {
            topic_id: Uuid::METADATA_TOPIC,
            partitions: vec![fetch_request::FetchPartition::default()],
            ..Default::default()
        });
        request.topics[0].partitions[0].last_fetched_epoch = 0;
        let told = controller.call(&request, version).await;
        assert_eq!(told.responses[0].partitions[0].error_code, 42, "no epoch");
        assert_eq!(told.node_endpoints.len(), usize::from(version >= 16));
        request.topics[0].partitions[0].current_leader_epoch = 0;
        let told = controller.call(&request, version).await;
        let of = &told.responses[0].partitions[0];
        assert_eq!(of.error_code, 74, "an old epoch, in version {version}");
        assert!(of.log_start_offset >= 0, "{of:?}");
    }
    for version in 0..=1 {
        let request = FetchSnapshotRequest {
            topics: vec![fetch_snapshot_request::TopicSnapshot {
                name: Str::from("__cluster_metadata"),
                partitions: vec![Default::default()],
            }],
            ..Default::default()
        };
        let told = controller.call(&request, version).await;
        let of = &told.topics[0].partitions[0];
        assert_eq!(of.error_code, 74, "an old epoch, in version {version}");
        assert_eq!(told.node_endpoints.len(), usize::from(version >= 1));
    }
    let request = CreateTopicsRequest {
        topics: vec![client::topic("t", 1, 1, &[])],
        timeout_ms: 10_000,
        validate_only: false,
    };
    let mut standby = Client::at(at((active + 1) % 3)).await;
    let told = standby.call(&request, 7).await;
    assert_eq!(told.topics[0].error_code, 41, "{told:?}");
    timely("shutdown", cluster.shutdown()).await;
}
