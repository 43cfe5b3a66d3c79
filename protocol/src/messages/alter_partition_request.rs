//! `AlterPartitionRequest`, a request of versions 2 to 3: its fields, and how each version lays them out.
//!
//! Generated from Kafka 4.3.0's message schemas by `python3 protocol/codegen/generate.py`: change the generator, not this file.

use crate::api_key::ApiKey;
use crate::types::Uuid;
use crate::wire::{
    DecodeError, EncodeError, Message, Reader, Request, Writer, absent, readable, writable,
};

#[derive(Clone, Debug, PartialEq)]
pub struct AlterPartitionRequest {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub topics: Vec<TopicData>,
}

impl Default for AlterPartitionRequest {
    fn default() -> Self {
        AlterPartitionRequest {
            broker_id: 0,
            broker_epoch: -1,
            topics: Vec::new(),
        }
    }
}

impl Message for AlterPartitionRequest {
    const NAME: &'static str = "AlterPartitionRequest";
    const MIN: i16 = 2;
    const MAX: i16 = 3;
    const FLEXIBLE_FROM: Option<i16> = Some(2);

    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        readable::<Self>(v)?;
        let mut m = Self::default();
        m.broker_id = r.i32()?;
        m.broker_epoch = r.i64()?;
        m.topics = r.nested(true, 18, |r| TopicData::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        writable::<Self>(v)?;
        w.i32(self.broker_id);
        w.i64(self.broker_epoch);
        w.array(true, &self.topics, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct TopicData {
    pub topic_id: Uuid,
    pub partitions: Vec<PartitionData>,
}

impl TopicData {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.topic_id = r.uuid()?;
        m.partitions = r.nested(true, 15, |r| PartitionData::read(r, v))?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.uuid(self.topic_id);
        w.array(true, &self.partitions, |w, e| e.write(w, v))?;
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct PartitionData {
    pub partition_index: i32,
    pub leader_epoch: i32,
    pub new_isr: Vec<i32>,
    pub new_isr_with_epochs: Vec<BrokerState>,
    pub leader_recovery_state: i8,
    pub partition_epoch: i32,
}

impl PartitionData {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.leader_epoch = r.i32()?;
        if v <= 2 {
            m.new_isr = r.array(true, 4, Reader::i32)?;
        }
        if v >= 3 {
            m.new_isr_with_epochs = r.array(true, 13, |r| BrokerState::read(r, v))?;
        }
        m.leader_recovery_state = r.i8()?;
        m.partition_epoch = r.i32()?;
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        w.i32(self.partition_index);
        w.i32(self.leader_epoch);
        if v <= 2 {
            w.array(true, &self.new_isr, |w, e| {
                w.i32(*e);
                Ok(())
            })?;
        } else {
            absent(!self.new_isr.is_empty(), "NewIsr", v)?;
        }
        if v >= 3 {
            w.array(true, &self.new_isr_with_epochs, |w, e| e.write(w, v))?;
        } else {
            absent(!self.new_isr_with_epochs.is_empty(), "NewIsrWithEpochs", v)?;
        }
        w.i8(self.leader_recovery_state);
        w.i32(self.partition_epoch);
        w.u8(0);
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerState {
    pub broker_id: i32,
    pub broker_epoch: i64,
}

impl Default for BrokerState {
    fn default() -> Self {
        BrokerState {
            broker_id: 0,
            broker_epoch: -1,
        }
    }
}

impl BrokerState {
    fn read(r: &mut Reader, v: i16) -> Result<Self, DecodeError> {
        let mut m = Self::default();
        if v >= 3 {
            m.broker_id = r.i32()?;
        }
        if v >= 3 {
            m.broker_epoch = r.i64()?;
        }
        r.skip_tags()?;
        Ok(m)
    }

    fn write(&self, w: &mut Writer, v: i16) -> Result<(), EncodeError> {
        if v >= 3 {
            w.i32(self.broker_id);
        } else {
            absent(self.broker_id != 0, "BrokerId", v)?;
        }
        if v >= 3 {
            w.i64(self.broker_epoch);
        } else {
            absent(self.broker_epoch != -1, "BrokerEpoch", v)?;
        }
        w.u8(0);
        Ok(())
    }
}

impl Request for AlterPartitionRequest {
    type Response = super::AlterPartitionResponse;
    const KEY: ApiKey = ApiKey::AlterPartition;
}
