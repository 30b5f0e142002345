//! Hosts that want TLS (RFC 6797).

use sockeye_data::http1::Headers;
use sockeye_data::url::Url;

/// Which hosts want TLS. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct HstsStore {}

impl HstsStore {
    /// The URL to ask instead, if its host wants TLS.
    pub fn upgrade(&self, _url: &Url) -> Option<Url> {
        None
    }

    /// Keep what the answer from this URL says.
    pub fn note(&self, _url: &Url, _headers: &Headers) {}
}
