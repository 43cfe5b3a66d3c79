"""The generated files that list all messages: the enums, the keys, the table by name. Used by generate.py."""

KAFKA = "4.3.0"
HEAD = (
    "//! {about}\n//!\n"
    "//! Generated from Kafka " + KAFKA + "'s message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.\n\n"
)


def api_key(messages):
    requests = sorted((m for m in messages if m.kind == "request"), key=lambda m: m.key)
    responses = {m.name: m for m in messages if m.kind == "response"}
    out = HEAD.format(about="The requests of Kafka " + KAFKA + ": keys, version ranges, listeners and header versions.\n//!\n"
                      "//! Always holds: `versions` names stable versions only. Must never: know what a broker does with a request.")
    out += "/// Who listens for a request.\n#[derive(Clone, Copy, Debug, PartialEq, Eq)]\npub struct Listeners { pub broker: bool, pub controller: bool }\n\n"
    out += "/// The number in a request that says which request it is.\n#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\n#[repr(i16)]\npub enum ApiKey {"
    rows, rows2 = "", ""
    for m in requests:
        name = m.name.removesuffix("Request")
        out += f"{name} = {m.key},"
        r = responses[name + "Response"]
        assert r.key == m.key and r.valid == m.valid, name
        high = m.valid[1] - (1 if m.unstable else 0)
        where = m.spec.get("listeners", [])
        flex = [x.flex[0] if x.flex else 32767 for x in (m, r)]
        rows += (f'Row {{ key: ApiKey::{name}, name: "{name}", min: {m.valid[0]}, max: {high}, request_flexible: {flex[0]}, response_flexible: {flex[1]},'
                 f" broker: {str('broker' in where).lower()}, controller: {str('controller' in where).lower()} }},")
        rows2 += f"ApiKey::{name},"
    last = requests[-1].key
    index = {m.key: i for i, m in enumerate(requests)}
    slots = ", ".join(str(index.get(k, 255)) for k in range(last + 1))
    out += f"}}\n\nimpl ApiKey {{ /// Every key, in order.\n pub const ALL: &'static [ApiKey] = &[{rows2}]; }}\n\n"
    out += f"""struct Row {{ key: ApiKey, name: &'static str, min: i16, max: i16, request_flexible: i16, response_flexible: i16, broker: bool, controller: bool }}

static ROWS: [Row; {len(requests)}] = [{rows}];

/// Key to its place in `ROWS`; 255 where no request has the key.
static SLOTS: [u8; {last + 1}] = [{slots}];

impl ApiKey {{
    fn row(self) -> &'static Row {{
        let row = &ROWS[SLOTS[self as usize] as usize];
        debug_assert!(row.key == self);
        row
    }}

    /// The name as Kafka's schemas and tools write it.
    pub fn name(self) -> &'static str {{
        self.row().name
    }}

    /// The oldest and the newest stable version of Kafka {KAFKA}.
    pub fn versions(self) -> (i16, i16) {{
        let row = self.row();
        (row.min, row.max)
    }}

    /// The range that a broker's ApiVersions response names. Produce starts at 0 there, although requests of version 0 to 2 are
    /// refused: librdkafka takes compression and message format from that range (KAFKA-18659).
    pub fn advertised(self) -> (i16, i16) {{
        let (min, max) = self.versions();
        (if self == ApiKey::Produce {{ 0 }} else {{ min }}, max)
    }}

    /// Which listeners serve it in Kafka.
    pub fn listeners(self) -> Listeners {{
        let row = self.row();
        Listeners {{ broker: row.broker, controller: row.controller }}
    }}

    /// The version of the request header before a request of this version: 1, or 2 (with tagged fields) before a flexible one.
    pub fn request_header_version(self, version: i16) -> i16 {{
        if version >= self.row().request_flexible {{ 2 }} else {{ 1 }}
    }}

    /// The version of the response header: 0, or 1 (with tagged fields) before a flexible response. Always 0 for ApiVersions:
    /// a client that asks does not know yet what the broker speaks.
    pub fn response_header_version(self, version: i16) -> i16 {{
        if self != ApiKey::ApiVersions && version >= self.row().response_flexible {{ 1 }} else {{ 0 }}
    }}
}}

/// No request of Kafka {KAFKA} has this key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("api key {{0}} is unknown")]
pub struct UnknownApiKey(pub i16);

impl TryFrom<i16> for ApiKey {{
    type Error = UnknownApiKey;

    fn try_from(key: i16) -> Result<Self, UnknownApiKey> {{
        let slot = usize::try_from(key).ok().and_then(|k| SLOTS.get(k)).map_or(255, |s| *s);
        ROWS.get(slot as usize).map(|row| row.key).ok_or(UnknownApiKey(key))
    }}
}}

impl std::fmt::Display for ApiKey {{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{
        f.write_str(self.name())
    }}
}}
"""
    return out


