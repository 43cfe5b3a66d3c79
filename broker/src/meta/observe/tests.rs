//! An observer and two controllers that have the same real log; which of them leads, and what it does in the middle of a snapshot, is
//! the script's.

use std::net::SocketAddr;
use std::sync::Arc;

use airis_protocol::api_key::ApiKey;
use airis_protocol::header::{RequestHeader, response_frame};
use airis_protocol::messages::fetch_response::{self, FetchableTopicResponse};
use airis_protocol::messages::{
    FetchResponse, FetchSnapshotResponse, MetadataRecord, TopicRecord, fetch_snapshot_response,
};
use airis_protocol::types::{Millis, Offset};
use airis_protocol::wire::{Message, Reader};
use arc_swap::ArcSwap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::meta::tests::{create, options, registration, state};
use crate::meta::{Controller, Meta, MetaHandle, MetaOptions, Publisher, Standing};

const PATIENCE: Duration = Duration::from_secs(20);
/// So that a snapshot takes many.
const PIECE: usize = 300;

/// What the leader does when it is asked for the third piece, once it leads no more.
#[derive(Clone, Copy, Debug)]
enum Amid {
    HangsUp,
    Refuses,
    IsSilent,
}

struct Script {
    amid: Amid,
    leader: usize,
    epoch: i32,
    /// The snapshots that were begun, in order, and how many pieces of each were given out.
    given: Vec<(SnapshotId, usize)>,
}

struct Quorum {
    handle: MetaHandle,
    controller: Arc<Controller>,
    addrs: Vec<SocketAddr>,
    script: Mutex<Script>,
}

fn offered(controller: &Controller) -> SnapshotId {
    match controller.log.standing(0, 0) {
        Standing::Snapshot { end, epoch } => SnapshotId { end, epoch },
        other => panic!("{other:?}"),
    }
}

/// Makes topics until there is another snapshot than this one.
async fn another_snapshot(
    handle: &MetaHandle,
    controller: &Controller,
    before: Option<SnapshotId>,
) {
    let there = || controller.log.start() > 0 && Some(offered(controller)) != before;
    let begun = Instant::now();
    for i in 0.. {
        assert!(begun.elapsed() < PATIENCE, "no other snapshot");
        let name = format!("t-{}-{i}", controller.log.end());
        assert_eq!(create(handle, &name, 3).await, 0);
        if there() {
            return;
        }
    }
}

impl Quorum {
    async fn serve(self: Arc<Self>, me: usize, mut socket: TcpStream) -> std::io::Result<()> {
        loop {
            let mut frame = vec![0; socket.read_u32().await? as usize];
            socket.read_exact(&mut frame).await?;
            let mut r = Reader::new(frame.into());
            let header = RequestHeader::read(&mut r).unwrap();
            let (key, version) = (
                ApiKey::try_from(header.api_key).unwrap(),
                header.api_version,
            );
            let id = header.correlation_id;
            let answer = match key {
                ApiKey::Fetch => {
                    let answer = self.fetch(me, &FetchRequest::read(&mut r, version).unwrap());
                    response_frame(&answer, key, version, id)
                }
                ApiKey::FetchSnapshot => {
                    let request = FetchSnapshotRequest::read(&mut r, version).unwrap();
                    match self.piece(me, &request).await {
                        Ok(answer) => response_frame(&answer, key, version, id),
                        Err(Amid::IsSilent) => std::future::pending().await,
                        Err(_) => return Ok(()),
                    }
                }
                other => panic!("an observer asks for {other:?}"),
            };
            socket.write_all(&answer.unwrap().to_bytes()).await?;
        }
    }

