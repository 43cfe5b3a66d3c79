//! Snapshots of the metadata in Kafka's format: `%020d-%010d.checkpoint`, named by the offset that follows their last record and
//! that record's epoch.
//!
//! Always holds: a file of that name is whole (it is written under another name, synced, and renamed). Must never: hold half of
//! a metadata transaction.

use std::io;
use std::path::{Path, PathBuf};

use airis_cluster::metadata::{Delta, Image, record_version};
use airis_protocol::batch::{BatchBuilder, BatchBytes, TimestampType, parse_batches};
use airis_protocol::compress::Codec;
use airis_protocol::messages::{
    LeaderChangeMessage, MetadataRecord, SnapshotFooterRecord, SnapshotHeaderRecord,
};
use airis_protocol::types::{LeaderEpoch, Millis, Offset};
use airis_protocol::wire::{EncodeError, Message, Reader};
use airis_storage::{Disk, OpenMode};
use bytes::Bytes;

use super::journal::{JournalError, at_path};
use super::wal::write;

/// Records of a snapshot are gathered into batches of about this many bytes (Kafka's limit is 8 MiB a batch).
const BATCH_TARGET: usize = 1 << 20;
/// Most bytes of records that one batch may decompress to.
pub(super) const RECORDS_MAX: usize = 256 << 20;
const SUFFIX: &str = ".checkpoint";
/// What Kafka and this module call an unfinished one.
const PART: &str = ".checkpoint.part";

/// Types of control records in the metadata log and its snapshots (Kafka's `ControlRecordType`).
pub(super) mod control {
    pub const LEADER_CHANGE: i16 = 2;
    pub const SNAPSHOT_HEADER: i16 = 3;
    pub const SNAPSHOT_FOOTER: i16 = 4;
    pub const KRAFT_VERSION: i16 = 5;
    pub const VOTERS: i16 = 6;
}

/// The records about the quorum itself that a JVM Kafka with `kraft.version` 1 keeps in its log (a set of voters that can
/// change, KIP-853). Nothing here depends on them; they are carried on in snapshots, so that the JVM finds them again.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct QuorumRecords {
    kraft_version: Option<Bytes>,
    voters: Option<Bytes>,
}

impl QuorumRecords {
    /// Takes note of a control batch. True if it holds a snapshot's footer.
    pub fn note(&mut self, batch: &BatchBytes) -> Result<bool, String> {
        let set = batch.records(RECORDS_MAX).map_err(|e| e.to_string())?;
        let mut footer = false;
        for record in &set {
            let record = record.map_err(|e| e.to_string())?;
            let Some(ty) = record.key.and_then(|key| key.get(2..4)) else {
                return Err("a control record without a type".into());
            };
            let value = record.value.map(Bytes::copy_from_slice);
            match i16::from_be_bytes([ty[0], ty[1]]) {
                control::KRAFT_VERSION => self.kraft_version = value,
                control::VOTERS => self.voters = value,
                control::SNAPSHOT_FOOTER => footer = true,
                _ => {}
            }
        }
        Ok(footer)
    }
}

/// Names one snapshot. Ordered by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SnapshotId {
    /// The offset after the last record in it.
    pub end: i64,
    pub epoch: i32,
}

impl SnapshotId {
    pub fn of(image: &Image) -> SnapshotId {
        SnapshotId {
            end: image.position.next().0,
            epoch: image.position.epoch.0,
        }
    }

    pub fn text(self) -> String {
        format!("{:020}-{:010}", self.end, self.epoch)
    }

    pub fn parse(text: &str) -> Option<SnapshotId> {
        let (end, epoch) = text.split_once('-')?;
        (end.len() == 20 && epoch.len() == 10).then_some(())?;
        Some(SnapshotId {
            end: end.parse().ok()?,
            epoch: epoch.parse().ok()?,
        })
    }

    pub fn path(self, dir: &Path) -> PathBuf {
        dir.join(self.text() + SUFFIX)
    }
}

/// A batch of one control record.
pub(super) fn control_batch<M: Message>(
    ty: i16,
    message: &M,
    now: Millis,
    at: Offset,
    epoch: LeaderEpoch,
) -> Bytes {
    // Kafka 4.3 decodes these as version 0, whatever the record says.
    let value = message
        .to_bytes(0)
        .expect("version 0 has every field that is set");
    control_records(&[(ty, &value)], now, at, epoch)
}

