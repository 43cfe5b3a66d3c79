//! What a handler gives back: the answer, the promise of one, or none.
//!
//! Always holds: the effect of a request is ordered before the next request of its connection starts; its answer may come later,
//! and answers leave in the order of the requests. Must never: stand in for an error code (those are inside the response).

use airis_protocol::api_key::ApiKey;
use airis_protocol::header::response_frame;
use airis_protocol::wire::{EncodeError, Encoded, Message};
use futures::FutureExt;
use futures::future::BoxFuture;

/// The outcome of one request.
pub enum Reply<T> {
    /// The answer is known.
    Now(T),
    /// The effect is ordered, the answer follows. Dropped unfinished if the connection closes.
    Later(BoxFuture<'static, T>),
    /// No answer at all (produce with acks=0).
    Silent,
    /// The connection is closed, for this reason (logged).
    Close(&'static str),
}

impl<T> Reply<T> {
    /// An answer that has to be waited for.
    pub fn later(answer: impl Future<Output = T> + Send + 'static) -> Self {
        Reply::Later(answer.boxed())
    }
}

/// A [`Reply`] with the answer encoded: what a connection deals in.
pub enum Answer {
    Now(Encoded),
    Later(BoxFuture<'static, Result<Encoded, EncodeError>>),
    Silent,
    Close(String),
}

impl<T: Message + Send + 'static> Reply<T> {
    /// Encodes the response for a request of this key, version and correlation id.
    pub fn encode(self, key: ApiKey, version: i16, correlation_id: i32) -> Answer {
        match self {
            Reply::Now(response) => match response_frame(&response, key, version, correlation_id) {
                Ok(frame) => Answer::Now(frame),
                Err(e) => Answer::Close(format!("its response cannot be encoded: {e}")),
            },
            Reply::Later(response) => Answer::Later(
                response
                    .map(move |r| response_frame(&r, key, version, correlation_id))
                    .boxed(),
            ),
            Reply::Silent => Answer::Silent,
            Reply::Close(why) => Answer::Close(why.to_owned()),
        }
    }
}
