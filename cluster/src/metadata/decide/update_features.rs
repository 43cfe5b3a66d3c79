//! UpdateFeatures (KIP-584, KIP-778): which levels of the features are finalized.
//!
//! Always holds: every registered node supports what is finalized, and what a level depends on is finalized as well; all updates
//! of a request are made, or none. Must never: lower `metadata.version` below a level that records were changed in.

use std::collections::BTreeMap;

use airis_protocol::error::ErrorCode;
use airis_protocol::messages::update_features_request::FeatureUpdateKey;
use airis_protocol::messages::update_features_response::UpdatableFeatureResult;
use airis_protocol::messages::*;
use airis_protocol::types::Str;

use super::{Fault, MetaDecision};
use crate::metadata::command::{Env, Reply};
use crate::metadata::features;
use crate::metadata::image::{Image, ResourceType};

const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

/// `FeatureUpdateKey.upgrade_type`.
const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const UNSAFE_DOWNGRADE: i8 = 3;

pub(super) fn update(image: &Image, env: &Env<'_>, request: UpdateFeaturesRequest) -> MetaDecision {
    // The last mention of a feature counts.
    let mentions = || request.feature_updates.iter().enumerate();
    let last: BTreeMap<&str, usize> = mentions().map(|(at, u)| (u.feature.as_str(), at)).collect();
    let updates: Vec<&FeatureUpdateKey> = mentions()
        .filter(|(at, u)| last[u.feature.as_str()] == *at)
        .map(|(_, u)| u)
        .collect();
    let mut proposed: BTreeMap<&str, i16> =
        image.features().map(|(n, l)| (n.as_str(), l)).collect();
    proposed.extend(
        updates
            .iter()
            .map(|u| (u.feature.as_str(), u.max_version_level)),
    );
    let mut records = Vec::new();
    let checked = updates.iter().try_for_each(|u| {
        records.extend(update_one(image, env, u, &proposed)?);
        Ok(())
    });
    let mut response = UpdateFeaturesResponse {
        error_message: None,
        ..Default::default()
    };
    match checked {
        Err::<(), Fault>(fault) => {
            records.clear();
            response.error_code = fault.code as i16;
            response.error_message = Some(Str::from(format!(
                "The update failed for all features since the following feature had an error: {}",
                fault.message.unwrap_or_default()
            )));
        }
        Ok(()) => {
            // Not sent from version 2 on.
            response.results = request
                .feature_updates
                .iter()
                .map(|u| UpdatableFeatureResult {
                    feature: u.feature.clone(),
                    error_code: 0,
                    error_message: Some(Str::from_static("NONE")),
                })
                .collect();
            if proposed.get(features::ELIGIBLE_LEADER_REPLICAS) > Some(&0)
                && updates
                    .iter()
                    .any(|u| u.feature == features::ELIGIBLE_LEADER_REPLICAS)
            {
                let mut safety = one_min_insync(image, env);
                safety.append(&mut records);
                records = safety;
            }
            if request.validate_only {
                records.clear();
            }
        }
    }
    MetaDecision {
        records,
        reply: Reply::UpdateFeatures(response),
    }
}

fn invalid(update: &FeatureUpdateKey, why: impl std::fmt::Display) -> Fault {
    Fault::new(
        ErrorCode::InvalidUpdateVersion,
        format!(
            "Invalid update version {} for feature {}. {why}",
            update.max_version_level, update.feature
        ),
    )
}

fn update_one(
    image: &Image,
    env: &Env<'_>,
    update: &FeatureUpdateKey,
    proposed: &BTreeMap<&str, i16>,
) -> Result<Option<MetadataRecord>, Fault> {
    let (name, level) = (update.feature.as_str(), update.max_version_level);
    if !matches!(
        update.upgrade_type,
        UPGRADE | SAFE_DOWNGRADE | UNSAFE_DOWNGRADE
    ) {
        return Err(invalid(
            update,
            "The controller does not support the given upgrade type.",
        ));
    }
    let current = match name {
        features::KRAFT => env.settings.kraft_version,
        _ => image.feature(name),
    };
    if level < 0 {
        return Err(invalid(update, "A feature version cannot be less than 0."));
    }
    check_support(image, env, update)?;
    if level < current && update.upgrade_type == UPGRADE {
        return Err(invalid(
            update,
            "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe downgrade.",
        ));
    }
    if level > current && update.upgrade_type != UPGRADE {
        return Err(invalid(update, "Can't downgrade to a newer version."));
    }
    match name {
        features::METADATA_VERSION => check_metadata_version(current, level, update.upgrade_type)?,
        features::KRAFT if level == current => return Ok(None),
        features::KRAFT if level < current => {
            return Err(invalid(
                update,
                "Can't downgrade the version of this feature.",
            ));
        }
        features::KRAFT => {
            return Err(invalid(
                update,
                "The voters of this quorum are not kept as kraft.version 1 keeps them.",
            ));
        }
        _ => check_dependencies(update, proposed)?,
    }
    Ok(Some(MetadataRecord::FeatureLevelRecord(
        FeatureLevelRecord {
            name: update.feature.clone(),
            feature_level: level,
        },
    )))
}

