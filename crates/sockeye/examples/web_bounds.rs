//! A web server with bounds of its own, which sends bodies back while they come:
//!
//! ```text
//! cargo run -p sockeye --example web_bounds
//! curl --data-binary @FILE http://127.0.0.1:PORT/
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use sockeye::Net;
use sockeye::web::{Bounds, Request, Response, Server};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> sockeye::Result<()> {
    let mut bounds = Bounds::default();
    bounds.head_time = Duration::from_secs(3);
    bounds.body_rate = 10_000;
    bounds.requests = Some(1000);

    let server = Server::new(|mut request: Request| async move {
        // This handler keeps nothing, so any size will do.
        request.body.set_limit(u64::MAX);
        Response::new(200).with_body(request.body)
    });
    let listener = Net::new().listen(&"0".parse()?).await?;
    println!("listening on {}", listener.local());
    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            let _ = tokio::signal::ctrl_c().await;
            stop.cancel();
        }
    });
    let served = server.bounds(bounds).serve(listener, stop).await?;
    println!("{} clients were here", served.accepted);
    Ok(())
}
