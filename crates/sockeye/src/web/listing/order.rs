//! The order of a listing: folders first, then by name, size or time; names as people count (`v2` before `v10`).

use std::cmp::Ordering;

use super::asked::Sort;
use super::entries::Entry;

/// How two entries of one folder stand to each other. Names decide where sizes and times do not, so that the order is
/// the same each time.
pub(super) fn compare(a: &Entry, b: &Entry, sort: Sort, is_descending: bool) -> Ordering {
    let named = || natural(&a.name, &b.name);
    let chosen = match sort {
        Sort::Name => named(),
        Sort::Size => a.size.cmp(&b.size).then_with(named),
        Sort::Time => a.modified.cmp(&b.modified).then_with(named),
    };
    let chosen = if is_descending {
        chosen.reverse()
    } else {
        chosen
    };
    a.kind.cmp(&b.kind).then(chosen)
}

/// Names in the order of people: numbers by their value, letters whatever their case.
pub(super) fn natural(a: &[u8], b: &[u8]) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        match (left.first(), right.first()) {
            (None, None) => break,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(l), Some(r)) if l.is_ascii_digit() && r.is_ascii_digit() => {
                let ((l, rest_l), (r, rest_r)) = (number(left), number(right));
                // Without leading zeros, the longer number is the larger one.
                let order = l.len().cmp(&r.len()).then_with(|| l.cmp(r));
                if order.is_ne() {
                    return order;
                }
                (left, right) = (rest_l, rest_r);
            }
            (Some(_), Some(_)) => {
                let ((l, rest_l), (r, rest_r)) = (letter(left), letter(right));
                let order = l.cmp(&r);
                if order.is_ne() {
                    return order;
                }
                (left, right) = (rest_l, rest_r);
            }
        }
    }
    // `a1`, `A1` and `a01` are alike so far.
    a.cmp(b)
}

/// The digits at the start, without leading zeros, and what follows them.
fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
    (&digits[zeros..], rest)
}

/// The first letter in lower case, and what follows it. A byte that is no text is behind all letters.
fn letter(text: &[u8]) -> (u32, &[u8]) {
    let first = text.utf8_chunks().next();
    let first = first.and_then(|chunk| chunk.valid().chars().next());
    match first {
        Some(letter) => {
            // The first of several if the lower case has several.
            let lower = letter.to_lowercase().next().unwrap_or(letter);
            (u32::from(lower), &text[letter.len_utf8()..])
        }
        None => (u32::from(char::MAX) + 1 + u32::from(text[0]), &text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_in_the_order_of_people() {
        let mut names = [
            "img12.png",
            "IMG2.png",
            "img010.png",
            "b",
            "A",
            "ä",
            "10",
            "9",
            "1e",
            "",
        ];
        names.sort_by(|a, b| natural(a.as_bytes(), b.as_bytes()));
        assert_eq!(
            names,
            [
                "",
                "1e",
                "9",
                "10",
                "A",
                "b",
                "IMG2.png",
                "img010.png",
                "img12.png",
                "ä"
            ]
        );
    }

    fn name() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(b'0'), Just(b'1'), Just(b'a'), Just(b'A'), any::<u8>()];
        proptest::collection::vec(byte, 0..6)
    }

    proptest! {
        #[test]
        fn the_order_is_one(a in name(), b in name(), c in name()) {
            prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
            prop_assert_eq!(natural(&a, &b).is_eq(), a == b);
            if natural(&a, &b).is_le() && natural(&b, &c).is_le() {
                prop_assert!(natural(&a, &c).is_le());
            }
        }
    }
}
