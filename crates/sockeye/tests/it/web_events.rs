//! Server-sent events over real connections.

use std::io::Write;
use std::time::Duration;

use sockeye::web::{Event, EventHub, Events, IntoResponse, Request, Response, Routes, answer_with};
use sockeye_testkit::{Gate, Program, peers, within};

use crate::web_serving::{Serving, read_until};

const ASK: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn an_event_arrives_as_soon_as_it_is_sent() {
    within(|| {
        let hub = EventHub::new();
        let serving = Serving::new(hub.clone());
        let mut client = serving.connect();
        client.write_all(ASK.as_bytes()).unwrap();
        let head = read_until(&mut client, "\r\n\r\n");
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"),
            "{head}"
        );
        assert!(head.contains("Cache-Control: no-store\r\n"), "{head}");
        assert!(head.contains("Transfer-Encoding: chunked\r\n"), "{head}");
        for number in 0..3 {
            hub.send(Event::new(number.to_string()).with_id("x"));
            let text = format!("id: x\ndata: {number}\n\n");
            let chunk = read_until(&mut client, "\n\n\r\n");
            assert_eq!(chunk, format!("{:x}\r\n{text}\r\n", text.len()));
        }
    });
}

#[test]
fn the_source_hears_that_the_client_is_gone() {
    within(|| {
        let gone = Gate::new();
        let gate = gone.clone();
        let serving = Serving::new(answer_with(move |_| {
            let (sender, events) = Events::channel(1);
            let gate = gate.clone();
            tokio::spawn(async move {
                sender.closed().await;
                gate.open();
            });
            events.keep_alive(Duration::from_millis(5)).into_response()
        }));
        let mut client = serving.connect();
        client.write_all(ASK.as_bytes()).unwrap();
        read_until(&mut client, ":\n\n\r\n");
        drop(client);
        assert!(gone.wait());
    });
}

#[test]
fn a_stop_ends_the_events() {
    within(|| {
        let serving = Serving::new(EventHub::new());
        let mut client = serving.connect();
        client.write_all(ASK.as_bytes()).unwrap();
        read_until(&mut client, "\r\n\r\n");
        serving.stop();
        assert_eq!(read_until(&mut client, "0\r\n\r\n"), "0\r\n\r\n");
    });
}

#[test]
fn curl_follows_over_both_versions() {
    within(|| {
        let Some(curl) = peers::curl() else { return };
        let serving = Serving::new(answer_with(|request: Request| {
            let (sender, events) = Events::channel(4);
            for text in ["one", "two\nlines"] {
                sender.try_send(Event::new(text)).unwrap();
            }
            drop(sender);
            events.until(request.client().stopping()).into_response()
        }));
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            let url = format!("http://{}/", serving.addr());
            let output = Program::start(&curl, ["-sN", version, &url]).finish();
            assert_eq!(
                output.stdout_text(),
                "data: one\n\ndata: two\ndata: lines\n\n",
                "{version}"
            );
        }
    });
}

#[test]
fn a_browser_comes_back_for_what_it_missed() {
    const PAGE: &str = "<!doctype html><title>t</title><pre id=out></pre><script>
        const out = document.getElementById('out');
        const events = new EventSource('/events');
        events.onmessage = (event) => { out.textContent += event.data + ';'; };
        events.addEventListener('end', () => { events.close(); document.title = 'over'; out.textContent += 'over'; });
        </script>";
    within(|| {
        let Some(browser) = peers::Chromium::shared() else {
            return;
        };
        let hub = EventHub::new();
        let (events, times) = (hub.clone(), std::sync::atomic::AtomicU32::new(0));
        let router = Routes::new()
            .get("/", async |_: Request| Response::html(PAGE))
            .get(
                "/events",
                answer_with(move |request: Request| {
                    let time = times.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    if time == 0 {
                        // One event, and the connection is lost.
                        let (sender, lost) = Events::channel(2);
                        sender
                            .try_send(Event::retry(Duration::from_millis(10)))
                            .unwrap();
                        sender.try_send(Event::new("a").with_id("1")).unwrap();
                        events.send(Event::new("a").with_id("1"));
                        events.send(Event::new("b\nc").with_id("2"));
                        events.send(Event::new("").named("end"));
                        return lost.into_response();
                    }
                    assert_eq!(request.last_event_id(), Some("1"));
                    events.follow(&request).into_response()
                }),
            )
            .build()
            .unwrap();
        let serving = Serving::new(router);
        let page = browser.open(&format!("http://{}/", serving.addr()));
        page.wait("document.title == 'over'");
        let shown = page.evaluate("document.getElementById('out').textContent");
        assert_eq!(shown, "a;b\nc;over");
    });
}
