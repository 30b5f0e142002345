//! HTTP/2 (RFC 9113), by the `h2` crate over our stream: each request is a task of its own.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use sockeye_data::http1::{Headers, RequestHead, Version};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::h1::guarded;
use super::head::has_no_body;
use crate::net::Stream;
use crate::web::body::{Body, BodyError};
use crate::web::handler::{Handler, Reply};
use crate::web::intake::intake;
use crate::web::request::{Client, Request};
use crate::web::response::Response;
use crate::web::server::{Record, Server};

/// Speak HTTP/2 until either side ends it.
pub(super) async fn run(
    server: Arc<Server>,
    stream: Stream,
    client: Client,
    stop: CancellationToken,
) {
    let client = Arc::new(client);
    let bounds = &server.bounds;
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(bounds.streams)
        .max_header_list_size(u32::try_from(bounds.head.head).unwrap_or(u32::MAX));
    let shaken = timeout(bounds.head_time, builder.handshake::<_, Bytes>(stream)).await;
    let Ok(Ok(mut connection)) = shaken else {
        return;
    };
    let mut requests = JoinSet::new();
    let mut stopping = false;
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    let (server, client) = (Arc::clone(&server), Arc::clone(&client));
                    requests.spawn(answer(server, client, request, respond));
                }
                Some(Err(_)) | None => break,
            },
            Some(_) = requests.join_next(), if !requests.is_empty() => {}
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.graceful_shutdown();
            }
            () = tokio::time::sleep(bounds.idle_time), if requests.is_empty() && !stopping => {
                stopping = true;
                connection.graceful_shutdown();
            }
        }
    }
    requests.abort_all();
}

async fn answer(
    server: Arc<Server>,
    client: Arc<Client>,
    request: http::Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) {
    let began = server.clock().unwrap_or_else(Instant::now);
    let _announced = server.announce_request();
    let (parts, body) = request.into_parts();
    let Some(head) = head_of(&parts) else {
        respond.send_reset(Reason::PROTOCOL_ERROR);
        return;
    };
    let head = Arc::new(head);
    let body = match body.is_end_stream() {
        true => Body::empty(),
        false => received(body, server.bounds.body),
    };
    let request = Request::new(Arc::clone(&head), body, client.clone());
    let reply = guarded(|| server.handler.handle(request));
    let response = match reply {
        Reply::Now(response) => response,
        Reply::Later(future) => {
            tokio::select! {
                response = future => response,
                _ = poll_fn(|cx| respond.poll_reset(cx)) => return,
            }
        }
    };
    let (status, user) = (response.status(), response.user().map(str::to_owned));
    let (sent, broken) = send(response, head.method == "HEAD", &mut respond).await;
    if let Some(log) = &server.log {
        log.answered(&Record {
            client: &client,
            head: Some(&head),
            user: user.as_deref(),
            status,
            sent,
            took: began.elapsed(),
            broken: broken.as_deref(),
        });
    }
}

/// The head in the form that all handlers see: target and `Host` as in HTTP/1.1.
fn head_of(parts: &http::request::Parts) -> Option<RequestHead> {
    let mut headers = Headers::new();
    if let Some(authority) = parts.uri.authority() {
        headers.append("host", authority.as_str()).ok()?;
    }
    for (name, value) in &parts.headers {
        if name != "host" || !headers.contains("host") {
            headers.append(name.as_str(), value.as_bytes()).ok()?;
        }
    }
    let target = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut head = RequestHead::new(parts.method.as_str(), target, headers);
    head.version = Version::Http11;
    Some(head)
}

/// The body as handlers read it.
fn received(mut stream: RecvStream, limit: u64) -> Body {
    let (inlet, outlet) = intake(None, limit);
    tokio::spawn(async move {
        loop {
            if poll_fn(|cx| inlet.poll_wanted(cx)).await.is_none() {
                return;
            }
            match stream.data().await {
                Some(Ok(bytes)) => {
                    let length = bytes.len();
                    if length > 0 {
                        inlet.push(bytes);
                    }
                    let _ = stream.flow_control().release_capacity(length);
                }
                Some(Err(error)) => {
                    let error = std::io::Error::other(error);
                    return inlet.end(Err(BodyError::Io(error)));
                }
                None => return inlet.end(Ok(())),
            }
        }
    });
    Body::intake(outlet)
}

/// Send the answer; how much of its body, and why not all.
async fn send(
    mut response: Response,
    is_head: bool,
    respond: &mut SendResponse<Bytes>,
) -> (u64, Option<String>) {
    if response.is_abort() || response.is_upgrade() {
        respond.send_reset(Reason::INTERNAL_ERROR);
        return (0, Some("the handler gave up".into()));
    }
    let bare = is_head || has_no_body(response.status());
    let head = match converted(&response, bare) {
        Ok(head) => head,
        Err(error) => {
            respond.send_reset(Reason::INTERNAL_ERROR);
            return (0, Some(error.to_string()));
        }
    };
    let ends = bare || response.body.is_empty();
    let mut stream = match respond.send_response(head, ends) {
        Ok(stream) => stream,
        Err(error) => return (0, Some(error.to_string())),
    };
    if ends {
        return (0, None);
    }
    let mut sent = 0;
    loop {
        let chunk = tokio::select! {
            chunk = response.body.chunk() => chunk,
            _ = poll_fn(|cx| stream.poll_reset(cx)) => return (sent, Some("the client cancelled it".into())),
        };
        match chunk {
            Some(Ok(chunk)) => match write(&mut stream, chunk).await {
                Ok(bytes) => sent += bytes,
                Err(error) => return (sent, Some(error.to_string())),
            },
            Some(Err(error)) => {
                stream.send_reset(Reason::INTERNAL_ERROR);
                return (sent, Some(error.to_string()));
            }
            None => {
                let ended = stream.send_data(Bytes::new(), true);
                return (sent, ended.err().map(|error| error.to_string()));
            }
        }
    }
}

/// Send a chunk as the peer's window allows.
async fn write(stream: &mut SendStream<Bytes>, mut chunk: Bytes) -> Result<u64, h2::Error> {
    let length = chunk.len() as u64;
    while !chunk.is_empty() {
        stream.reserve_capacity(chunk.len());
        let capacity = match poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(capacity) => capacity?,
            None => return Err(Reason::CANCEL.into()),
        };
        let piece = chunk.split_to(capacity.min(chunk.len()));
        stream.send_data(piece, false)?;
    }
    Ok(length)
}

/// The head in the types of the crate. What belongs to a connection of HTTP/1 has no place here (RFC 9113 section 8.2.2).
fn converted(response: &Response, bare: bool) -> Result<http::Response<()>, http::Error> {
    const NOT_HERE: [&str; 6] = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
        "content-length",
    ];
    let mut builder = http::Response::builder().status(response.status());
    for headers in response.all_headers() {
        for field in headers.iter() {
            if !NOT_HERE
                .iter()
                .any(|name| field.name.eq_ignore_ascii_case(name))
            {
                builder = builder.header(field.name, field.value);
            }
        }
    }
    let length = match response.get_str("content-length") {
        Some(said) if bare => said.parse().ok(),
        _ => response.body.length(),
    };
    if let Some(length) = length
        && !has_no_body(response.status())
    {
        builder = builder.header("content-length", length);
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    if let Some(date) = i64::try_from(now)
        .ok()
        .and_then(sockeye_data::fields::date::print)
    {
        builder = builder.header("date", date);
    }
    builder.body(())
}
