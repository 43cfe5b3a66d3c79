//! From a frame to an answer: header, row, version, handler.
//!
//! Always holds: a request that cannot be understood closes its connection, as Kafka does, and has no effect. Must never: panic on
//! what a client sends.

use std::sync::{Arc, OnceLock};

use airis_protocol::api_key::ApiKey;
use airis_protocol::error::ErrorCode;
use airis_protocol::header::RequestHeader;
use airis_protocol::messages::ApiVersionsResponse;
use airis_protocol::wire::{Reader, Writer};
use bytes::Bytes;
use futures::FutureExt;

use super::{Answer, Client, Ctx, Reply, Role, row};
use crate::meta::{self, Quorum};
use crate::node::Node;
use crate::work;

/// What a listener lets its connections reach: nothing but the other voters' questions until the node is there.
pub struct Door {
    quorum: Option<Arc<Quorum>>,
    node: OnceLock<Arc<Node>>,
}

impl Door {
    /// For clients and other brokers.
    pub fn for_clients(node: Arc<Node>) -> Arc<Door> {
        Arc::new(Door {
            quorum: None,
            node: OnceLock::from(node),
        })
    }

    /// For controllers, and for brokers that talk to them.
    pub fn new_for_controllers(quorum: Arc<Quorum>) -> Arc<Door> {
        Arc::new(Door {
            quorum: Some(quorum),
            node: OnceLock::new(),
        })
    }

    pub fn for_controllers(&self) -> bool {
        self.quorum.is_some()
    }

    /// Lets Kafka's requests in.
    pub fn open(&self, node: Arc<Node>) {
        let _ = self.node.set(node);
    }

    /// What was taken for readable was not: nothing is given out any more without being read before.
    pub fn doubt_disks(&self) {
        if let Some(node) = self.node.get() {
            work::cool(node);
        }
    }

    /// Handles one request frame (without its size).
    pub fn dispatch(&self, client: &Arc<Client>, frame: Bytes) -> Answer {
        if let Some(quorum) = &self.quorum
            && meta::is_private(&frame)
        {
            return quorum.serve(client, frame);
        }
        match self.node.get() {
            #[cfg(feature = "faults")]
            Some(node) => crate::faults::script::dispatch(node, client, frame),
            #[cfg(not(feature = "faults"))]
            Some(node) => dispatch(node, client, frame),
            None => Answer::Close("the node is starting".into()),
        }
    }
}

/// Handles one request frame (without its size).
pub fn dispatch(node: &Arc<Node>, client: &Arc<Client>, frame: Bytes) -> Answer {
    let mut body = Reader::new(frame.clone());
    let header = match RequestHeader::read(&mut body) {
        Ok(header) => header,
        Err(e) => return Answer::Close(format!("request header: {e}")),
    };
    let key = ApiKey::try_from(header.api_key).expect("the header was read by its key");
    let Some(row) = row(key, client.controllers) else {
        return Answer::Close(format!("{key:?} is not served"));
    };
    let (min, max) = row.versions();
    if !(min..=max).contains(&header.api_version) {
        // KIP-511: a client that knows newer versions of this request than we do learns ours from a version 0 answer, and asks again.
        if key == ApiKey::ApiVersions {
            let response = ApiVersionsResponse {
                error_code: ErrorCode::UnsupportedVersion.code(),
                api_keys: super::api_versions::keys(client.controllers)
                    .into_iter()
                    .filter(|k| k.api_key == key as i16)
                    .collect(),
                ..Default::default()
            };
            return Reply::Now(response).encode(key, 0, header.correlation_id);
        }
        return Answer::Close(format!(
            "{key:?} version {} is not served, {min} to {max} are",
            header.api_version
        ));
    }
    let handle = {
        let (node, client) = (node.clone(), client.clone());
        let client_id = header.client_id.unwrap_or_default();
        move || {
            let ctx = Ctx {
                node: &node,
                version: header.api_version,
                correlation_id: header.correlation_id,
                client_id,
                client: &client,
                now: node.clock.now(),
            };
            match (row.handler)(&ctx, body) {
                Ok(answer) => answer,
                Err(e) => Answer::Close(format!("{key:?} version {}: {e}", header.api_version)),
            }
        }
    };
    // What is the controller's goes there, and its answer back, as they are.
    if row.role == Role::Controller && !client.controllers && !node.meta.is_active() {
        return forward(node, client, frame, handle);
    }
    handle()
}

/// Has the active controller answer. If none can be reached in time, this node says so itself, in the request's own words.
fn forward(
    node: &Arc<Node>,
    client: &Arc<Client>,
    frame: Bytes,
    otherwise: impl FnOnce() -> Answer + Send + 'static,
) -> Answer {
    let (meta, addr) = (node.meta.clone(), client.addr.ip());
    Answer::Later(
        async move {
            if let Some(answer) = meta.forward(frame, addr).await {
                let mut w = Writer::framed();
                w.raw(&answer);
                return w.finish_frame();
            }
            match otherwise() {
                Answer::Now(answer) => Ok(answer),
                Answer::Later(answer) => answer.await,
                // The connection is closed: a message without even a correlation id cannot be read.
                Answer::Silent | Answer::Close(_) => Writer::framed().finish_frame(),
            }
        }
        .boxed(),
    )
}
