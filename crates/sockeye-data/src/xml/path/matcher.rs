//! Follows a path while elements open and close: for each open element, the set of steps that lead to it.

use super::super::attributes::Attributes;
use super::{Path, Predicate, Step, Test};

/// Sets are words of bits: bit `n` means that `n` steps are done.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Steps done with this element as the last one.
    here: u64,
    /// Steps done further out, whose next step may be at any depth.
    above: u64,
}

/// See the module.
#[derive(Debug)]
pub(in super::super) struct Matcher {
    path: Path,
    places: Vec<Place>,
    /// How many elements passed: depth of their parent, step, predicate, count. Those of the deepest parent are last.
    counts: Vec<(usize, usize, usize, u64)>,
}

/// What a path leads to at a start tag.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Matches {
    pub(in super::super) element: bool,
    pub(in super::super) attributes: bool,
    /// Whether texts directly within the element are wanted.
    pub(in super::super) text: bool,
}

impl Matcher {
    pub(in super::super) fn new(path: Path) -> Self {
        let document = Place { here: 1, above: 0 };
        Self {
            path,
            places: vec![document],
            counts: Vec::new(),
        }
    }

    /// An element opens.
    pub(in super::super) fn enter(&mut self, name: &str, attributes: &Attributes) -> Matches {
        let outer = self.places.last().copied().unwrap_or_default();
        let steps = &self.path.steps;
        let deep =
            bits(outer.here).filter(|&bit| steps.get(bit).is_some_and(|step| step.any_depth));
        let mut place = Place {
            here: 0,
            above: deep.fold(outer.above, |set, bit| set | 1 << bit),
        };
        for bit in bits(outer.here | outer.above) {
            let Some(step) = steps.get(bit) else { continue };
            let Test::Element(test) = &step.test else {
                continue;
            };
            let depth = self.places.len();
            if test.fits(name) && passes(step, bit, depth, attributes, &mut self.counts) {
                place.here |= 1 << (bit + 1);
            }
        }
        self.places.push(place);
        let steps = &self.path.steps;
        let mut found = Matches {
            element: place.here >> steps.len() & 1 == 1,
            ..Matches::default()
        };
        let last = steps.len() - 1;
        let deep = if steps[last].any_depth {
            place.above
        } else {
            0
        };
        if (place.here | deep) >> last & 1 == 1 {
            found.attributes = matches!(steps[last].test, Test::Attribute(_));
            found.text = steps[last].test == Test::Text;
        }
        found
    }

    /// Whether the path leads to an attribute of this name.
    pub(in super::super) fn fits_attribute(&self, name: &str) -> bool {
        match self.path.steps.last() {
            Some(Step {
                test: Test::Attribute(test),
                ..
            }) => test.fits(name),
            _ => false,
        }
    }

    /// An element closes.
    pub(in super::super) fn leave(&mut self) {
        let depth = self.places.len();
        while self.counts.last().is_some_and(|count| count.0 >= depth) {
            self.counts.pop();
        }
        self.places.pop();
    }
}

fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(bit)
    })
}

fn passes(
    step: &Step,
    number: usize,
    depth: usize,
    attributes: &Attributes,
    counts: &mut Vec<(usize, usize, usize, u64)>,
) -> bool {
    let mut predicates = step.predicates.iter().enumerate();
    predicates.all(|(at, predicate)| match predicate {
        Predicate::Position(comparison, wanted) => {
            let count = counts
                .iter_mut()
                .rev()
                .take_while(|count| count.0 == depth)
                .find(|count| (count.1, count.2) == (number, at));
            let position = match count {
                Some(count) => {
                    count.3 += 1;
                    count.3
                }
                None => {
                    counts.push((depth, number, at, 1));
                    1
                }
            };
            comparison.holds(position, *wanted)
        }
        Predicate::Has(test) => attributes.iter().any(|(name, _)| test.fits(name)),
        Predicate::Lacks(test) => !attributes.iter().any(|(name, _)| test.fits(name)),
        Predicate::Equals(test, wanted) => attributes
            .iter()
            .any(|(name, value)| test.fits(name) && value == wanted),
        Predicate::Differs(test, wanted) => attributes
            .iter()
            .any(|(name, value)| test.fits(name) && value != wanted),
    })
}
