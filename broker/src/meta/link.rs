//! The way to the active controller, wherever it is.
//!
//! Always holds: a connection goes to whoever is known to lead when it is asked for. Must never: repeat a request by itself.

use std::io;
use std::net::IpAddr;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::{DefaultPrincipalData, EnvelopeRequest};
use airis_protocol::types::Str;
use airis_protocol::wire::{Message, Request, Writer};
use bytes::Bytes;

use super::network::split;
use crate::net::Network;
use crate::net::channel::Channel;
use crate::net::peer::PeerError;

/// Envelope has one version.
const ENVELOPE: i16 = 0;

/// Tells the address of the active controller, if it is known.
pub(super) type Locate = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// One connection to the active controller, for all of the node.
pub(super) struct Link {
    network: Network,
    client_id: Str,
    locate: Locate,
    channel: tokio::sync::Mutex<Option<(String, Channel)>>,
}

/// Who a client is that nobody has asked to say so.
fn anonymous() -> Bytes {
    let principal = DefaultPrincipalData {
        type_: Str::from_static("User"),
        name: Str::from_static("ANONYMOUS"),
        token_authenticated: false,
    };
    let mut w = Writer::new();
    w.i16(0);
    principal
        .write(&mut w, 0)
        .expect("short names can be written");
    w.finish().to_bytes()
}

impl Link {
    pub fn new(network: Network, client_id: Str, locate: Locate) -> Link {
        Link {
            network,
            client_id,
            locate,
            channel: tokio::sync::Mutex::new(None),
        }
    }

    /// Where the active controller is, if it is known.
    pub fn addr(&self) -> Option<String> {
        (self.locate)()
    }

    /// The open connection, or a new one. Others wait meanwhile on purpose: they want the same one.
    pub async fn channel(&self) -> io::Result<Channel> {
        let addr = self
            .addr()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        let mut channel = self.channel.lock().await;
        if let Some((to, open)) = channel.as_ref()
            && *to == addr
            && !open.is_closed()
        {
            return Ok(open.clone());
        }
        *channel = None;
        let (host, port) =
            split(&addr).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let open = Channel::connect(&self.network, host, port).await?;
        *channel = Some((addr, open.clone()));
        Ok(open)
    }

    pub async fn close(&self) {
        *self.channel.lock().await = None;
    }

    pub async fn call<R: Request>(
        &self,
        request: &R,
        version: i16,
    ) -> Result<R::Response, PeerError> {
        let channel = self.channel().await?;
        channel.call(request, version, self.client_id.clone()).await
    }

    /// Passes a client's request on as it is: a frame without its size. The answer is one as well.
    pub async fn envelope(&self, frame: Bytes, client: IpAddr) -> Result<Bytes, ErrorCode> {
        let request = EnvelopeRequest {
            request_data: frame,
            request_principal: Some(anonymous()),
            client_host_address: match client {
                IpAddr::V4(ip) => Bytes::copy_from_slice(&ip.octets()),
                IpAddr::V6(ip) => Bytes::copy_from_slice(&ip.octets()),
            },
        };
        let answer = self
            .call(&request, ENVELOPE)
            .await
            .map_err(|_| ErrorCode::NotController)?;
        match (
            ErrorCode::from_wire(answer.error_code),
            answer.response_data,
        ) {
            (ErrorCode::None, Some(data)) => Ok(data),
            (ErrorCode::None, None) => Err(ErrorCode::UnknownServerError),
            (error, _) => Err(error),
        }
    }
}
