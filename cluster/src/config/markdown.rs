//! The tables as a page of documentation.
//!
//! Always holds: the page is a function of the tables; `docs/CONFIGS.md` is its output, and a test keeps it so.

use std::fmt::Write;

use super::def::{ConfigDef, Default, Meaning};
use super::{BROKER, CLIENT_METRICS, GROUP, OWN, TOPIC, topic_synonyms};

/// The text of `docs/CONFIGS.md`.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         Every config of Apache Kafka 4.3 is known, with Kafka's type, default and bounds. The `use` column says what it does here: \
         *served*, *later* (checked, kept and described, but what it belongs to is not there yet) or *none* (belongs to the JVM or \
         to Kafka's own construction; accepted with a line in the log).\n\n\
         This page is made from the tables in `cluster/src/config/table`; to renew it: \
         `AIRIS_UPDATE=1 cargo test -p airis-cluster --test configs_doc`.\n",
    );
    section(
        &mut out,
        "Topics",
        "A topic that does not set a config takes the broker's, named in the last column.",
        TOPIC,
        |d| {
            topic_synonyms(d.name)
                .iter()
                .map(|(n, _)| format!("`{n}`"))
                .collect::<Vec<_>>()
                .join(", ")
        },
    );
    section(
        &mut out,
        "Brokers",
        "In the properties file, or with `--override name=value`. The last column says whether `kafka-configs` can change it while the broker runs.",
        &BROKER,
        |d| d.dynamic.name().to_owned(),
    );
    section(
        &mut out,
        "Brokers: what Kafka does not have",
        "",
        OWN,
        |d| d.dynamic.name().to_owned(),
    );
    section(&mut out, "Groups", "", GROUP, |_| String::new());
    section(
        &mut out,
        "Client metrics subscriptions",
        "",
        CLIENT_METRICS,
        |_| String::new(),
    );
    out
}

fn section(
    out: &mut String,
    title: &str,
    intro: &str,
    table: &[ConfigDef],
    last: impl Fn(&ConfigDef) -> String,
) {
    let _ = write!(out, "\n## {title}\n\n");
    if !intro.is_empty() {
        let _ = write!(out, "{intro}\n\n");
    }
    out.push_str("| name | type | default | values | use | what it does | |\n|---|---|---|---|---|---|---|\n");
    for d in table.iter().filter(|d| !d.internal) {
        let default = match d.default {
            Default::Null => String::new(),
            Default::Required => "*to be set*".to_owned(),
            Default::Value("") => "empty".to_owned(),
            Default::Value(v) => format!("`{v}`"),
        };
        let meaning = match d.meaning {
            Meaning::Served => "served",
            Meaning::Later => "later",
            Meaning::None => "none",
        };
        let _ = writeln!(
            out,
            "| `{}` | {} | {default} | {} | {meaning} | {} | {} |",
            d.name,
            d.ty.name().to_lowercase(),
            d.check,
            d.doc,
            last(d),
        );
    }
}
