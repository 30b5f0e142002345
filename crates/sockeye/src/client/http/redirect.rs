//! Redirects: where a server may send us, and what goes along (RFC 9110 section 15.4).

use sockeye_data::http1::Headers;
use sockeye_data::url::{Scheme, Url};

use super::body::Body;
use super::hop::Hop;
use super::request::Request;
use crate::error::{Error, Kind, Operation, Result};

/// Which redirects are followed, and how.
///
/// 301 and 302 turn a `POST` into a `GET`, 303 turns everything but `HEAD` into one, and 307 and 308 repeat the request with its
/// body. Nothing else is followed.
///
/// What was given for one origin (scheme, host and port) does not go to another: of header lines, only those cross that say
/// nothing about who asks (`Accept`, `User-Agent`, `Range` and their like), and credentials never do. From https to http
/// is another origin too: it is followed, secrets stay behind, and [`Hop::notes`](super::Hop::notes) says so.
///
/// # Examples
///
/// ```
/// use sockeye::client::http::{Client, Redirects};
///
/// let client = Client::builder().redirects(Redirects::at_most(5).keep_tls(true)).build();
/// # let _ = client;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirects {
    limit: u32,
    trusting: bool,
    keep_tls: bool,
    referer: bool,
    schemes: Vec<Scheme>,
}

