//! The fuzz targets for a second each, from golden frames with a few bytes changed: a stable build's share of fuzzing.
//!
//! Always holds: the seed is printed and AIRIS_SEED runs it again. Must never: take the place of `fuzz/` (see its README).

mod common;

use std::time::{Duration, Instant};

use airis_protocol::api_key::ApiKey;
use airis_protocol::compress::Codec;
use airis_protocol::fuzz;
use airis_protocol::header::RequestHeader;
use airis_protocol::messages::table::ALL;
use airis_protocol::wire::Writer;
use bytes::Bytes;
use common::{Frame, Rng};

const EACH: Duration = Duration::from_secs(1);
/// As many inputs at least, however busy the machine is.
const RUNS_MIN: u64 = 1000;

/// Changes a few bytes, cuts, inserts or doubles.
fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.below(4) {
        let n = bytes.len();
        if n == 0 {
            bytes.push(rng.next() as u8);
            continue;
        }
        let at = rng.below(n);
        match rng.below(7) {
            0 => bytes[at] = rng.next() as u8,
            1 => bytes[at] ^= 1 << rng.below(8),
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][rng.below(5)],
            3 => bytes.truncate(at),
            4 => bytes.insert(at, rng.next() as u8),
            5 => {
                bytes.remove(at);
            }
            _ => {
                let piece = bytes[at..n.min(at + 1 + rng.below(16))].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}

/// Runs a property on mutated seeds for [`EACH`]; on a failure names the input.
fn run(name: &str, property: fn(&[u8]), seeds: &[Vec<u8>]) {
    let mut rng = Rng(common::seed());
    assert!(!seeds.is_empty());
    for seed in seeds {
        property(seed);
    }
    let start = Instant::now();
    let mut runs = 0u64;
    while start.elapsed() < EACH || runs < RUNS_MIN {
        for _ in 0..64 {
            let mut input = seeds[rng.below(seeds.len())].clone();
            mutate(&mut input, &mut rng);
            let shown = input.clone();
            if std::panic::catch_unwind(move || property(&input)).is_err() {
                panic!("{name} fails for {shown:02x?}");
            }
            runs += 1;
        }
    }
    println!("{name}: {runs} inputs");
}

fn golden(filter: impl Fn(&Frame) -> bool) -> Vec<Frame> {
    common::golden().into_iter().filter(|f| filter(f)).collect()
}

#[test]
fn requests() {
    let mut seeds = Vec::new();
    for frame in golden(|f| f.name.ends_with("Request")) {
        let key = ApiKey::ALL
            .iter()
            .find(|k| frame.name.strip_suffix("Request") == Some(k.name()))
            .unwrap();
        let mut w = Writer::framed();
        let header = RequestHeader {
            api_key: *key as i16,
            api_version: frame.version,
            correlation_id: 1,
            client_id: None,
        };
        header.write(&mut w).unwrap();
        w.raw(&frame.bytes);
        seeds.push(w.finish_frame().unwrap().to_bytes().to_vec());
    }
    run("requests", fuzz::requests, &seeds);
}

#[test]
fn messages() {
    let mut seeds = Vec::new();
    for frame in golden(|f| !f.name.ends_with("Header")) {
        let index = ALL.binary_search_by(|e| e.name.cmp(&frame.name)).unwrap();
        let mut seed = vec![
            (index >> 8) as u8,
            index as u8,
            (frame.version - ALL[index].min) as u8,
        ];
        seed.extend_from_slice(&frame.bytes);
        seeds.push(seed);
    }
    run("messages", fuzz::messages, &seeds);
}

#[test]
fn persisted_records() {
    use airis_protocol::messages::{GroupRecordKey, GroupRecordValue, MetadataRecord};

    let mut seeds = Vec::new();
    // Any type may be in front of any golden body; only those that read back as a record are kept.
    for frame in golden(|f| {
        f.name.ends_with("Key") || f.name.ends_with("Value") || f.name.ends_with("Record")
    }) {
        for kind in 0..30u8 {
            let framed = [&[1, kind, frame.version as u8], &frame.bytes[..]].concat();
            if MetadataRecord::read_framed(framed.clone().into()).is_ok() {
                seeds.push([&[0, 0], &framed[..]].concat());
            }
            let key = [&[0, kind], &frame.bytes[..]].concat();
            if GroupRecordKey::read(key.clone().into()).is_ok() {
                seeds.extend([1, 3, 5].map(|log| [&[log, 0], &key[..]].concat()));
            }
            let value = [&[0, frame.version as u8], &frame.bytes[..]].concat();
            if GroupRecordValue::read(kind.into(), Bytes::from(value.clone())).is_ok() {
                seeds.extend([2, 4, 6].map(|log| [&[log, kind], &value[..]].concat()));
            }
        }
    }
    assert!(seeds.len() > 300, "{}", seeds.len());
    run("persisted_records", fuzz::persisted_records, &seeds);
}

/// The small ones of the batches that Kafka's classes built.
fn golden_batches() -> Vec<(u8, Vec<u8>)> {
    let packed: &[u8] = include_bytes!("golden/batches.gz");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(packed), &mut text).unwrap();
    text.lines()
        .map(|line| {
            let columns: Vec<_> = line.split(' ').collect();
            let codec = Codec::from_name(columns[1]).unwrap();
            (codec.id(), common::base64(columns[2]).to_vec())
        })
        .filter(|(_, bytes)| bytes.len() < 1000)
        .collect()
}

#[test]
fn record_batches() {
    let mut seeds = Vec::new();
    for (codec, mut bytes) in golden_batches() {
        // As a client sends it: the broker gives the offset.
        bytes[..8].fill(0);
        seeds.extend([1, 3, 9].map(|repair| [&[repair | codec << 4], &bytes[..]].concat()));
    }
    run("record_batches", fuzz::record_batches, &seeds);
}

#[test]
fn compressed() {
    let seeds: Vec<_> = golden_batches()
        .into_iter()
        .map(|(codec, bytes)| [&[codec], &bytes[61..]].concat())
        .collect();
    run("compressed", fuzz::compressed, &seeds);
}
