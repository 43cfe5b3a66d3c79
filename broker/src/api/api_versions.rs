//! ApiVersions (KIP-35, KIP-511, KIP-584): what this node speaks, and the features of the cluster.

use airis_cluster::metadata::features;
use airis_protocol::error::ErrorCode;
use airis_protocol::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use airis_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use airis_protocol::types::Str;

use super::{Ctx, ROWS, Reply, row};

/// Every API that is served on that kind of listener, with the versions to be told.
pub fn keys(controllers: bool) -> Vec<ApiVersion> {
    ROWS.iter()
        .filter_map(|known| row(known.key, controllers))
        .map(|row| {
            let (min_version, max_version) = row.key.advertised();
            ApiVersion {
                api_key: row.key as i16,
                min_version,
                max_version,
            }
        })
        .collect()
}

/// KIP-511: letters, digits, dots and dashes, beginning and ending with a letter or digit.
fn is_software_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    let outer = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    outer(bytes.first()) && outer(bytes.last()) && bytes.iter().all(|b| inner(*b))
}

pub fn handle(ctx: &Ctx, request: ApiVersionsRequest) -> Reply<ApiVersionsResponse> {
    if ctx.version >= 3 {
        let (name, version) = (
            &request.client_software_name,
            &request.client_software_version,
        );
        if !is_software_name(name) || !is_software_name(version) {
            return Reply::Now(ApiVersionsResponse {
                error_code: ErrorCode::InvalidRequest.code(),
                ..Default::default()
            });
        }
        // A second ApiVersions request of one connection changes nothing.
        let _ = ctx.client.software.set((name.detach(), version.detach()));
    }
    let image = ctx.node.meta.image();
    let supported_features = features::SUPPORTED
        .iter()
        // Before version 4 a range that begins with 0 could not be read by clients (KAFKA-17011).
        .filter(|(_, min, _)| ctx.version >= 4 || *min > 0)
        .map(|(name, min, max)| SupportedFeatureKey {
            name: Str::from_static(name),
            min_version: *min,
            max_version: *max,
        })
        .collect();
    let finalized_features = image
        .features()
        .filter(|(_, level)| *level > 0)
        .map(|(name, level)| FinalizedFeatureKey {
            name: name.clone(),
            max_version_level: level,
            min_version_level: level,
        })
        .collect();
    Reply::Now(ApiVersionsResponse {
        api_keys: keys(ctx.client.controllers),
        supported_features,
        finalized_features_epoch: image.position.offset.0,
        finalized_features,
        ..Default::default()
    })
}
