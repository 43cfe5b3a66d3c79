//! Values: from text to a checked value and back, as strict as Kafka's `ConfigDef`.
//!
//! Always holds: a value that passed here can be read by every typed struct. Must never: guess (a boolean is true or false, in any
//! case, and nothing else), or print a secret.

use std::collections::{BTreeMap, BTreeSet};

use super::def::{Check, ConfigDef, ConfigError, ConfigType, Dynamic};
use super::resolve::Values;
use super::{broker, client_metrics, listener_base, topic};

/// A parsed value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Bool(bool),
    /// Of type short, int or long, within its range.
    Number(i64),
    Double(f64),
    /// Of type string, class or password.
    Text(String),
    List(Vec<String>),
}

impl Value {
    /// As Kafka writes it back (`ConfigDef.convertToString`).
    pub fn to_text(&self) -> String {
        match self {
            Value::Bool(b) => b.to_string(),
            Value::Number(n) => n.to_string(),
            Value::Double(d) => java_double(*d),
            Value::Text(t) => t.clone(),
            Value::List(l) => l.join(","),
        }
    }
}

/// `Double.toString`: plain between 10^-3 and 10^7, scientific outside.
fn java_double(d: f64) -> String {
    if d == 0.0 || (1e-3..1e7).contains(&d.abs()) {
        return format!("{d:?}");
    }
    let text = format!("{d:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let dot = if mantissa.contains('.') { "" } else { ".0" };
    format!("{mantissa}{dot}E{exponent}")
}

/// Parses and checks a value.
pub fn parse(def: &ConfigDef, text: &str) -> Result<Value, ConfigError> {
    let bad = |problem: String| ConfigError::Value {
        name: def.name.to_owned(),
        value: if def.sensitive() { "[hidden]" } else { text }.to_owned(),
        problem,
    };
    let trimmed = text.trim();
    let number = |min: i64, max: i64| {
        trimmed
            .parse::<i64>()
            .ok()
            .filter(|n| (min..=max).contains(n))
            .map(Value::Number)
            .ok_or_else(|| bad(format!("Not a number of type {}", def.ty.name())))
    };
    let value = match def.ty {
        ConfigType::Boolean if trimmed.eq_ignore_ascii_case("true") => Value::Bool(true),
        ConfigType::Boolean if trimmed.eq_ignore_ascii_case("false") => Value::Bool(false),
        ConfigType::Boolean => return Err(bad("Expected true or false".into())),
        ConfigType::Short => number(i16::MIN.into(), i16::MAX.into())?,
        ConfigType::Int => number(i32::MIN.into(), i32::MAX.into())?,
        ConfigType::Long => number(i64::MIN, i64::MAX)?,
        ConfigType::Double => match trimmed.parse::<f64>() {
            Ok(d) => Value::Double(d),
            Err(_) => return Err(bad("Not a number of type DOUBLE".into())),
        },
        ConfigType::String | ConfigType::Class | ConfigType::Password => {
            Value::Text(trimmed.to_owned())
        }
        ConfigType::List if trimmed.is_empty() => Value::List(Vec::new()),
        ConfigType::List => Value::List(trimmed.split(',').map(|v| v.trim().to_owned()).collect()),
    };
    let value = match (def.check, value) {
        // Kafka takes a repeated value out (KIP-1161).
        (Check::ListOf { .. } | Check::ListUnique { .. }, Value::List(mut list)) => {
            let mut seen = BTreeSet::new();
            list.retain(|v| seen.insert(v.clone()));
            Value::List(list)
        }
        (_, value) => value,
    };
    check(def.check, &value).map_err(bad)?;
    Ok(value)
}

/// The value as it is described: trimmed, numbers and lists in one form.
pub fn canonical(def: &ConfigDef, text: &str) -> String {
    parse(def, text).map_or_else(|_| text.to_owned(), |v| v.to_text())
}

fn check(check: Check, value: &Value) -> Result<(), String> {
    let words = |words: &[&str]| format!("Must be one of: {}", words.join(", "));
    match (check, value) {
        (Check::AtLeast(min), Value::Number(n)) if *n < min => {
            Err(format!("Value must be at least {min}"))
        }
        (Check::Between(min, _), Value::Number(n)) if *n < min => {
            Err(format!("Value must be at least {min}"))
        }
        (Check::Between(_, max), Value::Number(n)) if *n > max => {
            Err(format!("Value must be no more than {max}"))
        }
        (Check::Fraction(min, max), Value::Double(d)) if !(min..=max).contains(d) => {
            Err(format!("Value must be within {min} and {max}"))
        }
        (Check::GzipLevel, Value::Number(n)) if *n != -1 && !(1..=9).contains(n) => {
            Err("Value must be within 1 and 9, or -1".into())
        }
        (Check::OneOf(valid), Value::Text(t)) if !valid.contains(&t.as_str()) => Err(words(valid)),
        (Check::OneOfAnyCase(valid), Value::Text(t))
            if !valid.iter().any(|v| v.eq_ignore_ascii_case(t)) =>
        {
            Err(words(valid))
        }
        (Check::NonEmpty, Value::Text(t)) if t.is_empty() => Err("Must not be empty".into()),
        (Check::ListOf { valid, empty }, Value::List(l)) => {
            unique(l, empty)?;
            if l.iter().all(|v| valid.contains(&v.as_str())) {
                Ok(())
            } else {
                Err(words(valid))
            }
        }
        (Check::ListUnique { empty }, Value::List(l)) => unique(l, empty),
        (Check::ThrottledReplicas, Value::List(l)) => throttled(l),
        (Check::QuorumVoters, Value::List(l)) => l.iter().try_for_each(|v| voter(v)),
        (Check::BootstrapServers, Value::List(l)) => l.iter().try_for_each(|v| host_port(v)),
        (Check::OffsetReset, Value::Text(t)) => offset_reset(t),
        _ => Ok(()),
    }
}

fn unique(list: &[String], empty: bool) -> Result<(), String> {
    if list.is_empty() && !empty {
        return Err("Must not be empty".into());
    }
    if list.iter().any(String::is_empty) {
        return Err("A value in the list is empty".into());
    }
    if list.iter().collect::<BTreeSet<_>>().len() != list.len() {
        return Err("A value stands in the list twice".into());
    }
    Ok(())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn throttled(list: &[String]) -> Result<(), String> {
    let pair = |v: &String| {
        v.is_empty()
            || v.split_once(':')
                .is_some_and(|(p, b)| is_digits(p) && is_digits(b))
    };
    if list.concat() == "*" || list.iter().all(pair) {
        Ok(())
    } else {
        Err("Must be * or a list of partition:broker pairs".into())
    }
}

fn host_port(text: &str) -> Result<(), String> {
    let fits = text.rsplit_once(':').is_some_and(|(host, port)| {
        port.parse::<u16>().is_ok()
            && host
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-%._:[]".contains(c))
    });
    if fits {
        Ok(())
    } else {
        Err(format!("{text} is not host:port"))
    }
}

fn voter(text: &str) -> Result<(), String> {
    match text.split_once('@') {
        Some((id, address)) if id.parse::<u32>().is_ok() => host_port(address),
        _ => Err(format!("{text} is not id@host:port")),
    }
}

/// `by_duration:` wants an ISO 8601 duration that is not negative: `P`, days, `T`, hours, minutes, seconds.
fn offset_reset(text: &str) -> Result<(), String> {
    let problem = || "Must be latest, earliest or by_duration:PnDTnHnMn.nS".to_owned();
    match text {
        "latest" | "earliest" => return Ok(()),
        _ => {}
    }
    let mut rest = text
        .strip_prefix("by_duration:P")
        .filter(|r| !r.is_empty())
        .ok_or_else(problem)?;
    let mut units = "D";
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T')
            && units != "HMS"
            && !time.is_empty()
        {
            (rest, units) = (time, "HMS");
            continue;
        }
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(problem)?;
        let unit = &rest[end..=end];
        let fraction = rest[..end].contains('.');
        if !units.contains(unit) || rest[..end].parse::<f64>().is_err() || (fraction && unit != "S")
        {
            return Err(problem());
        }
        rest = &rest[end + 1..];
    }
    Ok(())
}

/// Checks all configs that a topic would have set on itself, and what they are together with the broker's (`LogConfig.validate`).
/// `effective` gives the value of a config that the topic does not set.
pub fn check_topic(
    own: &dyn Values,
    effective: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    let mut values: BTreeMap<&str, Value> = BTreeMap::new();
    for (name, text) in own.all() {
        let def = topic(name).ok_or_else(|| ConfigError::Unknown {
            what: "topic",
            name: name.to_owned(),
        })?;
        values.insert(def.name, parse(def, text)?);
    }
    let number = |name: &'static str| match values.get(name) {
        Some(Value::Number(n)) => *n,
        _ => effective(name)
            .or_else(|| topic(name)?.default.value().map(str::to_owned))
            .and_then(|v| v.trim().parse().ok())
            .unwrap_or_default(),
    };
    let (min, max) = (
        number("min.compaction.lag.ms"),
        number("max.compaction.lag.ms"),
    );
    if min > max {
        return Err(ConfigError::Other(format!(
            "min.compaction.lag.ms ({min}) is greater than max.compaction.lag.ms ({max})"
        )));
    }
    if values.get("remote.storage.enable") == Some(&Value::Bool(true)) {
        return Err(ConfigError::Other(
            "Tiered storage is disabled in the broker, so no topic can use it".into(),
        ));
    }
    Ok(())
}

