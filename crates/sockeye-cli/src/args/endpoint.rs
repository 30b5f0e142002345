//! An endpoint as an argument.

use sockeye::Endpoint;
use sockeye::endpoint::ParseError;

/// Parse an endpoint. A refusal stays what it is, so that it is told in its own words.
pub(crate) fn endpoint(text: &str) -> Result<Endpoint, ParseError> {
    text.parse()
}
