//! Names that came lately: most come again, and a copy of one that is there costs less than making it.

use crate::value::Text;

/// As many are kept: a bit for each fits in a word.
const PLACES: usize = 64;

/// A few names, each in a place that follows from the name.
#[derive(Debug)]
pub(super) struct Names(Box<[Text]>);

impl Default for Names {
    fn default() -> Self {
        Self(vec![Text::new(); PLACES].into())
    }
}

impl Names {
    /// A name as a text of its own, and its place. Equal names have equal places, others may have.
    #[inline(always)]
    pub(super) fn get(&mut self, name: &str) -> (Text, usize) {
        let ends = match name.as_bytes() {
            [] => 0,
            [first, .., last] => usize::from(*first) * 7 + usize::from(*last) * 29,
            [only] => usize::from(*only) * 36,
        };
        let place = (ends + name.len() * 11) % PLACES;
        let known = &mut self.0[place];
        if known.as_str() != name {
            *known = Text::from(name);
        }
        (known.clone(), place)
    }
}
