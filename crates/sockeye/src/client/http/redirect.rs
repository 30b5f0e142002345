//! Redirects: where a server may send us, and what goes along (RFC 9110 section 15.4).

use sockeye_data::http1::Headers;
use sockeye_data::url::{Scheme, Url};

use super::body::Body;
use super::request::Request;
use crate::error::{Error, Kind, Operation, Result};

/// Which redirects are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirects {
    limit: u32,
    trusting: bool,
}

impl Default for Redirects {
    /// 20 at most, to http and https only.
    fn default() -> Self {
        Self {
            limit: 20,
            trusting: false,
        }
    }
}

impl Redirects {
    /// None: the answer that says where to go is the answer.
    pub fn none() -> Self {
        Self::at_most(0)
    }

    /// At most this many; one more is an error.
    pub fn at_most(limit: u32) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Send what was meant for the first origin, secrets too, wherever a server sends us. Off by default, for good reason.
    #[must_use]
    pub fn danger_trust_all(mut self, trust: bool) -> Self {
        self.trusting = trust;
        self
    }

    pub(super) fn is_trusting(&self) -> bool {
        self.trusting
    }

    /// Where to go after this answer, if anywhere.
    pub(super) fn next(
        &self,
        request: &Request,
        status: u16,
        headers: &Headers,
        followed: u32,
    ) -> Result<Option<Next>> {
        let (true, Some(location)) = (
            matches!(status, 301 | 302 | 303 | 307 | 308) && self.limit > 0,
            headers.get("location"),
        ) else {
            return Ok(None);
        };
        if followed >= self.limit {
            let why = format!("it was sent on more than {} times", self.limit);
            return Err(Error::new(Kind::Protocol, Operation::Fetch, why));
        }
        let url = request.url.redirect(location).map_err(|error| {
            let why = format!("it is sent on to what is no URL: {error}");
            Error::new(Kind::Protocol, Operation::Fetch, why)
        })?;
        if !matches!(url.scheme(), Scheme::Http | Scheme::Https) {
            let why = format!(
                "it is sent on to `{}`, which no server may do",
                url.scheme().as_str()
            );
            return Err(Error::new(Kind::Denied, Operation::Fetch, why));
        }
        let is_post = request.method == "POST";
        let becomes_get = match status {
            301 | 302 => is_post,
            303 => request.method != "HEAD",
            _ => false,
        };
        if !becomes_get && !request.body.is_repeatable() {
            let why =
                format!("it is sent on with status {status}, and the body cannot be sent again");
            return Err(Error::new(Kind::Usage, Operation::Fetch, why)
                .with_hint("send it from a file, which can be read again"));
        }
        Ok(Some(Next {
            url,
            method: if becomes_get {
                "GET".to_owned()
            } else {
                request.method.clone()
            },
            keeps_body: !becomes_get,
        }))
    }
}

/// Where a redirect leads.
pub(super) struct Next {
    pub(super) url: Url,
    pub(super) method: String,
    pub(super) keeps_body: bool,
}

/// Leave only header lines that tell another origin nothing it should not know.
pub(super) fn strip(headers: &mut Headers) {
    const MAY_CROSS: &[&str] = &[
        "accept",
        "accept-encoding",
        "accept-language",
        "user-agent",
        "range",
        "if-range",
        "content-type",
        "cache-control",
        "expect",
        "transfer-encoding",
    ];
    let names: Vec<String> = headers
        .iter()
        .map(|field| field.name.to_ascii_lowercase())
        .collect();
    for name in names.iter().filter(|name| !MAY_CROSS.contains(&&***name)) {
        headers.remove(name);
    }
}

/// Leave out the body, and the header lines that describe it.
pub(super) fn strip_body(request: &mut Request) {
    request.body = Body::empty();
    for name in [
        "content-type",
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "expect",
    ] {
        request.headers.remove(name);
    }
}
