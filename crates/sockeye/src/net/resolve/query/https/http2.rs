//! One request over HTTP/2 (RFC 9113).

use bytes::Bytes;
use tokio::time::timeout;

use super::{Head, MAX_BODY, MAX_HEAD, MEDIA_TYPE, Request, broken};
use crate::error::{Error, Operation, Result};
use crate::net::Stream;
use crate::net::resolve::query::exchange::GOODBYE;

/// Send the request, and read the whole answer.
pub(super) async fn send(stream: Stream, request: &Request<'_>) -> Result<(Head, Vec<u8>)> {
    let mut builder = h2::client::Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(1 << 16)
        .max_header_list_size(MAX_HEAD as u32);
    let (sender, connection) = builder.handshake(stream).await.map_err(failed)?;
    let mut connection = std::pin::pin!(connection);
    let mut answering = std::pin::pin!(answer(sender, request));
    let answered = tokio::select! {
        answered = &mut answering => answered,
        // Whatever ended the connection, the answer knows whether it came before that.
        _ = &mut connection => return answering.await,
    };
    // Nothing is wanted any more; tell the server so (GOAWAY), but do not wait for it.
    drop(timeout(GOODBYE, connection).await);
    answered
}

async fn answer(
    sender: h2::client::SendRequest<Bytes>,
    request: &Request<'_>,
) -> Result<(Head, Vec<u8>)> {
    let mut sender = sender.ready().await.map_err(failed)?;
    let uri = format!("https://{}{}", request.authority, request.target);
    let mut head = http::Request::builder()
        .method(request.method)
        .uri(uri)
        .header("accept", MEDIA_TYPE);
    if !request.body.is_empty() {
        head = head
            .header("content-type", MEDIA_TYPE)
            .header("content-length", request.body.len());
    }
    let head = head
        .body(())
        .map_err(|e| broken(format!("the request cannot be written: {e}")))?;
    let (response, mut body) = sender
        .send_request(head, request.body.is_empty())
        .map_err(failed)?;
    if !request.body.is_empty() {
        let bytes = Bytes::copy_from_slice(request.body);
        body.send_data(bytes, true).map_err(failed)?;
    }
    let (parts, mut body) = response.await.map_err(failed)?.into_parts();
    let mut head = Head {
        status: parts.status.as_u16(),
        ..Head::default()
    };
    for (name, value) in &parts.headers {
        head.note(name.as_str(), value.as_bytes());
    }
    let mut whole = Vec::new();
    while let Some(bytes) = body.data().await {
        let bytes = bytes.map_err(failed)?;
        if whole.len() + bytes.len() > MAX_BODY {
            return Err(broken(format!(
                "its answer is longer than {MAX_BODY} bytes"
            )));
        }
        whole.extend_from_slice(&bytes);
        body.flow_control()
            .release_capacity(bytes.len())
            .map_err(failed)?;
    }
    Ok((head, whole))
}

fn failed(error: h2::Error) -> Error {
    if error.is_io()
        && let Some(io) = error.into_io()
    {
        return Error::from_io(Operation::Ask, io);
    }
    broken("the server broke the rules of HTTP/2")
}
