//! A connection to another node, and requests over it, one after another.
//!
//! Always holds: an answer is read into memory as its bytes arrive, up to [`ANSWER_MAX`], with room for [`ANSWER_TRUSTED`] at once;
//! after an error the connection is of no more use and must be dropped. Must never: retry by itself (its user knows whether that is
//! safe) or wait without the caller's timeout around it.

use std::io;

use airis_protocol::frame::{FrameDecoder, FrameError};
use airis_protocol::header::{read_response_header, request_frame};
use airis_protocol::types::Str;
use airis_protocol::wire::{DecodeError, EncodeError, Message, Reader, Request};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::socket::{Network, Socket};

/// The largest answer that is taken from another node. A fetch answer holds at most `replica.fetch.response.max.bytes` and one
/// batch more; a snapshot comes in pieces.
const ANSWER_MAX: usize = 256 * 1024 * 1024;
/// So much is allocated as soon as an answer announces it.
const ANSWER_TRUSTED: usize = 1024 * 1024;

/// Why a request to another node has no answer.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the request cannot be encoded: {0}")]
    Encode(#[from] EncodeError),
    #[error("the answer cannot be decoded: {0}")]
    Decode(#[from] DecodeError),
    #[error("an answer to request {got}, not to {expected}")]
    Order { got: i32, expected: i32 },
}

/// One connection to another node.
pub struct Peer {
    socket: Socket,
    input: FrameDecoder,
    client_id: Str,
    next: i32,
}

impl Peer {
    /// Connects. `client_id` is what the other side sees in request headers.
    pub async fn connect(
        network: &Network,
        host: &str,
        port: u16,
        client_id: Str,
    ) -> io::Result<Peer> {
        let socket = network.connect(host, port).await?;
        Ok(Peer {
            socket,
            input: FrameDecoder::new(ANSWER_MAX).trusting(ANSWER_TRUSTED),
            client_id,
            next: 0,
        })
    }

    /// Sends a request and waits for its answer.
    pub async fn call<R: Request>(
        &mut self,
        request: &R,
        version: i16,
    ) -> Result<R::Response, PeerError> {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let frame = request_frame(request, version, id, Some(self.client_id.clone()))?;
        self.socket.write_all(&frame.to_bytes()).await?;
        let mut answer = Reader::new(self.frame().await?);
        let got = read_response_header(&mut answer, R::KEY, version)?;
        if got != id {
            return Err(PeerError::Order { got, expected: id });
        }
        Ok(R::Response::read(&mut answer, version)?)
    }

    /// The next whole frame.
    async fn frame(&mut self) -> Result<Bytes, PeerError> {
        loop {
            if let Some(frame) = self.input.next_frame()? {
                return Ok(frame);
            }
            if self.socket.read_buf(self.input.room()).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}
