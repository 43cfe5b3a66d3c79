//! `ConsumerGroupDescribeResponse`, a response of versions 0 to 1: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::types::{Str, Uuid};
use crate::wire::{DecodeError, EncodeError, Message, Reader, Writer, readable, writable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ConsumerGroupDescribeResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribedGroup>,
}

impl Message for ConsumerGroupDescribeResponse {
    const NAME: &'static str = "ConsumerGroupDescribeResponse";
    const MIN: i16 = 0;
    const MAX: i16 = 1;
    const FLEXIBLE_FROM: Option<i16> = Some(0);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.groups = r.nested(true, 20, |r| DescribedGroup::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.throttle_time_ms);
        w.array(true, &self.groups, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub group_id: Str,
    pub group_state: Str,
    pub group_epoch: i32,
    pub assignment_epoch: i32,
    pub assignor_name: Str,
    pub members: Vec<Member>,
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> Self {
        DescribedGroup {
            error_code: 0,
            error_message: None,
            group_id: Str::default(),
            group_state: Str::default(),
            group_epoch: 0,
            assignment_epoch: 0,
            assignor_name: Str::default(),
            members: Vec::new(),
            authorized_operations: -2147483648,
        }
    }
}

impl DescribedGroup {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = r.str_null(true)?;
        m.group_id = r.str(true)?;
        m.group_state = r.str(true)?;
        m.group_epoch = r.i32()?;
        m.assignment_epoch = r.i32()?;
        m.assignor_name = r.str(true)?;
        m.members = r.nested(true, 16, |r| Member::read(r, v))?;
        m.authorized_operations = r.i32()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.i16(self.error_code);
        w.str_null(true, &self.error_message)?;
        w.str(true, &self.group_id)?;
        w.str(true, &self.group_state)?;
        w.i32(self.group_epoch);
        w.i32(self.assignment_epoch);
        w.str(true, &self.assignor_name)?;
        w.array(true, &self.members, |w, e| e.write(w, v))?;
        w.i32(self.authorized_operations);
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub member_id: Str,
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub member_epoch: i32,
    pub client_id: Str,
    pub client_host: Str,
    pub subscribed_topic_names: Vec<Str>,
    pub subscribed_topic_regex: Option<Str>,
    pub assignment: Assignment,
    pub target_assignment: Assignment,
    pub member_type: i8,
}

impl Default for Member {
    fn default() -> Self {
        Member {
            member_id: Str::default(),
            instance_id: None,
            rack_id: None,
            member_epoch: 0,
            client_id: Str::default(),
            client_host: Str::default(),
            subscribed_topic_names: Vec::new(),
            subscribed_topic_regex: None,
            assignment: Assignment::default(),
            target_assignment: Assignment::default(),
            member_type: -1,
        }
    }
}

impl Member {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.member_id = r.str(true)?;
        m.instance_id = r.str_null(true)?;
        m.rack_id = r.str_null(true)?;
        m.member_epoch = r.i32()?;
        m.client_id = r.str(true)?;
        m.client_host = r.str(true)?;
        m.subscribed_topic_names = r.array(true, 1, |r| r.str(true))?;
        m.subscribed_topic_regex = r.str_null(true)?;
        m.assignment = Assignment::read(r, v)?;
        m.target_assignment = Assignment::read(r, v)?;
        if v >= 1 {
            m.member_type = r.i8()?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.str(true, &self.member_id)?;
        w.str_null(true, &self.instance_id)?;
        w.str_null(true, &self.rack_id)?;
        w.i32(self.member_epoch);
        w.str(true, &self.client_id)?;
        w.str(true, &self.client_host)?;
        w.array(true, &self.subscribed_topic_names, |w, e| w.str(true, e))?;
        w.str_null(true, &self.subscribed_topic_regex)?;
        self.assignment.write(w, v)?;
        self.target_assignment.write(w, v)?;
        if v >= 1 {
            w.i8(self.member_type);
        }
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Assignment {
    pub topic_partitions: Vec<TopicPartitions>,
}

impl Assignment {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_partitions = r.nested(true, 19, |r| TopicPartitions::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.array(true, &self.topic_partitions, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicPartitions {
    pub topic_id: Uuid,
    pub topic_name: Str,
    pub partitions: Vec<i32>,
}

impl TopicPartitions {
    fn read(r: &mut Reader, _v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = r.uuid()?;
        m.topic_name = r.str(true)?;
        m.partitions = r.array(true, 4, Reader::i32)?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, _v: i16) -> Result<(), EncodeError> {
        w.uuid(self.topic_id);
        w.str(true, &self.topic_name)?;
        w.array(true, &self.partitions, |w, e| {
            w.i32(*e);
            Ok(())
        })?;
        w.u8(0);
        Ok(())
    }
}
