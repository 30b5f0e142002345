//! JSON-RPC: the examples of the specification byte by byte, its rules, and bounds, over real sockets.

mod client;
mod peers;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sockeye::data::json;
use sockeye::data::value::Value;
use sockeye::net::Served;
use sockeye::rpc::jsonrpc::{Batch, Bounds, Client, Limits, Server};
use sockeye::rpc::{Fault, Methods, Params};
use sockeye::web;
use sockeye::{Endpoint, Kind, Net};
use sockeye_testkit::{LIMIT, within};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::web_serving::{Serving, read_until};

/// What is sent, and what comes back, if anything: section 7 of the specification.
const EXAMPLES: &[(&str, Option<&str>)] = &[
    (
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
        Some(r#"{"jsonrpc": "2.0", "result": 19, "id": 1}"#),
    ),
    (
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#,
        Some(r#"{"jsonrpc": "2.0", "result": -19, "id": 2}"#),
    ),
    (
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
        Some(r#"{"jsonrpc": "2.0", "result": 19, "id": 3}"#),
    ),
    (
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#,
        Some(r#"{"jsonrpc": "2.0", "result": 19, "id": 4}"#),
    ),
    (
        r#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#,
        None,
    ),
    (r#"{"jsonrpc": "2.0", "method": "foobar"}"#, None),
    (
        r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
        Some(
            r#"{"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "1"}"#,
        ),
    ),
    (
        r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
        Some(
            r#"{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}"#,
        ),
    ),
    (
        r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
        Some(
            r#"{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#,
        ),
    ),
    (
        r#"[
  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
  {"jsonrpc": "2.0", "method"
]"#,
        Some(
            r#"{"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}"#,
        ),
    ),
    (
        "[]",
        Some(
            r#"{"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}"#,
        ),
    ),
    (
        "[1]",
        Some(
            r#"[
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}
]"#,
        ),
    ),
    (
        "[1,2,3]",
        Some(
            r#"[
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
  {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}
]"#,
        ),
    ),
    (
        r#"[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"} 
    ]"#,
        Some(
            r#"[
        {"jsonrpc": "2.0", "result": 7, "id": "1"},
        {"jsonrpc": "2.0", "result": 19, "id": "2"},
        {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
        {"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": "5"},
        {"jsonrpc": "2.0", "result": ["hello", 5], "id": "9"}
    ]"#,
        ),
    ),
    (
        r#"[
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]"#,
        None,
    ),
];

/// More of the kind, with what is decided here.
const MORE: &[(&str, &str)] = &[
    // An id is echoed as it came.
    (
        r#"{"jsonrpc":"2.0","method":"get","id":1.0}"#,
        r#"{"jsonrpc":"2.0","result":1,"id":1.0}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","method":"get","id":-7}"#,
        r#"{"jsonrpc":"2.0","result":1,"id":-7}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","method":"get","id":12345678901234567890}"#,
        r#"{"jsonrpc":"2.0","result":1,"id":12345678901234567890}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","method":"get","id":"\u0061\/"}"#,
        r#"{"jsonrpc":"2.0","result":1,"id":"\u0061\/"}"#,
    ),
    // null is one.
    (
        r#"{"jsonrpc":"2.0","method":"get","id":null}"#,
        r#"{"jsonrpc":"2.0","result":1,"id":null}"#,
    ),
    // The same id twice in a batch is answered twice.
    (
        r#"[{"jsonrpc":"2.0","method":"get","id":1},{"jsonrpc":"2.0","method":"get","id":1}]"#,
        r#"[{"jsonrpc":"2.0","result":1,"id":1},{"jsonrpc":"2.0","result":1,"id":1}]"#,
    ),
    // Numbers survive.
    (
        r#"{"jsonrpc":"2.0","method":"echo","params":[9007199254740993,1e400,{"a":1.10}],"id":1}"#,
        r#"{"jsonrpc":"2.0","result":[9007199254740993,1e400,{"a":1.10}],"id":1}"#,
    ),
    // Unknown members are passed by; parameters may be empty.
    (
        r#"{"jsonrpc":"2.0","method":"echo","params":{},"id":1,"extra":[]}"#,
        r#"{"jsonrpc":"2.0","result":{},"id":1}"#,
    ),
    // A fault keeps its data.
    (
        r#"{"jsonrpc":"2.0","method":"fail","id":1}"#,
        r#"{"jsonrpc":"2.0","error":{"code":7,"message":"no tea","data":{"pot":[]}},"id":1}"#,
    ),
    // A method that panics is the server's failure, and the next call is answered.
    (
        r#"{"jsonrpc":"2.0","method":"panic","id":1}"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"},"id":1}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","method":"panic at once","id":1}"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"},"id":1}"#,
    ),
    // Reserved names are no methods, even if somebody adds one.
    (
        r#"{"jsonrpc":"2.0","method":"rpc.own","id":1}"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","method":"typed","params":["x"],"id":1}"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32602,"message":"Invalid params","data":"invalid type: string \"x\", expected u64"},"id":1}"#,
    ),
    (
        r#"{"jsonrpc":"2.0","method":"typed","params":[18446744073709551615],"id":1}"#,
        r#"{"jsonrpc":"2.0","result":"18446744073709551615","id":1}"#,
    ),
];

