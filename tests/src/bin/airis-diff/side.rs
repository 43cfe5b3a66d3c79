//! One of the two nodes: its connections, what it has said so far, and the names of what it made up itself.
//!
//! Always holds: an answer is recorded as lines in which nothing is left that a node may choose (ids, ports, directories, the
//! time), but for whether it chose anything. Must never: hide a number or a text that clients act upon.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use airis_protocol::api_key::ApiKey;
use airis_protocol::batch::{TimestampType, parse_batches};
use airis_protocol::header::{read_response_header, request_frame};
use airis_protocol::messages::*;
use airis_protocol::types::{Str, Uuid};
use airis_protocol::wire::{EncodeError, Message, Reader, Request};
use anyhow::{Context, Result, bail};
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::tree::{Lines, Node};

/// No answer may take longer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Every request carries the same one, so that it may differ in nothing.
const CORRELATION_ID: i32 = 77;
/// What requests call themselves; it shows in member ids and descriptions.
pub const CLIENT_ID: &str = "diff";

/// One request and its answer.
pub struct Pair {
    pub name: String,
    pub answer: Lines,
}

pub struct Side {
    /// Where requests go, and on which connection there; a group's members each have their own.
    at: (String, usize),
    connections: HashMap<(String, usize), TcpStream>,
    labels: Vec<(String, String)>,
    pub pairs: Vec<Pair>,
}

impl Side {
    /// Of nothing that was asked yet.
    pub fn new(address: &str) -> Side {
        Side {
            at: (address.to_owned(), 0),
            connections: HashMap::new(),
            labels: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// Connects, and learns what the node calls itself.
    pub async fn open(bootstrap: &str) -> Result<Side> {
        let mut side = Side::new(bootstrap);
        side.learn_cluster().await?;
        side.learn_place("").await?;
        // Before it has its topic no coordinator is found, and before it has asked the controller there are no producer ids: ours
        // waits for both, Kafka sends clients away.
        let find = FindCoordinatorRequest {
            coordinator_keys: vec!["g".into()],
            ..Default::default()
        };
        for _ in 0..200 {
            let found = side.quiet(&find, 6).await?.coordinators[0].error_code;
            let given = side
                .quiet(&crate::ask::fresh_producer(), 5)
                .await?
                .error_code;
            if (found, given) == (0, 0) {
                return Ok(side);
            }
            side.settle().await;
        }
        bail!("no group coordinator or no producer ids at {bootstrap}");
    }

    pub async fn learn_cluster(&mut self) -> Result<Str> {
        let cluster = DescribeClusterRequest {
            endpoint_type: 1,
            ..Default::default()
        };
        let id = self.quiet(&cluster, 2).await?.cluster_id;
        self.learn(&id, "<cluster>");
        Ok(id)
    }

    /// Learns the port and the directories of the node that requests go to; `of` says which it is.
    pub async fn learn_place(&mut self, of: &str) -> Result<()> {
        let dirs = self
            .quiet(&DescribeLogDirsRequest { topics: None }, 4)
            .await?;
        for dir in &dirs.results {
            self.learn(&dir.log_dir, &format!("<dir{of}>"));
        }
        let (_, port) = self.at.0.rsplit_once(':').context("host:port")?;
        let port = port.to_owned();
        self.learn(&port, &format!("<port{of}>"));
        Ok(())
    }

    /// From here on, `text` is shown as `label` wherever it stands.
    pub fn learn(&mut self, text: &str, label: &str) {
        self.labels.push((text.to_owned(), label.to_owned()));
        // A port may be a part of an id, an id never a part of a port.
        self.labels
            .sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    }

    /// Lets what was just changed reach every part of the node: Kafka answers a change when it is decided, not when it is in force.
    pub async fn settle(&mut self) {
        tokio::time::sleep(Duration::from_millis(60)).await;
    }

    pub fn on(&mut self, connection: usize) -> &mut Side {
        self.at.1 = connection;
        self
    }

    /// From here on, requests go to this address.
    pub fn at(&mut self, address: &str) -> &mut Side {
        self.at = (address.to_owned(), 0);
        self
    }

    async fn write(&mut self, frame: &[u8]) -> Result<()> {
        let socket = match self.connections.entry(self.at.clone()) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(slot) => {
                let socket = TcpStream::connect(&self.at.0).await;
                slot.insert(socket.with_context(|| self.at.0.clone())?)
            }
        };
        // A node may close the connection before it has read everything; the answer shows it.
        let _ = socket.write_all(frame).await;
        Ok(())
    }

    /// The next frame on the connection, or what came in its place: `closed`, or `no answer` in time.
    async fn frame(&mut self) -> Result<Result<Bytes, &'static str>> {
        let socket = self.connections.get_mut(&self.at);
        let socket = socket.context("nothing was asked")?;
        let read = timeout(PATIENCE, async {
            let size = socket.read_i32().await?;
            let size = usize::try_from(size).map_err(std::io::Error::other)?;
            let mut frame = BytesMut::zeroed(size);
            socket.read_exact(&mut frame).await?;
            std::io::Result::Ok(frame.freeze())
        });
        Ok(match read.await {
            Ok(Ok(frame)) => Ok(frame),
            Ok(Err(_)) => {
                self.connections.remove(&self.at);
                Err("closed")
            }
            Err(_) => {
                self.connections.remove(&self.at);
                Err("no answer")
            }
        })
    }

