//! Which known name a mistyped word was meant to be.

/// The name that is most like this word and no further away than `bound`; of equally near ones, the first.
pub(crate) fn nearest<'a>(
    word: &str,
    names: impl Iterator<Item = &'a str>,
    bound: usize,
) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    let near = names.filter(|name| name.len().abs_diff(word.len()) <= bound);
    let near = near.map(|name| {
        let distance = distance(&word, name);
        ((distance, name.len().abs_diff(word.len())), name)
    });
    let ((distance, _), name) = near.min_by_key(|(nearness, _)| *nearness)?;
    (distance <= bound).then_some(name)
}

/// How many letters must be put in, taken out, changed or swapped with their neighbour; words longer than 40 are far
/// from each other.
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len().max(other.len()) > 40 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let changed = last[j] + usize::from(a != b);
            let mut best = changed.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}
