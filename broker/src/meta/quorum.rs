//! The answering side of what voters say to each other, and what this node knows of its leader by it.
//!
//! Always holds: a node that has lost its log neither votes nor says it would, until it has all that a leader of its time has
//! committed (faults R15, S25); a node that hears from its leader helps nobody to depose it (N3, P6). Must never: answer for
//! another cluster or another node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use airis_protocol::types::NodeId;
use airis_protocol::wire::Writer;
use bytes::Bytes;
use futures::FutureExt;
use openraft::raft::AppendEntriesResponse;
use openraft::{Raft, ServerState};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use super::catch_up::CatchingUp;
use super::members;
use super::network::Peers;
use super::raft::{NodeKey, TypeConfig};
use super::store::Store;
use super::wire::{Answer, Call, Envelope, Hello};
use crate::api::{self, Client};

/// Foundings that wait to be carried out.
const FOUND_QUEUE_MAX: usize = 4;
/// How long a change of members may take before it is asked for again.
const FOLLOW_MAX: Duration = Duration::from_secs(2);

/// How long a voter may take to say which term it knows.
const HEAR_MAX: Duration = Duration::from_millis(500);
/// How often it is said for whom this voter waits.
const HEAR_SAY: Duration = Duration::from_secs(5);
/// Between two rounds of questions for that.
const HEAR_AGAIN: Duration = Duration::from_millis(50);

/// A founding on its way to the formation: the cluster's id, and where to say that it is on disk here.
pub(super) type Founding = (String, oneshot::Sender<bool>);

/// What this node has heard of its leader.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Contact {
    pub leader: Option<NodeKey>,
    /// When it was last heard.
    pub at: Option<Instant>,
    /// Its last connection has ended since.
    pub lost: bool,
}

impl Contact {
    /// True if the leader was heard within `age`, and its process has not ended since.
    pub fn live(&self, age: Duration) -> bool {
        !self.lost && self.at.is_some_and(|at| at.elapsed() < age)
    }
}

#[derive(Default)]
struct Contacts {
    contact: Contact,
    /// Open connections that appends came over, by voter.
    connections: BTreeMap<NodeKey, usize>,
}

/// What is there once openraft runs.
pub(super) struct Running {
    pub raft: Raft<TypeConfig>,
    pub store: Store,
    pub peers: Peers,
    pub published: watch::Receiver<i64>,
    /// So long a leader that is not heard of is believed to live.
    pub patience: Duration,
    /// The other voters, as far as the configuration knows them, and where they are.
    pub others: BTreeMap<NodeKey, String>,
}

/// This node's side of the quorum. It exists before openraft does: nodes find each other through it.
pub struct Quorum {
    me: NodeId,
    hello: Mutex<Hello>,
    founding: mpsc::Sender<Founding>,
    foundings: Mutex<Option<mpsc::Receiver<Founding>>>,
    running: OnceLock<Running>,
    contacts: Mutex<Contacts>,
    /// The contact has changed in a way that does not wait.
    changed: Notify,
    catching_up: Mutex<Option<CatchingUp>>,
    catches_up: AtomicBool,
    /// While this node catches up: what each other voter was last heard to say of itself.
    told: Mutex<BTreeMap<NodeKey, Hello>>,
}

/// Counts one connection of a voter for as long as it lives.
struct Connected {
    quorum: Arc<Quorum>,
    voter: NodeKey,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut contacts = self.quorum.contacts.lock();
        let open = contacts.connections.entry(self.voter).or_default();
        *open = open.saturating_sub(1);
        if *open == 0 && contacts.contact.leader == Some(self.voter) {
            contacts.contact.lost = true;
            self.quorum.changed.notify_one();
        }
    }
}