/// Checks a dynamic change of broker configs: all of them must be known, dynamic, and right for the resource (`per_broker`: one
/// broker; otherwise the default of all). Names Kafka does not know are let through, as Kafka does for its plugins.
pub fn check_broker_change(all: &dyn Values, per_broker: bool) -> Result<(), ConfigError> {
    for (name, text) in all.all() {
        let base = listener_base(name);
        let Some(def) = broker(name).or_else(|| broker(base?)) else {
            continue;
        };
        match def.dynamic {
            Dynamic::ReadOnly => {
                return Err(ConfigError::Other(format!(
                    "Cannot update these configs dynamically: [{name}]"
                )));
            }
            // The limits of a listener may be set for all brokers, too.
            Dynamic::PerBroker if !per_broker => {
                return Err(ConfigError::Other(format!(
                    "Cannot update these configs at default cluster level, broker id must be specified: [{name}]"
                )));
            }
            Dynamic::PerBroker if base.is_none() && name.starts_with("ssl.") => {
                return Err(ConfigError::Other(format!(
                    "These security configs can be dynamically updated only per-listener using the listener prefix: [{name}]"
                )));
            }
            Dynamic::PerBroker | Dynamic::ClusterWide => {}
        }
        parse(def, text)?;
    }
    Ok(())
}

