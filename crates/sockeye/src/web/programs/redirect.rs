//! Local redirects: a program names another path of this server, and the server answers for that instead
//! (RFC 3875 section 6.2.2).

use std::sync::{Arc, OnceLock};

use sockeye_data::http1::Headers;

use crate::web::body::Body;
use crate::web::handler::{Handler, Reply, Shared};
use crate::web::request::Request;
use crate::web::response::Response;

/// How often one request may be sent on.
const MOST: u32 = 10;

tokio::task_local! {
    /// How often the request at hand was sent on.
    static TIMES: u32;
}

/// Where local redirects of programs go: to a site that is made after the programs. Clones are the same place.
///
/// Whoever guards the site (accounts) guards redirects too, if it is the guarded site that is given.
#[derive(Clone, Debug, Default)]
pub struct Redirects(Arc<OnceLock<Shared>>);

impl Redirects {
    /// A place that is not known yet: redirects fail until it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on redirects go to this site. Only the first call counts. The site then holds itself and lives as long as
    /// the process.
    pub fn set(&self, site: &Shared) {
        let _ = self.0.set(site.clone());
    }

    /// The answer for this path instead.
    pub(super) async fn follow(&self, mut request: Request, path: &str) -> Response {
        let times = TIMES.try_with(|times| *times).unwrap_or_default();
        if times >= MOST {
            return Response::error(502, "programs send this request round in a circle");
        }
        let Some(site) = self.0.get() else {
            return Response::error(
                502,
                "the program points to a path of a site that is not there",
            );
        };
        let head = request.head_mut();
        if head.method != "HEAD" {
            head.method = "GET".into();
        }
        head.target = path.as_bytes().to_vec();
        head.headers = without_body(&head.headers);
        request.body = Body::empty();
        request.start_over();
        let site = site.clone();
        TIMES
            .scope(times + 1, async move {
                // On the heap: this future holds one of its own kind.
                match site.handle(request) {
                    Reply::Now(response) => response,
                    Reply::Later(answer) => answer.await,
                }
            })
            .await
    }
}

/// The headers without what describes a body.
fn without_body(headers: &Headers) -> Headers {
    let mut left = Headers::clone(headers);
    for name in [
        "content-length",
        "content-type",
        "content-encoding",
        "transfer-encoding",
        "expect",
    ] {
        left.remove(name);
    }
    left
}
