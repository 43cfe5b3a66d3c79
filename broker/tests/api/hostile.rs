//! What the whole table owes: every version answers, and nothing that a client sends kills the node or costs it much.

use airis_broker::Broker;
use airis_protocol::api_key::ApiKey;
use airis_protocol::messages::*;
use airis_protocol::types::Str;
use airis_protocol::wire::{Message, Reader};
use bytes::Bytes;

use crate::client::*;

/// A request header as every key has it: version 1, and an empty set of tags behind it where version 2 is due.
fn header(key: i16, version: i16) -> Vec<u8> {
    let mut h = Vec::new();
    h.extend(key.to_be_bytes());
    h.extend(version.to_be_bytes());
    h.extend(7i32.to_be_bytes());
    h.extend((-1i16).to_be_bytes());
    if ApiKey::try_from(key).is_ok_and(|k| k.request_header_version(version) >= 2) {
        h.push(0);
    }
    h
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as i32).to_be_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

async fn served(broker: &Broker) -> Vec<(i16, i16, i16)> {
    let mut c = Client::to(broker).await;
    let request = ApiVersionsRequest {
        client_software_name: Str::from("test"),
        client_software_version: Str::from("1"),
    };
    let keys = c.call(&request, 4).await.api_keys;
    keys.iter()
        .map(|k| {
            let min = ApiKey::try_from(k.api_key).unwrap().versions().0;
            (k.api_key, k.min_version.max(min), k.max_version)
        })
        .collect()
}

async fn alive(broker: &Broker) {
    let mut c = Client::to(broker).await;
    assert_eq!(
        c.call(
            &DescribeClusterRequest {
                endpoint_type: 1,
                ..Default::default()
            },
            1
        )
        .await
        .error_code,
        0
    );
}

macro_rules! defaults {
    ($($key:ident: $request:ident,)*) => {
        /// A request of this key and version with every field at its default, as bytes. Every served key stands here.
        fn default_body(key: i16, version: i16) -> Bytes {
            match ApiKey::try_from(key).unwrap() {
                $(ApiKey::$key => $request::default().to_bytes(version).unwrap(),)*
                other => panic!("{other:?} is served and not tested"),
            }
        }
    };
}

