//! A chat: every browser that opens the page hears what the others say, over WebSocket.
//!
//! ```text
//! cargo run -p sockeye --example chat_websocket -- 8000
//! ```
//!
//! Then open `http://localhost:8000/` twice.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use sockeye::Net;
use sockeye::web::{Message, Request, Response, Routes, Server, WebSocket, answer_with};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

const PAGE: &str = r#"<!doctype html><meta charset=utf-8><title>chat</title>
<form><input autofocus></form><ul></ul>
<script>
const socket = new WebSocket(location.href.replace("http", "ws") + "talk");
const [form, list] = [document.querySelector("form"), document.querySelector("ul")];
socket.onmessage = ({data}) => list.appendChild(document.createElement("li")).textContent = data;
form.onsubmit = () => { socket.send(form[0].value); form.reset(); return false; };
</script>
"#;

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let room = broadcast::Sender::<String>::new(64);
    let routes = Routes::new()
        .get("/", answer_with(|_: Request| Response::html(PAGE)))
        .get(
            "/talk",
            answer_with(move |request| talk(request, room.clone())),
        )
        .build()?;
    let at = std::env::args().nth(1).unwrap_or_else(|| "0".into());
    let listener = Net::new().listen(&at.parse()?).await?;
    println!("listening on {}", listener.local());
    Server::new(routes)
        .serve(listener, CancellationToken::new())
        .await?;
    Ok(())
}

/// One person: what they say goes to all, what anybody says comes to them.
fn talk(request: Request, room: broadcast::Sender<String>) -> Response {
    let mut others = room.subscribe();
    WebSocket::accept(request, |mut socket| async move {
        loop {
            tokio::select! {
                said = socket.receive() => match said? {
                    // An error: nobody is there to hear it.
                    Some(Message::Text(text)) => { let _ = room.send(text); }
                    Some(Message::Binary(_)) => socket.close(1003, "text only").await?,
                    None => return Ok(()),
                },
                heard = others.recv() => match heard {
                    Ok(text) => socket.send(text).await?,
                    Err(RecvError::Lagged(missed)) => socket.send(format!("({missed} messages missed)")).await?,
                    Err(RecvError::Closed) => return Ok(()),
                },
            }
        }
    })
}
