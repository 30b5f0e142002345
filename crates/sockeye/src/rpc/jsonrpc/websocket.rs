//! Calls as messages of a WebSocket, each answered by one as it is ready.

use std::pin::Pin;

use futures_util::stream::{FuturesUnordered, StreamExt};
use sockeye_data::http1;

use super::server::Server;
use crate::web::{Message, Request, Response, WebSocket, WebSocketError, WebSocketOptions};

type Answering = Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send>>;

/// Whether a client asks for a WebSocket.
pub(super) fn is_asked_for(request: &Request) -> bool {
    let wanted = http1::upgrade(request.head().version, request.headers());
    wanted
        .iter()
        .any(|name| name.eq_ignore_ascii_case(b"websocket"))
}

/// Open one, if that is allowed.
pub(super) fn accept(server: Server, request: Request) -> Response {
    let mut options = WebSocketOptions::default();
    options.message = server.borne().limits.bytes;
    options.frame = options.message;
    options.stall = server.borne().stall;
    options.origins = server.may_come();
    WebSocket::accept_with(options, request, move |socket| converse(server, socket))
}

async fn converse(server: Server, mut socket: WebSocket) -> Result<(), WebSocketError> {
    let stop = socket.client().map(|client| client.stopping());
    let stop = stop.unwrap_or_default();
    let mut pending = FuturesUnordered::<Answering>::new();
    let (mut is_open, mut is_stopping) = (true, false);
    loop {
        if pending.is_empty() && (!is_open || is_stopping) {
            break;
        }
        let may_take = is_open && !is_stopping && pending.len() < server.borne().pipelined;
        tokio::select! {
            biased;
            // Seen here first: the socket would close at once, and calls that run would not be answered.
            () = stop.cancelled(), if !is_stopping => is_stopping = true,
            Some(answer) = pending.next(), if !pending.is_empty() => {
                let text = answer.and_then(|answer| String::from_utf8(answer).ok());
                if let Some(text) = text {
                    socket.send(Message::Text(text)).await?;
                }
            }
            message = socket.receive(), if may_take => match message? {
                Some(message) => pending.push(Box::pin(server.answering(message.as_bytes()))),
                None => is_open = false,
            },
        }
    }
    if is_stopping && is_open {
        socket.close(1001, "the server stops").await?;
    }
    Ok(())
}