/// Pools of threads that can be resized while a broker runs.
const THREAD_COUNTS: [&str; 6] = [
    "background.threads",
    "log.cleaner.threads",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
];

/// A pool of threads is changed in steps: at least one, at least half and at most twice what it is. `now` says what that is, if it
/// is known.
pub fn check_thread_counts(
    all: &dyn Values,
    now: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    let number = |text: &str| text.trim().parse::<i64>().ok();
    for name in THREAD_COUNTS {
        let Some(wanted) = all.value(name).and_then(number) else {
            continue;
        };
        let Some(current) = now(name).as_deref().and_then(number) else {
            if wanted < 1 {
                return Err(ConfigError::Other(format!("{name} must be at least 1")));
            }
            continue;
        };
        if wanted != current && !(1.max(current / 2)..=current * 2).contains(&wanted) {
            return Err(ConfigError::Other(format!(
                "{name} is {current}, and can be set to a value from half of that to twice that, not to {wanted}"
            )));
        }
    }
    Ok(())
}

/// What a client metrics subscription can select clients by.
const MATCH: [&str; 6] = [
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];
/// Milliseconds between two pushes, at least and at most.
const INTERVAL_MS: std::ops::RangeInclusive<i64> = 100..=3_600_000;

/// Checks all configs of a client metrics subscription (`ClientMetricsConfigs.validate`). Patterns are not compiled here.
pub fn check_client_metrics(all: &dyn Values) -> Result<(), ConfigError> {
    for (name, text) in all.all() {
        let def = client_metrics(name).ok_or_else(|| {
            ConfigError::Request(format!("Unknown client metrics configuration: {name}"))
        })?;
        match (name, parse(def, text)?) {
            ("interval.ms", Value::Number(n)) if !INTERVAL_MS.contains(&n) => {
                return Err(ConfigError::Request(format!(
                    "Invalid value {n} for interval.ms, the interval must be from 100 to 3600000 (1 hour)"
                )));
            }
            ("match", Value::List(patterns)) => {
                for pattern in patterns {
                    let known = pattern.split_once('=').is_some_and(|(what, p)| {
                        MATCH.contains(&what.trim()) && !p.is_empty() && !p.contains('=')
                    });
                    if !known {
                        return Err(ConfigError::Other(format!(
                            "Illegal client matching pattern: {pattern}"
                        )));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}
