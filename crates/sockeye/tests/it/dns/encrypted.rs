//! DNS over TLS and over HTTPS, with bind9.

use sockeye::Net;
use sockeye::net::resolve::query::{Options, Outcome, Question, Server, Transport, ask};

use super::{asked, every, run};

#[test]
fn the_same_answer_comes_over_every_transport() {
    run(async || {
        let Some(server) = every().encrypted().start() else {
            return;
        };
        let ca = server.ca();
        let trust = format!("ca={}", ca.display());
        let (tls, https) = (server.tls(), server.https());
        let named = https.port();
        for (text, version, options) in [
            (format!("tls://{tls}?{trust}"), None, Options::default()),
            (
                format!("https://{https}?{trust}"),
                Some("HTTP/2"),
                Options::default(),
            ),
            (
                format!("https://localhost:{named}/dns-query{{?dns}}"),
                Some("HTTP/2"),
                Options::default().https_get(true),
            ),
        ] {
            let mut to: Server = text.parse().unwrap();
            if !text.contains(&trust) {
                to = format!("https://localhost:{named}/dns-query?{trust}&family=4")
                    .parse()
                    .unwrap();
            }
            let response = asked(&to, "many.every.test", "TXT", &options).await;
            assert_eq!(response.outcome, Outcome::Answer, "{to}");
            assert_eq!(response.answers.len(), 60);
            assert_eq!(response.transport, to.transport());
            let json = serde_json::to_value(&response).unwrap();
            assert!(json["tls"]["cipher"].is_string());
            let secured = response.secured.unwrap();
            assert!(secured.version.starts_with("TLSv1."));
            let http = response.http;
            assert_eq!(http.as_ref().map(|http| http.version), version);
            if let Some(http) = http {
                let method = if options.https_get { "GET" } else { "POST" };
                assert_eq!((http.method, http.status), (method, 200));
                assert!(http.cache_control.unwrap().starts_with("max-age="));
            }
            // The answer is padded where the question was (RFC 8467).
            let small = asked(&to, "a.every.test", "A", &options).await;
            assert_eq!(small.outcome, Outcome::Answer);
        }
    });
}

#[test]
fn what_is_wrong_with_https_is_said() {
    run(async || {
        let Some(server) = every().encrypted().start() else {
            return;
        };
        let https = server.https();
        let question = Question::new("a.every.test".parse().unwrap(), "A".parse().unwrap());
        let refusal = async |text: String| {
            let to: Server = text.parse().unwrap();
            assert_eq!(to.transport(), Transport::Https);
            ask(&Net::new(), &to, &question, &Options::default())
                .await
                .unwrap_err()
        };
        let error = refusal(format!(
            "https://{https}/wrong?ca={}",
            server.ca().display()
        ))
        .await;
        assert!(error.to_string().contains("it answers HTTP 404"), "{error}");
        let error = refusal(format!("https://{https}")).await;
        assert_eq!(error.kind(), sockeye::Kind::Tls, "{error}");
    });
}
