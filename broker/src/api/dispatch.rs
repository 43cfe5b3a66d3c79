//! From a frame to an answer: header, row, version, handler.
//!
//! Always holds: a request that cannot be understood closes its connection, as Kafka does, and has no effect. Must never: panic on
//! what a client sends.

use std::sync::Arc;

use airis_protocol::api_key::ApiKey;
use airis_protocol::error::ErrorCode;
use airis_protocol::header::RequestHeader;
use airis_protocol::messages::ApiVersionsResponse;
use airis_protocol::wire::Reader;
use bytes::Bytes;

use super::{Answer, Client, Ctx, Reply, row};
use crate::node::Node;

/// Handles one request frame (without its size).
pub fn dispatch(node: &Arc<Node>, client: &Arc<Client>, frame: Bytes) -> Answer {
    let mut body = Reader::new(frame);
    let header = match RequestHeader::read(&mut body) {
        Ok(header) => header,
        Err(e) => return Answer::Close(format!("request header: {e}")),
    };
    let key = ApiKey::try_from(header.api_key).expect("the header was read by its key");
    let Some(row) = row(key) else {
        return Answer::Close(format!("{key:?} is not served"));
    };
    let (min, max) = row.versions();
    if !(min..=max).contains(&header.api_version) {
        // KIP-511: a client that knows newer versions of this request than we do learns ours from a version 0 answer, and asks again.
        if key == ApiKey::ApiVersions {
            let response = ApiVersionsResponse {
                error_code: ErrorCode::UnsupportedVersion.code(),
                api_keys: super::api_versions::keys()
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
    let ctx = Ctx {
        node,
        version: header.api_version,
        correlation_id: header.correlation_id,
        client_id: header.client_id.unwrap_or_default(),
        client,
        now: node.clock.now(),
    };
    match (row.handler)(&ctx, body) {
        Ok(answer) => answer,
        Err(e) => Answer::Close(format!("{key:?} version {}: {e}", header.api_version)),
    }
}
