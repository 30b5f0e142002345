//! Calls in the bodies of HTTP requests, answers in those of responses.

use futures_util::FutureExt;
use sockeye_data::jsonrpc::{ErrorObject, Id, write_error};

use super::server::Server;
use super::websocket;
use crate::web::{BodyError, Handler, Reply, Request, Response};

const JSON: &str = "application/json";

impl Handler for Server {
    fn handle(&self, request: Request) -> Reply {
        if websocket::is_asked_for(&request) {
            return websocket::accept(self.clone(), request).into();
        }
        if request.method() != "POST" {
            let why = "JSON-RPC takes calls by POST";
            return Response::error(405, why).header("Allow", "POST").into();
        }
        // Forms and plain text can be sent by any page a browser shows; JSON cannot.
        match request.media_type() {
            Ok(Some(media)) if media.is_json() || is_ours(media.essence()) => {}
            Ok(_) => return Response::error(415, "the body has to be application/json").into(),
            Err(problem) => return problem.into(),
        }
        let mut answering = Box::pin(answer(self.clone(), request));
        match answering.as_mut().now_or_never() {
            Some(response) => Reply::Now(response),
            None => Reply::Later(answering),
        }
    }
}

/// Other names that clients have for it.
fn is_ours(essence: &str) -> bool {
    matches!(essence, "application/json-rpc" | "application/jsonrequest")
}

async fn answer(server: Server, mut request: Request) -> Response {
    let most = server.borne().limits.bytes as u64;
    request.body.set_limit(most);
    let body = match request.body.bytes(most).await {
        Ok(body) => body,
        Err(error) => return unread(&error),
    };
    drop(request);
    match server.answering(&body).await {
        Some(answer) => Response::typed(JSON, answer),
        None => Response::new(204),
    }
}

/// The body did not come, or there is too much of it.
fn unread(error: &BodyError) -> Response {
    let refused = match error {
        BodyError::TooLarge(_) => ErrorObject::invalid_request().because(error.to_string()),
        _ => ErrorObject::parse_error().because(error.to_string()),
    };
    let mut out = Vec::new();
    write_error(&Id::null(), &refused, &mut out);
    Response::typed(JSON, out).with_status(error.status())
}
