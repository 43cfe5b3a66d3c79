//! The name that was probably meant.
//!
//! Must never: offer a name that has little to do with what was written.

/// The name of `names` that is nearest to `name` by edit distance (insert, delete, replace, swap neighbours), if it is near enough
/// to be meant: a third of the letters may differ.
pub fn nearest_name<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|n| (distance(name, n), n))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, n)| n)
}

fn distance(a: &str, b: &str) -> usize {
    // Configs are written with dots, environment variables and other tools use underscores and dashes; that is no mistake in
    // spelling.
    let letters = |s: &str| -> Vec<char> {
        s.to_lowercase()
            .chars()
            .map(|c| if matches!(c, '_' | '-') { '.' } else { c })
            .collect()
    };
    let (a, b) = (letters(a), letters(b));
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
