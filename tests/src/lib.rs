//! What the integration tests share: nodes, clients, the wire.
