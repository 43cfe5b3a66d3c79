//! Controllers say where they listen and what they support.

use airis_protocol::messages::register_controller_record::{ControllerEndpoint, ControllerFeature};
use airis_protocol::messages::*;

use super::MetaDecision;
use crate::metadata::command::Reply;

/// A controller registers anew at each start. Kafka's controllers do so from 3.7 on.
pub(super) fn register(request: ControllerRegistrationRequest) -> MetaDecision {
    let record = RegisterControllerRecord {
        controller_id: request.controller_id,
        incarnation_id: request.incarnation_id,
        zk_migration_ready: request.zk_migration_ready,
        end_points: request
            .listeners
            .into_iter()
            .map(|l| ControllerEndpoint {
                name: l.name,
                host: l.host,
                port: l.port,
                security_protocol: l.security_protocol,
            })
            .collect(),
        features: request
            .features
            .into_iter()
            .map(|f| ControllerFeature {
                name: f.name,
                min_supported_version: f.min_supported_version,
                max_supported_version: f.max_supported_version,
            })
            .collect(),
    };
    MetaDecision {
        records: vec![MetadataRecord::RegisterControllerRecord(record)],
        reply: Reply::Done,
    }
}
