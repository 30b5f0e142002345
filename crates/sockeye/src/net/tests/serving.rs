//! The accept loop: who is let in, who is turned away, and when it ends.

use std::sync::{Arc, Mutex};

use tokio::io::AsyncReadExt;
use tokio_util::sync::CancellationToken;

use super::super::{Admission, Arrival, Limits, WhenFull, serve};
use super::*;

/// What the loop said, in words.
type Said = Arc<Mutex<Vec<&'static str>>>;

/// A server that keeps each client until it leaves.
fn server(
    listener: Listener,
    limits: Limits,
    said: &Said,
) -> tokio::task::JoinHandle<crate::Result<super::super::Served>> {
    let said = Arc::clone(said);
    tokio::spawn(serve(
        listener,
        limits,
        CancellationToken::new(),
        move |arrival| {
            let said = Arc::clone(&said);
            async move {
                said.lock().unwrap().push(match &arrival {
                    Arrival::Accepted(_) => "accepted",
                    Arrival::Denied(_) => "denied",
                    Arrival::Full(_) => "full",
                    Arrival::Failed(_) => "failed",
                });
                if let Arrival::Accepted(incoming) = arrival {
                    let mut stream = stream(incoming).await;
                    tokio::io::AsyncWriteExt::write_all(&mut stream, b"!")
                        .await
                        .unwrap();
                    soon(stream.read(&mut [0; 1])).await.unwrap();
                }
            }
        },
    ))
}

#[tokio::test]
async fn a_full_server_turns_away_and_ends_after_its_total() {
    let net = Net::new();
    let listener = listen(&net, "127.0.0.1:0").await;
    let to = listener.local().clone();
    let limits = Limits {
        max_clients: Some(1),
        when_full: WhenFull::Refuse,
        total: Some(2),
        ..Limits::default()
    };
    let said = Said::default();
    let serving = server(listener, limits, &said);
    let mut first = connect(&net, &to).await;
    soon(first.read_exact(&mut [0; 1])).await.unwrap();
    let mut second = connect(&net, &to).await;
    assert_eq!(soon(second.read(&mut [0; 1])).await.unwrap(), 0);
    drop(first);
    // The place is free when the server has noticed that the first one left.
    soon(async {
        loop {
            let mut third = connect(&net, &to).await;
            if soon(third.read(&mut [0; 1])).await.unwrap_or(0) == 1 {
                break;
            }
        }
    })
    .await;
    let served = soon(serving).await.unwrap().unwrap();
    assert_eq!(served.accepted, 2);
    assert!(served.refused >= 1);
    let said = said.lock().unwrap();
    assert_eq!(said[..2], ["accepted", "full"]);
}

#[tokio::test]
async fn who_is_denied_is_closed_and_counts_for_nothing() {
    let net = Net::new();
    let listener = listen(&net, "127.0.0.1:0").await;
    let to = listener.local().clone();
    let limits = Limits {
        admission: Admission::new(["127.0.0.1"], [""; 0]).unwrap(),
        total: Some(1),
        ..Limits::default()
    };
    let said = Said::default();
    let serving = server(listener, limits, &said);
    let mut stranger = connect(&net, &endpoint(&format!("{to}?bind=127.0.0.9"))).await;
    assert_eq!(soon(stranger.read(&mut [0; 1])).await.unwrap(), 0);
    let mut friend = connect(&net, &to).await;
    soon(friend.read_exact(&mut [0; 1])).await.unwrap();
    drop(friend);
    let served = soon(serving).await.unwrap().unwrap();
    assert_eq!((served.accepted, served.refused), (1, 1));
    assert_eq!(*said.lock().unwrap(), ["denied", "accepted"]);
}
