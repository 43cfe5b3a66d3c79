//! Controllers register (KIP-919): where each listens and which feature levels it knows.
//!
//! Always holds: one registration a controller, the newest. Must never: be needed for the quorum to agree.

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::register_controller_record::{ControllerEndpoint, ControllerFeature};
use airis_protocol::messages::{
    ControllerRegistrationRequest, MetadataRecord, RegisterControllerRecord,
};

use super::MetaDecision;
use crate::metadata::command::Reply;
use crate::metadata::features;
use crate::metadata::image::Image;

pub(super) fn register(
    image: &Image,
    request: ControllerRegistrationRequest,
) -> Result<MetaDecision, ErrorCode> {
    if image.feature(features::METADATA_VERSION) < features::CONTROLLERS_REGISTER_FROM {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let record = RegisterControllerRecord {
        controller_id: request.controller_id,
        incarnation_id: request.incarnation_id,
        zk_migration_ready: false,
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
    Ok(MetaDecision {
        records: vec![MetadataRecord::RegisterControllerRecord(record)],
        reply: Reply::Done,
    })
}
