//! Compares what two nodes said, pair by pair and line by line.

use std::collections::BTreeSet;

use crate::deliberate::{Deliberate, NOT_SERVED, ORDER_IS_FREE};
use crate::side::Pair;
use crate::tree::Lines;

/// What stands for a field or an element of a list that one of the two does not have.
const ABSENT: &str = "<absent>";
/// What stands for the whole of an element that only one of the two has.
const PRESENT: &str = "<present>";
/// The differences of a pair that are printed; after so many a reader has understood.
const SHOWN_MAX: usize = 12;

pub struct Outcome {
    pub passed: usize,
    pub failed: usize,
}

/// Prints every difference that nobody has given a reason for, and every reason that nothing differs for any more.
pub fn compare(ours: &[Pair], kafka: &[Pair], deliberate: &[Deliberate], verbose: bool) -> Outcome {
    let mut outcome = Outcome {
        passed: 0,
        failed: 0,
    };
    let mut used = vec![false; deliberate.len()];
    for (i, our) in ours.iter().enumerate() {
        let Some(their) = kafka.get(i) else { break };
        if our.name != their.name {
            println!(
                "not ok {}: Apache Kafka was asked {} then: the scripts went apart",
                our.name, their.name
            );
            outcome.failed += 1;
            break;
        }
        let mut differences = Vec::new();
        let paths: BTreeSet<&String> = our.answer.keys().chain(their.answer.keys()).collect();
        let mut told = BTreeSet::new();
        for path in paths {
            let missing = [our, their].map(|pair| missing_element(&pair.answer, path));
            let (mut a, mut b, path) = match missing {
                [Some(element), None] => (ABSENT.to_owned(), PRESENT.to_owned(), element),
                [None, Some(element)] => (PRESENT.to_owned(), ABSENT.to_owned(), element),
                _ => {
                    let get = |pair: &Pair| {
                        pair.answer
                            .get(path)
                            .map_or(ABSENT.to_owned(), Clone::clone)
                    };
                    (get(our), get(their), path.as_str())
                }
            };
            if !told.insert(path) {
                continue;
            }
            if path == "api_keys.order" {
                b = b
                    .split(' ')
                    .filter(|key| !NOT_SERVED.iter().any(|n| n.to_string() == *key))
                    .collect::<Vec<_>>()
                    .join(" ");
            } else if path.ends_with(".order")
                && ORDER_IS_FREE
                    .iter()
                    .any(|(pair, list)| like(pair, &our.name) && like(list, path))
            {
                (a, b) = (sorted(&a), sorted(&b));
            }
            if a == b {
                continue;
            }
            if a == ABSENT
                && our.name.starts_with("ApiVersions ")
                && NOT_SERVED
                    .iter()
                    .any(|key| path == format!("api_keys[{key}]"))
            {
                continue;
            }
            let reason = deliberate
                .iter()
                .position(|d| covers(d, &our.name, path, &a, &b));
            match reason {
                Some(at) => used[at] = true,
                None => differences.push(format!("    {path}\n      ours  {a}\n      Kafka {b}")),
            }
        }
        if differences.is_empty() {
            outcome.passed += 1;
            if verbose {
                println!("ok {}", our.name);
                for (path, value) in &our.answer {
                    println!("    {path} = {value}");
                }
            }
        } else {
            outcome.failed += 1;
            println!("not ok {}", our.name);
            for difference in differences.iter().take(SHOWN_MAX) {
                println!("{difference}");
            }
            if differences.len() > SHOWN_MAX {
                println!("    and {} more", differences.len() - SHOWN_MAX);
            }
        }
    }
    if ours.len() != kafka.len() {
        println!(
            "not ok: {} answers of ours, {} of Apache Kafka",
            ours.len(),
            kafka.len()
        );
        outcome.failed += 1;
    }
    for (d, used) in deliberate.iter().zip(used) {
        if !used {
            println!(
                "not ok: nothing differs any more at {} {} ({} / {})",
                d.pair, d.path, d.ours, d.kafka
            );
            outcome.failed += 1;
        }
    }
    outcome
}

/// The outermost element of a list on the way to a path that the answer has nothing of.
fn missing_element<'a>(answer: &Lines, path: &'a str) -> Option<&'a str> {
    let has = |prefix: &str| {
        answer
            .range(prefix.to_owned()..)
            .next()
            .is_some_and(|(path, _)| path.starts_with(prefix))
    };
    path.match_indices(']')
        .map(|(at, _)| &path[..=at])
        .find(|prefix| !has(prefix))
}

fn covers(d: &Deliberate, pair: &str, path: &str, ours: &str, kafka: &str) -> bool {
    like(d.pair, pair) && like(d.path, path) && like(d.ours, ours) && like(d.kafka, kafka)
}

fn sorted(words: &str) -> String {
    let mut words: Vec<&str> = words.split(' ').collect();
    words.sort_unstable();
    words.join(" ")
}

/// Whether a text is as a pattern says, in which `*` stands for anything.
fn like(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(head) else {
        return false;
    };
    (0..=text.len())
        .filter(|at| text.is_char_boundary(*at))
        .any(|at| like(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, is) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("a*c*", "abc", true),
            ("a*c", "abd", false),
            ("*", "", true),
        ] {
            assert_eq!(like(pattern, text), is, "{pattern} {text}");
        }
    }
}