fn control_records(
    records: &[(i16, &Bytes)],
    now: Millis,
    at: Offset,
    epoch: LeaderEpoch,
) -> Bytes {
    let mut builder = BatchBuilder::new(Codec::None, TimestampType::Create);
    builder.control();
    for (ty, value) in records {
        let mut key = [0; 4];
        key[2..].copy_from_slice(&ty.to_be_bytes());
        builder.push(now, Some(&key), Some(value), &[]);
    }
    builder.build(at, epoch)
}

/// A batch of metadata records. Errors if one of them does not fit the format.
pub(super) fn data_batch(
    records: &[MetadataRecord],
    metadata_version: i16,
    now: Millis,
    at: Offset,
    epoch: LeaderEpoch,
) -> Result<Bytes, EncodeError> {
    let mut builder = BatchBuilder::new(Codec::None, TimestampType::Create);
    for record in records {
        builder.push(now, None, Some(&frame(record, metadata_version)?), &[]);
    }
    Ok(builder.build(at, epoch))
}

fn frame(record: &MetadataRecord, metadata_version: i16) -> Result<Bytes, EncodeError> {
    record.write_framed(record_version(record, metadata_version))
}

/// The records of a data batch.
pub(super) fn decode(batch: &BatchBytes) -> Result<Vec<MetadataRecord>, String> {
    let set = batch.records(RECORDS_MAX).map_err(|e| e.to_string())?;
    let section = set.section();
    set.iter()
        .map(|record| {
            let record = record.map_err(|e| e.to_string())?;
            let value = record.value.ok_or("a metadata record without a value")?;
            MetadataRecord::read_framed(section.slice_ref(value))
                .map_err(|e| format!("record at offset {}: {e}", record.offset))
        })
        .collect()
}

/// Applies one batch of the log to an image; control batches only move it on.
pub(super) fn apply(
    image: &mut Image,
    delta: &mut Delta,
    quorum: &mut QuorumRecords,
    batch: &BatchBytes,
) -> Result<(), String> {
    let epoch = LeaderEpoch(batch.header().leader_epoch);
    if batch.is_control() {
        quorum.note(batch)?;
        image.skip_to(batch.last_offset(), epoch);
        return Ok(());
    }
    let mut records = decode(batch)?;
    let mut first = batch.base_offset();
    // A snapshot may end within a batch.
    let known = image.position.next().0 - first.0;
    if known > 0 {
        records.drain(..(known as usize).min(records.len()));
        first = image.position.next();
    }
    image
        .replay_all(delta, first, epoch, &records)
        .map_err(|e| e.to_string())
}

/// The leader's first record of a term.
pub(super) fn leader_change(leader: i32, voters: &[i32]) -> LeaderChangeMessage {
    let voters: Vec<_> = voters
        .iter()
        .map(
            |id| airis_protocol::messages::leader_change_message::Voter {
                voter_id: *id,
                ..Default::default()
            },
        )
        .collect();
    LeaderChangeMessage {
        version: 0,
        leader_id: leader,
        granting_voters: voters.clone(),
        voters,
    }
}

/// Who leads from this batch on, if it says so.
pub(super) fn leader_of(batch: &BatchBytes) -> Option<i32> {
    if !batch.is_control() {
        return None;
    }
    let set = batch.records(RECORDS_MAX).ok()?;
    let record = set.iter().next()?.ok()?;
    let leader_change = control::LEADER_CHANGE.to_be_bytes();
    (record.key?.get(2..4)? == leader_change).then_some(())?;
    let mut value = Reader::new(Bytes::copy_from_slice(record.value?));
    Some(LeaderChangeMessage::read(&mut value, 0).ok()?.leader_id)
}

/// A snapshot's bytes. `last_timestamp` is that of the last record in it.
pub(super) fn encode(image: &Image, quorum: &QuorumRecords, last_timestamp: Millis) -> Bytes {
    let now = last_timestamp;
    let epoch = LeaderEpoch(image.position.epoch.0);
    let version = image.feature(airis_cluster::metadata::features::METADATA_VERSION);
    let mut out = Vec::new();
    let header = SnapshotHeaderRecord {
        version: 0,
        last_contained_log_timestamp: last_timestamp.0,
    };
    let header = header.to_bytes(0).expect("version 0 has every field");
    let mut first = vec![(control::SNAPSHOT_HEADER, &header)];
    first.extend(
        quorum
            .kraft_version
            .iter()
            .map(|v| (control::KRAFT_VERSION, v)),
    );
    first.extend(quorum.voters.iter().map(|v| (control::VOTERS, v)));
    out.extend(control_records(&first, now, Offset(0), epoch));
    let mut next = first.len() as i64;
    let mut builder = BatchBuilder::new(Codec::None, TimestampType::Create);
    for record in image.records() {
        let framed = frame(&record, version).expect("an image comes of records that were written");
        builder.push(now, None, Some(&framed), &[]);
        if builder.size() >= BATCH_TARGET {
            out.extend(builder.build(Offset(next), epoch));
            next += i64::from(builder.count());
            builder = BatchBuilder::new(Codec::None, TimestampType::Create);
        }
    }
    if !builder.is_empty() {
        out.extend(builder.build(Offset(next), epoch));
        next += i64::from(builder.count());
    }
    let footer = SnapshotFooterRecord { version: 0 };
    out.extend(control_batch(
        control::SNAPSHOT_FOOTER,
        &footer,
        now,
        Offset(next),
        epoch,
    ));
    out.into()
}

