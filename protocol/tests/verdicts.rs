//! What becomes of good and damaged batches, against the verdicts of Kafka's own produce path.
//!
//! Always holds: where the two differ, the difference is named in [`stricter`] with its reason. Must never: let through what Kafka
//! refuses.

mod common;

use airis_protocol::batch::{BatchBytes, HEADER_LEN, TimestampType};
use airis_protocol::compress::{Codec, decompress};
use airis_protocol::error::ErrorCode;
use airis_protocol::types::Millis;
use airis_protocol::validate::{ValidateConfig, validate};

/// The clock of `codegen/golden/GoldenVerdicts.java`, and its `max.message.bytes`.
const NOW: Millis = Millis(1_700_000_100_000);
const MAX_BYTES: i32 = 400;

fn config(name: &str) -> ValidateConfig {
    ValidateConfig {
        codec: match name {
            "gzip" => Some(Codec::Gzip),
            "none" => Some(Codec::None),
            _ => None,
        },
        level: None,
        timestamp_type: if name == "append" {
            TimestampType::LogAppend
        } else {
            TimestampType::Create
        },
        before_max_ms: if name == "narrow" { 60_000 } else { i64::MAX },
        after_max_ms: 3_600_000,
        keys_required: name == "compact",
        max_message_bytes: MAX_BYTES,
        produce_version: 13,
    }
}

/// Why ours may differ from Kafka's verdict; `None` if it may not.
fn stricter(kafka: &str, ours: ErrorCode, message: &str) -> Option<&'static str> {
    // Rules that Kafka does not have. Which of two faults is told is a matter of order.
    for (part, reason) in [
        (
            "offset delta",
            "records out of order are read at wrong offsets",
        ),
        ("must have a producer id", "a transaction of nobody"),
        ("delete horizon", "only compaction sets it"),
        (
            "its size",
            "Kafka does not look at the sizes of compressed records",
        ),
    ] {
        if ours == ErrorCode::InvalidRecord && message.contains(part) {
            return Some(reason);
        }
    }
    match (kafka, ours) {
        ("NONE", ErrorCode::InvalidRecord) if message.contains("ends before it") => {
            Some("Kafka does not look at the sizes of compressed records")
        }
        // Kafka has no answer and says UNKNOWN_SERVER_ERROR: codecs 5 to 7, damaged compression, bytes behind the batch.
        ("UNKNOWN_SERVER_ERROR", ErrorCode::UnsupportedCompressionType) => Some("codec"),
        ("UNKNOWN_SERVER_ERROR", ErrorCode::CorruptMessage) => Some("damaged compression"),
        ("UNKNOWN_SERVER_ERROR", ErrorCode::InvalidRecord) => Some("structure"),
        ("NONE", ErrorCode::InvalidTimestamp) => {
            Some("the timestamp type is the broker's to set, whatever the topic's is")
        }
        _ => None,
    }
}

#[test]
fn verdicts_are_kafkas() {
    let packed: &[u8] = include_bytes!("golden/verdicts.gz");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed), &mut text)
        .expect("gzip");
    let (mut same, mut reasons) = (0, std::collections::BTreeMap::<_, usize>::new());
    let mut wrong = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let [name, batch, kafka, faults, appended] = line.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("five columns: {line}");
        };
        let bytes = common::base64(batch);
        match validate(&bytes, &config(name), NOW) {
            Ok(out) if kafka == "NONE" => {
                let (ours, theirs) = (out.bytes, common::base64(appended));
                if same_batch(&ours, &theirs) {
                    same += 1;
                } else {
                    wrong.push(format!(
                        "{i} {name}: appended {ours:02x?}\n  Kafka {theirs:02x?}"
                    ));
                }
            }
            Ok(_) => wrong.push(format!(
                "{i} {name}: taken, Kafka says {kafka}: {bytes:02x?}"
            )),
            Err(e) if e.error.name() == kafka => {
                let told: Vec<_> = e.records.iter().map(|(i, _)| i.to_string()).collect();
                if told.join(",") == faults {
                    same += 1;
                } else {
                    wrong.push(format!("{i} {name}: records {told:?}, Kafka {faults}"));
                }
            }
            Err(e) => match stricter(kafka, e.error, &e.message) {
                Some(reason) => *reasons.entry(reason).or_default() += 1,
                None => wrong.push(format!(
                    "{i} {name}: {} ({}), Kafka says {kafka}: {bytes:02x?}",
                    e.error.name(),
                    e.message
                )),
            },
        }
    }
    println!("{same} the same, stricter: {reasons:#?}");
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(same > 900);
}

/// Equal but for what each encoder compresses its own way.
fn same_batch(a: &bytes::Bytes, b: &bytes::Bytes) -> bool {
    if a == b {
        return true;
    }
    let parse = |bytes: &bytes::Bytes| {
        let (batch, rest) = BatchBytes::parse(bytes.clone()).expect("appended batches are whole");
        assert!(rest.is_empty());
        let mut header = *batch.header();
        (header.crc, header.batch_length) = (0, 0);
        let codec = batch.codec().expect("known");
        let section = decompress(codec, &batch.bytes()[HEADER_LEN..], 1 << 20).expect("readable");
        (header, section)
    };
    parse(a) == parse(b)
}
