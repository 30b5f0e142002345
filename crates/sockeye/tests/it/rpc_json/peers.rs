//! The same with implementations of others, both ways.

use sockeye_testkit::{Program, peers};

use super::*;

/// Methods for Python's jsonrpcserver, as text.
const JSONRPCSERVER: &str = r#"
import sys
from jsonrpcserver import dispatch, method, Success, Error
@method
def subtract(minuend, subtrahend): return Success(minuend - subtrahend)
@method
def echo(*args): return Success(list(args))
@method
def fail(): return Error(7, "no tea", {"pot": []})
@method
def update(*args): return Success()
"#;

/// The program that answers lines with them.
const LINES: &str = r#"
for line in sys.stdin:
    answer = dispatch(line)
    if answer:
        print(answer, flush=True)
"#;

/// And the one that answers requests.
const HTTP: &str = r#"
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        answer = dispatch(self.rfile.read(int(self.headers["Content-Length"])).decode()).encode()
        self.send_response(200 if answer else 204)
        if answer:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *args): pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("listening on http://127.0.0.1:%d/" % server.server_port, file=sys.stderr, flush=True)
server.serve_forever()
"#;

/// What works with any server of these methods.
async fn converse(client: &Client) {
    let nineteen = soon(client.call("subtract", [42.into(), 23.into()]))
        .await
        .unwrap();
    assert_eq!(nineteen.as_i64(), Some(19));
    let named =
        [("minuend", 42), ("subtrahend", 23)].map(|(name, value)| (name.into(), value.into()));
    let named = sockeye::data::value::Object::from_iter(named);
    assert_eq!(
        soon(client.call("subtract", named)).await.unwrap().as_i64(),
        Some(19)
    );
    let exact =
        sockeye::data::json::parse("[9007199254740993,\"\u{e9}\\n\u{1f600}\",null,1.5]".as_bytes())
            .unwrap();
    let items = exact.as_array().unwrap().to_vec();
    let back = soon(client.call("echo", items)).await.unwrap();
    assert_eq!(
        sockeye::data::json::to_string(&back),
        sockeye::data::json::to_string(&exact)
    );
    let fault = soon(client.call("fail", ())).await.unwrap_err();
    let fault = fault.fault().unwrap();
    assert_eq!((fault.code, &*fault.message), (7, "no tea"));
    assert!(fault.data.as_ref().unwrap().get("pot").is_some());
    let none = soon(client.call("none", ())).await.unwrap_err();
    assert_eq!(none.fault().unwrap().code, -32601);
    let wrong = soon(client.call("subtract", [1.into()])).await.unwrap_err();
    assert_eq!(wrong.fault().unwrap().code, -32602);
    soon(client.notify("update", [1.into()])).await.unwrap();
    let batch = Batch::new()
        .call("subtract", [5.into(), 3.into()])
        .notify("update", ())
        .call("none", ())
        .call("echo", ["x".into()]);
    let answers = soon(client.batch(batch)).await.unwrap();
    assert_eq!(answers[0].as_ref().unwrap().as_i64(), Some(2));
    assert_eq!(answers[1].as_ref().unwrap_err().code, -32601);
    assert_eq!(
        answers[2].as_ref().unwrap().as_array().unwrap()[0].as_str(),
        Some("x")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_talks_to_jsonrpcserver_over_http() {
    let Some(python) = peers::python_with(&["jsonrpcserver"]) else {
        return;
    };
    let script = format!("{JSONRPCSERVER}{HTTP}");
    let program = Program::start(python, ["-c", &script]);
    let url = beside(move || (program.listening(), program)).await;
    let client = Client::connect(&Net::new(), &url.0).await.unwrap();
    converse(&client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_talks_to_jsonrpcserver_over_pipes() {
    let Some(python) = peers::python_with(&["jsonrpcserver"]) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server.py");
    std::fs::write(&path, format!("{JSONRPCSERVER}{LINES}")).unwrap();
    let url = format!("exec:{} {}", python.display(), path.display());
    let client = soon(Client::connect(&Net::new(), &url)).await.unwrap();
    converse(&client).await;
    // The program ends because its input does.
    soon(client.close()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_talks_to_jsonrpclib_pelix() {
    let Some(python) = peers::python_with(&["jsonrpclib"]) else {
        return;
    };
    let script = r#"
import sys
from jsonrpclib.SimpleJSONRPCServer import SimpleJSONRPCServer
server = SimpleJSONRPCServer(("127.0.0.1", 0), logRequests=False)
server.register_function(lambda minuend, subtrahend: minuend - subtrahend, "subtract")
server.register_function(lambda *args: list(args), "echo")
server.register_introspection_functions()
print("listening on http://127.0.0.1:%d/" % server.server_address[1], file=sys.stderr, flush=True)
server.serve_forever()
"#;
    let program = Program::start(python, ["-c", script]);
    let (url, _program) = beside(move || (program.listening(), program)).await;
    let client = Client::connect(&Net::new(), &url).await.unwrap();
    assert_eq!(
        soon(client.call("subtract", [42.into(), 23.into()]))
            .await
            .unwrap()
            .as_i64(),
        Some(19)
    );
    let none = soon(client.call("none", ())).await.unwrap_err();
    assert_eq!(none.fault().unwrap().code, -32601);
    let list = soon(client.call("system.listMethods", ())).await.unwrap();
    assert!(
        list.as_array()
            .unwrap()
            .iter()
            .any(|name| name.as_str() == Some("echo"))
    );
    let batch = Batch::new()
        .call("echo", [1.into()])
        .notify("echo", ())
        .call("subtract", [2.into(), 1.into()]);
    let answers = soon(client.batch(batch)).await.unwrap();
    assert_eq!(answers[1].as_ref().unwrap().as_i64(), Some(1));
}

/// Run a script of Python with this argument; what it says.
fn run(python: &std::path::Path, script: &str, argument: &str) -> String {
    let output = Program::start(python, ["-c", script, argument]).wait();
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    output.stdout_text()
}

#[test]
fn jsonrpclib_pelix_talks_to_our_server() {
    let Some(python) = peers::python_with(&["jsonrpclib"]) else {
        return;
    };
    within(move || {
        let serving = Serving::new(Server::new(methods()));
        let script = r#"
import sys, jsonrpclib
server = jsonrpclib.ServerProxy(sys.argv[1])
print(server.subtract(42, 23), server.subtract(minuend=5, subtrahend=3))
try:
    jsonrpclib.ServerProxy(sys.argv[1])._notify.update(1)
except jsonrpclib.jsonrpc.TransportError as error:
    # It takes 204, which says that there is nothing to say, for a failure.
    print(error.args[1])
print(server.echo(9007199254740993, "é", None, [True]))
print("sum" in server.system.listMethods(), server.system.methodHelp("sum"))
try:
    server.fail()
except jsonrpclib.jsonrpc.AppError as error:
    print(error.args[0][0], error.args[0][1])
except jsonrpclib.ProtocolError as error:
    print(error.args[0][0], error.args[0][1])
batch = jsonrpclib.MultiCall(server)
batch.sum(1, 2, 4)
batch._notify.update(1)
batch.get_data()
print(list(batch()))
"#;
        let said = run(&python, script, &format!("http://{}/rpc", serving.addr()));
        let expected = "19 2\n204\n[9007199254740993, 'é', None, [True]]\nTrue Adds numbers.\n7 no tea\n[7, ['hello', 5]]\n";
        assert_eq!(said, expected);
    });
}

#[test]
fn jsonrpcclient_talks_to_our_server() {
    let Some(python) = peers::python_with(&["jsonrpcclient"]) else {
        return;
    };
    within(move || {
        let serving = Serving::new(Server::new(methods()));
        let script = r#"
import json, sys, urllib.request
from jsonrpcclient import Error, Ok, notification, parse, request, request_uuid
def ask(body):
    made = urllib.request.Request(sys.argv[1], json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(made) as answer:
        text = answer.read()
        return answer.status, parse(json.loads(text)) if text else None
print(ask(request("subtract", params=[42, 23]))[1].result)
print(ask(request_uuid("subtract", params={"minuend": 42, "subtrahend": 23}))[1].result)
print(ask(notification("update")))
status, error = ask(request("fail"))
print(isinstance(error, Error), error.code, error.message, error.data)
status, answers = ask([request("get"), notification("update"), request("sum", params=[1, 2])])
print([answer.result for answer in answers])
"#;
        let said = run(&python, script, &format!("http://{}/", serving.addr()));
        assert_eq!(
            said,
            "19\n19\n(204, None)\nTrue 7 no tea {'pot': []}\n[1, 3]\n"
        );
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn jsonrpcclient_talks_to_our_server_over_tcp() {
    let Some(python) = peers::python_with(&["jsonrpcclient"]) else {
        return;
    };
    let streams = Streams::new(Server::new(methods())).await;
    let at = streams.url.trim_start_matches("tcp://").to_owned();
    let script = r#"
import socket, sys
from jsonrpcclient import parse_json, request_json
host, port = sys.argv[1].rsplit(":", 1)
with socket.create_connection((host, int(port))) as connection:
    file = connection.makefile("rw")
    for pair in ([42, 23], [23, 42]):
        # Without a newline: the bracket ends the message.
        file.write(request_json("subtract", params=pair))
        file.flush()
        print(parse_json(file.readline()).result)
"#;
    let said = beside(move || run(&python, script, &at)).await;
    assert_eq!(said, "19\n-19\n");
}
