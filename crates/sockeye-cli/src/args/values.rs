//! Values with units (`250ms`, `64KiB`) and text with escapes.

use std::time::Duration;

use sockeye::data::units::UnitError;
use sockeye::data::{escape, units};

/// A duration with its unit, for clap.
pub(crate) fn duration(text: &str) -> Result<Duration, UnitError> {
    units::parse_duration(text)
}

/// A size with its unit, for clap.
pub(crate) fn size(text: &str) -> Result<u64, UnitError> {
    units::parse_size(text)
}

/// The bytes that a text with escapes stands for.
#[derive(Clone, Debug)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

/// A text with escapes, for clap.
pub(crate) fn bytes(text: &str) -> Result<Bytes, String> {
    escape::unescape(text).map(Bytes).map_err(|error| {
        let column = text
            .get(..error.offset())
            .map_or(0, |before| before.chars().count())
            + 1;
        format!("{} at column {column}", error.reason())
    })
}
