//! The client against scripted servers: what goes out, and what comes back that breaks the rules.

use sockeye::rpc::CallError;
use sockeye::rpc::jsonrpc::ClientOptions;
use sockeye_testkit::{Peer, Step};

use super::*;

/// A server of a stream that answers the first line with this.
fn saying(answer: &str) -> Peer {
    Peer::tcp([Step::until("\n"), Step::send(answer)])
}

async fn connected(peer: &Peer) -> Client {
    let mut options = ClientOptions::default();
    options.timeout = Duration::from_secs(5);
    options.limits.bytes = 10_000;
    let url = format!("tcp://{}", peer.addr());
    soon(Client::connect_with(&Net::new(), &url, options))
        .await
        .unwrap()
}

fn failed(error: &CallError) -> (Kind, String) {
    let error = error.failed().unwrap_or_else(|| panic!("{error}"));
    (error.kind(), error.why().to_owned())
}

#[tokio::test]
async fn exactly_this_goes_out() {
    let peer = Peer::tcp([
        Step::until("\n"),
        Step::send("{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":1}\n"),
        Step::until("\n"),
        Step::until("\n"),
        Step::send("{\"jsonrpc\":\"2.0\",\"result\":2,\"id\":2}"),
        Step::ExpectEnd,
    ]);
    let client = connected(&peer).await;
    soon(client.call("a\"b", ())).await.unwrap();
    soon(client.notify("n", [Value::Null])).await.unwrap();
    let members = sockeye::data::value::Object::from_iter([("x".into(), 1.into())]);
    soon(client.call("named", members)).await.unwrap();
    soon(client.close()).await.unwrap();
    let expected = "{\"jsonrpc\":\"2.0\",\"method\":\"a\\\"b\",\"id\":1}\n\
        {\"jsonrpc\":\"2.0\",\"method\":\"n\",\"params\":[null]}\n\
        {\"jsonrpc\":\"2.0\",\"method\":\"named\",\"params\":{\"x\":1},\"id\":2}\n";
    assert_eq!(String::from_utf8(peer.finish().received).unwrap(), expected);
}

