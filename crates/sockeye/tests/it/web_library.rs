//! Handlers of one's own behind a real server: state, panics, wrappers, foreign services, all over one connection.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sockeye::web::{Handler, Mounted, Request, Response, Routes, SetCookie, Shared, answer_with};
use sockeye_testkit::{Program, peers, within};

use crate::web_serving::{Serving, read_until};

#[test]
fn a_handler_that_panics_is_a_500_and_all_live_on() {
    within(|| {
        let routes = Routes::new()
            .get("/now", answer_with(|_| -> Response { panic!("at once") }))
            .get("/later", async |_: Request| {
                tokio::task::yield_now().await;
                if true {
                    panic!("later");
                }
                "never"
            })
            .get("/fine", async |_: Request| "fine")
            .build()
            .unwrap();
        let serving = Serving::new(routes);
        let mut client = serving.connect();
        for (path, status, body) in [
            (
                "/now",
                "500 Internal Server Error",
                "the handler of this request failed\n",
            ),
            (
                "/later",
                "500 Internal Server Error",
                "the handler of this request failed\n",
            ),
            ("/fine", "200 OK", "fine"),
        ] {
            // One connection for all of them.
            client
                .write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes())
                .unwrap();
            let answer = read_until(&mut client, "\r\n\r\n") + &read_until(&mut client, body);
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}\r\n")),
                "{answer}"
            );
            assert!(!answer.contains("Connection: close"), "{answer}");
        }
    });
}

#[test]
fn state_is_captured_and_handlers_are_wrapped() {
    /// Around a handler: who has no cookie gets one.
    fn with_session(inner: impl Handler) -> impl Handler {
        let inner = Shared::new(inner);
        answer_with(move |request: Request| {
            let is_known = request.cookie("session").is_some();
            inner.handle(request).map(move |response| match is_known {
                true => response,
                false => response.cookie(SetCookie::new("session", "1").without_secure()),
            })
        })
    }
    within(|| {
        let count = Arc::new(AtomicU32::new(0));
        let routes = Routes::new()
            .get("/", move |_: Request| {
                let count = Arc::clone(&count);
                async move { count.fetch_add(1, Ordering::SeqCst).to_string() }
            })
            .build()
            .unwrap();
        let Some(curl) = peers::curl() else { return };
        let serving = Serving::new(with_session(routes));
        let url = format!("http://{}/", serving.addr());
        let output = Program::start(
            curl,
            ["-s", "-b", "", "-w", " %header{set-cookie}\n", &url, &url],
        )
        .finish();
        let line = "session=1; Path=/; HttpOnly; SameSite=Lax";
        assert_eq!(output.stdout_text(), format!("0 {line}\n1 \n"));
    });
}

#[test]
fn an_application_of_axum_is_served_with_streams_both_ways() {
    within(|| {
        let app = axum::Router::new().route(
            "/echo",
            axum::routing::post(async |body: axum::body::Body| body),
        );
        let routes = Routes::new()
            .mount("/app", Mounted::new(app))
            .build()
            .unwrap();
        let serving = Serving::new(routes);
        let mut client = serving.connect();
        let head = "POST /app/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(b"3\r\none\r\n").unwrap();
        let answer = read_until(&mut client, "\r\n\r\n");
        assert!(
            answer.contains("Transfer-Encoding: chunked\r\n"),
            "{answer}"
        );
        // What came is sent back before the rest has come.
        assert_eq!(read_until(&mut client, "one\r\n"), "3\r\none\r\n");
        client.write_all(b"3\r\ntwo\r\n0\r\n\r\n").unwrap();
        assert_eq!(
            read_until(&mut client, "0\r\n\r\n"),
            "3\r\ntwo\r\n0\r\n\r\n"
        );
    });
}
