//! Listeners: `NAME://host:port`, each with a security protocol.
//!
//! Always holds: names are upper case, as Kafka normalizes them, and unique. Must never: resolve a host name.

use std::collections::BTreeMap;

use super::def::ConfigError;

/// How a listener's connections are protected. The numbers are those of BrokerRegistration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum SecurityProtocol {
    Plaintext = 0,
    Ssl = 1,
    SaslPlaintext = 2,
    SaslSsl = 3,
}

impl SecurityProtocol {
    pub const ALL: [SecurityProtocol; 4] = [
        SecurityProtocol::Plaintext,
        SecurityProtocol::Ssl,
        SecurityProtocol::SaslPlaintext,
        SecurityProtocol::SaslSsl,
    ];

    pub fn name(self) -> &'static str {
        match self {
            SecurityProtocol::Plaintext => "PLAINTEXT",
            SecurityProtocol::Ssl => "SSL",
            SecurityProtocol::SaslPlaintext => "SASL_PLAINTEXT",
            SecurityProtocol::SaslSsl => "SASL_SSL",
        }
    }

    /// By name, in any case.
    pub fn from_name(name: &str) -> Option<SecurityProtocol> {
        Self::ALL
            .into_iter()
            .find(|p| p.name().eq_ignore_ascii_case(name))
    }

    pub fn id(self) -> i16 {
        self as i16
    }
}

/// One address to listen on or to tell clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Upper case.
    pub name: String,
    pub protocol: SecurityProtocol,
    /// Empty: all interfaces.
    pub host: String,
    /// 0: any free port.
    pub port: u16,
}

/// Reads `listener.security.protocol.map`: `NAME:PROTOCOL,...`.
pub fn protocol_map(text: &str) -> Result<BTreeMap<String, SecurityProtocol>, ConfigError> {
    let bad = |entry: &str, problem: String| ConfigError::Value {
        name: "listener.security.protocol.map".into(),
        value: entry.into(),
        problem,
    };
    let mut map = BTreeMap::new();
    for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
        let (name, protocol) = entry
            .split_once(':')
            .ok_or_else(|| bad(entry, "Not NAME:PROTOCOL".into()))?;
        let protocol = SecurityProtocol::from_name(protocol.trim()).ok_or_else(|| {
            let names = SecurityProtocol::ALL.map(SecurityProtocol::name).join(", ");
            bad(entry, format!("The protocol must be one of: {names}"))
        })?;
        map.insert(name.trim().to_uppercase(), protocol);
    }
    Ok(map)
}

/// Reads the listeners of `config` (`listeners` or `advertised.listeners`). A name that the map does not have must be a security
/// protocol's own, or one of `controllers` (those are plaintext unless the map says otherwise). Ports must differ, 0 apart, unless
/// `shared_ports`.
pub fn parse_listeners(
    config: &str,
    text: &str,
    map: &BTreeMap<String, SecurityProtocol>,
    controllers: &[String],
    shared_ports: bool,
) -> Result<Vec<Listener>, ConfigError> {
    let bad = |problem: String| ConfigError::Value {
        name: config.into(),
        value: text.into(),
        problem,
    };
    let mut listeners: Vec<Listener> = Vec::new();
    for entry in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
        let (name, address) = entry
            .split_once("://")
            .ok_or_else(|| bad(format!("{entry} is not NAME://host:port")))?;
        let (host, port) = address
            .rsplit_once(':')
            .ok_or_else(|| bad(format!("{entry} has no port")))?;
        let port = port
            .parse::<u16>()
            .map_err(|_| bad(format!("{port} is not a port from 0 to 65535")))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = name.trim().to_uppercase();
        let protocol = map
            .get(&name)
            .copied()
            .or_else(|| {
                controllers
                    .iter()
                    .any(|c| c.eq_ignore_ascii_case(&name))
                    .then_some(SecurityProtocol::Plaintext)
            })
            .ok_or_else(|| {
                bad(format!(
                    "No security protocol is defined for listener {name}, see listener.security.protocol.map"
                ))
            })?;
        if listeners.iter().any(|l| l.name == name) {
            return Err(bad("Each listener must have a different name".into()));
        }
        let v6 = host.contains(':');
        if !shared_ports
            && port != 0
            && listeners
                .iter()
                .any(|l| l.port == port && l.host.contains(':') == v6)
        {
            return Err(bad("Each listener must have a different port".into()));
        }
        listeners.push(Listener {
            name,
            protocol,
            host: host.to_owned(),
            port,
        });
    }
    Ok(listeners)
}