impl Quorum {
    pub(super) fn new(hello: Hello) -> Quorum {
        let (founding, foundings) = mpsc::channel(FOUND_QUEUE_MAX);
        Quorum {
            me: NodeId(hello.node),
            hello: Mutex::new(hello),
            founding,
            foundings: Mutex::new(Some(foundings)),
            running: OnceLock::new(),
            contacts: Mutex::default(),
            changed: Notify::new(),
            catching_up: Mutex::new(None),
            catches_up: AtomicBool::new(false),
            told: Mutex::default(),
        }
    }

    pub(super) fn hello(&self) -> Hello {
        self.hello.lock().clone()
    }

    pub(super) fn set_hello(&self, hello: Hello) {
        *self.hello.lock() = hello;
    }

    /// The foundings that others order; taken by the formation, once.
    pub(super) fn foundings(&self) -> mpsc::Receiver<Founding> {
        let taken = self.foundings.lock().take();
        taken.expect("a node is formed once")
    }

    /// From now on the other voters are answered.
    pub(super) fn run(&self, running: Running, catching_up: Option<CatchingUp>) {
        self.catches_up
            .store(catching_up.is_some(), Ordering::SeqCst);
        *self.catching_up.lock() = catching_up;
        let _ = self.running.set(running);
    }

    pub(super) fn contact(&self) -> Contact {
        self.contacts.lock().contact
    }

    /// Resolves when a leader is lost, or when a log is caught up with.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// True while this node must not vote.
    pub(super) fn catches_up(&self) -> bool {
        self.catches_up.load(Ordering::SeqCst)
    }

    /// Answers one request frame of another voter.
    pub fn serve(self: &Arc<Self>, client: &Arc<Client>, frame: Bytes) -> api::Answer {
        let Some((correlation, envelope, call)) = Call::read(&frame) else {
            return api::Answer::Close("a request of another voter makes no sense".into());
        };
        let (quorum, client) = (self.clone(), client.clone());
        let answer = async move {
            let answer = quorum.answer(&client, envelope, call).await;
            let mut w = Writer::framed();
            w.i32(correlation);
            w.raw(&answer.body());
            w.finish_frame()
        };
        api::Answer::Later(answer.boxed())
    }