    fn fetch(&self, me: usize, request: &FetchRequest) -> FetchResponse {
        let script = self.script.lock();
        let asked = &request.topics[0].partitions[0];
        let log = &self.controller.log;
        let mut data = PartitionData {
            high_watermark: log.end(),
            current_leader: fetch_response::LeaderIdAndEpoch {
                leader_id: script.leader as i32,
                leader_epoch: script.epoch,
            },
            records: Some(Records::default()),
            ..Default::default()
        };
        if me != script.leader {
            data.error_code = ErrorCode::NotLeaderOrFollower.code();
        } else if asked.current_leader_epoch < script.epoch {
            data.error_code = ErrorCode::FencedLeaderEpoch.code();
        } else {
            match log.standing(asked.fetch_offset, asked.last_fetched_epoch) {
                Standing::Snapshot { end, epoch } => {
                    data.snapshot_id = fetch_response::SnapshotId {
                        end_offset: end,
                        epoch,
                    };
                }
                Standing::Log => {
                    let bytes = log.read(asked.fetch_offset, PIECE).unwrap();
                    data.records = Some(Records::Bytes(bytes));
                }
                diverges => panic!("{diverges:?}"),
            }
        }
        let endpoint = |(id, addr): (usize, &SocketAddr)| NodeEndpoint {
            node_id: id as i32,
            host: addr.ip().to_string().as_str().into(),
            port: i32::from(addr.port()),
            rack: None,
        };
        FetchResponse {
            responses: vec![FetchableTopicResponse {
                topic_id: Uuid::METADATA_TOPIC,
                partitions: vec![data],
                ..Default::default()
            }],
            node_endpoints: self.addrs.iter().enumerate().map(endpoint).collect(),
            ..Default::default()
        }
    }

    async fn piece(
        &self,
        me: usize,
        request: &FetchSnapshotRequest,
    ) -> Result<FetchSnapshotResponse, Amid> {
        let asked = &request.topics[0].partitions[0];
        let id = SnapshotId {
            end: asked.snapshot_id.end_offset,
            epoch: asked.snapshot_id.epoch,
        };
        let mut piece = fetch_snapshot_response::PartitionSnapshot {
            position: asked.position,
            ..Default::default()
        };
        let deposed = {
            let mut script = self.script.lock();
            if asked.position == 0 {
                script.given.push((id, 0));
            }
            let given = script.given.last_mut().unwrap();
            assert_eq!(given.0, id, "pieces of the snapshot that was begun");
            assert_eq!(
                given.1 * PIECE,
                asked.position as usize,
                "one after the other"
            );
            given.1 += 1;
            let deposed = me == script.leader && script.given.len() == 1 && script.given[0].1 == 3;
            if deposed {
                (script.leader, script.epoch) = (1 - me, script.epoch + 1);
            }
            deposed.then_some(script.amid)
        };
        if let Some(amid) = deposed {
            // The next leader has a newer one by then.
            another_snapshot(&self.handle, &self.controller, Some(id)).await;
            match amid {
                Amid::Refuses => piece.error_code = ErrorCode::NotLeaderOrFollower.code(),
                amid => return Err(amid),
            }
        } else {
            let log = &self.controller.log;
            let (size, bytes) = log
                .snapshot_piece(id.end, id.epoch, asked.position as u64, PIECE)
                .unwrap();
            piece.size = size as i64;
            piece.unaligned_records = Records::Bytes(bytes);
        }
        Ok(FetchSnapshotResponse {
            topics: vec![fetch_snapshot_response::TopicSnapshot {
                name: Str::from_static(TOPIC),
                partitions: vec![piece],
            }],
            ..Default::default()
        })
    }
}

/// Every image is the one before plus its difference.
#[derive(Default)]
struct Published(Mutex<Vec<Arc<Image>>>);

impl Publisher for Published {
    fn publish(&self, image: &Arc<Image>, delta: &Delta) {
        let mut images = self.0.lock();
        let nothing = Arc::new(Image::default());
        let before = images.last().unwrap_or(&nothing);
        assert!(images.is_empty() || before.position < image.position);
        for id in Delta::between(before, image).topics.keys() {
            assert!(delta.topics.contains_key(id), "the delta names the topic");
        }
        images.push(image.clone());
    }
}

