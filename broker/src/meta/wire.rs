//! What voters say to each other, and nobody else: requests of private keys, framed as Kafka's are, with bodies of our own.
//!
//! Always holds: a request names the cluster, its sender and the node it is meant for, and is refused if one of them is wrong;
//! reading takes no more memory than has arrived. Must never: be advertised, or served on a listener for clients.

use bytes::{BufMut, BytesMut};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, InstallSnapshotRequest, InstallSnapshotResponse,
    VoteRequest, VoteResponse,
};
use openraft::{LogId, Membership, Vote};

use airis_protocol::types::Uuid;

use super::raft::{Node, NodeKey, TypeConfig};
use super::wal::{Frame, Take, put_json, put_log_id, put_vote};

/// Kafka's keys are below 100; a request header's key is an i16.
const FIRST_KEY: i16 = 0x6100;
const LAST_KEY: i16 = 0x6107;

/// True if a request frame (without its size) is one of these.
pub fn is_private(frame: &[u8]) -> bool {
    key_of(frame).is_some_and(|key| (FIRST_KEY..=LAST_KEY).contains(&key))
}

fn key_of(frame: &[u8]) -> Option<i16> {
    Some(i16::from_be_bytes(frame.get(..2)?.try_into().ok()?))
}

/// What a node says about itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hello {
    pub node: i32,
    /// Of the directory that holds the metadata; zero if it is not formatted.
    pub directory: Uuid,
    /// `None`: not formatted.
    pub cluster: Option<String>,
    /// The quorum's log has something in it.
    pub has_log: bool,
    /// The latest term that it has promised itself to.
    pub term: u64,
    /// Who votes by its log, and where they are; nobody before it has one.
    pub members: Membership<NodeKey, Node>,
}

/// Who asks whom, in which cluster.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Envelope {
    /// Empty: the sender has none yet.
    pub cluster: String,
    pub from: i32,
    /// -1: whoever is there.
    pub to: i32,
}

/// A request.
pub(super) enum Call {
    Hello,
    /// The cluster is founded; take its id.
    Found(String),
    Append(AppendEntriesRequest<TypeConfig>),
    Vote(VoteRequest<NodeKey>),
    Snapshot(InstallSnapshotRequest<TypeConfig>),
    /// Would you vote for me?
    Prevote(Option<LogId<NodeKey>>),
    /// Let me follow the log: a controller that is no voter (yet), and its address.
    Follow(String),
    /// Tell me when this offset is published, or that it was not in so many milliseconds.
    Applied {
        offset: i64,
        wait_ms: u32,
    },
}

/// An answer.
pub(super) enum Answer {
    Hello(Hello),
    Append(AppendEntriesResponse<NodeKey>),
    Vote(VoteResponse<NodeKey>),
    Snapshot(InstallSnapshotResponse<NodeKey>),
    /// To Found, Prevote, Follow, Applied.
    Granted(bool),
    /// Why not.
    Refused(String),
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_option(out: &mut Vec<u8>, id: &Option<LogId<NodeKey>>) {
    out.push(id.is_some().into());
    put_log_id(out, &id.unwrap_or_default());
}

impl Take<'_> {
    fn text(&mut self) -> Option<String> {
        let len = self.u32()? as usize;
        String::from_utf8(self.bytes(len)?.to_vec()).ok()
    }

    fn option(&mut self) -> Option<Option<LogId<NodeKey>>> {
        let some = self.u8()? == 1;
        let id = self.log_id()?;
        Some(some.then_some(id))
    }

    fn i32(&mut self) -> Option<i32> {
        Some(self.u32()? as i32)
    }
}

impl Call {
    fn key(&self) -> i16 {
        FIRST_KEY
            + match self {
                Call::Hello => 0,
                Call::Found(_) => 1,
                Call::Append(_) => 2,
                Call::Vote(_) => 3,
                Call::Snapshot(_) => 4,
                Call::Prevote(_) => 5,
                Call::Applied { .. } => 6,
                Call::Follow(_) => 7,
            }
    }

    /// The request as a frame, size first; the correlation id is set where it is sent.
    pub fn frame(&self, envelope: &Envelope) -> BytesMut {
        let mut body = Vec::new();
        put_text(&mut body, &envelope.cluster);
        body.extend_from_slice(&envelope.from.to_le_bytes());
        body.extend_from_slice(&envelope.to.to_le_bytes());
        match self {
            Call::Hello => {}
            Call::Found(text) | Call::Follow(text) => put_text(&mut body, text),
            Call::Append(r) => {
                put_vote(&mut body, &r.vote);
                put_option(&mut body, &r.prev_log_id);
                put_option(&mut body, &r.leader_commit);
                body.extend_from_slice(&(r.entries.len() as u32).to_le_bytes());
                for entry in &r.entries {
                    let frame = Frame::Entry(entry.clone());
                    frame.put(&mut body).expect("it was in the store");
                }
            }
            Call::Vote(r) => {
                put_vote(&mut body, &r.vote);
                put_option(&mut body, &r.last_log_id);
            }
            Call::Snapshot(r) => {
                put_vote(&mut body, &r.vote);
                body.extend_from_slice(&r.offset.to_le_bytes());
                body.push(r.done.into());
                body.extend_from_slice(&(r.data.len() as u32).to_le_bytes());
                body.extend_from_slice(&r.data);
                put_json(&mut body, &r.meta);
            }
            Call::Prevote(last) => put_option(&mut body, last),
            Call::Applied { offset, wait_ms } => {
                body.extend_from_slice(&offset.to_le_bytes());
                body.extend_from_slice(&wait_ms.to_le_bytes());
            }
        }
        // Size, key, version, correlation id, no client id.
        let mut out = BytesMut::with_capacity(14 + body.len());
        out.put_u32((10 + body.len()) as u32);
        out.put_i16(self.key());
        out.put_i16(0);
        out.put_i32(0);
        out.put_i16(-1);
        out.put_slice(&body);
        out
    }

