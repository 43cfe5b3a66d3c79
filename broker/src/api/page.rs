//! `docs/apis.md`: what the table says, and why the rest of Kafka's APIs is not in it.
//!
//! `AIRIS_UPDATE=1 cargo test -p airis-broker --lib page` writes the page anew.

use std::fmt::Write;

use airis_protocol::api_key::ApiKey;

use super::{ROWS, row};

/// Why an API of Kafka 4.3 is not served. Every key stands here or in the table.
fn why_not(key: ApiKey) -> Option<&'static str> {
    use ApiKey::*;
    Some(match key {
        SaslHandshake | SaslAuthenticate => "SASL is not built yet",
        AddPartitionsToTxn | AddOffsetsToTxn | EndTxn | WriteTxnMarkers | TxnOffsetCommit
        | DescribeTransactions | ListTransactions => "transactions are not built yet",
        DescribeAcls | CreateAcls | DeleteAcls => "ACLs are not built yet",
        CreateDelegationToken
        | RenewDelegationToken
        | ExpireDelegationToken
        | DescribeDelegationToken => "delegation tokens are not built yet",
        DescribeClientQuotas | AlterClientQuotas => "quotas are not built yet",
        DescribeUserScramCredentials | AlterUserScramCredentials => "SCRAM is not built yet",
        Vote | BeginQuorumEpoch | EndQuorumEpoch | UpdateRaftVoter => {
            "Kafka's own raft protocol: this broker's quorum is agreed on by openraft"
        }
        ConsumerGroupHeartbeat | ConsumerGroupDescribe => {
            "the newer consumer group protocol (KIP-848) is not built yet"
        }
        GetTelemetrySubscriptions | PushTelemetry => {
            "client metrics (KIP-714) are not built yet; Kafka itself lists these only with a metrics reporter"
        }
        ShareGroupHeartbeat
        | ShareGroupDescribe
        | ShareFetch
        | ShareAcknowledge
        | InitializeShareGroupState
        | ReadShareGroupState
        | WriteShareGroupState
        | DeleteShareGroupState
        | ReadShareGroupStateSummary
        | DescribeShareGroupOffsets
        | AlterShareGroupOffsets
        | DeleteShareGroupOffsets => "share groups (KIP-932) are not built yet",
        StreamsGroupHeartbeat | StreamsGroupDescribe => {
            "the Streams group protocol (KIP-1071) is not built yet; Kafka Streams falls back to the classic one"
        }
        _ => return None,
    })
}

fn page() -> String {
    let mut page = String::from(
        "# APIs\n\nMade from the table in `broker/src/api/mod.rs`; to renew it: `AIRIS_UPDATE=1 cargo test -p airis-broker --lib page`.\n\n\
         ## Served\n\nIn every version that Apache Kafka 4.3 serves.\n\n| key | API | versions | answered by |\n|---|---|---|---|\n",
    );
    for row in ROWS {
        let (min, max) = row.versions();
        let key = row.key as i16;
        let _ = writeln!(
            page,
            "| {key} | {} | {min} to {max} | {} |",
            row.key.name(),
            row.role.name()
        );
    }
    page.push_str(
        "\n## Not served\n\nNot advertised; a request for one closes the connection, as it does in Kafka.\n\n| key | API | why |\n|---|---|---|\n",
    );
    for key in ApiKey::ALL {
        if let Some(why) = why_not(*key) {
            let _ = writeln!(page, "| {} | {} | {why} |", *key as i16, key.name());
        }
    }
    page
}

#[test]
fn every_key_of_kafka_is_served_or_has_a_reason() {
    for key in ApiKey::ALL {
        assert_ne!(
            row(*key, false).or(row(*key, true)).is_some(),
            why_not(*key).is_some(),
            "{key:?} is either served or has a reason not to be"
        );
    }
}

#[test]
fn the_page_of_apis_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/apis.md");
    let text = page();
    if std::env::var_os("AIRIS_UPDATE").is_some() {
        std::fs::write(path, &text).expect("the page can be written");
    }
    let page = std::fs::read_to_string(path).expect("docs/apis.md is there");
    assert!(
        page == text,
        "docs/apis.md is stale; AIRIS_UPDATE=1 renews it"
    );
}
