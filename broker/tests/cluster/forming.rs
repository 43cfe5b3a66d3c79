//! Who may come together, and who may not.

use super::*;

fn node(dir: &Path, id: i32, voters: &str) -> airis_broker::Builder {
    let addr = voters
        .split(',')
        .find_map(|v| v.strip_prefix(&format!("{id}@")))
        .unwrap();
    Broker::builder()
        .data_dir(dir.join(format!("node-{id}")))
        .property("node.id", id)
        .property(
            "listeners",
            format!("PLAINTEXT://127.0.0.1:0,CONTROLLER://{addr}"),
        )
        .property("controller.quorum.voters", voters)
}

fn voters(n: i32) -> String {
    let voters: Vec<String> = (1..=n)
        .map(|id| format!("{id}@127.0.0.1:{}", free_port()))
        .collect();
    voters.join(",")
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_of_two_clusters_do_not_come_together() {
    let dir = tempfile::tempdir().unwrap();
    let voters = voters(2);
    let mut ids = Vec::new();
    // Each one a cluster of its own first.
    for id in 1..=2 {
        let alone = Broker::builder()
            .data_dir(dir.path().join(format!("node-{id}")))
            .property("node.id", id);
        let alone = alone.start().await.unwrap();
        ids.push(alone.cluster_id().to_owned());
        timely("stop", alone.stop()).await;
    }
    let (one, two) = tokio::join!(
        tokio::time::timeout(PATIENCE, node(dir.path(), 1, &voters).start()),
        tokio::time::timeout(PATIENCE, node(dir.path(), 2, &voters).start()),
    );
    // At least one hears of the other and says so; neither takes the other's cluster.
    let errors: Vec<String> = [one, two]
        .into_iter()
        .filter_map(|started| started.ok()?.err().map(|e| e.to_string()))
        .collect();
    assert!(!errors.is_empty(), "somebody refuses");
    for error in errors {
        assert!(
            ids.iter().all(|id| error.contains(id)) && error.contains("node-"),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_waits_for_the_others_and_begins_nothing_alone() {
    let dir = tempfile::tempdir().unwrap();
    let voters = voters(3);
    let first = node(dir.path(), 1, &voters).start();
    let waits = tokio::time::timeout(Duration::from_millis(700), first).await;
    assert!(waits.is_err(), "it waits");
    assert!(!dir.path().join("node-1/meta.properties").exists());
    let addr = voters.split(',').next().unwrap().split_once('@').unwrap().1;
    let free = async || std::net::TcpListener::bind(addr).is_ok();
    until("what was given up has let go of its port", free).await;
    let all =
        futures::future::try_join_all((1..=3).map(|id| node(dir.path(), id, &voters).start()));
    let all = tokio::time::timeout(PATIENCE, all).await.unwrap().unwrap();
    assert!(all.iter().all(|n| n.cluster_id() == all[0].cluster_id()));
    for node in all {
        timely("stop", node.stop()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_names_itself_as_the_only_server_begins_a_cluster() {
    let dir = tempfile::tempdir().unwrap();
    let server = format!("127.0.0.1:{}", free_port());
    let start = || {
        let node = Broker::builder()
            .data_dir(dir.path().join("node-1"))
            .property("node.id", 1)
            .property(
                "listeners",
                format!("PLAINTEXT://127.0.0.1:0,CONTROLLER://{server}"),
            )
            .property("controller.quorum.bootstrap.servers", &server);
        timely("start", node.start())
    };
    let node = start().await.unwrap();
    let id = node.cluster_id().to_owned();
    assert_eq!(create(&node, "t", 1, 1).await, 0);
    timely("kill", node.kill()).await;
    let node = start().await.unwrap();
    assert_eq!(node.cluster_id(), id);
    assert_eq!(metadata(&node, &["t"]).await.topics[0].error_code, 0);
    timely("stop", node.stop()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_without_ids_find_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
    let servers: Vec<String> = ports.iter().map(|p| format!("127.0.0.1:{p}")).collect();
    let all = futures::future::try_join_all((0..3).map(|i| {
        Broker::builder()
            .data_dir(dir.path().join(format!("node-{}", 11 + i)))
            .property("node.id", 11 + i)
            .property(
                "listeners",
                format!("PLAINTEXT://127.0.0.1:0,CONTROLLER://{}", servers[i]),
            )
            .property("controller.quorum.bootstrap.servers", servers.join(","))
            .start()
    }));
    let all = tokio::time::timeout(PATIENCE, all).await.unwrap().unwrap();
    until("all take part", async || {
        live(&all[1]).await == [11, 12, 13]
    })
    .await;
    for node in all {
        timely("stop", node.stop()).await;
    }
    same_logs(dir.path(), 11..=13);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voter_that_lost_its_disk_gets_the_log_back_and_does_not_begin_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut cluster = three(dir.path()).await;
    assert_eq!(create(cluster.node(0).unwrap(), "t", 3, 3).await, 0);
    let id = cluster.node(0).unwrap().cluster_id().to_owned();
    for lost in 0..3 {
        timely("kill", cluster.kill(lost)).await;
        std::fs::remove_dir_all(dir.path().join(format!("node-{}", lost + 1))).unwrap();
        timely("restart", cluster.restart(lost)).await.unwrap();
        let node = cluster.node(lost).unwrap();
        assert_eq!(node.cluster_id(), id);
        until("the topic is known", async || {
            metadata(node, &["t"]).await.topics[0].error_code == 0
        })
        .await;
        let mark = dir.path().join(format!(
            "node-{}/__cluster_metadata-0/catching-up",
            lost + 1
        ));
        until("it may vote again", async || !mark.exists()).await;
    }
    timely("shutdown", cluster.shutdown()).await;
    same_logs(dir.path(), 1..=3);
}
