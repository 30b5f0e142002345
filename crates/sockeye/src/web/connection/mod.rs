//! One connection: which version of HTTP is spoken, and the speaking of it.
//!
//! Thousands of connections are idle at any time, so whatever is not needed then is boxed and made when it is.

mod ahead;
mod buffers;
mod carry;
mod exchange;
mod feed;
mod h1;
mod h2;
mod head;
mod linger;
mod rate;
mod reply;
mod timer;
mod watched;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub(super) use self::watched::{Conversation, Watched};

use super::request::Client;
use super::server::Server;
use crate::net::Stream;

/// Speak HTTP over this stream until either side ends it.
pub(super) fn conversation(
    server: Arc<Server>,
    stream: Stream,
    client: Client,
    stop: CancellationToken,
) -> Conversation {
    let client = Client {
        stop: Some(stop.clone()),
        ..client
    };
    if client.protocol == "h2" {
        let announced = server.announce(&client);
        return Conversation::new(async move {
            h2::run(server, stream, client, stop).await;
            drop(announced);
            None
        });
    }
    let mut connection = h1::Connection::new(server, stream, client, stop);
    Conversation::new(async move {
        match connection.run().await {
            h1::End::Http2 => Some(Conversation::new(become_h2(connection))),
            h1::End::Close => Some(Conversation::new(connection.close())),
            h1::End::Broken => None,
        }
    })
}

async fn become_h2(mut connection: h1::Connection) -> Option<Conversation> {
    let stream = connection.take_stream();
    let h1::Connection {
        server,
        client,
        stop,
        announced,
        ..
    } = connection;
    // Nobody else has it: no request was read.
    let client = Client {
        protocol: "h2",
        ..Arc::into_inner(client).unwrap_or_default()
    };
    h2::run(server, stream, client, stop).await;
    drop(announced);
    None
}

/// Bytes that an idle connection has, but for what belongs to its stream.
#[cfg(test)]
pub(super) fn idle_size() -> usize {
    fn run_size<'a, F>(_: impl Fn(&'a mut h1::Connection) -> F) -> usize {
        size_of::<F>()
    }
    size_of::<h1::Connection>() + run_size(h1::Connection::run) + size_of::<Client>()
}
