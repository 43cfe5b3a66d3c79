//! `max.connections`: who comes too many waits, and is served when there is a seat, or more of them.

use std::time::Duration;

use airis_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use airis_protocol::messages::*;
use tempfile::TempDir;

use super::Process;
use super::client::Client;

const BROKER: i8 = 4;
const SET: i8 = 0;

async fn waits(client: &mut Client) -> bool {
    let request = ApiVersionsRequest::default();
    client.send(&request, 0).await;
    let frame = client.frame();
    tokio::time::timeout(Duration::from_millis(300), frame)
        .await
        .is_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_connections_are_served_than_are_allowed() {
    let process = Process::start(TempDir::new().unwrap(), "", &["max.connections=3"]);
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut client = Client::at(&process.address).await;
        assert!(!waits(&mut client).await);
        open.push(client);
    }
    let mut fourth = Client::at(&process.address).await;
    let mut fifth = Client::at(&process.address).await;
    assert!(waits(&mut fourth).await && waits(&mut fifth).await);
    // One goes, one comes.
    open.pop();
    assert!(fourth.frame().await.is_some());
    // The number can be changed while the node runs.
    let request = IncrementalAlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: BROKER,
            resource_name: "".into(),
            configs: vec![AlterableConfig {
                name: "max.connections".into(),
                config_operation: SET,
                value: Some("4".into()),
            }],
        }],
        ..Default::default()
    };
    let changed = open[0].call(&request, 1).await;
    assert_eq!(changed.responses[0].error_code, 0, "{changed:?}");
    assert!(fifth.frame().await.is_some());
    let mut sixth = Client::at(&process.address).await;
    assert!(waits(&mut sixth).await);
    assert!(process.stop().0);
}
