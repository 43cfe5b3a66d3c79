//! Names: which topic names are valid, which topics are internal, and which partition of an internal topic a name belongs to.
//!
//! Always holds: the rules are Kafka's (`org.apache.kafka.common.internals.Topic`); a valid topic name is safe as part of a file
//! name. Must never: look anything up.

/// Offsets and groups live here.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// Transactions live here.
pub const TRANSACTION_STATE_TOPIC: &str = "__transaction_state";
/// The state of share groups lives here.
pub const SHARE_STATE_TOPIC: &str = "__share_group_state";
/// The cluster's metadata lives here. It is not a topic that clients see.
pub const METADATA_TOPIC: &str = "__cluster_metadata";

/// The longest topic name, in characters: with the partition's number and a suffix it must be a file name.
pub const MAX_TOPIC_NAME: usize = 249;

/// Why a topic name is not valid. Printed, each is a sentence that can go into a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTopicName {
    #[error("Topic name must not be empty")]
    Empty,
    #[error("Topic name must not be '.' or '..'")]
    Dots,
    #[error("Topic name has {0} characters, at most {MAX_TOPIC_NAME} are allowed")]
    Long(usize),
    #[error("Topic name may only have ASCII letters, digits, '.', '_' and '-'")]
    Characters,
}

/// Checks a topic name by Kafka's rules.
pub fn validate_topic(name: &str) -> Result<(), BadTopicName> {
    match name {
        "" => return Err(BadTopicName::Empty),
        "." | ".." => return Err(BadTopicName::Dots),
        _ => {}
    }
    // Kafka counts UTF-16 units, and before it looks at the characters; the order only decides the message.
    let length = name.encode_utf16().count();
    if length > MAX_TOPIC_NAME {
        return Err(BadTopicName::Long(length));
    }
    if !name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    {
        return Err(BadTopicName::Characters);
    }
    Ok(())
}

/// True for the topics that the brokers themselves write.
pub fn is_internal(topic: &str) -> bool {
    matches!(
        topic,
        OFFSETS_TOPIC | TRANSACTION_STATE_TOPIC | SHARE_STATE_TOPIC
    )
}

/// True if a name has a character that another name could have another character for in metrics.
pub fn has_collision_chars(topic: &str) -> bool {
    topic.contains(['.', '_'])
}

/// True if two names are the same once '.' is read as '_', as Kafka's metrics do. Equal names collide as well.
pub fn collides(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .all(|(x, y)| x == y || matches!((x, y), (b'.', b'_') | (b'_', b'.')))
}

/// The key under which colliding names are equal: '.' read as '_'.
pub fn collision_key(topic: &str) -> String {
    topic.replace('.', "_")
}

/// True if a group may have this id. The empty id stands for "no group": offsets can be fetched under it, nothing else.
pub fn is_valid_group_id(id: &str) -> bool {
    !id.is_empty()
}

/// Java's `String.hashCode`, over UTF-16 units.
pub fn java_hash(text: &str) -> i32 {
    text.encode_utf16()
        .fold(0i32, |h, unit| h.wrapping_mul(31).wrapping_add(unit.into()))
}

/// The partition of an internal topic that a group id, transactional id or share key belongs to.
///
/// # Panics
/// If `partitions` is not positive.
pub fn coordinator_partition(id: &str, partitions: i32) -> i32 {
    assert!(partitions > 0, "a topic has partitions");
    // Kafka's Utils.abs: the one hash without a positive counterpart becomes 0.
    java_hash(id).checked_abs().unwrap_or(0) % partitions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names_are_judged_as_kafka_judges_them() {
        for good in [
            "a",
            "a.b_c-D9",
            "...",
            "__consumer_offsets",
            &"x".repeat(249),
        ] {
            assert_eq!(validate_topic(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("", BadTopicName::Empty),
            (".", BadTopicName::Dots),
            ("..", BadTopicName::Dots),
            (&"x".repeat(250), BadTopicName::Long(250)),
            ("../../x", BadTopicName::Characters),
            ("a/b", BadTopicName::Characters),
            ("a\0", BadTopicName::Characters),
            ("a\n", BadTopicName::Characters),
            ("ä", BadTopicName::Characters),
            (&"ä".repeat(200), BadTopicName::Characters),
            ("a b", BadTopicName::Characters),
        ] {
            assert_eq!(validate_topic(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn dots_and_underscores_collide() {
        assert!(collides("a.b", "a_b") && collides("a.b", "a.b") && collides("a_.", "a._"));
        assert!(!collides("a.b", "a-b") && !collides("a.b", "a.bb"));
        assert_eq!(collision_key("a.b_c"), collision_key("a_b.c"));
        assert!(has_collision_chars("a.b") && !has_collision_chars("a-b"));
    }

    #[test]
    fn partitions_of_coordinators_are_javas() {
        // Computed with Java 17: "…".hashCode().
        for (text, hash) in HASHES {
            assert_eq!(java_hash(text), *hash, "{text}");
        }
        assert_eq!(
            coordinator_partition("polygenelubricants", 50),
            0,
            "the hash is i32::MIN"
        );
        assert_eq!(
            coordinator_partition("my-group", 50),
            java_hash("my-group").abs() % 50
        );
    }

    const HASHES: &[(&str, i32)] = &[
        ("", 0),
        ("my-group", -1906497762),
        ("polygenelubricants", i32::MIN),
        ("grüße-😀", 347391577),
    ];
}
