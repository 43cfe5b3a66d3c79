//! Envelope (KIP-590): a client's request that a broker passes on to the active controller, and its answer on the way back.
//!
//! Always holds: the answer is the very bytes that the client gets. Must never: take a request that a client could not have sent
//! to a controller.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use airis_protocol::api_key::ApiKey;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{EnvelopeRequest, EnvelopeResponse};
use airis_protocol::wire::Encoded;
use bytes::Bytes;

use super::dispatch::dispatch;
use super::{Answer, Client, Ctx, Reply, Role, row};

/// The size before a frame.
const SIZE: usize = 4;

fn refused(error: ErrorCode) -> EnvelopeResponse {
    EnvelopeResponse {
        error_code: error.code(),
        ..Default::default()
    }
}

fn answered(frame: &Encoded) -> EnvelopeResponse {
    EnvelopeResponse {
        response_data: Some(frame.to_bytes().slice(SIZE..)),
        ..Default::default()
    }
}

/// The four or sixteen bytes of an address.
fn address(raw: &Bytes) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(&raw[..]).map(|a| IpAddr::V4(Ipv4Addr::from(a)));
    let v6 = <[u8; 16]>::try_from(&raw[..]).map(|a| IpAddr::V6(Ipv6Addr::from(a)));
    v4.or(v6).ok()
}

/// True if brokers pass requests of this key on.
fn forwardable(key: ApiKey) -> bool {
    key != ApiKey::Envelope
        && key.listeners().broker
        && row(key, true).is_some_and(|row| row.role == Role::Controller)
}

pub fn handle(ctx: &Ctx, request: EnvelopeRequest) -> Reply<EnvelopeResponse> {
    let key = request
        .request_data
        .get(..2)
        .and_then(|key| ApiKey::try_from(i16::from_be_bytes([key[0], key[1]])).ok());
    let Some(key) = key else {
        return Reply::Now(refused(ErrorCode::UnsupportedVersion));
    };
    let Some(ip) = address(&request.client_host_address) else {
        return Reply::Now(refused(ErrorCode::InvalidRequest));
    };
    if !forwardable(key) {
        return Reply::Now(refused(ErrorCode::InvalidRequest));
    }
    if !ctx.node.meta.is_active() {
        return Reply::Now(refused(ErrorCode::NotController));
    }
    // The listener's name decides which endpoints the client is told.
    let client = Client::new(SocketAddr::new(ip, 0), ctx.client.listener.clone(), true);
    match dispatch(ctx.node, &Arc::new(client), request.request_data.clone()) {
        Answer::Now(frame) => Reply::Now(answered(&frame)),
        Answer::Later(answer) => Reply::later(async move {
            match answer.await {
                Ok(frame) => answered(&frame),
                Err(_) => refused(ErrorCode::UnknownServerError),
            }
        }),
        Answer::Silent => Reply::Now(refused(ErrorCode::InvalidRequest)),
        Answer::Close(why) => {
            tracing::info!("a forwarded request cannot be understood: {why}");
            Reply::Now(refused(ErrorCode::UnsupportedVersion))
        }
    }
}