impl Default for Redirects {
    /// 20 at most, to http and https only.
    fn default() -> Self {
        Self {
            limit: 20,
            trusting: false,
            keep_tls: false,
            referer: false,
            schemes: vec![Scheme::Http, Scheme::Https],
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

    /// Refuse to be sent from https to http; by default that is followed, without secrets.
    #[must_use]
    pub fn keep_tls(mut self, keep: bool) -> Self {
        self.keep_tls = keep;
        self
    }

    /// Say where we come from (`Referer`); off by default.
    ///
    /// It never has user, password or fragment. Another origin learns only from which origin we come, and one without TLS
    /// learns nothing from us if we come from one with it.
    #[must_use]
    pub fn referer(mut self, say: bool) -> Self {
        self.referer = say;
        self
    }

    /// The schemes that a server may send us to: http and https by default. This client speaks only these: an answer that
    /// leads to another allowed one is handed out as it is, for the caller to go on.
    #[must_use]
    pub fn schemes(mut self, schemes: impl IntoIterator<Item = Scheme>) -> Self {
        self.schemes = schemes.into_iter().collect();
        self
    }

    pub(super) fn is_trusting(&self) -> bool {
        self.trusting
    }

    /// No more than this many.
    pub(super) fn bounded(mut self, limit: u32) -> Self {
        self.limit = self.limit.min(limit);
        self
    }

    /// Where to go after the last of these hops, if anywhere; `followed` of them were redirects.
    ///
    /// # Errors
    ///
    /// [`Kind::Protocol`] if there are too many, or if it leads nowhere; [`Kind::Denied`] if it may not be followed;
    /// [`Kind::Usage`] if the body cannot be sent again.
    pub(super) fn next(
        &self,
        request: &Request,
        hops: &[Hop],
        followed: u32,
    ) -> Result<Option<Next>> {
        let Some(hop) = hops.last() else {
            return Ok(None);
        };
        let status = hop.status;
        let (true, Some(location)) = (
            matches!(status, 301 | 302 | 303 | 307 | 308) && self.limit > 0,
            hop.headers.get("location"),
        ) else {
            return Ok(None);
        };
        if hop.headers.all("location").any(|other| other != location) {
            return Err(refused(
                Kind::Protocol,
                "it is sent on to two places at once",
            ));
        }
        let url = request.url.redirect(location).map_err(|error| {
            let why = format!("it is sent on to what is no URL: {error}");
            Error::new(Kind::Protocol, Operation::Fetch, why)
        })?;
        if followed >= self.limit {
            return Err(self.too_many(hops, &url));
        }
        self.may_follow(&request.url, &url)?;
        if !matches!(url.scheme(), Scheme::Http | Scheme::Https) {
            return Ok(None);
        }
        let becomes_get = match status {
            301 | 302 => request.method == "POST",
            303 => request.method != "HEAD",
            _ => false,
        };
        if !becomes_get && !request.body.is_repeatable() {
            let why =
                format!("it is sent on with status {status}, and the body cannot be sent again");
            return Err(refused(Kind::Usage, &why)
                .with_hint("send it from a file, which can be read again"));
        }
        let method = match becomes_get {
            true => "GET".to_owned(),
            false => request.method.clone(),
        };
        Ok(Some(Next {
            note: note(&request.url, &url),
            referer: self.referer_of(&request.url, &url),
            url,
            method,
            keeps_body: !becomes_get,
        }))
    }

    fn may_follow(&self, from: &Url, to: &Url) -> Result<()> {
        let scheme = to.scheme();
        if !self.schemes.contains(&scheme) {
            let why = format!(
                "it is sent on to `{}`, which no server may do",
                scheme.as_str()
            );
            return Err(refused(Kind::Denied, &why));
        }
        if self.keep_tls && from.scheme() == Scheme::Https && scheme == Scheme::Http {
            let why = format!(
                "it is sent on to {}, which has no TLS",
                to.without_secrets()
            );
            return Err(refused(Kind::Denied, &why));
        }
        Ok(())
    }

    /// What a `Referer` may tell.
    fn referer_of(&self, from: &Url, to: &Url) -> Option<String> {
        let loses_tls = from.scheme() == Scheme::Https && to.scheme() != Scheme::Https;
        if !self.referer || loses_tls {
            return None;
        }
        let bare = from.without_secrets();
        Some(match from.origin() == to.origin() {
            true => bare.to_string(),
            false => format!("{}://{}/", bare.scheme().as_str(), bare.authority()),
        })
    }

    /// The error with the way that led here.
    fn too_many(&self, hops: &[Hop], next: &Url) -> Error {
        let mut chain: Vec<String> = hops
            .iter()
            .filter(|hop| matches!(hop.status, 301 | 302 | 303 | 307 | 308))
            .map(|hop| hop.url.without_secrets().to_string())
            .collect();
        chain.push(next.without_secrets().to_string());
        // Nothing but the round itself tells where it goes wrong.
        let last = chain.len() - 1;
        let round = chain[..last].iter().rposition(|url| *url == chain[last]);
        let (what, shown) = match round {
            Some(start) => ("it is sent round in a circle", &chain[start..]),
            None => ("it is sent on and on", &chain[..]),
        };
        let way: Vec<String> = shown.iter().map(|url| shortened(url)).collect();
        let why = format!(
            "{what}, more than {} times: {}",
            self.limit,
            way.join(" → ")
        );
        refused(Kind::Protocol, &why).with_hint(
            "`--max-redirects` sets how many are followed; some servers want cookies first",
        )
    }
}

fn refused(kind: Kind, why: &str) -> Error {
    Error::new(kind, Operation::Fetch, why)
}

/// A URL that does not fill the screen.
fn shortened(url: &str) -> String {
    const LONG: usize = 120;
    match url.char_indices().nth(LONG) {
        Some((at, _)) => format!("{}…", &url[..at]),
        None => url.to_owned(),
    }
}

/// What may surprise about going there.
fn note(from: &Url, to: &Url) -> Option<String> {
    let loses_tls = from.scheme() == Scheme::Https && to.scheme() == Scheme::Http;
    loses_tls.then(|| {
        format!(
            "sent on from https to {}: nothing there is secret, and no secrets go along",
            to.without_secrets()
        )
    })
}

/// Where a redirect leads.
pub(super) struct Next {
    pub(super) url: Url,
    pub(super) method: String,
    pub(super) keeps_body: bool,
    /// The `Referer`, if there is to be one.
    pub(super) referer: Option<String>,
    /// What is to be said about it.
    pub(super) note: Option<String>,
}

/// Whether a header line of this name tells another origin nothing that it should not know.
pub(super) fn may_cross(name: &str) -> bool {
    const MAY_CROSS: &[&str] = &[
        "accept",
        "accept-encoding",
        "accept-language",
        "user-agent",
        "range",
        "if-range",
        "content-type",
        "content-encoding",
        "cache-control",
        "pragma",
        "expect",
        "transfer-encoding",
    ];
    MAY_CROSS.iter().any(|it| it.eq_ignore_ascii_case(name))
}

/// Leave only header lines that [may cross](may_cross).
pub(super) fn strip(headers: &mut Headers) {
    let names: Vec<String> = headers
        .iter()
        .map(|field| field.name.to_owned())
        .filter(|name| !may_cross(name))
        .collect();
    for name in &names {
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
        "content-language",
        "content-location",
        "content-md5",
        "content-digest",
        "digest",
        "transfer-encoding",
        "expect",
    ] {
        request.headers.remove(name);
    }
}
