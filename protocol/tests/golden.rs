//! Every message in every version, byte for byte against what Kafka 4.3.0's own classes write, and against the
//! `kafka-protocol` crate where it has the version.
//!
//! Always holds: the list of golden frames covers every message and version of the table. Must never: skip a frame silently.

mod common;

use std::collections::HashSet;

use airis_protocol::api_key::ApiKey;
use airis_protocol::header::{RequestHeader, read_response_header, write_response_header};
use airis_protocol::messages::table::{ALL, Entry};
use airis_protocol::wire::{Reader, Writer};
use bytes::Bytes;
use kafka_protocol::messages as oracle;

fn entry(name: &str) -> Option<&'static Entry> {
    ALL.binary_search_by(|e| e.name.cmp(name))
        .ok()
        .map(|i| &ALL[i])
}

fn recode(entry: &Entry, version: i16, bytes: &Bytes) -> Result<Bytes, String> {
    let mut r = Reader::new(bytes.clone());
    let mut w = Writer::new();
    (entry.recode)(&mut r, &mut w, version).map_err(|e| e.to_string())?;
    r.end().map_err(|e| e.to_string())?;
    Ok(w.finish().to_bytes())
}

#[test]
fn what_kafka_writes_is_read_and_written_the_same() {
    let mut wrong = Vec::new();
    let mut seen = HashSet::new();
    for frame in common::golden() {
        let Some(entry) = entry(&frame.name) else {
            assert!(
                ["RequestHeader", "ResponseHeader"].contains(&frame.name.as_str()),
                "{} is unknown",
                frame.name
            );
            continue;
        };
        seen.insert((entry.name, frame.version));
        match recode(entry, frame.version, &frame.bytes) {
            Ok(same) if same == frame.bytes => {}
            Ok(other) => wrong.push(format!(
                "{} v{} {}: {:02x?} became {:02x?}",
                frame.name, frame.version, frame.variant, frame.bytes, other
            )),
            Err(e) => wrong.push(format!(
                "{} v{} {}: {e}",
                frame.name, frame.version, frame.variant
            )),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} frames are wrong, the first: {}",
        wrong.len(),
        wrong[0]
    );
    for entry in &ALL {
        for version in entry.min..=entry.max {
            assert!(
                seen.contains(&(entry.name, version)),
                "no golden frame of {} v{version}",
                entry.name
            );
        }
    }
}

#[test]
fn headers_are_kafkas() {
    let mut checked = 0;
    for frame in common::golden() {
        let mut r = Reader::new(frame.bytes.clone());
        let mut w = Writer::new();
        match frame.name.as_str() {
            // The golden header names a made-up key; put one that has the header version.
            "RequestHeader" => {
                let mut bytes = frame.bytes.to_vec();
                bytes[..4].copy_from_slice(if frame.version == 1 {
                    &[0, 3, 0, 1]
                } else {
                    &[0, 3, 0, 13]
                });
                let bytes = Bytes::from(bytes);
                let mut r = Reader::new(bytes.clone());
                RequestHeader::read(&mut r).unwrap().write(&mut w).unwrap();
                r.end().unwrap();
                assert_eq!(w.finish().to_bytes(), bytes);
                checked += 1;
            }
            "ResponseHeader" => {
                let version = if frame.version == 0 { 1 } else { 13 };
                let id = read_response_header(&mut r, ApiKey::Metadata, version).unwrap();
                r.end().unwrap();
                write_response_header(&mut w, ApiKey::Metadata, version, id);
                assert_eq!(w.finish().to_bytes(), frame.bytes);
                checked += 1;
            }
            _ => {}
        }
    }
    assert!(checked >= 6, "{checked}");
}

/// Decodes with the other crate and encodes again.
fn by_oracle(key: i16, request: bool, version: i16, bytes: &Bytes) -> Option<Bytes> {
    let key = oracle::ApiKey::try_from(key).ok()?;
    let mut left = bytes.clone();
    let mut out = bytes::BytesMut::new();
    let range = key.valid_versions();
    if version < range.min || version > range.max {
        return None;
    }
    if request {
        oracle::RequestKind::decode(key, &mut left, version)
            .ok()?
            .encode(&mut out, version)
            .ok()?;
    } else {
        oracle::ResponseKind::decode(key, &mut left, version)
            .ok()?
            .encode(&mut out, version)
            .ok()?;
    }
    left.is_empty().then(|| out.freeze())
}

#[test]
fn another_implementation_agrees() {
    let mut agreed = HashSet::new();
    let mut unknown = HashSet::new();
    for frame in common::golden() {
        let (stem, request) = match (
            frame.name.strip_suffix("Request"),
            frame.name.strip_suffix("Response"),
        ) {
            (Some(stem), _) => (stem, true),
            (_, Some(stem)) => (stem, false),
            _ => continue,
        };
        let Some(key) = ApiKey::ALL.iter().find(|k| k.name() == stem) else {
            continue;
        };
        let entry = entry(&frame.name).unwrap();
        let ours = recode(entry, frame.version, &frame.bytes).unwrap();
        match by_oracle(*key as i16, request, frame.version, &ours) {
            Some(theirs) => {
                assert_eq!(
                    theirs, ours,
                    "{} v{} {}",
                    frame.name, frame.version, frame.variant
                );
                agreed.insert((entry.name, frame.version));
            }
            None => {
                // It is a version behind Kafka 4.3 on some messages, and lacks the streams groups.
                let behind = frame.version == entry.max || stem.starts_with("StreamsGroup");
                assert!(behind, "{} v{} is unknown to it", frame.name, frame.version);
                unknown.insert((entry.name, frame.version));
            }
        }
    }
    assert_eq!(
        (agreed.len(), unknown.len()),
        (577, 27),
        "unknown: {unknown:?}"
    );
}