    /// Sends a request whose answer is fetched later.
    pub async fn send<R: Request>(&mut self, request: &R, version: i16) -> Result<()> {
        let frame = request_frame(request, version, CORRELATION_ID, Some(Str::from(CLIENT_ID)))
            .with_context(|| format!("{request:?} in version {version}"))?;
        self.write(&frame.to_bytes()).await
    }

    async fn take<R: Request>(
        &mut self,
        version: i16,
    ) -> Result<Result<R::Response, &'static str>> {
        let frame = match self.frame().await? {
            Ok(frame) => frame,
            Err(instead) => return Ok(Err(instead)),
        };
        let mut r = Reader::new(frame);
        let id = read_response_header(&mut r, R::KEY, version)?;
        anyhow::ensure!(id == CORRELATION_ID, "correlation id {id}");
        let response = R::Response::read(&mut r, version)
            .with_context(|| format!("{:?} v{version}", R::KEY))?;
        r.end()?;
        Ok(Ok(response))
    }

    /// Asks without recording; for what must be there before a script begins.
    pub async fn quiet<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response> {
        self.send(request, version).await?;
        match self.take::<R>(version).await? {
            Ok(response) => Ok(response),
            Err(instead) => bail!("{:?} v{version}, {request:?}: {instead}", R::KEY),
        }
    }

    /// The answer to what was sent on this connection, recorded under a name. A closed connection is an answer too.
    pub async fn receive<R: Request>(&mut self, name: &str, version: i16) -> Result<R::Response> {
        let name = format!("{:?} v{version}: {name}", R::KEY);
        let response = self
            .take::<R>(version)
            .await
            .with_context(|| name.clone())?;
        let mut answer = Lines::new();
        match &response {
            Ok(response) => self.lines(R::KEY, response, &mut answer),
            Err(instead) => {
                answer.insert("connection".into(), (*instead).into());
            }
        }
        self.pairs.push(Pair { name, answer });
        Ok(response.unwrap_or_default())
    }

    /// One pair: asks in one version and records the answer.
    pub async fn ask<R: Request>(
        &mut self,
        name: &str,
        request: &R,
        version: i16,
    ) -> Result<R::Response> {
        self.send(request, version).await?;
        self.receive::<R>(name, version).await
    }

    /// One pair for every version that can carry the request, which may depend on the version; the last answer.
    pub async fn all<R: Request>(
        &mut self,
        name: &str,
        request: impl Fn(i16) -> R,
    ) -> Result<R::Response> {
        let (min, max) = R::KEY.versions();
        let mut last = None;
        for version in min..=max {
            let request = request(version);
            match request.to_bytes(version) {
                Ok(_) => last = Some(self.ask(name, &request, version).await?),
                Err(EncodeError::NotInVersion { .. } | EncodeError::UnexpectedNull) => {}
                Err(error) => bail!("{name}: {error}"),
            }
        }
        last.with_context(|| format!("{name}: no version carries it"))
    }

    /// One pair out of bytes that need not be a request: what is recorded is the frame or the end of the connection.
    pub async fn raw(&mut self, name: &str, frame: &[u8]) -> Result<()> {
        self.write(frame).await?;
        let answer = match self.frame().await? {
            Ok(frame) => format!("{frame:?}"),
            Err(instead) => instead.to_owned(),
        };
        let answer = Lines::from([("connection".to_owned(), answer)]);
        self.pairs.push(Pair {
            name: name.to_owned(),
            answer,
        });
        Ok(())
    }

    /// Puts something else in the place of a field of the last answer, wherever in it the field stands: what the node drew or
    /// counted by itself. What says that there is nothing stays.
    pub fn mask(&mut self, field: &str, instead: impl Fn(&str) -> String) {
        let Some(pair) = self.pairs.last_mut() else {
            return;
        };
        for (path, value) in &mut pair.answer {
            let is_field = path.rsplit('.').next() == Some(field);
            if is_field && !matches!(value.as_str(), "-1" | "None" | "\"\"") {
                *value = instead(value);
            }
        }
    }

    /// The same of the one field of this path.
    pub fn change(&mut self, path: &str, instead: impl Fn(&str) -> String) {
        if let Some(value) = self.pairs.last_mut().and_then(|p| p.answer.get_mut(path)) {
            *value = instead(value);
        }
    }

    /// Gives elements of lists in the last answer other names.
    pub fn rename(&mut self, elements: &[(&str, &str)]) {
        let Some(pair) = self.pairs.last_mut() else {
            return;
        };
        pair.answer = std::mem::take(&mut pair.answer)
            .into_iter()
            .map(|(path, value)| {
                let known = elements.iter().find(|(old, _)| path.starts_with(old));
                match known {
                    Some((old, new)) => (format!("{new}{}", &path[old.len()..]), value),
                    None => (path, value),
                }
            })
            .collect();
    }

    fn lines<M: Message>(&self, key: ApiKey, response: &M, out: &mut Lines) {
        let leaf = |field: &str, text: &str| self.leaf(key, field, text);
        Node::read(&format!("{response:?}")).lines("", &leaf, out);
    }

    /// What stands for a leaf.
    fn leaf(&self, key: ApiKey, field: &str, text: &str) -> String {
        let field = field.split('[').next().expect("a first part");
        let is_number_from = |least: i64| text.parse().is_ok_and(|n: i64| n >= least);
        match field {
            // Texts are our own; that there is one is the answer.
            "error_message" | "batch_index_error_message" | "documentation" => {
                return match text {
                    "None" | "\"\"" => text.to_owned(),
                    _ => "<text>".to_owned(),
                };
            }
            "log_append_time_ms" if is_number_from(1) => return "<time>".to_owned(),
            "total_bytes" | "usable_bytes" if is_number_from(1) => return "<bytes>".to_owned(),
            "finalized_features_epoch" if is_number_from(0) => return "<epoch>".to_owned(),
            "session_id" if is_number_from(1) => return "<session>".to_owned(),
            "records" if text.starts_with("b\"") => return show_records(text, &self.labels),
            _ => {}
        }
        // A number that a node chose is one in its own place only: there are many sevens.
        let is_chosen =
            matches!(field, "port" | "producer_id" | "timestamp") || text.parse::<i64>().is_err();
        let known = self
            .labels
            .iter()
            .find(|(known, _)| is_chosen && text == known);
        if let Some((_, label)) = known {
            return label.clone();
        }
        let mut text = text.to_owned();
        // A number is only what was learnt as a whole; a text may hold what was learnt.
        if text.starts_with('"') || field == "key" {
            for (known, label) in &self.labels {
                if known.len() > 3 {
                    text = text.replace(known.as_str(), label);
                }
            }
            text = without_uuid(&text);
        }
        match field {
            "producer_id" | "producer_id_start" if is_number_from(0) => "<producer>".to_owned(),
            "broker_epoch" if is_number_from(0) => "<broker epoch>".to_owned(),
            "topic_id" if text != Uuid::ZERO.to_string() => "<uuid>".to_owned(),
            _ if key == ApiKey::ListOffsets && field == "timestamp" && is_number_from(0) => {
                format!(
                    "T+{}",
                    text.parse::<i64>().expect("a number") - crate::ask::base_time()
                )
            }
            _ => text,
        }
    }
}

