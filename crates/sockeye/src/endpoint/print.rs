//! The canonical text of an endpoint.

use std::fmt;

use super::Endpoint;

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme())
    }
}
