//! One connection: requests are started in order, answered in order, and may overlap in between.
//!
//! Always holds: at most [`IN_FLIGHT_MAX`] requests are under way; nothing is read while more than [`OUTPUT_MAX`] bytes wait to be
//! sent, or for an answer before them; answers leave in the order of the requests; a frame that holds memory which others may wait
//! for goes on coming in, or its connection ends. Must never: hold a lock or run a handler while waiting.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use airis_protocol::api_key::ApiKey;
use airis_protocol::frame::FrameDecoder;
use airis_protocol::wire::{EncodeError, Encoded};
use airis_storage::is_unreadable;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::AsyncReadExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};

use super::memory::{Lease, RequestMemory};
use super::output::Output;
use super::seats::Seats;
use super::socket::Socket;
use crate::api::dispatch::Door;
use crate::api::{Answer, Client};

/// Most requests of one connection under way. Kafka's clients send 5 at a time by default; the rest waits in the socket.
const IN_FLIGHT_MAX: usize = 64;
/// Nothing more is read while this many bytes wait to be sent (file ranges counted): a client that does not read its answers
/// gets no more of them (fault N13).
const OUTPUT_MAX: usize = 4 * 1024 * 1024;
/// A frame that holds a permit has to bring [`PROGRESS`] in this time, or what it lacks: others wait for that memory.
const STALLED_AFTER: Duration = Duration::from_secs(30);
const PROGRESS: usize = 16 * 1024;
/// Whoever had to wait for its permit has at least so much time after it.
const STALLED_LEAST: Duration = Duration::from_secs(1);
/// Requests started in one turn before other tasks get theirs.
const TURN_MAX: usize = 32;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Closed {
    #[error("closed by the client")]
    ByClient,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    BadRequest(String),
    #[error("what was to be sent cannot be read from the disk: {0}")]
    Unreadable(io::Error),
    #[error("idle for {} s", .0.as_secs())]
    Idle(Duration),
    #[error(
        "a request of {0} bytes stalls, of which {1} have arrived, and others wait for its memory"
    )]
    Stalled(usize, usize),
}

/// A request under way.
enum Slot {
    Ready(Encoded),
    Waiting(BoxFuture<'static, Result<Encoded, EncodeError>>),
}

/// Limits of one connection.
#[derive(Clone, Debug)]
pub struct Limits {
    /// `socket.request.max.bytes`.
    pub request_bytes_max: usize,
    /// `connections.max.idle.ms`.
    pub idle_max: Duration,
    pub memory: RequestMemory,
    /// `max.connections`; `None`: not for this listener.
    pub seats: Option<Arc<Seats>>,
}

pub struct Connection {
    socket: Socket,
    door: Arc<Door>,
    client: Arc<Client>,
    limits: Limits,
    input: FrameDecoder,
    /// Large requests: the permit being waited for, or held until the frame is whole.
    wanted: Option<BoxFuture<'static, OwnedSemaphorePermit>>,
    permit: Option<OwnedSemaphorePermit>,
    /// When the last [`PROGRESS`] bytes were complete, and how many have come since.
    moved: Instant,
    since: usize,
    /// While a permit is held for a frame that is not whole.
    stall: Option<Pin<Box<Sleep>>>,
    slots: VecDeque<(Slot, Option<Lease>)>,
    /// Bytes of the answers in `slots` that are ready, and wait for one before them.
    held: usize,
    output: Output,
    /// When something last moved on the socket.
    active: Instant,
    idle: Pin<Box<Sleep>>,
}

impl Connection {
    pub fn new(socket: Socket, door: Arc<Door>, client: Arc<Client>, limits: Limits) -> Self {
        let active = Instant::now();
        Connection {
            socket,
            door,
            client,
            input: FrameDecoder::new(limits.request_bytes_max),
            wanted: None,
            permit: None,
            moved: active,
            since: 0,
            stall: None,
            slots: VecDeque::new(),
            held: 0,
            output: Output::default(),
            active,
            idle: Box::pin(sleep_until(active + limits.idle_max)),
            limits,
        }
    }