defaults! {
    Produce: ProduceRequest,
    Fetch: FetchRequest,
    ListOffsets: ListOffsetsRequest,
    Metadata: MetadataRequest,
    OffsetCommit: OffsetCommitRequest,
    OffsetFetch: OffsetFetchRequest,
    FindCoordinator: FindCoordinatorRequest,
    JoinGroup: JoinGroupRequest,
    Heartbeat: HeartbeatRequest,
    LeaveGroup: LeaveGroupRequest,
    SyncGroup: SyncGroupRequest,
    DescribeGroups: DescribeGroupsRequest,
    ListGroups: ListGroupsRequest,
    ApiVersions: ApiVersionsRequest,
    CreateTopics: CreateTopicsRequest,
    DeleteTopics: DeleteTopicsRequest,
    DeleteRecords: DeleteRecordsRequest,
    InitProducerId: InitProducerIdRequest,
    OffsetForLeaderEpoch: OffsetForLeaderEpochRequest,
    DescribeConfigs: DescribeConfigsRequest,
    AlterConfigs: AlterConfigsRequest,
    AlterReplicaLogDirs: AlterReplicaLogDirsRequest,
    DescribeLogDirs: DescribeLogDirsRequest,
    CreatePartitions: CreatePartitionsRequest,
    DeleteGroups: DeleteGroupsRequest,
    ElectLeaders: ElectLeadersRequest,
    IncrementalAlterConfigs: IncrementalAlterConfigsRequest,
    AlterPartitionReassignments: AlterPartitionReassignmentsRequest,
    ListPartitionReassignments: ListPartitionReassignmentsRequest,
    OffsetDelete: OffsetDeleteRequest,
    DescribeQuorum: DescribeQuorumRequest,
    UpdateFeatures: UpdateFeaturesRequest,
    DescribeCluster: DescribeClusterRequest,
    DescribeProducers: DescribeProducersRequest,
    UnregisterBroker: UnregisterBrokerRequest,
    ListConfigResources: ListConfigResourcesRequest,
    DescribeTopicPartitions: DescribeTopicPartitionsRequest,
    AddRaftVoter: AddRaftVoterRequest,
    RemoveRaftVoter: RemoveRaftVoterRequest,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_of_every_api_answers_a_plain_request() {
    let broker = broker().await;
    for (key, min, max) in served(&broker).await {
        for version in min..=max {
            let body = default_body(key, version);
            let mut c = Client::to(&broker).await;
            let mut frame = header(key, version);
            frame.extend_from_slice(&body);
            c.write(&framed(&frame)).await;
            // A default Produce has acks=0 and no answer; what it must not do is close the connection.
            if key == ApiKey::Produce as i16 {
                continue;
            }
            let answer = c
                .frame()
                .await
                .unwrap_or_else(|| panic!("key {key} version {version}: closed"));
            let api = ApiKey::try_from(key).unwrap();
            let mut r = Reader::new(answer);
            let id = airis_protocol::header::read_response_header(&mut r, api, version).unwrap();
            assert_eq!(id, 7);
            let response = ResponseKind::read(api, version, &mut r);
            assert!(
                response.is_ok(),
                "key {key} version {version}: {response:?}"
            );
            r.end().unwrap();
        }
    }
    alive(&broker).await;
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_and_keys_that_are_not_served_close_the_connection() {
    let broker = broker().await;
    for (key, min, max) in served(&broker).await {
        for version in [min - 1, max + 1, i16::MAX, i16::MIN] {
            let mut c = Client::to(&broker).await;
            c.write(&framed(&header(key, version))).await;
            if key == ApiKey::ApiVersions as i16 {
                // KIP-511: answered in version 0, so that the client learns which versions of this request are served.
                let answer = c.frame().await.unwrap();
                let response = ApiVersionsResponse::from_bytes(answer.slice(4..), 0).unwrap();
                assert_eq!(response.error_code, 35);
                let told = response.api_keys;
                assert_eq!((told.len(), told[0].max_version), (1, max));
            } else {
                assert_eq!(c.frame().await, None, "key {key} version {version}");
            }
        }
    }
    for key in [-1, 4, 999] {
        let mut c = Client::to(&broker).await;
        c.write(&framed(&header(key, 0))).await;
        assert_eq!(c.frame().await, None, "key {key}");
    }
    alive(&broker).await;
    broker.stop().await;
}

// Faults H1, H3, H16.
#[tokio::test(flavor = "multi_thread")]
async fn cut_and_random_bodies_are_answered_or_closed_and_the_node_lives() {
    let seed = std::env::var("AIRIS_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or_else(|| now().0 as u64);
    println!("AIRIS_SEED={seed}");
    let mut state = seed;
    let mut random = || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as u32
    };
    let broker = broker().await;
    for (key, min, max) in served(&broker).await {
        for version in min..=max {
            let body = default_body(key, version);
            let mut bodies: Vec<Vec<u8>> = Vec::new();
            if !body.is_empty() {
                bodies.push(body[..body.len() - 1].to_vec());
                bodies.push(body[..random() as usize % body.len()].to_vec());
            }
            bodies.push((0..64).map(|_| random() as u8).collect());
            // Counts and lengths as large as they can be.
            bodies.push([0x7f; 32].to_vec());
            bodies.push([0xff, 0xff, 0xff, 0xff, 0x07].repeat(8));
            for body in bodies {
                let mut c = Client::to(&broker).await;
                let mut frame = header(key, version);
                frame.extend_from_slice(&body);
                c.write(&framed(&frame)).await;
                // The next request shows that the first was dealt with: answered, or the connection closed.
                c.write(&framed(&header(9999, 0))).await;
                while c.frame().await.is_some() {}
            }
        }
    }
    alive(&broker).await;
    broker.stop().await;
}

// Faults H1, H2.
#[tokio::test(flavor = "multi_thread")]
async fn frames_of_absurd_sizes_close_the_connection() {
    let broker = broker().await;
    for bytes in [
        &i32::MAX.to_be_bytes()[..],
        &(-1i32).to_be_bytes()[..],
        b"GET / HTTP/1.1\r\n\r\n",
        &[0x16, 3, 1, 2, 0, 1, 0, 1],
    ] {
        let mut c = Client::to(&broker).await;
        c.write(bytes).await;
        assert_eq!(c.frame().await, None, "{bytes:?}");
    }
    // Announced and never sent: it costs nothing, and others are served.
    let mut held = Vec::new();
    for _ in 0..200 {
        let mut c = Client::to(&broker).await;
        c.write(&(95 * 1024 * 1024i32).to_be_bytes()).await;
        c.write(&[0; 10]).await;
        held.push(c);
    }
    alive(&broker).await;
    broker.stop().await;
}

// Fault H14.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_pipelined_requests_are_all_answered_in_order() {
    let broker = broker().await;
    let mut c = Client::to(&broker).await;
    let mut ids = Vec::new();
    let request = DescribeClusterRequest {
        endpoint_type: 1,
        ..Default::default()
    };
    for _ in 0..5000 {
        ids.push(c.send(&request, 1).await);
    }
    for id in ids {
        c.receive::<DescribeClusterRequest>(id, 1).await;
    }
    broker.stop().await;
}
