//! Which bytes of a file are there: a pure set of spans.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Spans of bytes that neither touch nor overlap, in their order. The end of a span is the first byte behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Spans(Vec<(u64, u64)>);

impl Spans {
    /// All bytes before this one.
    pub(crate) fn up_to(end: u64) -> Self {
        let mut spans = Self::default();
        spans.add(0..end);
        spans
    }

    /// These bytes are there too.
    pub(crate) fn add(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let first = self.0.partition_point(|span| span.1 < range.start);
        let behind = self.0.partition_point(|span| span.0 <= range.end);
        let touched = &self.0[first..behind];
        let start = touched
            .first()
            .map_or(range.start, |it| it.0.min(range.start));
        let end = touched.last().map_or(range.end, |it| it.1.max(range.end));
        self.0.splice(first..behind, [(start, end)]);
    }

    /// Forget what is at this byte and behind it.
    pub(crate) fn cut(&mut self, end: u64) {
        self.0.retain(|span| span.0 < end);
        if let Some(last) = self.0.last_mut() {
            last.1 = last.1.min(end);
        }
    }

    /// How many bytes are there.
    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|span| span.1 - span.0).sum()
    }

    /// How many are there from the start without a gap.
    pub(crate) fn prefix(&self) -> u64 {
        match self.0.first() {
            Some((0, end)) => *end,
            _ => 0,
        }
    }

    /// What is missing of a file of this length.
    pub(crate) fn missing(&self, length: u64) -> Vec<Range<u64>> {
        let mut gaps = Vec::new();
        let mut at = 0;
        for &(start, end) in self.0.iter().filter(|span| span.0 < length) {
            if start > at {
                gaps.push(at..start);
            }
            at = end;
        }
        if at < length {
            gaps.push(at..length);
        }
        gaps
    }

    /// Whether it is in order: what a file says may be anything.
    pub(crate) fn is_sound(&self) -> bool {
        let in_order = self.0.windows(2).all(|pair| pair[0].1 < pair[1].0);
        in_order && self.0.iter().all(|span| span.0 < span.1)
    }

    /// How many spans there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_of_spans_is_what_a_set_of_bytes_is(ranges in prop::collection::vec((0_u64..60, 0_u64..12), 0..20), cut in 0_u64..80) {
            let mut spans = Spans::default();
            let mut bytes = [false; 80];
            for (start, length) in ranges {
                spans.add(start..start + length);
                bytes[start as usize..(start + length) as usize].fill(true);
                prop_assert!(spans.is_sound(), "{spans:?}");
            }
            spans.cut(cut);
            bytes[cut as usize..].fill(false);
            prop_assert_eq!(spans.total(), bytes.iter().filter(|it| **it).count() as u64);
            prop_assert_eq!(spans.prefix(), bytes.iter().take_while(|it| **it).count() as u64);
            let mut whole = spans.clone();
            let missing = spans.missing(70);
            let absent = bytes[..70].iter().filter(|it| !**it).count() as u64;
            prop_assert_eq!(missing.iter().map(|gap| gap.end - gap.start).sum::<u64>(), absent);
            for gap in missing {
                prop_assert!(bytes[gap.start as usize..gap.end as usize].iter().all(|it| !it));
                whole.add(gap);
            }
            prop_assert!(whole.missing(70).is_empty() && whole.prefix() >= 70);
        }
    }

    #[test]
    fn what_a_file_claims_is_checked() {
        for (text, sound) in [
            ("[]", true),
            ("[[0,5],[6,7]]", true),
            ("[[0,5],[5,7]]", false),
            ("[[5,5]]", false),
            ("[[6,5]]", false),
            ("[[5,6],[0,1]]", false),
        ] {
            let spans: Spans = serde_json::from_str(text).unwrap();
            assert_eq!(spans.is_sound(), sound, "{text}");
        }
    }
}