    /// Reads a request frame (without its size): correlation id, envelope, request.
    pub fn read(frame: &[u8]) -> Option<(i32, Envelope, Call)> {
        let key = key_of(frame)?;
        let correlation = i32::from_be_bytes(frame.get(4..8)?.try_into().ok()?);
        let client_id = i16::from_be_bytes(frame.get(8..10)?.try_into().ok()?);
        let mut t = Take(frame.get(10 + client_id.max(0) as usize..)?);
        let envelope = Envelope {
            cluster: t.text()?,
            from: t.i32()?,
            to: t.i32()?,
        };
        let call = match key - FIRST_KEY {
            0 => Call::Hello,
            1 => Call::Found(t.text()?),
            2 => {
                let (vote, prev_log_id, leader_commit) = (t.vote()?, t.option()?, t.option()?);
                let count = t.u32()?;
                let mut entries = Vec::new();
                for _ in 0..count {
                    match t.frame()? {
                        Frame::Entry(entry) => entries.push(entry),
                        _ => return None,
                    }
                }
                Call::Append(AppendEntriesRequest {
                    vote,
                    prev_log_id,
                    entries,
                    leader_commit,
                })
            }
            3 => Call::Vote(VoteRequest {
                vote: t.vote()?,
                last_log_id: t.option()?,
            }),
            4 => {
                let (vote, offset, done) = (t.vote()?, t.u64()?, t.u8()? == 1);
                let len = t.u32()? as usize;
                let data = t.bytes(len)?.to_vec();
                Call::Snapshot(InstallSnapshotRequest {
                    vote,
                    meta: t.json()?,
                    offset,
                    data,
                    done,
                })
            }
            5 => Call::Prevote(t.option()?),
            6 => Call::Applied {
                offset: t.u64()? as i64,
                wait_ms: t.u32()?,
            },
            7 => Call::Follow(t.text()?),
            _ => return None,
        };
        t.0.is_empty().then_some((correlation, envelope, call))
    }
}

mod tag {
    pub const HELLO: u8 = 0;
    pub const APPEND: u8 = 1;
    pub const VOTE: u8 = 2;
    pub const SNAPSHOT: u8 = 3;
    pub const GRANTED: u8 = 4;
    pub const REFUSED: u8 = 5;
}

