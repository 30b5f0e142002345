//! JSON-RPC 2.0 over HTTP, TCP, Unix sockets, pipes and WebSocket: client, batches, server.
//!
//! A [`Server`] is made of [`Methods`](super::Methods). It is a [`web::Handler`](crate::web::Handler) for HTTP and WebSocket, and
//! [serves](Server::serve) listeners of streams, a message on each line. A [`Client`] reaches all of these by a URL.
//!
//! ```
//! use sockeye::Net;
//! use sockeye::rpc::Methods;
//! use sockeye::rpc::jsonrpc::{Batch, Client, Server};
//! use tokio_util::sync::CancellationToken;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::new(Methods::new().typed("sum", async |(a, b): (i64, i64)| Ok(a + b)));
//! let listener = Net::new().listen(&"0".parse()?).await?; // or unix:/path, tls://..., stdio:
//! let url = listener.local().to_string();
//! let stop = CancellationToken::new();
//! tokio::spawn({ let stop = stop.clone(); async move { server.serve(listener, stop).await } });
//!
//! let client = Client::connect(&Net::new(), &url).await?;
//! assert_eq!(client.call("sum", [1.into(), 2.into()]).await?.as_i64(), Some(3));
//! let answers = client.batch(Batch::new().call("sum", [3.into(), 4.into()]).call("none", ())).await?;
//! assert_eq!(answers[0].as_ref().unwrap().as_i64(), Some(7));
//! assert_eq!(answers[1].as_ref().unwrap_err().code, -32601);
//! stop.cancel();
//! # Ok(())
//! # }
//! ```

mod client;
mod discover;
mod http;
mod lines;
mod server;
mod websocket;

pub use client::{Batch, Client, ClientOptions};
pub use server::{BUSY, Bounds, Called, OUT_OF_TIME, Server, TOO_MUCH};
pub use sockeye_data::jsonrpc::Limits;

use sockeye_data::jsonrpc::ErrorObject;

use super::call::Fault;

impl From<ErrorObject> for Fault {
    fn from(error: ErrorObject) -> Self {
        Self {
            code: error.code,
            message: error.message.into(),
            data: error.data,
        }
    }
}

impl From<Fault> for ErrorObject {
    fn from(fault: Fault) -> Self {
        Self {
            code: fault.code,
            message: fault.message.into(),
            data: fault.data,
        }
    }
}
