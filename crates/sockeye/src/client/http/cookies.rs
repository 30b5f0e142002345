//! Cookies (RFC 6265bis).

use sockeye_data::http1::Headers;
use sockeye_data::url::Url;

/// Keeps cookies. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct CookieJar {}

impl CookieJar {
    /// The value of `Cookie` for this URL, if there is one.
    pub fn header(&self, _url: &Url) -> Option<String> {
        None
    }

    /// Keep the cookies of the answer from this URL.
    pub fn store(&self, _url: &Url, _headers: &Headers) {}
}
