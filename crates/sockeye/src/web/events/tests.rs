#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::*;
use crate::web::{Handler, IntoResponse, Request, Response};

async fn next(response: &mut Response) -> Option<String> {
    let chunk = response.body.chunk().await?;
    Some(String::from_utf8(chunk.unwrap().to_vec()).unwrap())
}

async fn follow(hub: &EventHub, last: Option<&str>) -> Response {
    let mut request = Request::made("GET", "/");
    if let Some(last) = last {
        request = request.with_header("Last-Event-ID", last).unwrap();
    }
    hub.handle(request).response().await
}

#[test]
fn no_line_break_begins_a_field_of_its_own() {
    let event = Event::new("a\r\nid: 9\rb\n\nc")
        .named("x\ndata: y")
        .with_id("1\r\0");
    assert_eq!(
        event.to_string(),
        "event: x data: y\nid: 1  \ndata: a\ndata: id: 9\ndata: b\ndata: \ndata: c\n\n"
    );
    assert_eq!(Event::new("").to_string(), "data: \n\n");
    assert_eq!(
        Event::retry(Duration::from_millis(2500)).to_string(),
        "retry: 2500\n\n"
    );
    assert_eq!(Event::json(&[1, 2]).to_string(), "data: [1,2]\n\n");
}

#[tokio::test(start_paused = true)]
async fn a_comment_comes_when_no_event_does() {
    let (sender, events) = Events::channel(1);
    let began = tokio::time::Instant::now();
    let mut response = events.into_response();
    assert_eq!(response.get_str("content-type"), Some("text/event-stream"));
    assert_eq!(next(&mut response).await.unwrap(), ":\n\n");
    assert_eq!(began.elapsed().as_secs(), 15);
    sender.send(Event::new("a")).await.unwrap();
    assert_eq!(next(&mut response).await.unwrap(), "data: a\n\n");
    assert_eq!(next(&mut response).await.unwrap(), ":\n\n");
    assert_eq!(began.elapsed().as_secs(), 30);
    drop(sender);
    assert_eq!(next(&mut response).await, None);
}

#[tokio::test]
async fn events_end_when_the_server_stops() {
    let stop = tokio_util::sync::CancellationToken::new();
    let (_sender, events) = Events::channel(1);
    let mut response = events.until(stop.clone()).into_response();
    let (ended, ()) = tokio::join!(next(&mut response), async { stop.cancel() });
    assert_eq!(ended, None);
}

#[tokio::test]
async fn who_comes_back_gets_what_it_missed() {
    let hub = EventHub::new();
    let mut live = follow(&hub, None).await;
    hub.send(Event::new("a"));
    hub.send(Event::new("b").with_id("mine"));
    hub.send(Event::new("c"));
    let first = next(&mut live).await.unwrap();
    let (id, data) = first.split_once('\n').unwrap();
    assert_eq!(data, "data: a\n\n");
    let mut back = follow(&hub, id.strip_prefix("id: ")).await;
    assert_eq!(next(&mut back).await.unwrap(), "id: mine\ndata: b\n\n");
    let mut later = follow(&hub, Some("mine")).await;
    assert!(next(&mut later).await.unwrap().ends_with("data: c\n\n"));
    let mut stranger = follow(&hub, Some("of an earlier run")).await;
    assert!(next(&mut stranger).await.unwrap().ends_with("data: a\n\n"));
    assert_eq!(hub.followers(), 4);
    drop((live, back, later, stranger));
    assert_eq!(hub.followers(), 0);
}

#[tokio::test]
async fn nobody_is_waited_for_and_nothing_piles_up() {
    let hub = EventHub::keeping(2, 1 << 20);
    let ending = EventHub::keeping(2, 1 << 20).slow(Slow::Ends);
    let mut slow = follow(&hub, None).await;
    let mut ended = follow(&ending, None).await;
    for number in 0..5 {
        hub.send(Event::new(number.to_string()).with_id("x"));
        ending.send(Event::new(number.to_string()).with_id("x"));
    }
    assert_eq!(next(&mut slow).await.unwrap(), "event: missed\ndata: 3\n\n");
    assert_eq!(next(&mut slow).await.unwrap(), "id: x\ndata: 3\n\n");
    assert_eq!(next(&mut ended).await, None);
    let small = EventHub::keeping(100, 30);
    let mut late = follow(&small, None).await;
    for _ in 0..3 {
        small.send(Event::new("0123456789").with_id("x"));
    }
    assert_eq!(next(&mut late).await.unwrap(), "event: missed\ndata: 2\n\n");
}

#[tokio::test]
async fn a_closed_hub_sends_nobody_back() {
    let hub = EventHub::new().from_kept();
    hub.send(Event::new("a").with_id("1"));
    hub.close();
    hub.send(Event::new("too late"));
    let mut late = follow(&hub, None).await;
    assert_eq!(next(&mut late).await.unwrap(), "id: 1\ndata: a\n\n");
    assert_eq!(next(&mut late).await, None);
    assert_eq!(follow(&hub, Some("1")).await.status(), 204);
}

#[tokio::test]
async fn followers_are_woken_by_an_event() {
    let hub = EventHub::new();
    let mut followers = Vec::new();
    for _ in 0..50 {
        let mut response = follow(&hub, None).await;
        followers.push(tokio::spawn(async move { next(&mut response).await }));
    }
    tokio::task::yield_now().await;
    hub.send(Event::new("a").with_id("1"));
    for follower in followers {
        assert_eq!(follower.await.unwrap().unwrap(), "id: 1\ndata: a\n\n");
    }
}

#[tokio::test]
async fn lines_become_events_and_followers_are_parted_from() {
    let hub = EventHub::new();
    let mut first = follow(&hub, None).await;
    hub.send_lines(&b"one\ntwo"[..], 100).await.unwrap();
    hub.part();
    assert!(next(&mut first).await.unwrap().ends_with("\ndata: one\n\n"));
    let two = next(&mut first).await.unwrap();
    assert_eq!(next(&mut first).await, None);
    let id = two
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("id: "));
    let mut second = follow(&hub, id).await;
    hub.send_lines(&b"\xff\n"[..], 100).await.unwrap();
    assert!(
        next(&mut second)
            .await
            .unwrap()
            .ends_with("\ndata: \u{fffd}\n\n")
    );
}