def kinds(messages):
    requests = sorted((m for m in messages if m.kind == "request"), key=lambda m: m.key)
    names = [m.name.removesuffix("Request") for m in requests]
    out = HEAD.format(about="All requests as one type, and all responses: for code that handles any of them alike.")
    out += "use super::*;\nuse crate::api_key::ApiKey;\nuse crate::wire::{DecodeError, EncodeError, Message, Reader, Writer};\n\n"
    for what in ("Request", "Response"):
        low = what.lower()
        out += f"/// Any {low}.\n#[allow(clippy::large_enum_variant)]\n#[derive(Clone, Debug, PartialEq)]\npub enum {what}Kind {{" + "".join(f"{n}({n}{what})," for n in names) + "}\n\n"
        out += f"""impl {what}Kind {{
    /// Reads a {low} of the given key and version, and leaves what follows it.
    pub fn read(key: ApiKey, version: i16, r: &mut Reader) -> Result<Self, DecodeError> {{
        Ok(match key {{ {"".join(f"ApiKey::{n} => {what}Kind::{n}({n}{what}::read(r, version)?)," for n in names)} }})
    }}

    pub fn write(&self, w: &mut Writer, version: i16) -> Result<(), EncodeError> {{
        match self {{ {"".join(f"{what}Kind::{n}(m) => m.write(w, version)," for n in names)} }}
    }}

    pub fn key(&self) -> ApiKey {{
        match self {{ {"".join(f"{what}Kind::{n}(_) => ApiKey::{n}," for n in names)} }}
    }}
}}

"""
        out += "".join(f"impl From<{n}{what}> for {what}Kind {{ fn from(m: {n}{what}) -> Self {{ {what}Kind::{n}(m) }} }}\n" for n in names)
    return out


def metadata_record(messages):
    records = sorted((m for m in messages if m.group == "metadata"), key=lambda m: m.key)
    out = HEAD.format(about="The records of the metadata log as one type, and the frame around each.")
    out += "use bytes::Bytes;\n\nuse super::*;\nuse crate::wire::{DecodeError, EncodeError, Message, Reader, Writer};\n\n"
    out += "/// A record of the metadata log.\n#[derive(Clone, Debug, PartialEq)]\npub enum MetadataRecord {" + "".join(f"{m.name}({m.name})," for m in records) + "}\n\n"
    out += f"""/// The only version of the frame so far.
const FRAME_VERSION: u32 = 1;

impl MetadataRecord {{
    /// Reads the value of a record: frame version, type and version as unsigned varints, then the fields. All of it must be used up.
    pub fn read_framed(bytes: Bytes) -> Result<Self, DecodeError> {{
        let mut r = Reader::new(bytes);
        let frame = r.uvarint()?;
        if frame != FRAME_VERSION {{
            return Err(DecodeError::FrameVersion(frame));
        }}
        let (key, version) = (r.uvarint()?, r.uvarint()?);
        let version = i16::try_from(version).unwrap_or(i16::MAX);
        let record = match key {{
            {"".join(f"{m.key} => MetadataRecord::{m.name}({m.name}::read(&mut r, version)?)," for m in records)}
            _ => return Err(DecodeError::RecordType(key as i32)),
        }};
        r.end()?;
        Ok(record)
    }}

    /// The value of a record, in the given version of its type.
    pub fn write_framed(&self, version: i16) -> Result<Bytes, EncodeError> {{
        let mut w = Writer::new();
        w.uvarint(FRAME_VERSION);
        w.uvarint(self.record_type() as u32);
        w.uvarint(version as u32);
        match self {{ {"".join(f"MetadataRecord::{m.name}(m) => m.write(&mut w, version)?," for m in records)} }}
        Ok(w.finish().to_bytes())
    }}

    pub fn record_type(&self) -> i16 {{
        match self {{ {"".join(f"MetadataRecord::{m.name}(_) => {m.key}," for m in records)} }}
    }}

    /// The newest version of this type.
    pub fn max_version(&self) -> i16 {{
        match self {{ {"".join(f"MetadataRecord::{m.name}(_) => {m.name}::MAX," for m in records)} }}
    }}
}}

"""
    out += "".join(f"impl From<{m.name}> for MetadataRecord {{ fn from(m: {m.name}) -> Self {{ MetadataRecord::{m.name}(m) }} }}\n" for m in records)
    return out


