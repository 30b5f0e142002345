//! A web server of one's own: routes, JSON, state that all requests share, and the files of a folder, until Ctrl-C.
//!
//! ```text
//! cargo run -p sockeye --example web_server -- 8000
//! curl localhost:8000/hello/jo
//! curl localhost:8000/notes --json '{"text": "tea is ready"}'
//! curl localhost:8000/files/Cargo.toml
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::{Arc, Mutex, PoisonError};

use sockeye::Net;
use sockeye::web::files::{Files, Root, Rules};
use sockeye::web::{Problem, Request, Response, Routes, Server, answer_with};
use tokio_util::sync::CancellationToken;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Note {
    text: String,
}

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let notes = Arc::new(Mutex::new(Vec::<Note>::new()));
    let all = Arc::clone(&notes);
    let routes = Routes::new()
        .get("/hello/{name}", async |request: Request| {
            format!("hello, {}\n", request.param("name").unwrap_or("you"))
        })
        .get(
            "/notes",
            answer_with(move |_| {
                Response::json(&*all.lock().unwrap_or_else(PoisonError::into_inner))
            }),
        )
        .post("/notes", move |mut request: Request| {
            let notes = Arc::clone(&notes);
            async move {
                let note: Note = request.json(64 << 10).await?; // else 400, 413 or 415
                let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                notes.push(note);
                Ok::<_, Problem>(Response::new(201))
            }
        })
        .mount("/files", Files::new(Root::new(".", Rules::default())?))
        .build()?;

    let at = std::env::args().nth(1).unwrap_or_else(|| "0".into());
    let listener = Net::new().listen(&at.parse()?).await?;
    println!("listening on {}", listener.local());
    let stop = CancellationToken::new();
    let on_ctrl_c = stop.clone();
    tokio::spawn(async move {
        // Without a signal handler Ctrl-C ends the process anyway.
        let _ = tokio::signal::ctrl_c().await;
        on_ctrl_c.cancel();
    });
    Server::new(routes).serve(listener, stop).await?;
    Ok(())
}
