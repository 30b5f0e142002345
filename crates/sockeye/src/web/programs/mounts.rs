//! Which handler has which part of the site.
//!
//! Paths are compared piece by piece, decoded, so that no other spelling of a script's path (`//cgi-bin/a`,
//! `/%63gi-bin/a`) gets around the program and to its source.

use std::fmt;

use sockeye_data::percent;

use crate::web::handler::{Handler, Reply, Shared};
use crate::web::request::Request;
use crate::web::response::Response;

/// A site with handlers at paths of their own: each has its path and all beneath. The longest path wins.
///
/// # Examples
///
/// ```
/// use sockeye::web::programs::Mounts;
/// use sockeye::web::{Handler, Request, Response};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let site = |request: Request| async move { Response::text("the site") };
/// let tea = |request: Request| async move { Response::text(request.rest().to_owned()) };
/// let site = Mounts::new(site).at("/tea", tea);
/// let answer = site.handle(Request::made("GET", "/tea/green?hot")).response().await;
/// # let mut answer = answer;
/// assert_eq!(answer.body.bytes(100).await.unwrap(), "/green");
/// # }
/// ```
pub struct Mounts {
    places: Vec<(Vec<Vec<u8>>, Shared)>,
    rest: Shared,
}

impl Mounts {
    /// All of it is this handler's, so far.
    pub fn new(rest: impl Handler) -> Self {
        Self {
            places: Vec::new(),
            rest: Shared::new(rest),
        }
    }

    /// The same with another handler at this path (decoded, as in `/cgi-bin`).
    #[must_use]
    pub fn at(mut self, path: &str, handler: impl Handler) -> Self {
        let pieces: Vec<Vec<u8>> = named(path.as_bytes()).map(<[u8]>::to_vec).collect();
        let place = self
            .places
            .iter()
            .position(|(other, _)| other.len() < pieces.len())
            .unwrap_or(self.places.len());
        self.places.insert(place, (pieces, Shared::new(handler)));
        self
    }

    /// The handler for this path, and how many of its bytes are settled with that.
    fn find(&self, path: &str) -> Found<'_> {
        if self.places.is_empty() {
            return Found::Rest;
        }
        let Ok(decoded) = percent::decode(path) else {
            return Found::Bad("a path that is not percent-encoded");
        };
        for (pieces, handler) in &self.places {
            if let Some(settled) = settled(path, pieces) {
                return Found::Here(handler, settled);
            }
            let mut names = named(&decoded);
            if pieces
                .iter()
                .all(|piece| names.next() == Some(piece.as_slice()))
            {
                return Found::Bad("an encoded slash in the path of a program");
            }
        }
        Found::Rest
    }
}

enum Found<'a> {
    Here(&'a Shared, usize),
    Rest,
    Bad(&'static str),
}

/// The pieces of a path that name something.
pub(super) fn named(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|piece| !piece.is_empty() && *piece != b".")
}

/// The pieces of an encoded path that name something, decoded, each with where it ends.
pub(super) fn pieces(path: &str) -> impl Iterator<Item = (Option<Vec<u8>>, usize)> {
    let mut at = 0;
    path.split('/').filter_map(move |piece| {
        let end = at + piece.len();
        at = end + 1;
        let decoded = percent::decode(piece).ok();
        let is_name = decoded
            .as_ref()
            .is_none_or(|piece| !piece.is_empty() && piece != b".");
        is_name.then_some((decoded, end))
    })
}

/// How many bytes of this path say these pieces, if it begins with them.
fn settled(path: &str, wanted: &[Vec<u8>]) -> Option<usize> {
    let mut found = pieces(path);
    let mut settled = 0;
    for piece in wanted {
        let (name, end) = found.next()?;
        if name.as_ref() != Some(piece) {
            return None;
        }
        settled = end;
    }
    Some(settled)
}

impl Handler for Mounts {
    fn handle(&self, mut request: Request) -> Reply {
        let base = request.base().len();
        match self.find(request.rest()) {
            Found::Here(handler, settled) => {
                request.set_base(base + settled);
                request.note("mount", || match request.base() {
                    "" => "a program has the whole site".into(),
                    path => format!("{path} is the place of a program"),
                });
                handler.handle(request)
            }
            Found::Rest => self.rest.handle(request),
            Found::Bad(why) => Response::error(400, why).into(),
        }
    }
}

impl fmt::Debug for Mounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mounts")
            .field("places", &self.places.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn said(target: &str) -> String {
        let site = |_: Request| async { Response::text("site") };
        let here = |name: &'static str| {
            move |request: Request| async move {
                Response::text(format!("{name} {}|{}", request.base(), request.rest()))
            }
        };
        let site = Mounts::new(site).at("/a", here("a")).at("/a/b", here("b"));
        let mut answer = site.handle(Request::made("GET", target)).response().await;
        let body = answer.body.bytes(1000).await.unwrap();
        format!("{} {}", answer.status(), String::from_utf8_lossy(&body))
    }

    #[tokio::test]
    async fn no_spelling_gets_around_a_program() {
        for (target, wanted) in [
            ("/", "200 site"),
            ("/ab/c", "200 site"),
            ("/a", "200 a /a|"),
            ("/a/", "200 a /a|/"),
            ("/a/c?/a/b", "200 a /a|/c"),
            ("/a/b/c", "200 b /a/b|/c"),
            ("//a/./b//c", "200 b //a/./b|//c"),
            ("/%61/%62/c%2f", "200 b /%61/%62|/c%2f"),
            (
                "/a%2fb/c",
                "400 an encoded slash in the path of a program\n",
            ),
            ("/%2fa/x", "400 an encoded slash in the path of a program\n"),
            ("/%zz", "400 a path that is not percent-encoded\n"),
        ] {
            assert_eq!(said(target).await, wanted, "{target}");
        }
    }
}