fn number(params: &Params, place: usize, name: &str) -> i64 {
    let value = match params {
        Params::List(items) => items.get(place),
        Params::Named(members) => members.get(name),
        Params::None => None,
    };
    value.and_then(Value::as_i64).unwrap_or_default()
}

/// The methods of the specification's examples, and some more.
fn methods() -> Methods {
    let done = async |_: Params| Ok(Value::Null);
    Methods::new()
        .add("subtract", async |params: Params| {
            Ok((number(&params, 0, "minuend") - number(&params, 1, "subtrahend")).into())
        })
        .typed("sum", async |terms: Vec<i64>| Ok(terms.iter().sum::<i64>()))
        .add("get_data", async |_| {
            Ok(vec!["hello".into(), 5.into()].into())
        })
        .add("update", done)
        .add("notify_hello", done)
        .add("notify_sum", done)
        .add("get", async |_| Ok(1.into()))
        .add("echo", async |params: Params| {
            Ok(params.into_value().unwrap_or_default())
        })
        .add("fail", async |_| {
            let pot = [("pot".into(), Value::array(Vec::new()))];
            let data = Some(sockeye::data::value::Object::from_iter(pot).into());
            Err(Fault {
                data,
                ..Fault::new(7, "no tea")
            })
        })
        .add("panic", async |_| panic!("on purpose"))
        .add(
            "panic at once",
            |_| -> std::future::Ready<sockeye::rpc::Answer> { panic!("on purpose") },
        )
        .add("rpc.own", done)
        .typed("typed", async |(number,): (u64,)| Ok(number.to_string()))
        .add("forever", |_| std::future::pending())
        .help("sum", "Adds numbers.")
}

/// The JSON without the white space between its tokens.
fn compact(text: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let kept = text.chars().filter(|&c| {
        if quoted {
            (quoted, escaped) = (escaped || c != '"', !escaped && c == '\\');
            return true;
        }
        quoted = c == '"';
        !c.is_ascii_whitespace()
    });
    kept.collect()
}

/// A server of streams on a port of its own.
struct Streams {
    url: String,
    stop: CancellationToken,
    task: JoinHandle<sockeye::Result<Served>>,
}

impl Streams {
    async fn new(server: Server) -> Self {
        Self::at(server, "127.0.0.1:0").await
    }

    async fn at(server: Server, at: &str) -> Self {
        let at: Endpoint = at.parse().unwrap();
        let listener = Net::new().listen(&at).await.unwrap();
        let url = listener.local().to_string();
        let stop = CancellationToken::new();
        let ours = stop.clone();
        let task = tokio::spawn(async move { server.serve(listener, ours).await });
        Self { url, stop, task }
    }

    /// A connection whose reads end in time; for what blocks.
    fn raw(&self) -> TcpStream {
        let stream = TcpStream::connect(self.url.trim_start_matches("tcp://")).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }

