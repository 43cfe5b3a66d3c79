//! OffsetFetch: where groups have got to; one group before version 8, many from there on (KIP-709).

use airis_cluster::metadata::Image;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use airis_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use airis_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse};
use airis_protocol::types::{Str, Uuid};
use futures::future::join_all;

use super::{Ctx, Reply};
use crate::coord::Commit;

/// From here on a whole group can fail; before, each of its partitions does.
const GROUP_ERROR_FROM: i16 = 2;
/// From here on a request names several groups.
const GROUPS_FROM: i16 = 8;
/// From here on topics are named by their ids (KIP-848).
const TOPIC_IDS_FROM: i16 = 10;

/// The request in the shape of the newest version.
fn groups_of(version: i16, request: OffsetFetchRequest) -> Vec<OffsetFetchRequestGroup> {
    if version >= GROUPS_FROM {
        return request.groups;
    }
    let topics = request.topics.map(|topics| {
        topics
            .into_iter()
            .map(|t| OffsetFetchRequestTopics {
                name: t.name,
                topic_id: Uuid::ZERO,
                partition_indexes: t.partition_indexes,
            })
            .collect()
    });
    vec![OffsetFetchRequestGroup {
        group_id: request.group_id,
        topics,
        ..Default::default()
    }]
}

fn no_partitions(topic: &OffsetFetchRequestTopics, code: ErrorCode) -> OffsetFetchResponseTopics {
    OffsetFetchResponseTopics {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: topic
            .partition_indexes
            .iter()
            .map(|&partition_index| OffsetFetchResponsePartitions {
                partition_index,
                committed_offset: -1,
                error_code: code.code(),
                ..Default::default()
            })
            .collect(),
    }
}

fn group_failed(
    version: i16,
    group: &OffsetFetchRequestGroup,
    code: ErrorCode,
) -> OffsetFetchResponseGroup {
    let mut answer = OffsetFetchResponseGroup {
        group_id: group.group_id.clone(),
        ..Default::default()
    };
    if version >= GROUP_ERROR_FROM {
        answer.error_code = code.code();
    } else {
        let topics = group.topics.iter().flatten();
        answer.topics = topics.map(|t| no_partitions(t, code)).collect();
    }
    answer
}

/// Gives topics their names where they have ids. Returns the answers of those that do not exist.
fn resolve(image: &Image, group: &mut OffsetFetchRequestGroup) -> Vec<OffsetFetchResponseTopics> {
    let mut unknown = Vec::new();
    if let Some(topics) = &mut group.topics {
        topics.retain_mut(|topic| match image.topic_by_id(topic.topic_id) {
            Some(found) => {
                topic.name = found.name.clone();
                true
            }
            None => {
                unknown.push(no_partitions(topic, ErrorCode::UnknownTopicId));
                false
            }
        });
    }
    unknown
}

/// Gives topics that exist their ids where they have names: an offset of the topic that had the name before is not theirs.
fn identify(image: &Image, group: &mut OffsetFetchRequestGroup) {
    for topic in group.topics.iter_mut().flatten() {
        topic.topic_id = image.topic(&topic.name).map_or(Uuid::ZERO, |t| t.id);
    }
}

/// Reads one group.
fn fetch(
    ctx: &Ctx,
    image: &Image,
    group: &mut OffsetFetchRequestGroup,
    require_stable: bool,
) -> (OffsetFetchResponseGroup, Option<Commit>) {
    let by_id = ctx.version >= TOPIC_IDS_FROM;
    let all = group.topics.is_none();
    let unknown = if by_id {
        resolve(image, group)
    } else {
        identify(image, group);
        Vec::new()
    };
    let id_of = |name: &str| image.topic(name).map_or(Uuid::ZERO, |t| t.id);
    let found = ctx.node.groups.read(&group.group_id, |shard| {
        shard.fetch(group, require_stable, id_of)
    });
    match found {
        Err(code) => (group_failed(ctx.version, group, code), None),
        Ok((mut answer, commit)) => {
            if by_id && all {
                // What has no id cannot be said.
                answer.topics.retain(|t| t.topic_id != Uuid::ZERO);
            }
            answer.topics.extend(unknown);
            (answer, Some(commit))
        }
    }
}

