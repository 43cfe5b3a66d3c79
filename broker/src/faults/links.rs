//! The links between the nodes of a cluster in one process, which a test cuts.
//!
//! A node's own connections go through here, in both directions: what it writes goes to the other node, what it reads comes from
//! there. So the side that dials is enough, and clients, whose connections are accepted, feel nothing of it.
//!
//! Always holds: a cut link stalls connections as a lost wire does: nothing arrives, no end either, until it is mended. Must never:
//! lose or reorder bytes of a connection that lives.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// After so long the system gives a connection up that nobody answers.
const CONNECT_MAX: Duration = Duration::from_secs(127);

/// All links of a cluster.
#[derive(Default)]
pub struct Links {
    state: Mutex<State>,
    mended: Notify,
}

#[derive(Default)]
struct State {
    /// Nothing gets from the first to the second.
    cuts: BTreeSet<(usize, usize)>,
    /// Who listens where.
    ports: HashMap<u16, usize>,
    /// The near ends of the nodes' connections to each other.
    near: HashSet<SocketAddr>,
    /// Tasks that a cut holds up.
    waiting: Vec<Waker>,
    /// Connections that their node has dropped while the link was cut: the other side hears of it when it is mended.
    unheard: Vec<TcpStream>,
}

impl Links {
    /// From now on nothing gets from one node to the other; the way back is not touched.
    pub fn cut(&self, from: usize, to: usize) {
        if from != to {
            self.state.lock().cuts.insert((from, to));
        }
    }

    pub fn mend_all(&self) {
        let (waiting, unheard) = {
            let mut state = self.state.lock();
            state.cuts.clear();
            (
                std::mem::take(&mut state.waiting),
                std::mem::take(&mut state.unheard),
            )
        };
        drop(unheard);
        waiting.into_iter().for_each(Waker::wake);
        self.mended.notify_waiters();
    }

    /// True if the two reach each other.
    pub fn whole(&self, a: usize, b: usize) -> bool {
        let state = self.state.lock();
        !state.cuts.contains(&(a, b)) && !state.cuts.contains(&(b, a))
    }

    /// True if a connection from there is another node's.
    pub fn is_node(&self, addr: &SocketAddr) -> bool {
        self.state.lock().near.contains(addr)
    }

    /// Ready if the way is free; the task is woken when it is.
    fn poll_free(&self, from: usize, to: Option<usize>, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if to.is_none_or(|to| !state.cuts.contains(&(from, to))) {
            return Poll::Ready(());
        }
        if !state.waiting.iter().any(|w| w.will_wake(cx.waker())) {
            state.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    fn is_cut(&self, from: usize, to: Option<usize>) -> bool {
        to.is_some_and(|to| self.state.lock().cuts.contains(&(from, to)))
    }
}

/// Where one node is plugged in.
#[derive(Clone)]
pub struct Plug {
    links: Arc<Links>,
    me: usize,
}

impl Plug {
    pub fn new(links: Arc<Links>, me: usize) -> Plug {
        Plug { links, me }
    }

    pub fn listens(&self, port: u16) {
        self.links.state.lock().ports.insert(port, self.me);
    }

    pub async fn connect(&self, host: &str, port: u16) -> io::Result<Linked> {
        let given_up = Instant::now() + CONNECT_MAX;
        let links = &self.links;
        loop {
            // Asked for before the look: nothing is missed in between.
            let mended = links.mended.notified();
            let peer = links.state.lock().ports.get(&port).copied();
            if peer.is_none_or(|peer| links.whole(self.me, peer)) {
                break;
            }
            tokio::select! {
                () = mended => {}
                () = sleep_until(given_up) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        let near = stream.local_addr()?;
        let peer = {
            let mut state = links.state.lock();
            state.near.insert(near);
            state.ports.get(&port).copied()
        };
        Ok(Linked {
            stream: Some(stream),
            near,
            peer,
            plug: self.clone(),
        })
    }
}

/// A connection that this node has made to another.
pub struct Linked {
    /// There until the value is dropped.
    stream: Option<TcpStream>,
    near: SocketAddr,
    /// `None`: a node of no cluster in this process.
    peer: Option<usize>,
    plug: Plug,
}

impl Linked {
    fn stream(&self) -> &TcpStream {
        self.stream.as_ref().expect("it is there until the drop")
    }

    fn pinned(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.stream.as_mut().expect("it is there until the drop"))
    }

    fn poll_out(&self, cx: &Context<'_>) -> Poll<()> {
        self.plug.links.poll_free(self.plug.me, self.peer, cx)
    }

    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.plug.links.is_cut(self.plug.me, self.peer) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.stream().try_write_vectored(slices)
    }

    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out(cx));
        self.stream().poll_write_ready(cx)
    }

    pub fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(peer) = self.peer {
            ready!(self.plug.links.poll_free(peer, Some(self.plug.me), cx));
        }
        self.pinned().poll_read(cx, buf)
    }

    pub fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_out(cx));
        self.pinned().poll_write(cx, buf)
    }

    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_out(cx));
        self.pinned().poll_shutdown(cx)
    }
}

impl Drop for Linked {
    fn drop(&mut self) {
        let mut state = self.plug.links.state.lock();
        state.near.remove(&self.near);
        let cut = self
            .peer
            .is_some_and(|peer| state.cuts.contains(&(self.plug.me, peer)));
        if cut {
            state.unheard.extend(self.stream.take());
        }
    }
}
