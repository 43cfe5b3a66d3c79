//! Java's `.properties` format: names and values with the lines they stand on.
//!
//! Always holds: what `java.util.Properties` reads from a file is read here, in the order of the file. Must never: judge a name or a
//! value, that is for the tables.

/// One entry of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    pub key: String,
    pub value: String,
    /// Where the entry begins, from 1.
    pub line: usize,
}

/// A `\u` without four hexadecimal digits behind it: the only thing the format refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: \\u must be followed by four hexadecimal digits")]
pub struct BadEscape {
    pub line: usize,
}

/// Reads bytes as UTF-8, and as Latin-1 (Java's own choice for these files) if they are not.
pub fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
        Err(_) => bytes.iter().map(|b| char::from(*b)).collect(),
    }
}

/// Reads all entries; a name that stands there twice comes twice.
pub fn parse(text: &str) -> Result<Vec<Property>, BadEscape> {
    let mut properties = Vec::new();
    for (line, logical) in logical_lines(text) {
        let (key, value) = split(&logical);
        properties.push(Property {
            key: unescape(key).ok_or(BadEscape { line })?,
            value: unescape(value).ok_or(BadEscape { line })?,
            line,
        });
    }
    Ok(properties)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// Lines without comments and blank ones, those that end in a backslash joined with the next.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (i, raw) in text.split('\n').enumerate() {
        let line = raw.trim_start_matches(is_blank);
        if open.is_none() && (line.is_empty() || line.starts_with(['#', '!'])) {
            continue;
        }
        let slashes = line.len() - line.trim_end_matches('\\').len();
        let goes_on = slashes % 2 == 1;
        let part = if goes_on {
            &line[..line.len() - 1]
        } else {
            line
        };
        let (_, joined) = open.get_or_insert_with(|| (i + 1, String::new()));
        joined.push_str(part);
        if !goes_on {
            out.extend(open.take());
        }
    }
    out.extend(open);
    out
}

/// The key ends at the first `=`, `:` or blank that is not escaped; one of the two signs may stand among the blanks that follow.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line
        .find(|c: char| {
            let ends = !escaped && (matches!(c, '=' | ':') || is_blank(c));
            escaped = c == '\\' && !escaped;
            ends
        })
        .unwrap_or(line.len());
    let rest = line[end..].trim_start_matches(is_blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (&line[..end], rest.trim_start_matches(is_blank))
}

fn unescape(text: &str) -> Option<String> {
    // UTF-16 units: a character outside the basic plane is written as two escapes.
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    let mut buf = [0; 2];
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next() {
                None => break,
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                        return None;
                    }
                    units.push(u16::from_str_radix(&digits, 16).ok()?);
                    continue;
                }
                Some(other) => other,
            },
            other => other,
        };
        units.extend_from_slice(c.encode_utf16(&mut buf));
    }
    Some(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String, usize)> {
        parse(text)
            .unwrap()
            .into_iter()
            .map(|p| (p.key, p.value, p.line))
            .collect()
    }

    fn p(key: &str, value: &str, line: usize) -> (String, String, usize) {
        (key.into(), value.into(), line)
    }

    #[test]
    fn it_reads_what_java_reads() {
        let text = "# comment\n! another\n\n  a=1\nb : 2\nc 3\nd\n e = x \\\n    y\\\n\n\\\nf=\\u00e9\\ud83d\\ude00\ng\\=h\\:i\\ j=k=l\nback=c:\\\\dir\\\\\nlast=\\";
        assert_eq!(
            pairs(text),
            [
                p("a", "1", 4),
                p("b", "2", 5),
                p("c", "3", 6),
                p("d", "", 7),
                p("e", "x y", 8),
                p("f", "é😀", 11),
                p("g=h:i j", "k=l", 13),
                p("back", "c:\\dir\\", 14),
                p("last", "", 15),
            ]
        );
    }

    #[test]
    fn line_ends_of_all_systems_count() {
        assert_eq!(
            pairs("a=1\r\nb=2\rc=3"),
            [p("a", "1", 1), p("b", "2", 2), p("c", "3", 3)]
        );
    }

    #[test]
    fn a_comment_in_a_continued_line_is_text() {
        assert_eq!(
            pairs("a=1,\\\n# not a comment"),
            [p("a", "1,# not a comment", 1)]
        );
    }

    #[test]
    fn trailing_blanks_belong_to_the_value() {
        assert_eq!(pairs("a= 1 \t"), [p("a", "1 \t", 1)]);
    }

    #[test]
    fn a_broken_escape_is_told_with_its_line() {
        assert_eq!(parse("a=1\nb=\\u12x4"), Err(BadEscape { line: 2 }));
        assert_eq!(parse("b=\\u12"), Err(BadEscape { line: 1 }));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_latin1() {
        assert_eq!(decode(b"a=\xe9"), "a=é");
        assert_eq!(decode("a=é".as_bytes()), "a=é");
    }
}
