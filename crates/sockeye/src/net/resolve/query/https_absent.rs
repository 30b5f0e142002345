//! What stands in for DNS over HTTPS in a build without the feature `tls`: it refuses, naming the feature.

use super::decode::Asked;
use super::exchange::{Received, Waiting};
use super::{Options, Server};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Net;

pub(super) async fn exchange(
    net: &Net,
    server: &Server,
    _: &Asked,
    _: &Options,
    _: Waiting<'_>,
) -> Result<Received> {
    // The missing layer says so itself.
    net.connect(server.endpoint()).await?;
    let why = "this build cannot speak HTTPS";
    Err(Error::new(Kind::Unsupported, Operation::Ask, why)
        .with_hint("build sockeye with the feature `tls`"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::net::resolve::query::{Question, RecordKind, ask};

    #[tokio::test]
    async fn a_build_without_tls_names_the_feature() {
        let question = Question::new("db.example".parse().unwrap(), RecordKind::A);
        for server in ["tls://127.0.0.1", "https://127.0.0.1"] {
            let server = server.parse().unwrap();
            let asked = ask(&Net::new(), &server, &question, &Options::default()).await;
            let error = asked.unwrap_err();
            assert_eq!(error.kind(), Kind::Unsupported, "{error}");
            assert!(error.hint().unwrap().contains("feature `tls`"));
        }
    }
}