/// Every node must know the level.
fn check_support(image: &Image, env: &Env<'_>, update: &FeatureUpdateKey) -> Result<(), Fault> {
    let (name, level) = (update.feature.as_str(), update.max_version_level);
    let check = |what: String, range: Option<(i16, i16)>| {
        let (min, max) = range.unwrap_or((0, 0));
        if (min..=max).contains(&level) {
            Ok(())
        } else if max == 0 {
            Err(invalid(
                update,
                format!("{what} does not support this feature."),
            ))
        } else {
            Err(invalid(
                update,
                format!("{what} only supports versions {min}-{max}"),
            ))
        }
    };
    let own = features::SUPPORTED.iter().find(|(n, _, _)| *n == name);
    let own = own.map(|(_, min, max)| (*min, *max));
    check(format!("Local controller {}", env.settings.node), own)?;
    for broker in image.brokers() {
        let range = broker.features.get(name).copied();
        check(format!("Broker {}", broker.id), range)?;
    }
    for controller in image.controllers.values() {
        if controller.controller_id == env.settings.node.0 {
            continue;
        }
        let range = controller.features.iter().find(|f| f.name == name);
        let range = range.map(|f| (f.min_supported_version, f.max_supported_version));
        check(format!("Controller {}", controller.controller_id), range)?;
    }
    Ok(())
}

fn check_metadata_version(current: i16, level: i16, upgrade_type: i8) -> Result<(), Fault> {
    let lost = (level + 1..=current).any(|l| features::METADATA_CHANGED_IN.contains(&l));
    if !lost {
        return Ok(());
    }
    let why = if upgrade_type == UNSAFE_DOWNGRADE {
        "Unsafe metadata downgrade is not supported in this version."
    } else {
        "Refusing to perform the requested downgrade because it might delete metadata information."
    };
    Err(Fault::new(
        ErrorCode::InvalidUpdateVersion,
        format!("Unsupported metadata.version downgrade from {current} to {level}. {why}"),
    ))
}

/// What a level needs of other features, as they will be.
fn check_dependencies(
    update: &FeatureUpdateKey,
    proposed: &BTreeMap<&str, i16>,
) -> Result<(), Fault> {
    let (name, level) = (update.feature.as_str(), update.max_version_level);
    let known = features::SUPPORTED.iter().any(|(n, _, _)| *n == name);
    if !known {
        return Err(invalid(update, format!("Feature {name} not found.")));
    }
    if name == features::ELIGIBLE_LEADER_REPLICAS
        && level >= 1
        && proposed
            .get(features::METADATA_VERSION)
            .is_none_or(|v| *v < features::ELR_RECORDS_FROM)
    {
        return Err(invalid(
            update,
            format!(
                "{name} could not be set to {level} because it depends on {} level {}",
                features::METADATA_VERSION,
                features::ELR_RECORDS_FROM
            ),
        ));
    }
    Ok(())
}

/// Eligible leader replicas need the cluster to have one `min.insync.replicas`, and no broker its own (KIP-966).
fn one_min_insync(image: &Image, env: &Env<'_>) -> Vec<MetadataRecord> {
    let record = |resource: &Str, value: Option<Str>| {
        MetadataRecord::ConfigRecord(ConfigRecord {
            resource_type: ResourceType::Broker as i8,
            resource_name: resource.clone(),
            name: Str::from_static(MIN_INSYNC_REPLICAS),
            value,
        })
    };
    let set = |name: &str| {
        let map = image.configs(ResourceType::Broker, name);
        map.is_some_and(|c| c.contains_key(MIN_INSYNC_REPLICAS))
    };
    let mut records = Vec::new();
    if !set("") {
        let value = env.settings.min_insync_replicas.to_string();
        records.push(record(&Str::default(), Some(Str::from(value))));
    }
    records.extend(
        image
            .all_configs()
            .filter(|(ty, name, _)| *ty == ResourceType::Broker && !name.is_empty() && set(name))
            .map(|(_, name, _)| record(name, None)),
    );
    records
}
