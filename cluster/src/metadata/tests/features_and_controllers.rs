//! UpdateFeatures, and controllers that register.

use airis_protocol::messages::update_features_request::FeatureUpdateKey;
use airis_protocol::messages::{controller_registration_request, *};

use super::*;

const UPGRADE: i8 = 1;
const SAFE: i8 = 2;
const UNSAFE: i8 = 3;

fn update(c: &mut Controller, updates: &[(&str, i16, i8)], validate_only: bool) -> (E, String) {
    let request = UpdateFeaturesRequest {
        feature_updates: updates
            .iter()
            .map(|(name, level, how)| FeatureUpdateKey {
                feature: (*name).into(),
                max_version_level: *level,
                upgrade_type: *how,
                ..Default::default()
            })
            .collect(),
        validate_only,
        ..Default::default()
    };
    let Ok(Reply::UpdateFeatures(r)) = c.run(Command::UpdateFeatures(request)) else {
        panic!("UpdateFeatures answers as a whole");
    };
    let told = if r.error_code == 0 { updates.len() } else { 0 };
    assert_eq!(r.results.len(), told);
    (
        E::try_from(r.error_code).unwrap(),
        r.error_message.map(String::from).unwrap_or_default(),
    )
}

fn formatted(levels: &[(&'static str, i16)]) -> Controller {
    let mut c = Controller::new(1);
    let bootstrap = levels
        .iter()
        .map(|(name, level)| {
            MetadataRecord::FeatureLevelRecord(FeatureLevelRecord {
                name: (*name).into(),
                feature_level: *level,
            })
        })
        .collect();
    c.run(Command::Activate { bootstrap }).unwrap();
    c.run(Command::Join(registration(1, 101))).unwrap();
    c
}

#[test]
fn the_last_mention_of_a_feature_counts_in_its_place() {
    let mut c = Controller::with_brokers(1);
    let level = |name| c.image.feature(name);
    let (group, transaction) = (level("group.version"), level("transaction.version"));
    let updates = [
        ("group.version", 99, UPGRADE),
        ("transaction.version", transaction, UPGRADE),
        ("group.version", group, UPGRADE),
    ];
    let before = c.log.len();
    assert_eq!(update(&mut c, &updates, false).0, E::None);
    let told: Vec<&str> = c.log[before..]
        .iter()
        .map(|r| match r {
            MetadataRecord::FeatureLevelRecord(r) => r.name.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["transaction.version", "group.version"]);
}

#[test]
fn updates_are_refused_for_kafkas_reasons() {
    let mut c = Controller::with_brokers(2);
    let cases: &[(&str, i16, i8, &str)] = &[
        (
            "group.version",
            1,
            0,
            "does not support the given upgrade type",
        ),
        ("group.version", -1, SAFE, "cannot be less than 0"),
        (
            "group.version",
            2,
            UPGRADE,
            "Local controller 1 only supports versions 0-1",
        ),
        (
            "nonsense",
            1,
            UPGRADE,
            "Local controller 1 does not support this feature.",
        ),
        ("nonsense", 0, UPGRADE, "Feature nonsense not found."),
        (
            "group.version",
            0,
            UPGRADE,
            "without setting the upgrade type",
        ),
        ("group.version", 1, SAFE, ""),
        (
            "metadata.version",
            31,
            UPGRADE,
            "only supports versions 7-30",
        ),
        (
            "metadata.version",
            29,
            UPGRADE,
            "without setting the upgrade type",
        ),
        (
            "metadata.version",
            29,
            SAFE,
            "Refusing to perform the requested downgrade",
        ),
        (
            "metadata.version",
            29,
            UNSAFE,
            "Unsafe metadata downgrade is not supported",
        ),
        ("kraft.version", 1, UPGRADE, "voters"),
        ("kraft.version", 2, UPGRADE, "only supports versions 0-1"),
    ];
    for (name, level, how, part) in cases {
        let before = c.image.clone();
        let (code, message) = update(&mut c, &[(name, *level, *how)], false);
        if part.is_empty() {
            assert_eq!(code, E::None, "the same level is no change");
            assert_eq!(c.image.feature(name), *level);
            continue;
        }
        assert_eq!(code, E::InvalidUpdateVersion, "{name} {level}");
        assert!(message.starts_with("The update failed for all features since"));
        assert!(message.contains(part), "{message:?} lacks {part:?}");
        assert_eq!(c.image, before);
    }
    let both = [("group.version", 0, SAFE), ("nonsense", 1, UPGRADE)];
    let before = c.image.clone();
    assert_eq!(update(&mut c, &both, false).0, E::InvalidUpdateVersion);
    assert_eq!(c.image, before, "all or nothing");
    c.settings.kraft_version = 1;
    assert_eq!(
        update(&mut c, &[("kraft.version", 1, UPGRADE)], false).0,
        E::None
    );
    let down = update(&mut c, &[("kraft.version", 0, SAFE)], false);
    assert!(
        down.1
            .contains("Can't downgrade the version of this feature.")
    );
}

#[test]
fn levels_go_up_and_down() {
    let mut c = formatted(&[("metadata.version", 20)]);
    let (code, message) = update(
        &mut c,
        &[("eligible.leader.replicas.version", 1, UPGRADE)],
        false,
    );
    assert_eq!(code, E::InvalidUpdateVersion);
    assert!(
        message.contains("depends on metadata.version level 23"),
        "{message}"
    );
    assert_eq!(
        c.incremental(4, "1", &[("min.insync.replicas", 0, Some("2"))])
            .0,
        E::None
    );
    let both = [
        ("eligible.leader.replicas.version", 1, UPGRADE),
        ("metadata.version", 29, UPGRADE),
    ];
    let before = c.image.clone();
    assert_eq!(update(&mut c, &both, true).0, E::None);
    assert_eq!(c.image, before, "only validated");
    assert_eq!(update(&mut c, &both, false).0, E::None);
    assert_eq!(c.image.feature("metadata.version"), 29);
    assert_eq!(c.image.feature("eligible.leader.replicas.version"), 1);
    assert_eq!(
        c.config(ResourceType::Broker, "", "min.insync.replicas"),
        Some("1".into())
    );
    assert_eq!(
        c.config(ResourceType::Broker, "1", "min.insync.replicas"),
        None
    );
    assert_eq!(
        update(&mut c, &[("metadata.version", 23, SAFE)], false).0,
        E::None
    );
    assert_eq!(
        update(&mut c, &[("metadata.version", 22, SAFE)], false).0,
        E::InvalidUpdateVersion
    );
    assert_eq!(
        update(&mut c, &[("metadata.version", 24, UNSAFE)], false).0,
        E::InvalidUpdateVersion
    );
    assert_eq!(
        update(&mut c, &[("metadata.version", 30, UPGRADE)], false).0,
        E::None
    );
    assert_eq!(
        update(
            &mut c,
            &[("eligible.leader.replicas.version", 0, SAFE)],
            false
        )
        .0,
        E::None
    );
    assert_eq!(c.image.feature("eligible.leader.replicas.version"), 0);
}

#[test]
fn a_level_that_one_node_does_not_know_is_refused() {
    let mut c = formatted(&[("metadata.version", 20)]);
    let register = |feature: &str, max| ControllerRegistrationRequest {
        controller_id: 9,
        incarnation_id: Uuid(99),
        listeners: vec![controller_registration_request::Listener {
            name: "CONTROLLER".into(),
            host: "localhost".into(),
            port: 9093,
            security_protocol: 0,
        }],
        features: vec![controller_registration_request::Feature {
            name: feature.into(),
            min_supported_version: 0,
            max_supported_version: max,
        }],
        ..Default::default()
    };
    c.run(Command::RegisterController(register(
        "metadata.version",
        20,
    )))
    .unwrap();
    let known = &c.image.controllers[&NodeId(9)];
    assert_eq!((known.end_points[0].port, known.features.len()), (9093, 1));
    let (_, message) = update(&mut c, &[("metadata.version", 21, UPGRADE)], false);
    assert!(
        message.ends_with("Controller 9 only supports versions 0-20"),
        "{message}"
    );
    let (_, message) = update(&mut c, &[("group.version", 1, UPGRADE)], false);
    assert!(
        message.ends_with("Controller 9 does not support this feature."),
        "{message}"
    );
    c.run(Command::RegisterController(register("group.version", 1)))
        .unwrap();
    assert_eq!(c.image.controllers.len(), 1);
    assert_eq!(
        update(&mut c, &[("group.version", 1, UPGRADE)], false).0,
        E::None
    );
    let request = BrokerRegistrationRequest {
        features: vec![
            Feature {
                name: "metadata.version".into(),
                min_supported_version: 7,
                max_supported_version: 20,
            },
            Feature {
                name: "group.version".into(),
                min_supported_version: 0,
                max_supported_version: 1,
            },
        ],
        ..registration(2, 102)
    };
    c.run(Command::RegisterBroker(request)).unwrap();
    let (_, message) = update(&mut c, &[("metadata.version", 21, UPGRADE)], false);
    assert!(
        message.ends_with("Broker 2 only supports versions 7-20"),
        "{message}"
    );
    let mut old = formatted(&[("metadata.version", 14)]);
    assert_eq!(
        old.run(Command::RegisterController(register("group.version", 1))),
        Err(E::UnsupportedVersion)
    );
}
