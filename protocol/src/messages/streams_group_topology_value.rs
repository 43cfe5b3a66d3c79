//! `StreamsGroupTopologyValue`, a record value of versions 0 to 0: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::Str;
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct StreamsGroupTopologyValue {
    pub epoch: i32,
    pub subtopologies: Vec<Subtopology>,
}

impl Message for StreamsGroupTopologyValue {
    const NAME: &'static str = "StreamsGroupTopologyValue";
    const MIN: i16 = 0;
    const MAX: i16 = 0;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.epoch = r.i32()?;
        m.subtopologies = r.nested(true, 8, |r| Subtopology::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.epoch);
        w.array(true, &self.subtopologies, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Subtopology {
    pub subtopology_id: Str,
    pub source_topics: Vec<Str>,
    pub source_topic_regex: Vec<Str>,
    pub state_changelog_topics: Vec<TopicInfo>,
    pub repartition_sink_topics: Vec<Str>,
    pub repartition_source_topics: Vec<TopicInfo>,
    pub copartition_groups: Vec<CopartitionGroup>,
}

impl Subtopology {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.subtopology_id = r.str(true)?;
        m.source_topics = r.array(true, 1, |r| r.str(true))?;
        m.source_topic_regex = r.array(true, 1, |r| r.str(true))?;
        m.state_changelog_topics = r.nested(true, 9, |r| TopicInfo::read(r, v))?;
        m.repartition_sink_topics = r.array(true, 1, |r| r.str(true))?;
        m.repartition_source_topics = r.nested(true, 9, |r| TopicInfo::read(r, v))?;
        m.copartition_groups = r.nested(true, 4, |r| CopartitionGroup::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.subtopology_id)?;
        w.array(true, &self.source_topics, |w, e| w.str(true, e))?;
        w.array(true, &self.source_topic_regex, |w, e| w.str(true, e))?;
        w.array(true, &self.state_changelog_topics, |w, e| e.write(w, v))?;
        w.array(true, &self.repartition_sink_topics, |w, e| w.str(true, e))?;
        w.array(true, &self.repartition_source_topics, |w, e| e.write(w, v))?;
        w.array(true, &self.copartition_groups, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicInfo {
    pub name: Str,
    pub partitions: i32,
    pub replication_factor: i16,
    pub topic_configs: Vec<TopicConfig>,
}

impl TopicInfo {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.name = r.str(true)?;
        m.partitions = r.i32()?;
        m.replication_factor = r.i16()?;
        m.topic_configs = r.array(true, 3, |r| TopicConfig::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.name)?;
        w.i32(self.partitions);
        w.i16(self.replication_factor);
        w.array(true, &self.topic_configs, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct CopartitionGroup {
    pub source_topics: Vec<i16>,
    pub source_topic_regex: Vec<i16>,
    pub repartition_source_topics: Vec<i16>,
}

impl CopartitionGroup {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.source_topics = r.array(true, 2, Reader::i16)?;
        m.source_topic_regex = r.array(true, 2, Reader::i16)?;
        m.repartition_source_topics = r.array(true, 2, Reader::i16)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.array(true, &self.source_topics, |w, e| {
            w.i16(*e);
            Ok(())
        })?;
        w.array(true, &self.source_topic_regex, |w, e| {
            w.i16(*e);
            Ok(())
        })?;
        w.array(true, &self.repartition_source_topics, |w, e| {
            w.i16(*e);
            Ok(())
        })?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicConfig {
    pub key: Str,
    pub value: Str,
}

impl TopicConfig {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.key = r.str(true)?;
        m.value = r.str(true)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.key)?;
        w.str(true, &self.value)?;
        w.u8(0);
        Ok(())
    }
}

impl StreamsGroupTopologyValue {
    /// The type of record in its key, before the key's fields.
    pub const KEY_TYPE: i16 = 23;
}
