//! The config tables against what Kafka 4.3.0's own classes say, value by value.
//!
//! Always holds: the golden files are made by `golden/dump.sh` and never by hand. Must never: compare documentation, ours is our own.

use airis_cluster::config::{
    BROKER, CLIENT_METRICS, ConfigDef, ConfigType, Default, GROUP, OWN, TOPIC, canonical, parse,
    topic_synonyms,
};

fn table(kind: &str) -> &'static [ConfigDef] {
    match kind {
        "broker" => &BROKER,
        "topic" => TOPIC,
        "group" => GROUP,
        "client-metrics" => CLIENT_METRICS,
        other => panic!("no table for {other}"),
    }
}

fn row(kind: &str, name: &str) -> &'static ConfigDef {
    let find = table(kind).iter().find(|d| d.name == name);
    find.unwrap_or_else(|| panic!("{kind} config {name} is missing"))
}

#[test]
fn the_tables_hold_exactly_kafkas_configs() {
    let mut seen = std::collections::BTreeMap::<&str, usize>::new();
    for line in include_str!("golden/configs.tsv").lines() {
        let [
            kind,
            name,
            ty,
            default,
            check,
            importance,
            mode,
            visible,
            synonym,
        ] = line.split('\t').collect::<Vec<_>>()[..]
        else {
            panic!("nine columns: {line}");
        };
        *seen.entry(kind).or_default() += 1;
        let def = row(kind, name);
        assert_eq!(def.ty.name(), ty, "{name}");
        let ours = match def.default {
            Default::Null => "<null>".to_owned(),
            Default::Required => "<required>".to_owned(),
            Default::Value(v) => format!("={v}"),
        };
        // Java prints this map in the order of its hashes.
        if name == "listener.security.protocol.map" {
            let sorted = |s: &str| {
                let mut parts: Vec<_> = s
                    .trim_start_matches('=')
                    .split(',')
                    .map(str::to_owned)
                    .collect();
                parts.sort();
                parts
            };
            assert_eq!(sorted(&ours), sorted(default));
        } else {
            assert_eq!(ours, default, "{name}");
        }
        // A text for any string that is not null; none can be here.
        let check = check.replace("non-null string", "");
        let words = |s: &str| {
            let mut w: Vec<_> = s
                .split(|c: char| !(c.is_alphanumeric() || "_-.:*".contains(c)))
                .map(str::to_owned)
                .collect();
            w.sort();
            w
        };
        assert_eq!(words(&def.check.to_string()), words(&check), "{name}");
        assert_eq!(
            format!("{:?}", def.importance).to_uppercase(),
            importance,
            "{name}"
        );
        if kind == "broker" {
            assert_eq!(def.dynamic.name(), mode, "{name}");
        }
        assert_eq!(def.internal, visible == "internal", "{name}");
        if kind == "topic" {
            let ours = topic_synonyms(name).first().map_or("", |(n, _)| n);
            assert_eq!(ours, synonym, "{name}");
        }
    }
    for (kind, count) in seen {
        assert_eq!(table(kind).len(), count, "{kind}");
        assert!(table(kind).is_sorted_by(|a, b| a.name < b.name), "{kind}");
    }
    assert_eq!(TOPIC.len(), 34);
}

#[test]
fn values_are_taken_and_refused_as_kafka_does() {
    let mut lines = include_str!("golden/values.tsv").lines();
    let values: Vec<&str> = lines.next().expect("the values").split('\t').collect();
    let mut wrong = Vec::new();
    for line in lines {
        let mut columns = line.split('\t');
        let names = columns.next().expect("names");
        let mut taken = vec![None; values.len()];
        for column in columns {
            let (number, text) = column.split_once('=').expect("number and text");
            taken[number.parse::<usize>().expect("a number")] = Some(text);
        }
        for name in names.split(' ') {
            let (kind, name) = name.split_once(':').expect("kind and name");
            let def = row(kind, name);
            for (value, kafka) in values.iter().zip(&taken) {
                // Kafka looks the class up; we only keep its name.
                if def.ty == ConfigType::Class {
                    continue;
                }
                let hide = |text: String| {
                    if def.sensitive() {
                        "[hidden]".to_owned()
                    } else {
                        text
                    }
                };
                let ours = parse(def, value).ok().map(|v| hide(v.to_text()));
                if ours.as_deref() != *kafka {
                    wrong.push(format!(
                        "{name} = {value:?}: Kafka {kafka:?}, ours {ours:?}"
                    ));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_default_passes_its_own_check_and_every_row_has_one_line_of_documentation() {
    for def in [&BROKER[..], TOPIC, GROUP, CLIENT_METRICS, OWN].concat() {
        // Kafka's own defaults for the quorum are empty lists, which stand for "not set".
        if let Default::Value(v) = def.default {
            parse(&def, v).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(canonical(&def, v), v, "{}", def.name);
        }
        assert!(
            !def.doc.is_empty() && !def.doc.contains('\n'),
            "{}",
            def.name
        );
    }
}
