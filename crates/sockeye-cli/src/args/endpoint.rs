//! An endpoint as an argument.

use sockeye::Endpoint;

/// Parse an endpoint; the error carries its hint on a line of its own.
pub(crate) fn endpoint(text: &str) -> Result<Endpoint, String> {
    text.parse::<Endpoint>().map_err(|error| {
        let error = sockeye::Error::from(error);
        match error.hint() {
            Some(hint) => format!("{error}\nhint: {hint}"),
            None => error.to_string(),
        }
    })
}
