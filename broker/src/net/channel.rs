//! A connection to another node that many requests share: answers are matched to requests by their correlation ids.
//!
//! Always holds: a request is written whole or the connection ends, whoever gives up waiting; when the connection ends, everybody
//! who waits is told at once. Must never: retry by itself (its user knows whether that is safe).

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use airis_protocol::frame::FrameDecoder;
use airis_protocol::header::{read_response_header, request_frame};
use airis_protocol::types::Str;
use airis_protocol::wire::{Message, Reader, Request};
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::peer::PeerError;
use super::socket::{Network, Socket};
use crate::task;

/// The largest answer that is taken: a piece of a snapshot or of the metadata log, and room to spare.
const ANSWER_MAX: usize = 128 * 1024 * 1024;
/// Requests that wait to be written.
const QUEUE_MAX: usize = 256;
/// How long a connection may take to come about.
const CONNECT_MAX: Duration = Duration::from_secs(1);
/// Where the correlation id lies in a request frame: behind size, key and version.
const CORRELATION: std::ops::Range<usize> = 8..12;

type Pending = Arc<Mutex<HashMap<i32, oneshot::Sender<Bytes>>>>;

struct Outgoing {
    frame: BytesMut,
    answer: oneshot::Sender<Bytes>,
}

/// One connection. Clones share it; it ends with the last of them.
#[derive(Clone)]
pub struct Channel {
    requests: mpsc::Sender<Outgoing>,
    _task: Arc<Owned>,
}

struct Owned(JoinHandle<()>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Channel {
    pub async fn connect(network: &Network, host: &str, port: u16) -> io::Result<Channel> {
        let socket = timeout(CONNECT_MAX, network.connect(host, port))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        let (read, write) = tokio::io::split(socket);
        let (requests, queue) = mpsc::channel(QUEUE_MAX);
        let task = task::spawn(async move {
            let pending = Pending::default();
            tokio::select! {
                () = send(write, queue, pending.clone()) => {}
                () = receive(read, pending.clone()) => {}
            }
        });
        Ok(Channel {
            requests,
            _task: Arc::new(Owned(task)),
        })
    }

    /// True once the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Resolves when the connection has ended.
    pub async fn closed(&self) {
        self.requests.closed().await;
    }

    /// Sends a whole request frame (size first; its correlation id is overwritten) and waits for the answer's frame (without its
    /// size; correlation id first).
    pub async fn call_raw(&self, frame: BytesMut) -> io::Result<Bytes> {
        let (answer, answered) = oneshot::channel();
        let gone = |what| io::Error::new(io::ErrorKind::ConnectionReset, what);
        self.requests
            .send(Outgoing { frame, answer })
            .await
            .map_err(|_| gone("the connection has ended"))?;
        answered
            .await
            .map_err(|_| gone("the connection ended before the answer came"))
    }

    pub async fn call<R: Request>(
        &self,
        request: &R,
        version: i16,
        client_id: Str,
    ) -> Result<R::Response, PeerError> {
        let frame = request_frame(request, version, 0, Some(client_id))?.to_bytes();
        let mut answer = Reader::new(self.call_raw(BytesMut::from(frame)).await?);
        read_response_header(&mut answer, R::KEY, version)?;
        Ok(R::Response::read(&mut answer, version)?)
    }
}

async fn send(
    mut socket: WriteHalf<Socket>,
    mut queue: mpsc::Receiver<Outgoing>,
    pending: Pending,
) {
    let mut next = 0i32;
    while let Some(mut out) = queue.recv().await {
        let id = next;
        next = next.wrapping_add(1);
        out.frame[CORRELATION].copy_from_slice(&id.to_be_bytes());
        pending.lock().insert(id, out.answer);
        if socket.write_all(&out.frame).await.is_err() {
            return;
        }
    }
}

async fn receive(mut socket: ReadHalf<Socket>, pending: Pending) {
    let mut input = FrameDecoder::new(ANSWER_MAX);
    loop {
        match input.next_frame() {
            Ok(Some(frame)) => {
                let Some(id) = frame.get(..4) else { return };
                let id = i32::from_be_bytes(id.try_into().expect("four bytes"));
                let Some(answer) = pending.lock().remove(&id) else {
                    return;
                };
                // Whoever asked may have given up.
                let _ = answer.send(frame);
            }
            Ok(None) => match socket.read_buf(input.room()).await {
                Ok(n) if n > 0 => {}
                _ => return,
            },
            Err(e) => {
                tracing::warn!("an answer from another node cannot be read: {e}");
                return;
            }
        }
    }
}