impl Answer {
    /// The answer's body, behind the correlation id.
    pub fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Answer::Hello(h) => {
                out.push(tag::HELLO);
                out.extend_from_slice(&h.node.to_le_bytes());
                out.extend_from_slice(&h.directory.0.to_le_bytes());
                out.push(h.cluster.is_some().into());
                put_text(&mut out, h.cluster.as_deref().unwrap_or_default());
                out.push(h.has_log.into());
                out.extend_from_slice(&h.term.to_le_bytes());
                put_json(&mut out, &h.members);
            }
            Answer::Append(r) => {
                out.push(tag::APPEND);
                match r {
                    AppendEntriesResponse::Success => out.push(0),
                    AppendEntriesResponse::PartialSuccess(id) => {
                        out.push(1);
                        put_option(&mut out, id);
                    }
                    AppendEntriesResponse::Conflict => out.push(2),
                    AppendEntriesResponse::HigherVote(vote) => {
                        out.push(3);
                        put_vote(&mut out, vote);
                    }
                }
            }
            Answer::Vote(r) => {
                out.push(tag::VOTE);
                put_vote(&mut out, &r.vote);
                out.push(r.vote_granted.into());
                put_option(&mut out, &r.last_log_id);
            }
            Answer::Snapshot(r) => {
                out.push(tag::SNAPSHOT);
                put_vote(&mut out, &r.vote);
            }
            Answer::Granted(yes) => out.extend([tag::GRANTED, u8::from(*yes)]),
            Answer::Refused(why) => {
                out.push(tag::REFUSED);
                put_text(&mut out, why);
            }
        }
        out
    }

    /// Reads an answer's frame: the correlation id first.
    pub fn read(frame: &[u8]) -> Option<Answer> {
        let mut t = Take(frame.get(4..)?);
        let answer = match t.u8()? {
            tag::HELLO => {
                let node = t.i32()?;
                let directory = Uuid(u128::from_le_bytes(t.bytes(16)?.try_into().ok()?));
                let known = t.u8()? == 1;
                let cluster = t.text()?;
                Answer::Hello(Hello {
                    node,
                    directory,
                    cluster: known.then_some(cluster),
                    has_log: t.u8()? == 1,
                    term: t.u64()?,
                    members: t.json()?,
                })
            }
            tag::APPEND => Answer::Append(match t.u8()? {
                0 => AppendEntriesResponse::Success,
                1 => AppendEntriesResponse::PartialSuccess(t.option()?),
                2 => AppendEntriesResponse::Conflict,
                3 => AppendEntriesResponse::HigherVote(t.vote()?),
                _ => return None,
            }),
            tag::VOTE => {
                let (vote, granted): (Vote<NodeKey>, bool) = (t.vote()?, t.u8()? == 1);
                Answer::Vote(VoteResponse {
                    vote,
                    vote_granted: granted,
                    last_log_id: t.option()?,
                })
            }
            tag::SNAPSHOT => Answer::Snapshot(InstallSnapshotResponse { vote: t.vote()? }),
            tag::GRANTED => Answer::Granted(t.u8()? == 1),
            tag::REFUSED => Answer::Refused(t.text()?),
            _ => return None,
        };
        t.0.is_empty().then_some(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use openraft::{EntryPayload, SnapshotMeta};

    use super::*;
    use crate::meta::raft::{Entry, Proposal};
    use crate::meta::wal::log_id;

    fn envelope() -> Envelope {
        Envelope {
            cluster: "c".into(),
            from: 3,
            to: -1,
        }
    }

    fn calls() -> Vec<Call> {
        let vote = Vote::new_committed(4, 2);
        let normal = EntryPayload::Normal(Proposal {
            first_offset: 9,
            batches: vec![vec![7; 90]],
        });
        let members = EntryPayload::Membership(Membership::new(vec![BTreeSet::from([1, 2])], None));
        let entry = |index, payload| Entry {
            log_id: log_id(4, index),
            payload,
        };
        vec![
            Call::Hello,
            Call::Found("x".into()),
            Call::Follow("h:1".into()),
            Call::Append(AppendEntriesRequest {
                vote,
                prev_log_id: Some(log_id(3, 6)),
                entries: vec![
                    entry(7, EntryPayload::Blank),
                    entry(8, normal),
                    entry(9, members),
                ],
                leader_commit: None,
            }),
            Call::Vote(VoteRequest {
                vote: Vote::new(5, 1),
                last_log_id: None,
            }),
            Call::Snapshot(InstallSnapshotRequest {
                vote,
                meta: SnapshotMeta::default(),
                offset: 70,
                data: vec![1, 2, 3],
                done: true,
            }),
            Call::Prevote(Some(log_id(1, 1))),
            Call::Applied {
                offset: 12,
                wait_ms: 1000,
            },
        ]
    }

    #[test]
    fn requests_come_back_and_no_cut_one_does() {
        for call in calls() {
            let frame = call.frame(&envelope());
            let frame = &frame[4..];
            assert!(is_private(frame));
            let (correlation, e, read) = Call::read(frame).expect("what was written is read");
            assert_eq!((correlation, &e), (0, &envelope()));
            assert_eq!(read.frame(&e)[4..], *frame);
            for cut in 0..frame.len() {
                assert!(Call::read(&frame[..cut]).is_none(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn answers_come_back_and_no_cut_one_does() {
        let vote = Vote::new(4, 2);
        let answers = [
            Answer::Hello(Hello {
                node: 3,
                directory: Uuid(9 << 70),
                cluster: Some("c".into()),
                has_log: true,
                term: 7,
                members: Membership::new(vec![BTreeSet::from([1, 2])], None),
            }),
            Answer::Append(AppendEntriesResponse::Success),
            Answer::Append(AppendEntriesResponse::Conflict),
            Answer::Append(AppendEntriesResponse::PartialSuccess(Some(log_id(1, 2)))),
            Answer::Append(AppendEntriesResponse::HigherVote(vote)),
            Answer::Vote(VoteResponse {
                vote,
                vote_granted: true,
                last_log_id: Some(log_id(1, 2)),
            }),
            Answer::Snapshot(InstallSnapshotResponse { vote }),
            Answer::Granted(true),
            Answer::Refused("no".into()),
        ];
        for answer in answers {
            let mut frame = vec![0; 4];
            frame.extend(answer.body());
            let read = Answer::read(&frame).expect("what was written is read");
            assert_eq!(read.body(), answer.body());
            for cut in 0..frame.len() {
                assert!(Answer::read(&frame[..cut]).is_none(), "cut at {cut}");
            }
        }
    }

    #[test]
    fn kafkas_requests_are_not_taken_for_private_ones() {
        for key in airis_protocol::api_key::ApiKey::ALL {
            assert!(!is_private(&(*key as i16).to_be_bytes()));
        }
        assert!(!is_private(&[0x61]));
    }
}
