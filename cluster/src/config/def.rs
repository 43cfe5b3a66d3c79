//! The shape of a row in the config tables.
//!
//! Always holds: a row is plain, static data. Must never: parse or decide; that is `value` and `resolve`.

use std::fmt;

/// Kafka's types of config values (`ConfigDef.Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigType {
    Boolean,
    String,
    Int,
    Short,
    Long,
    Double,
    /// Values split at commas.
    List,
    /// The name of a Java class.
    Class,
    /// A secret: never shown.
    Password,
}

impl ConfigType {
    /// The number in DescribeConfigs answers.
    pub fn id(self) -> i8 {
        match self {
            ConfigType::Boolean => 1,
            ConfigType::String => 2,
            ConfigType::Int => 3,
            ConfigType::Short => 4,
            ConfigType::Long => 5,
            ConfigType::Double => 6,
            ConfigType::List => 7,
            ConfigType::Class => 8,
            ConfigType::Password => 9,
        }
    }

    /// Kafka's name, in capitals.
    pub fn name(self) -> &'static str {
        match self {
            ConfigType::Boolean => "BOOLEAN",
            ConfigType::String => "STRING",
            ConfigType::Int => "INT",
            ConfigType::Short => "SHORT",
            ConfigType::Long => "LONG",
            ConfigType::Double => "DOUBLE",
            ConfigType::List => "LIST",
            ConfigType::Class => "CLASS",
            ConfigType::Password => "PASSWORD",
        }
    }
}

/// What a config is when nobody sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// Nothing.
    Null,
    /// Kafka wants it set.
    Required,
    Value(&'static str),
}

impl Default {
    pub fn value(self) -> Option<&'static str> {
        match self {
            Default::Value(v) => Some(v),
            Default::Null | Default::Required => None,
        }
    }
}

/// What a value must be besides its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Check {
    Any,
    AtLeast(i64),
    /// Both included.
    Between(i64, i64),
    /// A double, both included.
    Fraction(f64, f64),
    /// 1 to 9, or -1.
    GzipLevel,
    OneOf(&'static [&'static str]),
    OneOfAnyCase(&'static [&'static str]),
    NonEmpty,
    /// A list of some of these values, none twice.
    ListOf {
        valid: &'static [&'static str],
        empty: bool,
    },
    /// A list with no value twice.
    ListUnique {
        empty: bool,
    },
    /// `*`, or `partition:broker` pairs.
    ThrottledReplicas,
    /// `id@host:port` entries.
    QuorumVoters,
    /// `host:port` entries.
    BootstrapServers,
    /// `latest`, `earliest` or `by_duration:` and a duration.
    OffsetReset,
}

/// Range of a number or list of words, as Kafka prints them.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Check::Any | Check::ListUnique { .. } => Ok(()),
            Check::AtLeast(min) => write!(f, "[{min},...]"),
            Check::Between(min, max) => write!(f, "[{min},...,{max}]"),
            Check::Fraction(min, max) => write!(f, "[{min},...,{max}]"),
            Check::GzipLevel => f.write_str("[1,...,9] or -1"),
            Check::OneOf(words) | Check::ListOf { valid: words, .. } => {
                write!(f, "[{}]", words.join(", "))
            }
            Check::OneOfAnyCase(words) => write!(f, "(case insensitive) [{}]", words.join(", ")),
            Check::NonEmpty => f.write_str("non-empty string"),
            Check::ThrottledReplicas => {
                f.write_str("[partitionId]:[brokerId],[partitionId]:[brokerId],...")
            }
            Check::QuorumVoters | Check::BootstrapServers => f.write_str("non-empty list"),
            Check::OffsetReset => f.write_str("[latest, earliest, by_duration:PnDTnHnMn.nS]"),
        }
    }
}

/// How much a config matters, in Kafka's opinion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Importance {
    High,
    Medium,
    Low,
}

/// Whether a broker config can be changed while the broker runs. Configs of topics, groups and client metrics always can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dynamic {
    ReadOnly,
    /// For one broker only.
    PerBroker,
    /// For one broker or for all.
    ClusterWide,
}

impl Dynamic {
    /// Kafka's words.
    pub fn name(self) -> &'static str {
        match self {
            Dynamic::ReadOnly => "read-only",
            Dynamic::PerBroker => "per-broker",
            Dynamic::ClusterWide => "cluster-wide",
        }
    }
}

/// Whether the config does anything here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Served,
    /// Belongs to something this version does not do yet; checked, kept and described.
    Later,
    /// Belongs to the JVM or to Kafka's own construction; accepted and ignored.
    None,
}

/// One config.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfigDef {
    pub name: &'static str,
    pub ty: ConfigType,
    pub default: Default,
    pub check: Check,
    pub importance: Importance,
    pub dynamic: Dynamic,
    pub meaning: Meaning,
    /// Not listed unless it is set.
    pub internal: bool,
    pub doc: &'static str,
}

impl ConfigDef {
    /// True if the value must not be shown.
    pub fn sensitive(&self) -> bool {
        self.ty == ConfigType::Password
    }
}

/// Why a config cannot be what it was asked to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("Invalid value {value} for configuration {name}: {problem}")]
    Value {
        name: String,
        /// `[hidden]` for secrets.
        value: String,
        problem: String,
    },
    #[error("Unknown {what} config name: {name}")]
    Unknown { what: &'static str, name: String },
    #[error("{0}")]
    Other(String),
    /// What Kafka answers with INVALID_REQUEST, where all others are INVALID_CONFIG.
    #[error("{0}")]
    Request(String),
}