/// What a snapshot's bytes hold.
pub(super) fn read(id: SnapshotId, bytes: &Bytes) -> Result<(Image, QuorumRecords), String> {
    let (mut image, mut delta) = (Image::default(), Delta::default());
    let mut quorum = QuorumRecords::default();
    let batches = parse_batches(bytes).map_err(|e| e.to_string())?;
    let mut ended = false;
    for batch in &batches {
        if batch.is_control() {
            ended |= quorum.note(batch)?;
            continue;
        }
        let records = decode(batch)?;
        image
            .replay_all(
                &mut delta,
                batch.base_offset(),
                LeaderEpoch(id.epoch),
                &records,
            )
            .map_err(|e| e.to_string())?;
    }
    if !ended {
        return Err("it has no end".into());
    }
    image.position = airis_cluster::metadata::Position {
        offset: Offset(id.end - 1),
        epoch: LeaderEpoch(id.epoch),
    };
    Ok((image, quorum))
}

/// The largest timestamp of the log that a snapshot stands for, by its header; -1 if there is none.
pub(super) fn last_timestamp(bytes: &Bytes) -> i64 {
    let header = || {
        let (first, _) = BatchBytes::parse(bytes.clone()).ok()?;
        let records = first.records(RECORDS_MAX).ok()?;
        let record = records.iter().next()?.ok()?;
        let mut value = Reader::new(Bytes::copy_from_slice(record.value?));
        SnapshotHeaderRecord::read(&mut value, 0).ok()
    };
    header().map_or(-1, |header| header.last_contained_log_timestamp)
}

/// The file in which `kafka-storage format` leaves the first records of a cluster, in the log directory.
pub(super) const BOOTSTRAP: &str = "bootstrap.checkpoint";

/// The records of that file; none if there is no such file.
pub(super) fn bootstrap(disk: &dyn Disk, path: &Path) -> Result<Vec<MetadataRecord>, JournalError> {
    if !disk.exists(path) {
        return Ok(Vec::new());
    }
    let bytes = Bytes::from(disk.read_to_end(path).map_err(at_path(path))?);
    let read = || -> Result<Vec<MetadataRecord>, String> {
        let mut records = Vec::new();
        for batch in &parse_batches(&bytes).map_err(|e| e.to_string())? {
            if !batch.is_control() {
                records.extend(decode(batch)?);
            }
        }
        Ok(records)
    };
    read().map_err(|what| JournalError::Damaged {
        path: path.to_owned(),
        at: 0,
        what,
    })
}

/// Stores a snapshot. It is on disk, or not there at all, when this returns.
pub(super) fn store(disk: &dyn Disk, dir: &Path, id: SnapshotId, bytes: &[u8]) -> io::Result<()> {
    let part = dir.join(id.text() + PART);
    let file = disk.open(&part, OpenMode::Truncate)?;
    let written = write(&*file, 0, bytes)
        .and_then(|()| file.sync_data())
        .and_then(|()| disk.rename(&part, &id.path(dir)));
    if let Err(e) = written {
        // On a full disk it would take the room that is needed for the next try.
        let _ = disk.remove_file(&part);
        return Err(e);
    }
    disk.sync_dir(dir)
}

/// The snapshots in a directory, oldest first. Unfinished ones are removed.
pub(super) fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<SnapshotId>, JournalError> {
    let mut ids = Vec::new();
    for entry in disk.list(dir).map_err(at_path(dir))? {
        if entry.name.ends_with(PART) {
            let path = dir.join(&entry.name);
            disk.remove_file(&path).map_err(at_path(&path))?;
        } else if let Some(id) = entry.name.strip_suffix(SUFFIX).and_then(SnapshotId::parse) {
            ids.push(id);
        }
    }
    ids.sort_unstable();
    Ok(ids)
}
