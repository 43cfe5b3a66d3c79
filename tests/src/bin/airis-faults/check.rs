//! What must hold, whatever broke.
//!
//! Everything acknowledged is at its offset; a producer's records are there in order, each once, none left out; what was committed
//! once never changes; the group's offsets never go back; at the end the nodes' files hold the same batches, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use airis_protocol::batch::{BatchHeader, check_crc};
use anyhow::{Context, Result, bail, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use crate::load::{GROUP, Load, PARTITIONS, PROBE, Sent, TOPIC, client};

const PATIENCE: Duration = Duration::from_secs(60);
/// Of each kind of wrong, so many are told.
const TOLD: usize = 5;

/// What was read from end to end: each partition's records from offset 0 on.
pub type Read = Vec<Vec<Sent>>;

fn read(bootstrap: &str) -> Result<Read> {
    let settings = [
        ("group.id", "checker"),
        ("check.crcs", "true"),
        ("enable.auto.commit", "false"),
        ("fetch.wait.max.ms", "50"),
    ];
    let consumer: BaseConsumer = client(bootstrap, &settings).create()?;
    let start = Instant::now();
    let mut all = Vec::new();
    for partition in 0..PARTITIONS {
        let (_, end) = loop {
            match consumer.fetch_watermarks(TOPIC, partition, Duration::from_secs(5)) {
                Ok(marks) => break marks,
                Err(e) if start.elapsed() > PATIENCE => bail!("where {partition} ends: {e}"),
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        };
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(TOPIC, partition, Offset::Beginning)?;
        consumer.assign(&list)?;
        let mut records = Vec::new();
        while (records.len() as i64) < end {
            ensure!(
                start.elapsed() < PATIENCE,
                "{partition} was read up to {} of {end} in {PATIENCE:?}",
                records.len()
            );
            let message = match consumer.poll(Duration::from_millis(200)) {
                None => continue,
                Some(Ok(message)) => message,
                // One that the client gets over by itself.
                Some(Err(KafkaError::MessageConsumption(_))) => continue,
                Some(Err(e)) => return Err(e).context("reading back"),
            };
            let (offset, expected) = (message.offset(), records.len() as i64);
            ensure!(
                message.partition() == partition,
                "a record of another partition"
            );
            ensure!(
                offset == expected,
                "{partition} has {offset} where {expected} should be"
            );
            let sent = message.payload().and_then(Sent::of);
            records.push(
                sent.with_context(|| format!("{partition}:{offset} holds what nobody sent"))?,
            );
        }
        all.push(records);
    }
    Ok(all)
}

/// Reads everything back and says what is wrong. `before` is what the last check read: all of it must be there still.
pub fn check(load: &Load, before: &mut Read) -> Result<Vec<String>> {
    let (acked, committed) = {
        let shared = load.shared.lock().expect("no panic");
        let acked: Vec<_> = shared
            .partitions
            .iter()
            .map(|p| p.records.clone())
            .collect();
        (acked, shared.committed.clone())
    };
    let now = read(&load.bootstrap)?;
    let mut wrong = Vec::new();
    for (partition, records) in now.iter().enumerate() {
        let lost = acked[partition]
            .iter()
            .filter(|(offset, sent)| records.get(**offset as usize) != Some(*sent));
        for (offset, sent) in lost.take(TOLD) {
            let there = records.get(*offset as usize);
            wrong.push(format!(
                "{sent:?} was acknowledged at {partition}:{offset}, where {there:?} is"
            ));
        }
        if let Some(old) = before.get(partition) {
            if old.len() > records.len() {
                wrong.push(format!(
                    "{partition} went back from {} to {}",
                    old.len(),
                    records.len()
                ));
            }
            if let Some(at) = old.iter().zip(records).position(|(a, b)| a != b) {
                wrong.push(format!(
                    "{partition}:{at} was {:?} and is {:?}",
                    old[at], records[at]
                ));
            }
        }
        let mut last: BTreeMap<u32, i64> = BTreeMap::new();
        let mut probes = BTreeSet::new();
        let mut told = 0;
        for (offset, sent) in records.iter().enumerate() {
            let last = last.entry(sent.producer).or_insert(-1);
            let number = i64::from(sent.number);
            // A probe is sent once. One that was refused is not there, and one may come late, to a node that leads again.
            let right = if sent.producer == PROBE {
                probes.insert(sent.number)
            } else {
                number == *last + 1
            };
            if !right && told < TOLD {
                wrong.push(format!(
                    "{partition}:{offset} is {sent:?}, behind that producer's {last}"
                ));
                told += 1;
            }
            *last = number;
        }
    }
    let shared = load.shared.lock().expect("no panic");
    let misread = shared.read.iter().filter(|((partition, offset), sent)| {
        let there = now[*partition as usize].get(*offset as usize);
        there.is_some_and(|there| there != *sent)
    });
    for ((partition, offset), sent) in misread.take(TOLD) {
        wrong.push(format!(
            "the group read {sent:?} at {partition}:{offset}, where something else is"
        ));
    }
    drop(shared);
    wrong.extend(groups(load, &committed)?);
    *before = now;
    Ok(wrong)
}

/// No committed offset lies before one that was acknowledged.
fn groups(load: &Load, committed: &BTreeMap<i32, i64>) -> Result<Vec<String>> {
    let consumer: BaseConsumer = client(
        &load.bootstrap,
        &[("group.id", GROUP), ("enable.auto.commit", "false")],
    )
    .create()?;
    let mut list = TopicPartitionList::new();
    for partition in committed.keys() {
        list.add_partition(TOPIC, *partition);
    }
    let start = Instant::now();
    let found = loop {
        match consumer.committed_offsets(list.clone(), Duration::from_secs(5)) {
            Ok(found) => break found,
            Err(e) if start.elapsed() > PATIENCE => bail!("the group's offsets: {e}"),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    let mut wrong = Vec::new();
    for (partition, offset) in committed {
        let found = found.find_partition(TOPIC, *partition).map(|p| p.offset());
        if !matches!(found, Some(Offset::Offset(found)) if found >= *offset) {
            wrong.push(format!(
                "the group had {partition} committed up to {offset}, now {found:?}"
            ));
        }
    }
    Ok(wrong)
}

/// The group has read all there is.
pub fn group_has_all(load: &Load, all: &Read) -> Vec<String> {
    let shared = load.shared.lock().expect("no panic");
    let mut wrong = Vec::new();
    for (partition, records) in all.iter().enumerate() {
        let missed = (0..records.len() as i64)
            .find(|offset| !shared.read.contains_key(&(partition as i32, *offset)));
        if let Some(offset) = missed {
            wrong.push(format!(
                "the group never read {partition}:{offset} of {}",
                records.len()
            ));
        }
    }
    wrong
}

/// The batches of a log, by base offset.
fn batches(dir: &Path) -> Result<BTreeMap<i64, Vec<u8>>> {
    let mut all = BTreeMap::new();
    let mut files: Vec<_> = std::fs::read_dir(dir)?.collect::<std::io::Result<_>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    for file in files
        .iter()
        .filter(|f| f.path().extension().is_some_and(|e| e == "log"))
    {
        let bytes = std::fs::read(file.path())?;
        let mut at = 0;
        while at < bytes.len() {
            let header = BatchHeader::read(&bytes[at..])
                .with_context(|| format!("{} at {at}", file.path().display()))?;
            let batch = bytes
                .get(at..at + header.size())
                .with_context(|| format!("{} ends within a batch", file.path().display()))?;
            check_crc(&header, batch)
                .with_context(|| format!("{} at {at}", file.path().display()))?;
            all.insert(header.base_offset, batch.to_vec());
            at += header.size();
        }
    }
    Ok(all)
}

/// The logs of stopped nodes are the same, byte for byte: all partitions whole, the metadata log as far as nodes have the same part.
pub fn same_files(dirs: &[std::path::PathBuf]) -> Result<(usize, Vec<String>)> {
    let mut wrong = Vec::new();
    let mut bytes = 0;
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(&dirs[0])? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_partition = name
            .rsplit_once('-')
            .is_some_and(|(_, n)| n.bytes().all(|b| b.is_ascii_digit()));
        if entry.file_type()?.is_dir() && is_partition {
            names.push(name);
        }
    }
    ensure!(
        names.len() > PARTITIONS as usize,
        "only {names:?} in {}",
        dirs[0].display()
    );
    for name in names {
        let logs = dirs
            .iter()
            .map(|d| batches(&d.join(&name)))
            .collect::<Result<Vec<_>>>();
        let logs = match logs {
            Ok(logs) => logs,
            Err(e) => {
                wrong.push(format!("{name}: {e:#}"));
                continue;
            }
        };
        bytes += logs[0].values().map(Vec::len).sum::<usize>();
        for (other, log) in logs.iter().enumerate().skip(1) {
            let mut at: BTreeSet<i64> = logs[0].keys().chain(log.keys()).copied().collect();
            if name.starts_with("__cluster_metadata-") {
                // Where both begin (snapshots stand for what is before) and neither has ended (nodes stop one after the other).
                let first = logs[0].keys().next().max(log.keys().next()).copied();
                let last = logs[0].keys().last().min(log.keys().last()).copied();
                at.retain(|at| first <= Some(*at) && Some(*at) <= last);
            }
            if let Some(at) = at.into_iter().find(|at| logs[0].get(at) != log.get(at)) {
                let size = |log: &BTreeMap<i64, Vec<u8>>| match log.get(&at) {
                    Some(batch) => format!("{} bytes", batch.len()),
                    None => "nothing".to_owned(),
                };
                wrong.push(format!(
                    "{name}: at {at} node 0 has {}, node {other} other {}",
                    size(&logs[0]),
                    size(log)
                ));
            }
        }
    }
    Ok((bytes, wrong))
}