def coordinator_record(messages, group, title, topic):
    keys = sorted((m for m in messages if m.group == group and m.kind == "coordinator-key"), key=lambda m: m.key)
    values = {m.key: m for m in messages if m.group == group and m.kind == "coordinator-value"}
    stem = lambda m: m.name.removesuffix("Key")
    for k in keys:
        assert values[k.key].name == stem(k) + "Value" and k.valid == (0, 0)
    out = HEAD.format(about=f"The records of `{topic}` as one type: a key with its type before it, a value with its version before it.")
    out += "use bytes::Bytes;\n\nuse super::*;\nuse crate::wire::{DecodeError, EncodeError, Message, Reader, Writer};\n\n"
    for what in ("Key", "Value"):
        out += f"/// A record's {what.lower()} in `{topic}`.\n#[derive(Clone, Debug, PartialEq)]\npub enum {title}Record{what} {{" + "".join(f"{stem(m)}({stem(m)}{what})," for m in keys) + "}\n\n"
    out += f"""impl {title}RecordKey {{
    /// Reads a key: the type as i16, then the fields, which must use up the rest. `DecodeError::RecordType` means a type that
    /// Kafka {KAFKA} does not know; a reader may skip such records.
    pub fn read(bytes: Bytes) -> Result<Self, DecodeError> {{
        let mut r = Reader::new(bytes);
        let key = match r.i16()? {{
            {"".join(f"{m.key} => {title}RecordKey::{stem(m)}({m.name}::read(&mut r, 0)?)," for m in keys)}
            other => return Err(DecodeError::RecordType(other.into())),
        }};
        r.end()?;
        Ok(key)
    }}

    pub fn write(&self) -> Result<Bytes, EncodeError> {{
        let mut w = Writer::new();
        w.i16(self.key_type());
        match self {{ {"".join(f"{title}RecordKey::{stem(m)}(m) => m.write(&mut w, 0)?," for m in keys)} }}
        Ok(w.finish().to_bytes())
    }}

    pub fn key_type(&self) -> i16 {{
        match self {{ {"".join(f"{title}RecordKey::{stem(m)}(_) => {m.key}," for m in keys)} }}
    }}
}}

impl {title}RecordValue {{
    /// Reads the value of a record whose key has the type `key_type`: the version as i16, then the fields, which must use up the rest.
    pub fn read(key_type: i16, bytes: Bytes) -> Result<Self, DecodeError> {{
        let mut r = Reader::new(bytes);
        let version = r.i16()?;
        let value = match key_type {{
            {"".join(f"{m.key} => {title}RecordValue::{stem(m)}({stem(m)}Value::read(&mut r, version)?)," for m in keys)}
            other => return Err(DecodeError::RecordType(other.into())),
        }};
        r.end()?;
        Ok(value)
    }}

    /// Writes the value in the given version of its type.
    pub fn write(&self, version: i16) -> Result<Bytes, EncodeError> {{
        let mut w = Writer::new();
        w.i16(version);
        match self {{ {"".join(f"{title}RecordValue::{stem(m)}(m) => m.write(&mut w, version)?," for m in keys)} }}
        Ok(w.finish().to_bytes())
    }}

    pub fn key_type(&self) -> i16 {{
        match self {{ {"".join(f"{title}RecordValue::{stem(m)}(_) => {m.key}," for m in keys)} }}
    }}
}}

"""
    for what in ("Key", "Value"):
        out += "".join(f"impl From<{stem(m)}{what}> for {title}Record{what} {{ fn from(m: {stem(m)}{what}) -> Self {{ {title}Record{what}::{stem(m)}(m) }} }}\n" for m in keys)
    return out


def table(messages):
    out = HEAD.format(about="Every message by name: for tests and tools that go through all of them.")
    out += """use super::*;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer};

/// A message could not be read, or what was read could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecodeError {
    #[error("reading: {0}")]
    Read(#[from] DecodeError),
    #[error("writing: {0}")]
    Write(#[from] EncodeError),
}

/// One message: its versions, and a function that reads it and writes it again.
pub struct Entry {
    pub name: &'static str,
    pub min: i16,
    pub max: i16,
    pub flexible_from: Option<i16>,
    pub recode: fn(&mut Reader, &mut Writer, i16) -> Result<(), RecodeError>,
    #[cfg(test)]
    pub(crate) round_trip: fn(Option<u64>, i16) -> Result<(), String>,
}

const fn entry<M: Message>() -> Entry {
    Entry {
        name: M::NAME, min: M::MIN, max: M::MAX, flexible_from: M::FLEXIBLE_FROM, recode: recode::<M>,
        #[cfg(test)]
        round_trip: crate::wire::synth::round_trip::<M>,
    }
}

fn recode<M: Message>(r: &mut Reader, w: &mut Writer, version: i16) -> Result<(), RecodeError> {
    M::read(r, version)?.write(w, version)?;
    Ok(())
}

"""
    out += f"/// Sorted by name.\npub static ALL: [Entry; {len(messages)}] = [" + "".join(f"entry::<{m.name}>()," for m in messages) + "];\n"
    return out


def module(messages):
    out = HEAD.format(about="Kafka's messages: one file each, the top struct of each re-exported here.\n//!\n"
                      "//! Always holds: reading never panics and allocates in proportion to the bytes given. Must never: hold a decision of the broker.")
    out += "#![allow(clippy::field_reassign_with_default)]\n\n"
    extra = ["kinds", "metadata_record", "group_record", "transaction_record", "share_record"]
    for f in sorted([m.file for m in messages] + extra + ["table"]):
        out += f"pub mod {f};\n"
    out += "\n"
    out += "".join(f"pub use {m.file}::{m.name};\n" for m in sorted(messages, key=lambda m: m.file))
    out += "pub use group_record::{GroupRecordKey, GroupRecordValue};\npub use kinds::{RequestKind, ResponseKind};\npub use metadata_record::MetadataRecord;\n"
    out += "pub use share_record::{ShareRecordKey, ShareRecordValue};\npub use transaction_record::{TransactionRecordKey, TransactionRecordValue};\n"
    return out
