//! What a node says about itself: ApiVersions, Metadata, DescribeCluster, DescribeTopicPartitions, DescribeLogDirs.

use airis_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use airis_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use airis_protocol::messages::metadata_request::MetadataRequestTopic;
use airis_protocol::messages::*;
use airis_protocol::types::Uuid;
use anyhow::Result;

use crate::ask::*;
use crate::side::Side;

pub async fn play(side: &mut Side) -> Result<()> {
    versions(side).await?;
    side.make("c-a", 1, &[]).await?;
    let b = side.make("c-b", 3, &[]).await?;
    side.make("c-c", 2, &[]).await?;
    metadata_of(side, b).await?;
    described(side).await?;
    pages(side).await?;
    log_dirs(side).await
}

async fn versions(side: &mut Side) -> Result<()> {
    let named = |version: i16, name: &str| ApiVersionsRequest {
        client_software_name: if version >= 3 {
            name.into()
        } else {
            Default::default()
        },
        client_software_version: if version >= 3 {
            "1.0".into()
        } else {
            Default::default()
        },
    };
    side.all("what is served", |v| named(v, "diff")).await?;
    for bad in ["", "with space", "-"] {
        side.ask(&format!("client named {bad:?}"), &named(4, bad), 4)
            .await?;
    }
    // A version that nobody knows is answered in version 0; any other API's closes the connection.
    side.raw("ApiVersions: version 127", &frame(18, 127, true))
        .await?;
    side.raw("ApiVersions: version -1", &frame(18, -1, false))
        .await?;
    side.raw("Metadata: version 99", &frame(3, 99, true))
        .await?;
    side.raw("Fetch: version 3", &frame(1, 3, false)).await?;
    side.raw("Produce: version 2", &frame(0, 2, false)).await?;
    side.raw("a key that nobody knows", &frame(999, 0, false))
        .await?;
    side.raw("a frame of a negative length", &(-1i32).to_be_bytes())
        .await?;
    side.raw(
        "a body that ends early",
        &[0, 0, 0, 11, 0, 3, 0, 1, 0, 0, 0, 77, 0xff, 0xff, 0],
    )
    .await
}

/// A frame with a header, of the flexible kind if need be, and an empty body.
fn frame(key: i16, version: i16, flexible: bool) -> Vec<u8> {
    let mut frame = vec![0, 0, 0, 10 + u8::from(flexible)];
    frame.extend(key.to_be_bytes());
    frame.extend(version.to_be_bytes());
    frame.extend(77i32.to_be_bytes());
    frame.extend([0xff, 0xff]);
    if flexible {
        frame.push(0);
    }
    frame
}