    async fn client(&self) -> Client {
        soon(Client::connect(&Net::new(), &self.url)).await.unwrap()
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

/// What blocks, beside the runtime.
async fn beside<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    soon(tokio::task::spawn_blocking(body)).await.unwrap()
}

fn post(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /any HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[test]
fn the_examples_of_the_specification_over_http() {
    within(|| {
        let serving = Serving::new(Server::new(methods()));
        for (sent, wanted) in EXAMPLES {
            let answer = serving.raw(post(sent));
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            match wanted {
                Some(wanted) => {
                    assert!(head.starts_with("HTTP/1.1 200 "), "{sent}: {head}");
                    assert!(head.contains("Content-Type: application/json"), "{head}");
                    assert_eq!(body, compact(wanted), "{sent}");
                }
                None => {
                    assert!(head.starts_with("HTTP/1.1 204 "), "{sent}: {head}");
                    assert_eq!(body, "", "{sent}");
                }
            }
        }
        for (sent, wanted) in MORE {
            let answer = serving.raw(post(sent));
            assert_eq!(answer.split_once("\r\n\r\n").unwrap().1, *wanted, "{sent}");
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_specification_over_tcp_one_after_another() {
    let streams = Streams::new(Server::new(methods())).await;
    let mut stream = streams.raw();
    beside(move || {
        let more = MORE.iter().map(|(sent, wanted)| (*sent, Some(*wanted)));
        for (sent, wanted) in EXAMPLES.iter().copied().chain(more) {
            // A message is one line.
            writeln!(stream, "{}", sent.replace('\n', " ")).unwrap();
            if let Some(wanted) = wanted {
                assert_eq!(
                    read_until(&mut stream, "\n"),
                    compact(wanted) + "\n",
                    "{sent}"
                );
            }
        }
        // Nothing was said to those that want no answer.
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_may_come_all_at_once_and_without_newlines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rpc");
    let streams = Streams::at(Server::new(methods()), &format!("unix:{}", path.display())).await;
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    beside(move || {
        let calls: String = (0..100)
            .map(|id| format!(r#"{{"jsonrpc":"2.0","method":"get","id":{id}}}"#))
            .collect();
        stream.write_all(calls.as_bytes()).unwrap();
        for id in 0..100 {
            let wanted = format!("{{\"jsonrpc\":\"2.0\",\"result\":1,\"id\":{id}}}\n");
            assert_eq!(read_until(&mut stream, "\n"), wanted);
        }
        // The end of the stream ends a message too.
        stream.write_all(b"[1").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("-32700"), "{rest}");
    })
    .await;
    streams.stop.cancel();
    assert_eq!(soon(streams.task).await.unwrap().unwrap().accepted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_is_broken_does_not_spoil_the_next() {
    let streams = Streams::new(Server::new(methods())).await;
    let mut stream = streams.raw();
    beside(move || {
        for broken in ["{\"a\":[\"", "nonsense", "[[[[", "{\"a\":\"\\", "]"] {
            writeln!(stream, "{broken}").unwrap();
            assert!(read_until(&mut stream, "\n").contains("-32700"), "{broken}");
            writeln!(stream, r#"{{"jsonrpc":"2.0","method":"get","id":5}}"#).unwrap();
            assert!(
                read_until(&mut stream, "\n").ends_with("\"id\":5}\n"),
                "{broken}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_call_holds_up_neither_a_batch_nor_a_connection() {
    let (go, ran) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let (going, counting) = (Arc::clone(&go), Arc::clone(&ran));
    let slow = methods()
        .add("slow", move |_| {
            let go = Arc::clone(&going);
            async move {
                go.notified().await;
                Ok("slow".into())
            }
        })
        .add("quick", move |_| {
            counting.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok("quick".into()))
        });
    let streams = Streams::new(Server::new(slow)).await;
    let client = streams.client().await;
    // The slow member ends only after both quick ones ran.
    let batch = Batch::new()
        .call("slow", ())
        .call("quick", ())
        .call("quick", ());
    let both = async {
        while ran.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        // On the same connection, beside the batch that is not done.
        let quick = client.call("quick", ()).await.unwrap();
        go.notify_one();
        quick
    };
    let (answers, quick) = soon(async { tokio::join!(client.batch(batch), both) }).await;
    let answers = answers.unwrap();
    let texts: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().unwrap().as_str().unwrap())
        .collect();
    assert_eq!(
        (texts, quick.as_str()),
        (vec!["slow", "quick", "quick"], Some("quick"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_run_wait_and_more_than_wait_are_refused() {
    let go = Arc::new(Notify::new());
    let going = Arc::clone(&go);
    let methods = Methods::new().add("slow", move |_| {
        let go = Arc::clone(&going);
        async move {
            go.notified().await;
            Ok(Value::Null)
        }
    });
    let mut bounds = Bounds::default();
    (bounds.running, bounds.waiting) = (1, 2);
    let refused = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&refused);
    let server = Server::new(methods).bounds(bounds).on_call(move |called| {
        counting.fetch_add(usize::from(called.answer.is_err()), Ordering::SeqCst);
    });
    let streams = Streams::new(server).await;
    let client = streams.client().await;
    let batch = (0..100).fold(Batch::new(), |batch, _| batch.call("slow", ()));
    let opening = async {
        // Nothing is done before all are refused that will be.
        while refused.load(Ordering::SeqCst) < 97 {
            tokio::task::yield_now().await;
        }
        loop {
            go.notify_one();
            tokio::task::yield_now().await;
        }
    };
    let answers = tokio::select! {
        answers = soon(client.batch(batch)) => answers.unwrap(),
        () = opening => unreachable!("it never ends"),
    };
    let refused: Vec<_> = answers
        .iter()
        .filter_map(|answer| answer.as_ref().err())
        .collect();
    assert_eq!((answers.len(), refused.len()), (100, 97));
    assert_eq!(refused[0].code, -32000);
    let data = refused[0].data.as_ref().unwrap();
    assert!(matches!(data.get("retry"), Some(Value::Bool(true))));
}

#[tokio::test]
async fn the_answers_to_a_batch_take_no_more_than_they_may() {
    let mut bounds = Bounds::default();
    bounds.answers = 250;
    let server = Server::new(methods()).bounds(bounds);
    let long = "x".repeat(50);
    let calls: Vec<String> = (0..10)
        .map(|id| format!(r#"{{"jsonrpc":"2.0","method":"echo","params":["{long}"],"id":{id}}}"#))
        .collect();
    let batch = format!("[{}]", calls.join(","));
    let answer = soon(server.answer(batch.as_bytes())).await.unwrap();
    let answers = json::parse(&answer).unwrap();
    let answers = answers.as_array().unwrap();
    let fault = |answer: &Value| answer.get("error").map(|error| error.get("code").cloned());
    let refused: Vec<_> = answers.iter().filter_map(fault).collect();
    assert_eq!((answers.len(), refused.len()), (10, 8));
    assert!(refused.iter().all(|code| *code == Some((-32002).into())));
    let ids: Vec<_> = answers
        .iter()
        .map(|answer| answer.get("id").cloned())
        .collect();
    assert_eq!(ids, (0..10).map(|id| Some(id.into())).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_takes_too_long_is_given_up() {
    let mut bounds = Bounds::default();
    bounds.time = Duration::from_millis(20);
    let streams = Streams::new(Server::new(methods()).bounds(bounds)).await;
    let client = streams.client().await;
    let error = soon(client.call("forever", ())).await.unwrap_err();
    let fault = error.fault().unwrap();
    assert_eq!(
        (fault.code, &*fault.message),
        (-32001, "the call was not done after 20ms")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_long_is_told_so_and_the_connection_ends() {
    let mut bounds = Bounds::default();
    bounds.limits.bytes = 10_000;
    let server = Server::new(methods()).bounds(bounds);
    let streams = Streams::new(server.clone()).await;
    let mut stream = streams.raw();
    beside(move || {
        // The server may close before all of it is written.
        let _ = stream.write_all(format!("[\"{}\"]", "x".repeat(100_000)).as_bytes());
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(
            answer,
            "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"Invalid Request\",\
            \"data\":\"a message has more than 10000 bytes\"},\"id\":null}\n"
        );
    })
    .await;
    let serving = Serving::new(server);
    let answer = beside(move || serving.raw(post(&format!("[\"{}\"]", "x".repeat(20_000))))).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 413 "), "{head}");
    assert!(
        body.contains("\"code\":-32600") && body.contains("10000 bytes"),
        "{body}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn depth_and_batches_are_bounded() {
    let mut bounds = Bounds::default();
    bounds.limits.batch = 3;
    let serving = Serving::new(Server::new(methods()).bounds(bounds));
    beside(move || {
        let deep = "[".repeat(1_000) + &"]".repeat(1_000);
        let answer = serving.raw(post(&format!(
            r#"{{"jsonrpc":"2.0","method":"echo","params":{deep},"id":1}}"#
        )));
        assert!(
            answer.contains("-32700") && answer.contains("256"),
            "{answer}"
        );
        let answer = serving.raw(post("[1,2,3]"));
        assert!(answer.ends_with("\"id\":null}]"), "{answer}");
        let answer = serving.raw(post("[1,2,3,4]"));
        assert!(
            answer.contains("a batch has at most 3 members here, and this one has 4"),
            "{answer}"
        );
    })
    .await;
}

#[test]
fn http_refuses_other_methods_and_other_media_types() {
    within(|| {
        let serving = Serving::new(Server::new(methods()));
        let status = |text: &str| serving.raw(text).split(' ').nth(1).unwrap().to_owned();
        let get = serving.raw("GET / HTTP/1.0\r\n\r\n");
        assert!(
            get.starts_with("HTTP/1.1 405 ") && get.contains("Allow: POST\r\n"),
            "{get}"
        );
        assert_eq!(
            status("PUT / HTTP/1.0\r\nContent-Length: 2\r\n\r\n[]"),
            "405"
        );
        let call = post(r#"{"jsonrpc":"2.0","method":"get","id":1}"#);
        assert_eq!(status(&call), "200");
        for (media, wanted) in [
            ("application/json; charset=utf-8", "200"),
            ("application/json-rpc", "200"),
            ("application/jsonrequest", "200"),
            ("application/vnd.api+json", "200"),
            ("text/plain", "415"),
            ("application/x-www-form-urlencoded", "415"),
        ] {
            assert_eq!(
                status(&call.replace("application/json", media)),
                wanted,
                "{media}"
            );
        }
        assert_eq!(
            status(&call.replace("Content-Type: application/json\r\n", "")),
            "415"
        );
        let zipped = call.replace("Content-Type", "Content-Encoding: gzip\r\nContent-Type");
        assert_eq!(status(&zipped), "415");
    });
}

#[tokio::test]
async fn a_stop_lets_calls_end_that_run() {
    let (go, began) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (going, beginning) = (Arc::clone(&go), Arc::clone(&began));
    let methods = Methods::new().add("slow", move |_| {
        let (go, began) = (Arc::clone(&going), Arc::clone(&beginning));
        async move {
            began.notify_one();
            go.notified().await;
            Ok("done".into())
        }
    });
    let streams = Streams::new(Server::new(methods)).await;
    let client = streams.client().await;
    let stopping = async {
        began.notified().await;
        streams.stop.cancel();
        go.notify_one();
    };
    let (answer, ()) = soon(async { tokio::join!(client.call("slow", ()), stopping) }).await;
    assert_eq!(answer.unwrap().as_str(), Some("done"));
    soon(streams.task).await.unwrap().unwrap();
    let error = soon(client.call("slow", ())).await.unwrap_err();
    assert_eq!(error.failed().unwrap().kind(), Kind::Lost, "{error}");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let mut bounds = Bounds::default();
    bounds.idle = Duration::from_millis(10);
    let streams = Streams::new(Server::new(methods()).bounds(bounds)).await;
    let stream = Net::new()
        .connect(&streams.url.parse().unwrap())
        .await
        .unwrap();
    let mut stream = tokio::io::BufReader::new(stream);
    let mut rest = Vec::new();
    soon(tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest))
        .await
        .unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_server_tells_what_it_can_do() {
    let server = Server::new(methods().add("system.methodHelp", async |_| Ok("own".into())));
    let ask = async |text: &str| {
        String::from_utf8(server.answer(text.as_bytes()).await.unwrap()).unwrap()
    };
    let list = ask(r#"{"jsonrpc":"2.0","method":"system.listMethods","id":1}"#).await;
    assert!(
        list.contains(r#""subtract","sum","system.listMethods","system.methodHelp","typed""#),
        "{list}"
    );
    assert!(!list.contains("rpc."), "{list}");
    // A method of one's own stands before ours.
    let help =
        ask(r#"{"jsonrpc":"2.0","method":"system.methodHelp","params":["sum"],"id":1}"#).await;
    assert!(help.contains("\"own\""), "{help}");
    let server = Server::new(methods());
    let ask = async |text: &str| {
        String::from_utf8(server.answer(text.as_bytes()).await.unwrap()).unwrap()
    };
    let help =
        ask(r#"{"jsonrpc":"2.0","method":"system.methodHelp","params":["sum"],"id":1}"#).await;
    assert!(help.contains("Adds numbers."), "{help}");
    let document = ask(r#"{"jsonrpc":"2.0","method":"rpc.discover","id":1}"#).await;
    assert!(
        document.contains(r#"{"name":"sum","summary":"Adds numbers.","params":[],"#),
        "{document}"
    );
}

#[tokio::test]
async fn whoever_keeps_a_log_hears_of_calls_and_notifications() {
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let hearing = Arc::clone(&heard);
    let server = Server::new(methods()).on_call(move |called| {
        let code = called.answer.as_ref().err().map(|fault| fault.code);
        let id = called.id.map(str::to_owned);
        hearing
            .lock()
            .unwrap()
            .push((called.method.to_owned(), id, code));
    });
    let batch = r#"[{"jsonrpc":"2.0","method":"get","id":"a"},{"jsonrpc":"2.0","method":"fail"}]"#;
    server.answer(batch.as_bytes()).await;
    let heard = heard.lock().unwrap();
    let expected = [
        ("get".to_owned(), Some("\"a\"".to_owned()), None),
        ("fail".to_owned(), None, Some(7)),
    ];
    assert_eq!(*heard, expected);
}

/// A client of the same kind over each carrier.
#[tokio::test(flavor = "multi_thread")]
async fn every_carrier_carries_calls_notifications_and_batches() {
    let server = Server::new(methods());
    let serving = Serving::new(server.clone());
    let tcp = Streams::new(server.clone()).await;
    let dir = tempfile::tempdir().unwrap();
    let unix = Streams::at(
        server.clone(),
        &format!("unix:{}", dir.path().join("s").display()),
    )
    .await;
    let tls = Streams::at(server.clone(), "tls://127.0.0.1:0").await;
    for url in [
        format!("http://{}/", serving.addr()),
        format!("ws://{}/", serving.addr()),
        tcp.url.clone(),
        format!("{}?verify=none", tls.url),
        unix.url.clone(),
    ] {
        let client = soon(Client::connect(&Net::new(), &url)).await.unwrap();
        let (one, two) = soon(async {
            tokio::join!(
                client.call("subtract", [42.into(), 23.into()]),
                client.call_typed::<String>("typed", &(7,))
            )
        })
        .await;
        assert_eq!(
            (one.unwrap().as_i64(), &*two.unwrap()),
            (Some(19), "7"),
            "{url}"
        );
        soon(client.notify("update", [1.into()])).await.unwrap();
        let batch = Batch::new()
            .call("get", ())
            .notify("update", ())
            .call("fail", ())
            .call("sum", [1.into(), 2.into()]);
        let answers = soon(client.batch(batch)).await.unwrap();
        let shown: Vec<_> = answers
            .iter()
            .map(|answer| answer.as_ref().map(|v| v.as_i64()).map_err(|f| f.code))
            .collect();
        assert_eq!(shown, [Ok(Some(1)), Err(7), Ok(Some(3))], "{url}");
        soon(client.batch(Batch::new().notify("update", ()).notify("none", ())))
            .await
            .unwrap();
        assert!(soon(client.batch(Batch::new())).await.unwrap().is_empty());
        let fault = soon(client.call("fail", ())).await.unwrap_err();
        let data = fault.fault().unwrap().data.as_ref().unwrap();
        assert!(data.get("pot").is_some(), "{url}");
        soon(client.close()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_at_once_find_their_answers() {
    let server = Server::new(methods());
    let serving = Serving::new(server.clone());
    let tcp = Streams::new(server).await;
    for url in [
        format!("http://{}/", serving.addr()),
        format!("ws://{}/", serving.addr()),
        tcp.url.clone(),
    ] {
        let client = Arc::new(soon(Client::connect(&Net::new(), &url)).await.unwrap());
        let calls = (0..300i64).map(|n| {
            let client = Arc::clone(&client);
            tokio::spawn(async move {
                client
                    .call("echo", [n.into()])
                    .await
                    .map(|value| value.as_array().unwrap()[0].as_i64())
            })
        });
        for (n, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
            assert_eq!(soon(call).await.unwrap().unwrap(), Some(n as i64), "{url}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_of_calls_stands_among_other_routes() {
    let routes = web::Routes::new()
        .post("/rpc", Server::new(methods()))
        .get("/", async |_: web::Request| "hello");
    let serving = Serving::new(routes.build().unwrap());
    let client = Client::connect(&Net::new(), &format!("http://{}/rpc", serving.addr()))
        .await
        .unwrap();
    assert_eq!(
        soon(client.call("get", ())).await.unwrap().as_i64(),
        Some(1)
    );
    let elsewhere = Client::connect(&Net::new(), &format!("http://{}/other", serving.addr()))
        .await
        .unwrap();
    let error = soon(elsewhere.call("get", ())).await.unwrap_err();
    let error = error.failed().unwrap();
    assert_eq!(
        (error.kind(), error.status()),
        (Kind::Rejected, Some(404)),
        "{error}"
    );
}

#[test]
fn limits_have_defaults_that_are_documented() {
    let limits = Limits::default();
    assert_eq!(
        (limits.bytes, limits.depth, limits.batch),
        (16 << 20, 256, 1_000)
    );
    let bounds = Bounds::default();
    assert_eq!(
        (bounds.running, bounds.waiting, bounds.pipelined),
        (1_024, 4_096, 256)
    );
    assert_eq!(bounds.time, Duration::from_secs(60));
}