    pub(super) async fn answer(
        self: &Arc<Self>,
        client: &Client,
        envelope: Envelope,
        call: Call,
    ) -> Answer {
        let mut hello = self.hello();
        if envelope.to >= 0 && envelope.to != hello.node {
            let why = format!("this is node {}, not {}", hello.node, envelope.to);
            return Answer::Refused(why);
        }
        match call {
            Call::Hello => {
                if let Some(running) = self.running.get() {
                    // A cluster has begun with its first entry, not before: until then its founder may die and must be able to begin
                    // again.
                    hello.has_log = running.store.last().is_some();
                    hello.term = running.store.term();
                    let metrics = running.raft.metrics();
                    let metrics = metrics.borrow();
                    hello.members = metrics.membership_config.membership().clone();
                }
                return Answer::Hello(hello);
            }
            Call::Found(cluster) => return self.found(hello, cluster).await,
            _ => {}
        }
        if hello.cluster.as_deref() != Some(&*envelope.cluster) {
            return Answer::Refused(format!(
                "node {} belongs to cluster {}, node {} to cluster {}",
                hello.node,
                hello.cluster.as_deref().unwrap_or("none"),
                envelope.from,
                envelope.cluster,
            ));
        }
        let Some(running) = self.running.get() else {
            return Answer::Refused("the node is starting".into());
        };
        let from = envelope.from as NodeKey;
        if matches!(
            call,
            Call::Append(_) | Call::Vote(_) | Call::Snapshot(_) | Call::Follow(_)
        ) && running.store.is_waiting()
        {
            // Its queue has no bound, and whoever asks asks again.
            return Answer::Refused("the metadata log waits for room on its disk".into());
        }
        let leads_in = match &call {
            Call::Append(request) => Some(request.vote.leader_id.term),
            Call::Snapshot(request) => Some(request.vote.leader_id.term),
            _ => None,
        };
        if let Some(term) = leads_in
            && self.catches_up()
            && !self.is_latest(from, term)
        {
            let why = "this node has lost its log, and with it what it has promised: it waits to hear of enough voters that none of \
                       them knows of a later leader";
            return Answer::Refused(why.into());
        }
        match call {
            Call::Append(request) => {
                let (commit, term) = (request.leader_commit, request.vote.leader_id.term);
                match running.raft.append_entries(request).await {
                    Ok(answer) => {
                        if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
                            self.heard(client, from);
                        }
                        let whole = matches!(answer, AppendEntriesResponse::Success)
                            && commit.is_some_and(|c| c.leader_id.term == term)
                            && running.store.last() >= commit;
                        if whole && self.catches_up() {
                            self.caught_up();
                        }
                        Answer::Append(answer)
                    }
                    Err(e) => Answer::Refused(e.to_string()),
                }
            }
            Call::Vote(_) if self.catches_up() => {
                Answer::Refused("this node has lost its log and may not vote yet".into())
            }
            Call::Vote(request) => match running.raft.vote(request).await {
                Ok(answer) => Answer::Vote(answer),
                Err(e) => Answer::Refused(e.to_string()),
            },
            Call::Snapshot(request) => match running.raft.install_snapshot(request).await {
                Ok(answer) => {
                    self.heard(client, from);
                    Answer::Snapshot(answer)
                }
                Err(e) => Answer::Refused(e.to_string()),
            },
            Call::Follow(addr) => {
                let known = {
                    let metrics = running.raft.metrics();
                    let metrics = metrics.borrow();
                    let all = &metrics.membership_config;
                    let node = all.membership().get_node(&from);
                    // A voter is sent the log without asking.
                    all.voter_ids().any(|v| v == from) || node.is_some_and(|n| n.addr == addr)
                };
                if known {
                    return Answer::Granted(true);
                }
                // Only the leader can; it begins to send the log.
                let added = members::follow(&running.raft, from, &addr, false);
                let added = timeout(FOLLOW_MAX, added).await;
                Answer::Granted(matches!(added, Ok(Ok(_))))
            }
            Call::Prevote(last) => Answer::Granted(self.would_vote(running, last)),
            Call::Applied { offset, wait_ms } => {
                let mut published = running.published.clone();
                let wait = Duration::from_millis(wait_ms.into());
                let seen = timeout(wait, published.wait_for(|o| *o >= offset)).await;
                Answer::Granted(matches!(seen, Ok(Ok(_))))
            }
            Call::Hello | Call::Found(_) => unreachable!("answered above"),
        }
    }

    async fn found(&self, hello: Hello, cluster: String) -> Answer {
        if self.running.get().is_some() {
            return if hello.cluster.as_deref() == Some(&*cluster) {
                Answer::Granted(true)
            } else {
                Answer::Refused(format!(
                    "node {} belongs to cluster {} already",
                    hello.node,
                    hello.cluster.as_deref().unwrap_or("none"),
                ))
            };
        }
        let (done, on_disk) = oneshot::channel();
        if self.founding.send((cluster, done)).await.is_err() {
            return Answer::Refused("the node is starting".into());
        }
        Answer::Granted(on_disk.await.unwrap_or(false))
    }

    /// Takes note of a leader that speaks.
    fn heard(self: &Arc<Self>, client: &Client, leader: NodeKey) {
        let mut contacts = self.contacts.lock();
        contacts.contact = Contact {
            leader: Some(leader),
            at: Some(Instant::now()),
            lost: false,
        };
        if client.voter.get().is_none() {
            *contacts.connections.entry(leader).or_default() += 1;
            let connected = Connected {
                quorum: self.clone(),
                voter: leader,
            };
            // Set here alone, by the one task of the connection.
            let _ = client.voter.set(Box::new(connected));
        }
    }

    fn would_vote(&self, running: &Running, last: Option<openraft::LogId<NodeKey>>) -> bool {
        if self.catches_up() || last < running.store.last() {
            return false;
        }
        let metrics = running.raft.metrics();
        let metrics = metrics.borrow();
        if metrics.state == ServerState::Leader {
            let voters: BTreeSet<NodeKey> = metrics.membership_config.voter_ids().collect();
            return !running.peers.majority_within(&voters, running.patience);
        }
        !self.contact().live(running.patience)
    }

    /// True if no later leader than this one can have been elected with a vote that this node has forgotten: so many voters have been
    /// heard of that one of them must know.
    ///
    /// Who votes is what the leader's own log says. The configuration may be older than the quorum, and it names nobody who was not
    /// there when this node started; and the first later leader was elected by those whom this one's log names, whatever came then.
    fn is_latest(&self, leader: NodeKey, term: u64) -> bool {
        let told = self.told.lock();
        let me = self.me.0 as NodeKey;
        let Some(own) = told.get(&leader).filter(|hello| hello.term == term) else {
            return false;
        };
        let enough = |voters: &BTreeSet<NodeKey>| {
            let heard = voters.iter().filter(|v| **v != me && told.contains_key(*v));
            let majority = voters.len() / 2 + 1;
            heard.count() > voters.len() - majority
        };
        // While the voters change there are two sets of them, and both have to agree.
        let sets = own.members.get_joint_config();
        !sets.is_empty() && sets.iter().all(enough) && told.values().all(|hello| hello.term <= term)
    }

    /// Another node says what it knows.
    pub(super) fn note(&self, hello: Hello) {
        self.told.lock().insert(hello.node as NodeKey, hello);
    }

    /// The other nodes that may vote and where they are: as the configuration knows them, as they tell of each other, and as far as
    /// this node has a log again.
    fn others(&self, running: &Running) -> BTreeMap<NodeKey, String> {
        let mut others = running.others.clone();
        let metrics = running.raft.metrics();
        let own = metrics.borrow().membership_config.membership().clone();
        let told = self.told.lock();
        for members in told.values().map(|h| &h.members).chain([&own]) {
            for (id, node) in members.nodes() {
                others.entry(*id).or_insert_with(|| node.addr.clone());
            }
        }
        others.remove(&(self.me.0 as NodeKey));
        others
    }

    /// Asks the other voters for what they know, for as long as this node catches up.
    pub(super) async fn hear_terms(&self) {
        let Some(running) = self.running.get() else {
            return;
        };
        let mut said = Instant::now();
        while self.catches_up() {
            let mut silent = Vec::new();
            for (voter, addr) in self.others(running) {
                let link = running.peers.link(voter, &addr);
                let envelope = running.peers.envelope(voter);
                let call = link.call(&Call::Hello, &envelope);
                match timeout(HEAR_MAX, call).await {
                    Ok(Ok(Answer::Hello(hello))) => self.note(hello),
                    answer => {
                        silent.push(format!("node {voter} at {addr}"));
                        if answer.is_err() {
                            link.forget().await;
                        }
                    }
                }
            }
            if said.elapsed() >= HEAR_SAY {
                said = Instant::now();
                let silent = silent.join(", ");
                tracing::info!(
                    silent,
                    "this voter has lost its log, and catches up with a leader that no other voter knows to be deposed"
                );
            }
            sleep(HEAR_AGAIN).await;
        }
    }

    fn caught_up(&self) {
        let mut catching_up = self.catching_up.lock();
        if let Some(mark) = catching_up.take() {
            if let Err(e) = mark.remove() {
                tracing::error!("the mark of a lost log stays, so this node cannot vote: {e}");
                *catching_up = Some(mark);
                return;
            }
            tracing::info!(node = %self.me, "caught up with the quorum's log: this node votes again");
        }
        self.catches_up.store(false, Ordering::SeqCst);
        self.changed.notify_one();
    }
}
