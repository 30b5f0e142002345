//! Web servers: HTTP/1.1 and HTTP/2 over any [`Stream`](crate::Stream), files, programs, and handlers of your own.
//!
//! Three things: a [`Handler`] turns a [`Request`] into a [`Response`]; a [`Server`] reads requests from connections and
//! writes the answers; everything else here is a handler, or wraps one.

mod access_log;
pub mod accounts;
pub mod archive;
mod asked;
mod body;
mod connection;
mod decimal;
mod events;
pub mod files;
pub mod guard;
mod handler;
mod intake;
mod lines;
pub mod listing;
mod metrics;
pub mod programs;
mod reading;
mod request;
mod response;
mod routes;
mod server;
mod tower;
mod trail;
pub mod upload;
mod websocket;

pub use access_log::{AccessLog, LogFormat, LogWriter, Loss};
pub use asked::{Answer, TestClient};
pub use body::{Body, BodyError, Chunks, FilePart};
pub use events::{Event, EventHub, Events, Slow};
pub use handler::{AnswerWith, Handler, Reply, Shared, answer_with};
pub use metrics::Metrics;
pub use reading::{Form, Problem, SetCookie};
pub use request::{Client, Request};
pub use response::{IntoResponse, Response};
pub use routes::{Router, Routes};
pub use server::{Bounds, Log, PER_ADDRESS, Record, Refusal, Server};
pub use tower::{HandlerService, Mounted};
pub use trail::{Note, Trail};
pub use websocket::{Message, Origins, WebSocket, WebSocketError, WebSocketOptions};