/// The answer in the shape of the request's version.
fn shape(version: i16, mut groups: Vec<OffsetFetchResponseGroup>) -> OffsetFetchResponse {
    for topic in groups.iter_mut().flat_map(|g| &mut g.topics) {
        if version >= TOPIC_IDS_FROM {
            topic.name = Str::default();
        } else {
            topic.topic_id = Uuid::ZERO;
        }
    }
    if version >= GROUPS_FROM {
        return OffsetFetchResponse {
            groups,
            ..Default::default()
        };
    }
    let group = groups.pop().unwrap_or_default();
    OffsetFetchResponse {
        error_code: group.error_code,
        topics: group
            .topics
            .into_iter()
            .map(|t| OffsetFetchResponseTopic {
                name: t.name,
                partitions: t
                    .partitions
                    .into_iter()
                    .map(|p| OffsetFetchResponsePartition {
                        partition_index: p.partition_index,
                        committed_offset: p.committed_offset,
                        committed_leader_epoch: p.committed_leader_epoch,
                        metadata: p.metadata,
                        error_code: p.error_code,
                    })
                    .collect(),
            })
            .collect(),
        ..Default::default()
    }
}

pub fn handle(ctx: &Ctx, request: OffsetFetchRequest) -> Reply<OffsetFetchResponse> {
    let version = ctx.version;
    let require_stable = request.require_stable;
    let image = ctx.node.meta.image();
    let mut groups = groups_of(version, request);
    let mut answers = Vec::with_capacity(groups.len());
    let mut waits = Vec::new();
    for (i, group) in groups.iter_mut().enumerate() {
        let (answer, commit) = fetch(ctx, &image, group, require_stable);
        answers.push(answer);
        waits.extend(commit.filter(|c| !c.is_done()).map(|c| (i, c)));
    }
    if waits.is_empty() {
        return Reply::Now(shape(version, answers));
    }
    Reply::later(async move {
        let waits = waits
            .into_iter()
            .map(|(i, c)| async move { (i, c.done().await) });
        for (i, outcome) in join_all(waits).await {
            if let Err(code) = outcome {
                // Consumers before 3.9 do not know the other code here, and give up (`handleOffsetFetchException`).
                let code = match code {
                    ErrorCode::CoordinatorNotAvailable => ErrorCode::NotCoordinator,
                    code => code,
                };
                answers[i] = group_failed(version, &groups[i], code);
            }
        }
        shape(version, answers)
    })
}

#[cfg(test)]
mod tests {
    use airis_cluster::metadata::Delta;
    use airis_protocol::messages::{MetadataRecord, TopicRecord};
    use airis_protocol::types::{LeaderEpoch, Offset};

    use super::*;

    #[test]
    fn topics_that_are_named_have_the_ids_of_now() {
        let record = MetadataRecord::TopicRecord(TopicRecord {
            name: "t".into(),
            topic_id: Uuid(9),
        });
        let mut image = Image::default();
        image
            .replay_all(&mut Delta::default(), Offset(0), LeaderEpoch(1), &[record])
            .unwrap();
        let topics = ["t", "gone"].map(|name| OffsetFetchRequestTopics {
            name: name.into(),
            ..Default::default()
        });
        let mut group = OffsetFetchRequestGroup {
            topics: Some(topics.into()),
            ..Default::default()
        };
        identify(&image, &mut group);
        let ids: Vec<Uuid> = group.topics.unwrap().iter().map(|t| t.topic_id).collect();
        assert_eq!(ids, [Uuid(9), Uuid::ZERO]);
        // Versions without ids are not told any.
        let answer = OffsetFetchResponseGroup {
            topics: vec![OffsetFetchResponseTopics {
                topic_id: Uuid(9),
                ..Default::default()
            }],
            ..Default::default()
        };
        let told = shape(TOPIC_IDS_FROM - 1, vec![answer]);
        assert_eq!(told.groups[0].topics[0].topic_id, Uuid::ZERO);
    }
}
