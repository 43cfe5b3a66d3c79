//! The text of `meta.properties`, `partition.metadata` and the clean mark.
//!
//! Always holds: what Kafka writes is read, what is written Kafka reads. Must never: drop a key that it does not know.

use std::collections::BTreeMap;

use airis_protocol::types::{NodeId, Uuid};

/// The identity of a log directory (`meta.properties`, version 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaProperties {
    pub cluster_id: String,
    pub node_id: NodeId,
    /// Kafka before 3.7 wrote none.
    pub directory_id: Option<Uuid>,
    /// Keys that are not ours, kept as they were.
    pub other: BTreeMap<String, String>,
}

impl MetaProperties {
    pub fn new(cluster_id: impl Into<String>, node_id: NodeId, directory_id: Uuid) -> Self {
        MetaProperties {
            cluster_id: cluster_id.into(),
            node_id,
            directory_id: Some(directory_id),
            other: BTreeMap::new(),
        }
    }

    /// The file's text.
    pub fn format(&self) -> String {
        let mut keys = self.other.clone();
        keys.insert("version".into(), "1".into());
        keys.insert("cluster.id".into(), self.cluster_id.clone());
        keys.insert("node.id".into(), self.node_id.to_string());
        if let Some(id) = self.directory_id {
            keys.insert("directory.id".into(), id.to_string());
        }
        let mut text = String::from("#\n");
        for (key, value) in keys {
            text.push_str(&format!("{}={}\n", escape(&key), escape(&value)));
        }
        text
    }

    /// Reads the file's text; the error says what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<MetaProperties, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "not text".to_owned())?;
        let mut keys = BTreeMap::new();
        for (i, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with(['#', '!']) {
                continue;
            }
            let (key, value) =
                split(line).ok_or_else(|| format!("line {}: not a property: {line:?}", i + 1))?;
            keys.insert(key, value);
        }
        let mut take = |key: &str| keys.remove(key).ok_or_else(|| format!("{key} is missing"));
        let version = take("version")?;
        if version.trim() != "1" {
            return Err(format!(
                "version {version}, only 1 (KRaft) can be used; a directory of a ZooKeeper broker must be migrated first"
            ));
        }
        let cluster_id = take("cluster.id")?;
        let node = take("node.id")?;
        let node_id = node
            .trim()
            .parse()
            .ok()
            .filter(|id| *id >= 0)
            .ok_or_else(|| format!("node.id {node:?} is not a number from 0"))?;
        let directory_id = match take("directory.id") {
            Ok(id) => Some(
                id.trim()
                    .parse()
                    .map_err(|e| format!("directory.id {id:?}: {e}"))?,
            ),
            Err(_) => None,
        };
        Ok(MetaProperties {
            cluster_id,
            node_id: NodeId(node_id),
            directory_id,
            other: keys,
        })
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '=' | ':' | '#' | '!') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Splits a line of a Java properties file at the first `=` or `:` that is not escaped.
fn split(line: &str) -> Option<(String, String)> {
    let (mut key, mut value, mut in_value) = (String::new(), String::new(), false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let out = if in_value { &mut value } else { &mut key };
        match c {
            '\\' => out.push(chars.next()?),
            '=' | ':' if !in_value => in_value = true,
            c => out.push(c),
        }
    }
    let key = key.trim().to_owned();
    (in_value && !key.is_empty()).then(|| (key, value.trim_start().to_owned()))
}

/// `partition.metadata`: whose partition a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionMetadata {
    pub topic_id: Uuid,
}

impl PartitionMetadata {
    pub(super) fn format(&self) -> String {
        format!("version: 0\ntopic_id: {}\n", self.topic_id)
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<PartitionMetadata> {
        let mut lines = std::str::from_utf8(bytes).ok()?.lines();
        let version = lines.next()?.strip_prefix("version:")?;
        let id = lines.next()?.strip_prefix("topic_id:")?;
        if version.trim() != "0" {
            return None;
        }
        let topic_id: Uuid = id.trim().parse().ok()?;
        (topic_id != Uuid::ZERO).then_some(PartitionMetadata { topic_id })
    }
}

/// `airis-run`: of which runs, of which machine, the directory's logs are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunMark {
    /// The machine's run, from its power-on to its power-off: until then what was written is there, whatever becomes of the process.
    /// Empty if the machine does not tell.
    pub boot: String,
    /// Nothing that these runs counted on was elsewhere than on stable storage.
    pub durable: bool,
    /// The newest runs since which nothing can have been lost, by the incarnation ids of their registrations, oldest first.
    pub runs: Vec<Uuid>,
}

/// So many runs are remembered: one whose registration the metadata still show is among them, unless it was long in a loop of crashes.
const RUNS_MAX: usize = 16;

impl RunMark {
    /// The mark with one run more.
    pub fn with(mut self, run: Uuid) -> RunMark {
        if self.runs.len() >= RUNS_MAX {
            self.runs.remove(0);
        }
        self.runs.push(run);
        self
    }

    pub(super) fn format(&self) -> String {
        let mut text = format!("version=0\nboot={}\ndurable={}\n", self.boot, self.durable);
        for run in &self.runs {
            text += &format!("run={run}\n");
        }
        text + "end\n"
    }

    /// `None` if it is damaged.
    pub(super) fn parse(bytes: &[u8]) -> Option<RunMark> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.strip_suffix("end\n")?.lines();
        (lines.next()? == "version=0").then_some(())?;
        Some(RunMark {
            boot: lines.next()?.strip_prefix("boot=")?.to_owned(),
            durable: lines.next()?.strip_prefix("durable=")?.parse().ok()?,
            runs: lines
                .map(|line| line.strip_prefix("run=")?.parse().ok())
                .collect::<Option<_>>()?,
        })
    }

    /// Whether all that the runs counted on is still there, in this run of the machine.
    pub fn holds(&self, boot: &str) -> bool {
        self.durable || (!boot.is_empty() && self.boot == boot)
    }
}

/// The broker epoch in the JSON of a clean mark.
pub(super) fn broker_epoch(bytes: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (_, after) = text.split_once("\"brokerEpoch\"")?;
    let number = after.trim_start().strip_prefix(':')?.trim_start();
    let end = number
        .find(|c: char| c != '-' && !c.is_ascii_digit())
        .unwrap_or(number.len());
    number[..end].parse().ok()
}
