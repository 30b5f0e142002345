//! Trying again: what is, what is not, and how long it takes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use sockeye::Kind;
use sockeye::client::http::{Client, Retry, Why};
use sockeye_testkit::{LIMIT, Web};
use tokio::time::timeout;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

/// Answers this, one after the other, and the last for ever; nothing at all closes the connection.
fn answering<const N: usize>(answers: [&'static str; N]) -> Web {
    let count = AtomicUsize::new(0);
    Web::new(move |_| {
        let at = count.fetch_add(1, Ordering::SeqCst).min(N - 1);
        match answers[at] {
            "" => Vec::new(),
            answer => format!("HTTP/1.1 {answer}\r\nContent-Length: 2\r\n\r\nok").into(),
        }
    })
}

fn quickly(times: u32) -> Retry {
    Retry::times(times).first(Duration::from_millis(1)).seed(1)
}

fn client(retry: Retry) -> Client {
    Client::builder().retry(retry).build()
}

#[tokio::test]
async fn a_server_that_recovers_is_asked_until_it_does() {
    let web = answering(["503 Busy", "429 Slow", "", "200 OK"]);
    let response = soon(client(quickly(5)).get(&web.url("/")).send())
        .await
        .unwrap();
    // The silent end of a kept connection is no try of its own.
    assert_eq!((response.status(), response.hops().len()), (200, 3));
    assert_eq!(response.hop().why, Why::Retried);
    assert!(
        response.hops()[0]
            .notes
            .concat()
            .contains("tried again after")
    );
    // The connection of an answer that was not wanted is kept.
    assert!(web.connections() <= 2, "{}", web.connections());
}

#[tokio::test]
async fn it_is_tried_so_often_and_no_more() {
    let web = answering(["503 Busy"]);
    let response = soon(client(quickly(2)).get(&web.url("/")).send())
        .await
        .unwrap();
    assert_eq!((response.status(), web.asked().len()), (503, 3));
    let response = soon(Client::new().get(&web.url("/")).send()).await.unwrap();
    assert_eq!((response.status(), web.asked().len()), (503, 4));
}

#[tokio::test]
async fn refusals_are_not_tried_again() {
    for status in ["400 Bad", "401 Who", "403 No", "404 Nothing", "501 What"] {
        let web = answering([status]);
        let response = soon(client(quickly(5)).get(&web.url("/")).send())
            .await
            .unwrap();
        assert_eq!(web.asked().len(), 1, "{}", response.status());
    }
}

#[tokio::test]
async fn post_is_tried_again_only_if_that_was_allowed() {
    for (all, expected) in [(false, 1), (true, 3)] {
        let web = answering(["503 Busy", "", "200 OK"]);
        let client = client(quickly(5).all(all));
        let response = soon(client.post(&web.url("/")).body("x").send())
            .await
            .unwrap();
        assert_eq!(
            (web.asked().len(), response.status() == 200),
            (expected, all)
        );
    }
}

#[tokio::test]
async fn retry_after_is_waited_for_and_too_long_a_one_is_the_answer() {
    let web = answering(["503 Busy\r\nRetry-After: 1", "200 OK"]);
    let began = Instant::now();
    let response = soon(client(quickly(1)).get(&web.url("/")).send())
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert!(began.elapsed() >= Duration::from_secs(1));
    for when in [
        "503 Busy\r\nRetry-After: 3600",
        "503 Busy\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT",
    ] {
        let web = answering([when]);
        let response = soon(client(quickly(5)).get(&web.url("/")).send())
            .await
            .unwrap();
        assert_eq!((response.status(), web.asked().len()), (503, 1));
    }
    // A time that is past is now.
    let web = answering([
        "503 Busy\r\nRetry-After: Thu, 01 Jan 1970 00:00:00 GMT",
        "200 OK",
    ]);
    let response = soon(client(quickly(5)).get(&web.url("/")).send())
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn nobody_there_is_tried_again_only_if_asked_for() {
    // A port that is taken and does not listen: nobody else can get it meanwhile.
    let taken = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let at: SocketAddr = "127.0.0.1:0".parse().unwrap();
    taken.bind(&at.into()).unwrap();
    let at = taken.local_addr().unwrap().as_socket().unwrap();
    let nobody = format!("http://{at}/");
    let exchange = async |retry: Retry| {
        let request = Client::new().get(&nobody).build().unwrap();
        soon(client(retry).exchange(request)).await.unwrap_err()
    };
    let failed = exchange(quickly(3)).await;
    assert_eq!((failed.error.kind(), failed.hops.len()), (Kind::Refused, 1));
    let failed = exchange(quickly(3).refused(true)).await;
    assert_eq!((failed.error.kind(), failed.hops.len()), (Kind::Refused, 4));
}

#[tokio::test]
async fn the_time_for_everything_is_kept() {
    let web = answering(["503 Busy\r\nRetry-After: 1"]);
    let retry = Retry::times(100).within(Duration::from_millis(500));
    let response = soon(client(retry).get(&web.url("/")).send()).await.unwrap();
    assert_eq!((response.status(), web.asked().len()), (503, 1));
    let request = client(Retry::times(100))
        .get(&web.url("/"))
        .timeout(Duration::from_millis(50));
    let error = soon(request.send()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut);
}
