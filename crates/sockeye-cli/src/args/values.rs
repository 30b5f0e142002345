//! Values with units: `250ms`, `64KiB`.

use std::time::Duration;

use sockeye::data::units;

/// A duration with its unit, for clap.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    units::parse_duration(text).map_err(|error| error.to_string())
}

/// A size with its unit, for clap.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    units::parse_size(text).map_err(|error| error.to_string())
}