async fn a_change_of_leader(amid: Amid) {
    let dir = tempfile::tempdir().unwrap();
    let small = MetaOptions {
        snapshot_bytes: 4096,
        ..options(dir.path())
    };
    let meta = Meta::start(small, Arc::new(Published::default()))
        .await
        .unwrap();
    let handle = meta.handle().clone();
    handle.register(registration(100)).await.unwrap();
    let controller = handle.controller().unwrap().clone();
    another_snapshot(&handle, &controller, None).await;

    let mut listeners = Vec::new();
    for _ in 0..2 {
        listeners.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let addrs: Vec<SocketAddr> = listeners.iter().map(|l| l.local_addr().unwrap()).collect();
    let quorum = Arc::new(Quorum {
        handle: handle.clone(),
        controller: controller.clone(),
        addrs: addrs.clone(),
        script: Mutex::new(Script {
            amid,
            leader: 0,
            epoch: 7,
            given: Vec::new(),
        }),
    });
    let mut serving = tokio::task::JoinSet::new();
    for (me, listener) in listeners.into_iter().enumerate() {
        let quorum = quorum.clone();
        serving.spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                connections.spawn(quorum.clone().serve(me, socket));
            }
        });
    }

    let seen = Arc::new(Published::default());
    let image = Arc::new(ArcSwap::from_pointee(Image::default()));
    let (publish, applied) = mpsc::channel(4);
    let (published_to, published) = watch::channel(-1);
    let quiet = Arc::default();
    serving.spawn(super::super::publish::run(
        applied,
        seen.clone(),
        quiet,
        image.clone(),
        published_to,
    ));
    let options = ObserverOptions {
        network: Network::Tcp,
        node: NodeId(9),
        cluster_id: "c".into(),
        controllers: addrs.iter().map(ToString::to_string).collect(),
        directory: Uuid(9),
    };
    let (leading, leadership) = watch::channel(Leadership::default());
    let observer = Observer::new(options, publish, published, leading);
    let (caught_up, whole) = oneshot::channel();
    let (stop, stopped) = watch::channel(false);
    serving.spawn(observer.run(caught_up, stopped));
    timeout(PATIENCE, whole)
        .await
        .expect("it catches up in time")
        .unwrap();

    let given = quorum.script.lock().given.clone();
    assert_eq!(given.len(), 2, "begun anew, once: {given:?}");
    assert_eq!(given[0].1, 3, "{given:?}");
    assert!(
        given[1].1 > 3 && given[1].0.end > given[0].0.end,
        "{given:?}"
    );
    let first = seen.0.lock().first().unwrap().position;
    assert_eq!(
        first.offset.0 + 1,
        given[1].0.end,
        "nothing of the first one is published"
    );
    assert_eq!(state(&image.load()), state(&handle.image()));
    assert_eq!(image.load().position, handle.image().position);
    assert_eq!(leadership.borrow().leader, Some(NodeId(1)));
    stop.send_replace(true);
    serving.shutdown().await;
    meta.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_whose_leader_hangs_up_is_begun_anew_at_the_next_one() {
    a_change_of_leader(Amid::HangsUp).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_whose_leader_leads_no_more_is_begun_anew_at_the_next_one() {
    a_change_of_leader(Amid::Refuses).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_whose_leader_falls_silent_is_begun_anew_at_the_next_one() {
    a_change_of_leader(Amid::IsSilent).await;
}

#[test]
fn an_answer_with_nothing_new_is_none_that_makes_no_sense() {
    assert!(batches(&Bytes::new()).unwrap().is_empty());
    assert!(batches(&Bytes::from_static(b"something else")).is_err());
}

/// The log was trimmed between the leader's look at where this node stands and its reading, or begins later at another leader.
#[tokio::test]
async fn records_behind_a_gap_are_not_taken_and_the_log_is_begun_anew() {
    let options = ObserverOptions {
        network: Network::Tcp,
        node: NodeId(9),
        cluster_id: "c".into(),
        controllers: Vec::new(),
        directory: Uuid(9),
    };
    let (publish, _applied) = mpsc::channel(4);
    let (_published_to, published) = watch::channel(-1);
    let mut observer = Observer::new(
        options,
        publish,
        published,
        watch::channel(Leadership::default()).0,
    );
    let at = |offset| {
        let record = MetadataRecord::TopicRecord(TopicRecord::default());
        let (at, epoch) = (Offset(offset), LeaderEpoch(1));
        let bytes = checkpoint::data_batch(&[record], 30, Millis(1), at, epoch).unwrap();
        batches(&Bytes::from(bytes.to_vec())).unwrap().remove(0)
    };
    observer.take(vec![at(0), at(1)]).unwrap();
    observer.take(vec![at(1), at(2)]).unwrap();
    assert_eq!((observer.end(), observer.anew), ((3, 1), false));
    observer.take(vec![at(3), at(5)]).unwrap_err();
    assert_eq!((observer.end(), observer.anew), ((4, 1), true));
}
