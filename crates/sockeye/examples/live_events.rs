//! Events for any number of followers: the time, once a second. Who comes back gets what it missed.
//!
//! ```text
//! cargo run -p sockeye --example live_events -- 8000
//! curl -N localhost:8000/time
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::{Duration, SystemTime};

use sockeye::Net;
use sockeye::web::{Event, EventHub, Request, Response, Routes, Server, answer_with};
use tokio_util::sync::CancellationToken;

const PAGE: &str = r#"<!doctype html><meta charset=utf-8><title>time</title><h1></h1>
<script>
new EventSource("/time").onmessage = ({data}) =>
    document.querySelector("h1").textContent = new Date(1000 * data).toLocaleTimeString();
</script>
"#;

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let hub = EventHub::new();
    let routes = Routes::new()
        .get("/", answer_with(|_: Request| Response::html(PAGE)))
        .get("/time", hub.clone())
        .build()?;
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            hub.send(Event::new(since.unwrap_or_default().as_secs().to_string()));
        }
    });
    let at = std::env::args().nth(1).unwrap_or_else(|| "0".into());
    let listener = Net::new().listen(&at.parse()?).await?;
    println!("listening on {}", listener.local());
    Server::new(routes)
        .serve(listener, CancellationToken::new())
        .await?;
    Ok(())
}
