//! What only the whole of `net` can show: options reach sockets, events are complete, every carrier of this machine works.

#![allow(clippy::unwrap_used)]

mod errors;
mod events;
mod options;
mod programs;
mod proxies;
mod serving;
mod whereto;

use std::future::Future;
use std::time::Duration;

use super::{Incoming, Link, Listener, Messages, Net, Stream};
use crate::Endpoint;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), future)
        .await
        .expect("it must not take 10 s")
}

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

async fn listen(net: &Net, text: &str) -> Listener {
    soon(net.listen(&endpoint(text))).await.unwrap()
}

async fn arrived(listener: &mut Listener) -> Incoming {
    soon(listener.accept()).await.unwrap().unwrap()
}

async fn connect(net: &Net, to: &Endpoint) -> Stream {
    soon(net.connect(to)).await.unwrap()
}

async fn stream(incoming: Incoming) -> Stream {
    match soon(incoming.handshake()).await.unwrap() {
        Link::Stream(stream) => stream,
        Link::Messages(_) => panic!("it carries messages"),
    }
}

async fn messages(incoming: Incoming) -> Messages {
    match soon(incoming.handshake()).await.unwrap() {
        Link::Messages(messages) => messages,
        Link::Stream(_) => panic!("it carries bytes"),
    }
}

#[test]
fn an_idle_connection_is_small() {
    use super::stream::Info;
    let stream = size_of::<Stream>() + size_of::<Info>();
    assert!(stream <= 240, "a stream has {stream} bytes");
    assert!(size_of::<Incoming>() <= 160, "{}", size_of::<Incoming>());
    assert!(size_of::<Link>() <= 176, "{}", size_of::<Link>());
}

#[tokio::test]
async fn the_longest_time_there_is_overflows_nothing() {
    let net = Net::new().connect_timeout(Duration::MAX);
    let mut listener = listen(&net, "127.0.0.1:0").await;
    let to = listener.local().clone();
    let client = connect(&net, &to).await;
    let server = stream(arrived(&mut listener).await).await;
    assert!(client.peer().is_some() && server.local().is_some());
    let name: Endpoint = endpoint("tcp://localhost:0");
    soon(net.listen(&name)).await.unwrap();
}

#[tokio::test]
async fn no_time_at_all_is_out_of_time() {
    let net = Net::new().connect_timeout(Duration::ZERO);
    let error = soon(net.connect(&endpoint("127.0.0.1:9")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), crate::Kind::TimedOut, "{error}");
}