    /// Serves until one side ends it.
    pub async fn serve(mut self) -> Closed {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        match self.poll_inner(cx) {
            Poll::Ready(Err(e)) => Poll::Ready(e),
            Poll::Ready(Ok(())) => Poll::Ready(Closed::ByClient),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        let mut turn = 0;
        loop {
            self.collect(cx)?;
            // Whole frames first, then the socket: both only while there is room for what they cause. So the answers to requests that
            // came together leave together.
            let room = self.has_room();
            if room && turn < TURN_MAX && self.next_request(cx)? {
                turn += 1;
                continue;
            }
            let writable = self.poll_send(cx)?;
            if turn >= TURN_MAX {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !room && self.has_room() {
                continue;
            }
            if room && self.poll_permit(cx).is_ready() {
                match self.poll_read(cx)? {
                    Poll::Ready(0) => return Poll::Ready(Ok(())),
                    Poll::Ready(_) => continue,
                    Poll::Pending => {}
                }
            }
            if writable.is_ready() && !self.output.is_empty() {
                continue;
            }
            self.poll_stall(cx)?;
            // Someone who waits for an answer is not idle.
            if !self.slots.is_empty() {
                self.active = Instant::now();
            }
            ready!(self.idle.as_mut().poll(cx));
            let until = self.active + self.limits.idle_max;
            if until <= Instant::now() {
                return Poll::Ready(Err(Closed::Idle(self.limits.idle_max)));
            }
            self.idle.as_mut().reset(until);
        }
    }

    fn has_room(&self) -> bool {
        self.slots.len() < IN_FLIGHT_MAX && self.output.len() + self.held < OUTPUT_MAX
    }

    /// Moves finished answers, in order, to the output. Every waiting request is polled, so that they overlap.
    fn collect(&mut self, cx: &mut Context<'_>) -> Result<(), Closed> {
        for (slot, _) in &mut self.slots {
            if let Slot::Waiting(answer) = slot
                && let Poll::Ready(frame) = answer.poll_unpin(cx)
            {
                let frame = frame.map_err(|e| {
                    Closed::BadRequest(format!("a response cannot be encoded: {e}"))
                })?;
                self.held += frame.len;
                *slot = Slot::Ready(frame);
            }
        }
        while let Some((Slot::Ready(_), _)) = self.slots.front() {
            if let Some((Slot::Ready(frame), _)) = self.slots.pop_front() {
                self.held -= frame.len;
                self.output.push(frame);
            }
        }
        Ok(())
    }

    /// Sends what can be sent. Ready: nothing waits for the socket.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Closed> {
        while !self.output.is_empty() {
            match self.output.send(&self.socket) {
                Ok(()) => self.active = Instant::now(),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    match self.socket.poll_write_ready(cx)? {
                        Poll::Ready(()) => continue,
                        Poll::Pending => return Ok(Poll::Pending),
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                // No socket gives such an error.
                Err(e) if is_unreadable(&e) => return Err(Closed::Unreadable(e)),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(Poll::Ready(()))
    }

    /// Starts the next request if its frame is whole.
    fn next_request(&mut self, cx: &mut Context<'_>) -> Result<bool, Closed> {
        let Some(frame) = self
            .input
            .next_frame()
            .map_err(|e| Closed::BadRequest(e.to_string()))?
        else {
            return Ok(false);
        };
        // A produce that has no use for its records any more may wait long for its answer, and others for the memory. What is made of other
        // requests' bytes may be larger than they are, and stays until the answer.
        let lease = self.permit.take().map(Lease::new);
        let frame = match &lease {
            Some(lease) if is_produce(&frame) => lease.held_by(frame),
            _ => frame,
        };
        self.wanted = None;
        match self.door.dispatch(&self.client, frame) {
            Answer::Now(frame) => self.put(Slot::Ready(frame), lease),
            Answer::Later(mut answer) => {
                // Polled at once: that is what starts it, and orders it before the next request.
                let slot = match answer.poll_unpin(cx) {
                    Poll::Ready(frame) => Slot::Ready(frame.map_err(|e| {
                        Closed::BadRequest(format!("a response cannot be encoded: {e}"))
                    })?),
                    Poll::Pending => Slot::Waiting(answer),
                };
                self.put(slot, lease);
            }
            Answer::Silent => {}
            Answer::Close(why) => return Err(Closed::BadRequest(why)),
        }
        Ok(true)
    }

    fn put(&mut self, slot: Slot, lease: Option<Lease>) {
        if let Slot::Ready(frame) = &slot {
            self.held += frame.len;
        }
        self.slots.push_back((slot, lease));
    }

    /// For a large frame of which the beginning has arrived: ready once its memory is granted.
    fn poll_permit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.permit.is_some() || self.input.buffered() < RequestMemory::FREE {
            return Poll::Ready(());
        }
        let Ok(Some(bytes)) = self.input.pending() else {
            return Poll::Ready(());
        };
        let memory = &self.limits.memory;
        let wanted = self
            .wanted
            .get_or_insert_with(|| memory.clone().take(bytes).boxed());
        self.permit = Some(ready!(wanted.poll_unpin(cx)));
        self.wanted = None;
        // Nothing was read while it waited. A client that goes on sending has filled the socket meanwhile; one that does not has had its
        // time already, so that many of them do not hold the memory one after the other.
        let least = (Instant::now() + STALLED_LEAST).checked_sub(STALLED_AFTER);
        self.moved = least.map_or(self.moved, |least| self.moved.max(least));
        Poll::Ready(())
    }

    /// An error once the frame that holds a permit has stalled for too long.
    fn poll_stall(&mut self, cx: &mut Context<'_>) -> Result<(), Closed> {
        if self.permit.is_none() {
            self.stall = None;
            return Ok(());
        }
        // It is not read on while so much of what it asked for is under way.
        if self.slots.len() >= IN_FLIGHT_MAX || self.held >= OUTPUT_MAX {
            self.moved = Instant::now();
        }
        let until = self.moved + STALLED_AFTER;
        let stall = self
            .stall
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        while stall.as_mut().poll(cx).is_ready() {
            if until <= Instant::now() {
                let announced = self.input.pending().ok().flatten().unwrap_or_default();
                return Err(Closed::Stalled(announced, self.input.buffered()));
            }
            stall.as_mut().reset(until);
        }
        Ok(())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<Poll<usize>, Closed> {
        // A read that does not fill the buffer has emptied the socket: tokio then waits without asking it once more.
        let read = pin!(self.socket.read_buf(self.input.room()));
        match read.poll(cx)? {
            Poll::Ready(n) => {
                self.active = Instant::now();
                self.since += n;
                if self.since >= PROGRESS {
                    (self.moved, self.since) = (self.active, 0);
                }
                Ok(Poll::Ready(n))
            }
            Poll::Pending => Ok(Poll::Pending),
        }
    }
}

fn is_produce(frame: &[u8]) -> bool {
    frame.starts_with(&(ApiKey::Produce as i16).to_be_bytes())
}

#[cfg(test)]
#[path = "connection/tests.rs"]
mod tests;