async fn metadata_of(side: &mut Side, b: Uuid) -> Result<()> {
    let some = |version: i16, names: &[&str]| MetadataRequest {
        allow_auto_topic_creation: version < 4,
        ..metadata(names)
    };
    side.all("some topics", |v| some(v, &["c-a", "c-b"]))
        .await?;
    side.all("none", |v| some(v, &[])).await?;
    side.all("all", |v| MetadataRequest {
        // Version 0 says so with an empty list.
        topics: if v == 0 { Some(Vec::new()) } else { None },
        allow_auto_topic_creation: v < 4,
        ..Default::default()
    })
    .await?;
    for name in ["c-no", "c a", "", "..", "x/y"] {
        side.ask(
            &format!("unknown or bad name {name:?}"),
            &some(13, &[name]),
            13,
        )
        .await?;
        side.ask(
            &format!("unknown or bad name {name:?}"),
            &some(8, &[name]),
            8,
        )
        .await?;
    }
    side.ask("a topic twice", &some(13, &["c-a", "c-a", "c-no"]), 13)
        .await?;
    let by_id = |topic_id, name: Option<&str>| MetadataRequest {
        topics: Some(vec![MetadataRequestTopic {
            topic_id,
            name: name.map(Into::into),
        }]),
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    for version in 10..=13 {
        side.ask("by id", &by_id(b, None), version).await?;
        side.ask("by an unknown id", &by_id(Uuid(0xabcdef), None), version)
            .await?;
        side.ask("by no id and no name", &by_id(Uuid::ZERO, None), version)
            .await?;
        side.ask("by id and name", &by_id(b, Some("c-b")), version)
            .await?;
    }
    let operations = |version: i16| MetadataRequest {
        include_topic_authorized_operations: true,
        include_cluster_authorized_operations: version <= 10,
        ..some(version, &["c-a", "c-no"])
    };
    side.all("with operations", operations).await?;
    Ok(())
}

async fn described(side: &mut Side) -> Result<()> {
    let ask = |version: i16, endpoint_type| DescribeClusterRequest {
        endpoint_type,
        include_fenced_brokers: version >= 2,
        include_cluster_authorized_operations: true,
    };
    side.all("brokers", |v| ask(v, 1)).await?;
    side.all("brokers alone", |_| DescribeClusterRequest {
        endpoint_type: 1,
        ..Default::default()
    })
    .await?;
    for bad in [0, 2, 9, -1] {
        side.ask(&format!("endpoint type {bad}"), &ask(2, bad), 2)
            .await?;
        side.ask(&format!("endpoint type {bad}"), &ask(1, bad), 1)
            .await?;
    }
    Ok(())
}

async fn pages(side: &mut Side) -> Result<()> {
    let ask = |names: &[&str], limit, cursor: Option<(&str, i32)>| DescribeTopicPartitionsRequest {
        topics: names
            .iter()
            .map(|name| TopicRequest {
                name: (*name).into(),
            })
            .collect(),
        response_partition_limit: limit,
        cursor: cursor.map(|(name, partition_index)| Cursor {
            topic_name: name.into(),
            partition_index,
        }),
    };
    const ALL: &[&str] = &["c-c", "c-a", "c-b"];
    for (name, names, limit, cursor) in [
        ("all of three", ALL, 2000, None),
        ("first page", ALL, 2, None),
        ("a page of one", ALL, 1, None),
        ("exactly a topic's end", ALL, 4, None),
        ("no limit", ALL, 0, None),
        ("negative limit", ALL, -5, None),
        ("from a cursor", ALL, 2, Some(("c-b", 1))),
        (
            "from a cursor behind the last partition",
            ALL,
            2,
            Some(("c-b", 3)),
        ),
        (
            "from a cursor far behind the last partition",
            ALL,
            2,
            Some(("c-b", 30)),
        ),
        ("from a negative cursor", ALL, 2, Some(("c-b", -1))),
        (
            "from a cursor of a topic that was not asked",
            ALL,
            2,
            Some(("c-bb", 1)),
        ),
        ("from a cursor behind all topics", ALL, 2, Some(("z", 0))),
        ("from a cursor without a topic", ALL, 2, Some(("", 0))),
        ("unknown topic", &["c-no"], 10, None),
        ("bad name", &["c no"], 10, None),
        ("unknown between known", &["c-c", "c-no", "c-a"], 2, None),
        ("a topic twice", &["c-a", "c-a"], 10, None),
        ("every topic", &[], 2000, None),
        ("every topic from a cursor", &[], 3, Some(("c-b", 0))),
    ] {
        side.ask(name, &ask(names, limit, cursor), 0).await?;
    }
    Ok(())
}

async fn log_dirs(side: &mut Side) -> Result<()> {
    side.put("c-a", batch(&["one", "two"])).await?;
    let ask = |topics: &[(&str, &[i32])]| DescribeLogDirsRequest {
        topics: Some(
            topics
                .iter()
                .map(|(name, partitions)| DescribableLogDirTopic {
                    topic: (*name).into(),
                    partitions: partitions.to_vec(),
                })
                .collect(),
        ),
    };
    side.all("some", |_| ask(&[("c-a", &[0]), ("c-b", &[2, 0])]))
        .await?;
    side.all("what is not there", |_| {
        ask(&[("c-no", &[0]), ("c-a", &[5])])
    })
    .await?;
    side.all("nothing", |_| ask(&[])).await?;
    Ok(())
}