/// Cuts a random id as Java prints them off the end of a text: member ids end so.
fn without_uuid(text: &str) -> String {
    let bare = text.trim_end_matches('"');
    let Some(at) = bare
        .len()
        .checked_sub(36)
        .filter(|at| bare.is_char_boundary(*at))
    else {
        return text.to_owned();
    };
    let is_uuid = bare[at..].char_indices().all(|(i, c)| match i {
        8 | 13 | 18 | 23 => c == '-',
        _ => c.is_ascii_hexdigit(),
    });
    if is_uuid {
        format!("{}<uuid>{}", &bare[..at], &text[bare.len()..])
    } else {
        text.to_owned()
    }
}

/// A batch's header and records. A batch that was cut off at the end of an answer is not shown: clients drop it.
fn show_records(debug: &str, labels: &[(String, String)]) -> String {
    let bytes = unescape(debug);
    let mut whole = 0;
    while let Some(len) = bytes.get(whole + 8..whole + 12) {
        let len = i32::from_be_bytes(len.try_into().expect("four bytes"));
        let Some(next) = usize::try_from(len)
            .ok()
            .map(|len| whole + 12 + len)
            .filter(|next| *next <= bytes.len())
        else {
            break;
        };
        whole = next;
    }
    if whole == 0 {
        return "no batch".to_owned();
    }
    let batches = match parse_batches(&bytes.slice(..whole)) {
        Ok(batches) => batches,
        Err(error) => return format!("unreadable: {error}"),
    };
    let t = |time: i64, stamped: bool| match time - crate::ask::base_time() {
        past if stamped && past > 0 => "<time>".to_owned(),
        _ if time < 0 => time.to_string(),
        past @ 0..3_600_000 => format!("T+{past}"),
        _ => "<time>".to_owned(),
    };
    let mut out = String::new();
    for batch in &batches {
        let h = batch.header();
        let stamped = batch.timestamp_type() == TimestampType::LogAppend;
        let producer = h.producer_id.to_string();
        let producer = labels
            .iter()
            .find(|(known, _)| *known == producer)
            .map_or(producer, |(_, label)| label.clone());
        out += &format!(
            "batch {}+{} epoch {} attributes {} codec {:?} times {} {} producer {producer} {} {} count {}",
            h.base_offset,
            h.last_offset_delta,
            h.leader_epoch,
            h.attributes,
            batch.codec(),
            t(h.base_timestamp, false),
            t(h.max_timestamp, stamped),
            h.producer_epoch,
            h.base_sequence,
            h.record_count,
        );
        match batch.records(1 << 24) {
            Ok(set) => {
                for record in set.iter() {
                    match record {
                        Ok(r) => {
                            let headers: Vec<_> = r
                                .headers()
                                .map(|(k, v)| {
                                    (
                                        k.escape_ascii().to_string(),
                                        v.map(|v| v.escape_ascii().to_string()),
                                    )
                                })
                                .collect();
                            let shown = |bytes: Option<&[u8]>| {
                                bytes.map_or("null".into(), |b| {
                                    b[..b.len().min(40)].escape_ascii().to_string()
                                })
                            };
                            out += &format!(
                                " | {} {} {}={} {headers:?}",
                                r.offset,
                                t(r.timestamp.0, stamped),
                                shown(r.key),
                                shown(r.value)
                            );
                        }
                        Err(error) => out += &format!(" | unreadable: {error}"),
                    }
                }
            }
            Err(error) => out += &format!(" | unreadable: {error}"),
        }
        out += "; ";
    }
    out
}

/// The bytes of `b"..."`.
fn unescape(debug: &str) -> Bytes {
    let text = debug.trim_start_matches("b\"");
    let text = text.strip_suffix('"').unwrap_or(text).as_bytes();
    let mut out = BytesMut::with_capacity(text.len());
    let mut i = 0;
    while i < text.len() {
        if text[i] != b'\\' {
            out.extend_from_slice(&[text[i]]);
            i += 1;
            continue;
        }
        let (byte, len) = match text[i + 1] {
            b'x' => {
                let hex = std::str::from_utf8(&text[i + 2..i + 4]).expect("ASCII");
                (u8::from_str_radix(hex, 16).expect("two digits"), 4)
            }
            b'n' => (b'\n', 2),
            b'r' => (b'\r', 2),
            b't' => (b'\t', 2),
            b'0' => (0, 2),
            other => (other, 2),
        };
        out.extend_from_slice(&[byte]);
        i += len;
    }
    out.freeze()
}
