//! A response as lines of `path = value`, read from its debug form: every field of every message without a line of code a message.
//!
//! Always holds: every leaf of the response becomes one line, an empty list or an absent value too. Must never: guess; a debug
//! form that it does not understand is a panic, since only messages of ours come here.

use std::collections::BTreeMap;

#[derive(Debug, PartialEq)]
pub enum Node {
    Leaf(String),
    Some(Box<Node>),
    Struct(Vec<(String, Node)>),
    List(Vec<Node>),
}

impl Node {
    pub fn read(debug: &str) -> Node {
        let mut at = Parser(debug);
        let node = at.node();
        assert!(at.0.is_empty(), "left over: {}", at.0);
        node
    }

    /// The text of a leaf, without the quotes of a string.
    fn text(&self) -> Option<&str> {
        match self {
            Node::Leaf(text) => Some(text.trim_matches('"')),
            Node::Some(inner) => inner.text(),
            _ => None,
        }
    }

    /// What tells an element of a list from the others, if it is named.
    fn key(&self) -> Option<String> {
        const NAMES: [&str; 17] = [
            "resource_name",
            "name",
            "topic",
            "topic_name",
            "group_id",
            "key",
            "log_dir",
            "partition_index",
            "partition",
            "index",
            "api_key",
            "node_id",
            "broker_id",
            "replica_id",
            "member_id",
            "producer_id",
            "batch_index",
        ];
        let Node::Struct(fields) = self else {
            return None;
        };
        let of = |name: &str| fields.iter().find(|f| f.0 == name).and_then(|f| f.1.text());
        let named = NAMES
            .iter()
            .find_map(|name| of(name).filter(|text| !text.is_empty() && *text != "None"));
        // A topic that is named by its id only, or something whose name is empty.
        let zero = airis_protocol::types::Uuid::ZERO.to_string();
        named
            .or_else(|| of("topic_id").filter(|id| *id != zero))
            .or_else(|| NAMES.iter().find_map(|name| of(name)).map(|_| "\"\""))
            .map(str::to_owned)
    }

    /// Adds the lines of this node below `path`. `leaf` says what stands for a leaf, given the name of its field.
    pub fn lines(&self, path: &str, leaf: &dyn Fn(&str, &str) -> String, out: &mut Lines) {
        match self {
            Node::Leaf(text) => {
                let field = path.rsplit('.').next().unwrap_or(path);
                out.insert(path.to_owned(), leaf(field, text));
            }
            Node::Some(inner) => inner.lines(path, leaf, out),
            Node::Struct(fields) => {
                for (name, value) in fields {
                    let below = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    value.lines(&below, leaf, out);
                }
            }
            Node::List(items) => {
                let flat: Option<Vec<&str>> = items.iter().map(Node::text).collect();
                if let Some(flat) = flat {
                    let field = path.rsplit('.').next().unwrap_or(path);
                    let flat: Vec<String> = flat.iter().map(|text| leaf(field, text)).collect();
                    out.insert(path.to_owned(), format!("[{}]", flat.join(", ")));
                    return;
                }
                let mut order = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    let key = item
                        .key()
                        .map_or_else(|| i.to_string(), |key| leaf("key", &key));
                    let seen = order.iter().filter(|k| **k == key).count();
                    let name = if seen == 0 {
                        key.clone()
                    } else {
                        format!("{key}#{seen}")
                    };
                    item.lines(&format!("{path}[{name}]"), leaf, out);
                    order.push(key);
                }
                out.insert(format!("{path}.order"), order.join(" "));
            }
        }
    }
}

pub type Lines = BTreeMap<String, String>;

struct Parser<'a>(&'a str);

impl Parser<'_> {
    fn eat(&mut self, text: &str) -> bool {
        let Some(rest) = self.0.strip_prefix(text) else {
            return false;
        };
        self.0 = rest;
        true
    }

    fn take(&mut self, len: usize) -> String {
        let (head, rest) = self.0.split_at(len);
        self.0 = rest;
        head.to_owned()
    }

    /// A quoted text, quotes and escapes included.
    fn quoted(&mut self) -> String {
        let open = self.0.find('"').expect("a quote");
        let mut escaped = false;
        let end = self.0[open + 1..].find(|c| {
            let is_end = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            is_end
        });
        self.take(open + 1 + end.expect("a closing quote") + 1)
    }

    fn items(&mut self, close: &str) -> Vec<Node> {
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.node());
            self.eat(", ");
        }
        items
    }

    fn node(&mut self) -> Node {
        if self.eat("[") {
            return Node::List(self.items("]"));
        }
        if self.0.starts_with('"') || self.0.starts_with("b\"") {
            return Node::Leaf(self.quoted());
        }
        let end = self
            .0
            .find([',', '(', ')', '[', ']', '{', '}', ' '])
            .unwrap_or(self.0.len());
        let word = self.take(end);
        if self.eat("(") {
            let mut items = self.items(")");
            assert_eq!(items.len(), 1, "{word} holds one value");
            let inner = items.remove(0);
            return if word == "Some" {
                Node::Some(Box::new(inner))
            } else {
                inner
            };
        }
        if self.eat(" { ") {
            let mut fields = Vec::new();
            while !self.eat(" }") {
                let colon = self.0.find(": ").expect("a field's name");
                let name = self.take(colon);
                self.eat(": ");
                fields.push((name, self.node()));
                self.eat(", ");
            }
            return Node::Struct(fields);
        }
        Node::Leaf(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    #[expect(dead_code, reason = "read by Debug alone")]
    struct Outer {
        text: &'static str,
        none: Option<i32>,
        some: Option<Vec<i32>>,
        list: Vec<Inner>,
    }

    #[derive(Debug)]
    #[expect(dead_code, reason = "read by Debug alone")]
    struct Inner {
        name: &'static str,
        id: airis_protocol::types::Uuid,
    }

    #[test]
    fn every_leaf_becomes_a_line() {
        let inner = |name| Inner {
            name,
            id: Default::default(),
        };
        let outer = Outer {
            text: "a \"b\", {c} \\",
            none: None,
            some: Some(vec![1, -2]),
            list: vec![inner("x"), inner("y"), inner("x")],
        };
        let mut lines = Lines::new();
        Node::read(&format!("{outer:?}")).lines("", &|_, text| text.to_owned(), &mut lines);
        let lines: Vec<_> = lines.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let id = "AAAAAAAAAAAAAAAAAAAAAA";
        let expected = [
            "list.order=x y x".to_owned(),
            format!("list[x#1].id={id}"),
            "list[x#1].name=\"x\"".to_owned(),
            format!("list[x].id={id}"),
            "list[x].name=\"x\"".to_owned(),
            format!("list[y].id={id}"),
            "list[y].name=\"y\"".to_owned(),
            "none=None".to_owned(),
            "some=[1, -2]".to_owned(),
            r#"text="a \"b\", {c} \\""#.to_owned(),
        ];
        assert_eq!(lines, expected);
    }
}
