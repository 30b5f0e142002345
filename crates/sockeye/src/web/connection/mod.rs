//! One connection: which version of HTTP is spoken, and the speaking of it.

mod buffers;
mod carry;
mod exchange;
mod feed;
mod h1;
mod h2;
mod head;
mod prefixed;
mod timer;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::request::Client;
use super::server::Server;
use crate::net::Stream;

/// Speak HTTP over this stream until either side ends it.
pub(super) async fn run(
    server: Arc<Server>,
    stream: Stream,
    client: Client,
    stop: CancellationToken,
) {
    if client.protocol == "h2" {
        return Box::pin(h2::run(server, stream, client, stop)).await;
    }
    let mut connection = h1::Connection::new(server, stream, client, stop);
    let end = connection.run().await;
    match end {
        h1::End::Http2 => {
            let (server, stream, client, stop) = connection.into_parts();
            Box::pin(h2::run(server, stream, client, stop)).await;
        }
        h1::End::Close => Box::pin(connection.close()).await,
        h1::End::Broken => {}
    }
}
