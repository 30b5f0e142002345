//! Names of columns: from the first row, given, or made up; each name stands once, and nothing is lost.

use std::collections::HashSet;

use crate::value::Text;

/// Where the names of columns come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// The first row has them.
    #[default]
    First,
    /// There are none: columns are called `_1`, `_2` and so on.
    Absent,
    /// These; the first row is a record.
    Given(Vec<Text>),
    /// These, instead of those that the first row has.
    Instead(Vec<Text>),
}

/// What a column without a name is called: `_1` is the first one.
pub(super) fn placed(place: usize) -> Text {
    let mut name = Text::from("_");
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = place + 1;
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    name.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
    name
}

/// Names that stand once each: an empty one becomes `_N` for the Nth column, one that was there becomes `name_2`, `name_3` and so
/// on.
pub(super) fn distinct(names: impl IntoIterator<Item = Text>) -> Vec<Text> {
    let names: Vec<Text> = names
        .into_iter()
        .enumerate()
        .map(|(place, name)| match name.is_empty() {
            true => placed(place),
            false => name,
        })
        .collect();
    let written: HashSet<Text> = names.iter().cloned().collect();
    let mut taken = HashSet::with_capacity(names.len());
    let mut next = std::collections::HashMap::new();
    names
        .into_iter()
        .map(|name| {
            if taken.insert(name.clone()) {
                return name;
            }
            let count = next.entry(name.clone()).or_insert(1_usize);
            loop {
                *count += 1;
                let mut other = name.clone();
                other.push_str(&placed(*count - 1));
                // A name that another column has by itself stays with it.
                if !written.contains(&other) && taken.insert(other.clone()) {
                    return other;
                }
            }
        })
        .collect()
}