#[tokio::test]
async fn an_answer_that_breaks_the_rules_is_an_error_of_the_protocol() {
    let long = format!("[\"{}\"]", "x".repeat(20_000));
    let cases = [
        (
            "{\"jsonrpc\":\"2.0\",\"result\":1,\"error\":null,\"id\":1}\n",
            "an answer has both result and error",
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":1}\n",
            "an answer has neither result nor error",
        ),
        (
            "{\"result\":1,\"id\":1}\n",
            "an answer does not say that it is of version 2.0",
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":\"1\"}\n",
            "an answer has the id \"1\", which no call has",
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":1.0}\n",
            "an answer has the id 1.0, which no call has",
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":2}\n",
            "an answer has the id 2, which no call has",
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":null}\n",
            "a result has no id",
        ),
        ("[]\n", "the answer is an empty batch"),
        ("hello\n", "the answer is not JSON"),
        (&long, "a message has more than 10000 bytes"),
    ];
    for (said, wanted) in cases {
        let peer = saying(said);
        let error = soon(connected(&peer).await.call("m", ()))
            .await
            .unwrap_err();
        let (kind, why) = failed(&error);
        assert_eq!(kind, Kind::Protocol, "{said}: {error}");
        assert!(why.starts_with(wanted), "{said}: {why}");
        assert!(
            error
                .to_string()
                .starts_with("cannot call tcp://127.0.0.1:"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_error_without_an_id_belongs_to_the_only_call_there_is() {
    let peer = saying(
        "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"Parse error\"},\"id\":null}\n",
    );
    let error = soon(connected(&peer).await.call("m", ()))
        .await
        .unwrap_err();
    assert_eq!(error.fault().unwrap().code, -32700);
}

#[tokio::test]
async fn a_server_that_goes_away_leaves_no_call_waiting() {
    let peer = Peer::tcp([Step::until("\n"), Step::until("\n")]);
    let client = connected(&peer).await;
    let (one, two) = soon(async { tokio::join!(client.call("a", ()), client.call("b", ())) }).await;
    for error in [one.unwrap_err(), two.unwrap_err()] {
        assert_eq!(failed(&error).0, Kind::Lost, "{error}");
    }
    // And so it is for those who come later.
    assert_eq!(
        failed(&soon(client.call("c", ())).await.unwrap_err()).0,
        Kind::Lost
    );
    let notified = soon(client.notify("d", ())).await.unwrap_err();
    assert_eq!(failed(&notified).0, Kind::Lost);
}

#[tokio::test]
async fn a_call_without_an_answer_is_out_of_time_and_a_late_answer_is_forgotten() {
    let go = sockeye_testkit::Gate::new();
    let peer = Peer::tcp([
        Step::until("\n"),
        Step::WaitFor(go.clone()),
        Step::send("{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":1}\n"),
        Step::until("\n"),
        Step::send("{\"jsonrpc\":\"2.0\",\"result\":2,\"id\":2}\n"),
        Step::ExpectEnd,
    ]);
    let mut options = ClientOptions::default();
    options.timeout = Duration::from_millis(200);
    let url = format!("tcp://{}", peer.addr());
    let client = Client::connect_with(&Net::new(), &url, options)
        .await
        .unwrap();
    let error = soon(client.call("a", ())).await.unwrap_err();
    assert_eq!(
        failed(&error),
        (Kind::TimedOut, "no answer within 200ms".to_owned())
    );
    go.open();
    assert_eq!(soon(client.call("b", ())).await.unwrap().as_i64(), Some(2));
    soon(client.close()).await.unwrap();
    peer.finish();
}

#[tokio::test]
async fn answers_to_a_batch_may_come_in_any_order_and_all_have_to_come() {
    let swapped = "[{\"jsonrpc\":\"2.0\",\"error\":{\"code\":5,\"message\":\"m\"},\"id\":2},{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":1}]\n";
    let two = || Batch::new().call("a", ()).call("b", ());
    let peer = saying(swapped);
    let answers = soon(connected(&peer).await.batch(two())).await.unwrap();
    assert_eq!(answers[0].as_ref().unwrap().as_i64(), Some(1));
    assert_eq!(answers[1].as_ref().unwrap_err().code, 5);
    let peer = saying("[{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":1}]\n");
    let error = soon(connected(&peer).await.batch(two())).await.unwrap_err();
    assert_eq!(
        failed(&error),
        (
            Kind::Protocol,
            "a call of the batch has no answer".to_owned()
        )
    );
    let peer = saying(
        "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"no batches\"},\"id\":null}\n",
    );
    let answers = soon(connected(&peer).await.batch(two())).await;
    assert_eq!(answers.unwrap_err().fault().unwrap().message, "no batches");
}

#[tokio::test]
async fn a_server_that_calls_is_told_that_we_have_no_methods() {
    let peer = Peer::tcp([
        Step::until("\n"),
        Step::send(
            "{\"jsonrpc\":\"2.0\",\"method\":\"tell\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"ask\",\"id\":\"x\"}\n",
        ),
        Step::until("\"id\":\"x\"}\n"),
        Step::send("{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":1}\n"),
        Step::ExpectEnd,
    ]);
    let client = connected(&peer).await;
    assert_eq!(soon(client.call("a", ())).await.unwrap().as_i64(), Some(1));
    soon(client.close()).await.unwrap();
    let received = String::from_utf8(peer.finish().received).unwrap();
    assert!(received.ends_with("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32601,\"message\":\"Method not found\"},\"id\":\"x\"}\n"));
}

/// What a server over HTTP says to one call.
async fn over_http(answer: &str) -> Result<Value, CallError> {
    let peer = Peer::tcp([
        Step::until("\r\n\r\n"),
        Step::until("}"),
        Step::send(answer),
    ]);
    let client = Client::connect(&Net::new(), &format!("http://{}/", peer.addr()))
        .await
        .unwrap();
    soon(client.call("m", ())).await
}

#[tokio::test]
async fn http_answers_are_read_by_body_and_then_by_status() {
    let said = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let good = "{\"jsonrpc\":\"2.0\",\"result\":[1],\"id\":1}";
    assert!(
        over_http(&said("200 OK", good))
            .await
            .unwrap()
            .as_array()
            .is_some()
    );
    let fault = "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32601,\"message\":\"none\"},\"id\":1}";
    let error = over_http(&said("404 Not Found", fault)).await.unwrap_err();
    assert_eq!(error.fault().unwrap().code, -32601);
    let error = over_http(&said("404 Not Found", "nothing"))
        .await
        .unwrap_err();
    assert_eq!(error.failed().unwrap().status(), Some(404));
    for (status, body) in [
        ("200 OK", "<html>"),
        ("200 OK", ""),
        ("204 No Content", ""),
        ("200 OK", "{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":2}"),
    ] {
        let error = over_http(&said(status, body)).await.unwrap_err();
        assert_eq!(failed(&error).0, Kind::Protocol, "{status} {body}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_websocket_is_an_error() {
    for (answer, kind) in [
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            Kind::Rejected,
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
            Kind::Protocol,
        ),
        ("SSH-2.0-OpenSSH_9.2p1\r\n", Kind::Protocol),
    ] {
        let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::send(answer)]);
        let url = format!("ws://{}/a?b=c", peer.addr());
        let error = soon(Client::connect(&Net::new(), &url)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let received = String::from_utf8(peer.finish().received).unwrap();
        assert!(
            received.starts_with("GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:"),
            "{received}"
        );
    }
}
