//! XML-RPC over HTTP, true to Python's `xmlrpc.client` and `xmlrpc.server`: [`Client`] with multicall and introspection, and
//! [`Service`], which makes a [`web::Handler`](crate::web::Handler) of [`Methods`](super::Methods).
//!
//! Which types there are, and how dates and large numbers are sent, is told in [`data::xmlrpc`](sockeye_data::xmlrpc).
//!
//! ```
//! # use tokio_util::sync::CancellationToken;
//! use sockeye::Net;
//! use sockeye::rpc::xmlrpc::{Client, Service};
//! use sockeye::rpc::Methods;
//! use sockeye::web::Server;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let methods = Methods::new().typed("add", async |(a, b): (i64, i64)| Ok(a + b)).help("add", "adds two numbers");
//! let listener = Net::new().listen(&"0".parse()?).await?;
//! let url = listener.local().to_string().replace("tcp://", "http://");
//! let server = Server::new(Service::new(methods));
//! # let stop = CancellationToken::new();
//! let running = tokio::spawn({ let stop = stop.clone(); async move { server.serve(listener, stop).await } });
//!
//! let client = Client::new(&url)?;
//! assert_eq!(client.call("add", [2.into(), 3.into()]).await?.as_i64(), Some(5));
//! assert_eq!(client.help("add").await?, "adds two numbers");
//! # stop.cancel();
//! # running.await??;
//! # Ok(())
//! # }
//! ```

mod client;
mod coding;
mod gate;
mod server;
mod system;

pub use client::Client;
pub use server::{Bounds, Called, Service};
pub use sockeye_data::xmlrpc::{ReadOptions, WriteOptions};
