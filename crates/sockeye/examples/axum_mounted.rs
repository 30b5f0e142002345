//! An application made with axum, beside handlers of our own, on one server: with our TLS, bounds and wire view.
//!
//! ```text
//! cargo run -p sockeye --example axum_mounted -- tls://localhost:8443
//! curl -k https://localhost:8443/app/notes/7
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use axum::extract::Path;
use axum::routing::get;
use sockeye::Net;
use sockeye::web::{Mounted, Request, Routes, Server};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let app = axum::Router::new().route(
        "/notes/{id}",
        get(async |Path(id): Path<u32>| format!("note {id}, by axum\n")),
    );
    let routes = Routes::new()
        .get("/", async |_: Request| "ours\n")
        .mount("/app", Mounted::new(app))
        .build()?;
    let at = std::env::args().nth(1).unwrap_or_else(|| "0".into());
    let listener = Net::new().listen(&at.parse()?).await?;
    println!("listening on {}", listener.local());
    Server::new(routes)
        .serve(listener, CancellationToken::new())
        .await?;
    Ok(())
}
