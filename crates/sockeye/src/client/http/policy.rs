//! What may be asked: a fetch that a server may call with a user's URL.

use sockeye_data::url::Url;

use crate::error::Result;

/// Which schemes, hosts and addresses may be asked, on every hop.
#[derive(Clone, Debug, Default)]
pub struct Policy {}

impl Policy {
    /// Whether this URL may be asked, before its name is looked up.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`](crate::Kind::Denied), with the rule.
    pub fn check(&self, _url: &Url) -> Result<()> {
        Ok(())
    }
}
