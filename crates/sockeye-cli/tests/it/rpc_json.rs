//! `rpc call` and `rpc list` with JSON-RPC, against raw bytes, our own server and Python's.

use std::net::TcpListener;

use sockeye_testkit::peers::python_with;
use sockeye_testkit::{Output, Peer, Program, Step, temporary_dir, within};

use crate::serving::{SOCKEYE, sockeye};

/// `sockeye rpc` with these words, to its end, without input.
pub(crate) fn rpc(words: &[&str]) -> Output {
    Program::start(SOCKEYE, [&["rpc"], words].concat()).finish()
}

/// The same with this on standard input.
fn rpc_fed(words: &[&str], input: &str) -> Output {
    let mut program = Program::start(SOCKEYE, [&["rpc"], words].concat());
    program.write(input);
    program.finish()
}

/// `sockeye rpc serve` on any port of this machine, and its URL.
pub(crate) fn served(flags: &[&str]) -> (Program, String) {
    let server = Program::start(SOCKEYE, [&["rpc", "serve", "0"], flags].concat());
    let url = format!("http://{}", server.host_port());
    (server, url)
}

/// A program of Python that prints its port first.
pub(crate) fn python_server(python: &std::path::Path, code: &str) -> (Program, u16) {
    let server = Program::start(python, ["-u", "-c", code]);
    let said = String::from_utf8(server.stdout_until("\n")).unwrap();
    let port = said.lines().next().unwrap().trim().parse().unwrap();
    (server, port)
}

/// What a well-behaved answer of a call is.
#[track_caller]
pub(crate) fn done(output: &Output) -> String {
    assert_eq!(output.code, Some(0), "{output:?}");
    output.stdout_text()
}

/// A peer on HTTP that hears one request and answers with this body.
fn http(body: &str) -> Peer {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Peer::tcp([Step::until("}"), Step::send(answer)])
}

#[test]
fn words_go_out_as_they_were_typed() {
    within(|| {
        for (words, sent) in [
            (
                &["sum", "1", "2.50"][..],
                r#"{"jsonrpc":"2.0","method":"sum","params":[1,2.50],"id":1}"#,
            ),
            (
                &["m", "9007199254740993", "1e400"],
                r#"{"jsonrpc":"2.0","method":"m","params":[9007199254740993,1e400],"id":1}"#,
            ),
            (
                &["m", "true", "null", "x y", "[1]", r#"{"a":1}"#],
                r#"{"jsonrpc":"2.0","method":"m","params":[true,null,"x y",[1],{"a":1}],"id":1}"#,
            ),
            (
                &["m", "-3", "-0.5"],
                r#"{"jsonrpc":"2.0","method":"m","params":[-3,-0.5],"id":1}"#,
            ),
            (
                &["m", "-q", "--", "-x"],
                r#"{"jsonrpc":"2.0","method":"m","params":["-x"],"id":1}"#,
            ),
            (&["m", "3", "a=b"], ""),
            (&["m", "-x"], ""),
            (
                &["m", "a=1", "b:=1"],
                r#"{"jsonrpc":"2.0","method":"m","params":{"a":"1","b":1},"id":1}"#,
            ),
            (
                &["m", "-s", "1", "a=b"],
                r#"{"jsonrpc":"2.0","method":"m","params":["1","a=b"],"id":1}"#,
            ),
            (
                &["m", "--params", r#"{"a":[1e400]}"#],
                r#"{"jsonrpc":"2.0","method":"m","params":{"a":[1e400]},"id":1}"#,
            ),
            (&["m"], r#"{"jsonrpc":"2.0","method":"m","id":1}"#),
            (
                &["m", "--id", "abc"],
                r#"{"jsonrpc":"2.0","method":"m","id":"abc"}"#,
            ),
            (
                &["m", "1", "--id", "12345678901234567890"],
                r#"{"jsonrpc":"2.0","method":"m","params":[1],"id":12345678901234567890}"#,
            ),
        ] {
            let peer = match sent {
                "" => None,
                _ => {
                    let id = &sent[sent.rfind("\"id\":").unwrap() + 5..sent.len() - 1];
                    let body =
                        format!(r#"{{"jsonrpc":"2.0","result":[1.0,9007199254740993],"id":{id}}}"#);
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    Some(Peer::tcp([Step::until(sent), Step::send(answer)]))
                }
            };
            let url = peer
                .as_ref()
                .map_or("http://127.0.0.1:1/".to_owned(), |peer| {
                    format!("http://{}/", peer.addr())
                });
            let output = rpc(&[&["call", &url], words].concat());
            let Some(peer) = peer else {
                assert_eq!(output.code, Some(2), "{words:?}: {output:?}");
                continue;
            };
            assert_eq!(done(&output), "[1.0,9007199254740993]\n", "{words:?}");
            let heard = String::from_utf8_lossy(&peer.finish().received).into_owned();
            assert!(heard.ends_with(&format!("\r\n\r\n{sent}")), "{heard}");
            assert!(
                heard.contains("Content-Type: application/json\r\n"),
                "{heard}"
            );
        }
    });
}

#[test]
fn a_fault_is_exit_code_1_and_what_is_no_answer_7() {
    within(|| {
        let peer = http(
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method\u001b not found","data":{"a":1}},"id":1}"#,
        );
        let output = rpc(&["call", &format!("http://{}", peer.addr()), "m"]);
        assert_eq!(
            (output.code, output.stdout_text()),
            (Some(1), String::new())
        );
        assert_eq!(
            output.stderr_text(),
            "sockeye: the peer says no: Method\\x1b not found (fault -32601) {\"a\":1}\n"
        );
        for body in [
            r#"{"jsonrpc":"2.0","result":1,"error":{"code":1,"message":""},"id":1}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","result":1,"id":2}"#,
            "{}",
        ] {
            let peer = http(body);
            let output = rpc(&["call", &format!("http://{}", peer.addr()), "m"]);
            assert_eq!(output.code, Some(7), "{body}: {output:?}");
            assert_eq!(output.stdout_text(), "");
        }
        // Nobody is there.
        let output = rpc(&["call", "http://127.0.0.1:1/", "m"]);
        assert_eq!(output.code, Some(4), "{output:?}");
        let output = rpc(&["call", "udp://127.0.0.1:1", "m"]);
        assert_eq!(output.code, Some(2), "{output:?}");
        // One that says nothing.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = silent.local_addr().unwrap();
        for words in [
            [&*format!("http://{at}"), "m", "--patience", "100ms"],
            [&*format!("http://{at}"), "m", "--timeout", "100ms"],
            [&*format!("tcp://{at}"), "m", "--patience", "100ms"],
            [&*format!("tcp://{at}"), "m", "--timeout", "100ms"],
        ] {
            let output = rpc(&[&["call"], &words[..]].concat());
            assert_eq!(output.code, Some(5), "{words:?}: {output:?}");
        }
    });
}

#[test]
fn headers_secrets_and_notifications() {
    within(|| {
        let peer = Peer::tcp([
            Step::until(r#""method":"log","params":["hi"]}"#),
            Step::send("HTTP/1.1 204 No Content\r\n\r\n"),
        ]);
        let url = format!("http://{}/x?y=1", peer.addr());
        let output = rpc(&[
            "call",
            &url,
            "log",
            "hi",
            "--notify",
            "-H",
            "X-Trace: 7",
            "-u",
            "me:secret",
            "--json",
        ]);
        assert_eq!(
            done(&output),
            "{\"type\":\"notified\",\"method\":\"log\"}\n"
        );
        let heard = String::from_utf8(peer.finish().received).unwrap();
        assert!(heard.starts_with("POST /x?y=1 HTTP/1.1\r\n"), "{heard}");
        assert!(heard.contains("X-Trace: 7\r\n"), "{heard}");
        assert!(
            heard.contains("Authorization: Basic bWU6c2VjcmV0\r\n"),
            "{heard}"
        );
        // What has no effect is refused.
        for words in [
            &["tcp://127.0.0.1:1", "m", "-H", "A: b"][..],
            &["unix:/x", "m", "--ca", "f"],
            &["http://127.0.0.1:1/", "m", "--nil"],
            &["http://127.0.0.1:1/RPC2", "m", "--notify"],
            &["http://127.0.0.1:1/", "m", "-H", "nonsense"],
        ] {
            let output = rpc(&[&["call"], words].concat());
            assert_eq!(output.code, Some(2), "{words:?}: {output:?}");
        }
    });
}

#[test]
fn a_batch_has_its_answers_in_order() {
    within(|| {
        let (_server, url) = served(&["--demo"]);
        let calls = "sum 1 2\n# a remark\n\necho 'two words'\nfail 7 no\n{\"method\":\"echo\",\"params\":[1e400]}\nsum x\n";
        let output = rpc_fed(&["call", &url, "--batch", "-"], calls);
        assert_eq!(output.code, Some(1), "{output:?}");
        assert_eq!(output.stdout_text(), "3\n\"two words\"\n1e400\n");
        let said = output.stderr_text();
        assert!(
            said.starts_with("sockeye: call 3, fail: the peer says no: no (fault 7)\n"),
            "{said}"
        );
        assert!(
            said.contains("call 5, sum: the peer says no: Invalid params"),
            "{said}"
        );
        let output = rpc_fed(
            &["call", &url, "--batch", "-", "--json"],
            "sum 1\nfail 7 no\n",
        );
        let lines = output.stdout_text();
        let (first, second) = lines.trim_end().split_once('\n').unwrap();
        assert!(
            first.starts_with(r#"{"type":"result","call":1,"method":"sum","result":1,"seconds":"#),
            "{first}"
        );
        assert_eq!(
            second,
            r#"{"type":"fault","call":2,"method":"fail","code":7,"message":"no"}"#
        );
        let output = rpc_fed(&["call", &url, "--batch", "-"], "sum 1\nsum [1\n");
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(output.stderr_text().contains("line 2: "), "{output:?}");
    });
}

#[test]
fn every_carrier_carries_calls() {
    within(|| {
        let dir = temporary_dir();
        let path = dir.path().join("s");
        let unix = format!("unix:{}", path.display());
        let by_unix = sockeye(["rpc", "serve", &unix, "--demo"]);
        by_unix.listening();
        let by_lines = sockeye(["rpc", "serve", "0", "--framing", "lines", "--demo"]);
        let tcp = by_lines.listening();
        let by_tls = sockeye(["rpc", "serve", "tls://0", "--framing", "lines", "--demo"]);
        let tls = format!("tls://{}?verify=none", by_tls.host_port());
        let exec = format!("exec:{SOCKEYE} rpc serve stdio: --demo -q");
        let (_http, http) = served(&["--demo"]);
        let ws = http.replacen("http", "ws", 1);
        let jsonrpc = format!("jsonrpc+{http}/RPC2");
        for url in [&*unix, &tcp, &tls, &exec, &http, &jsonrpc, &ws] {
            let output = rpc(&["call", url, "sum", "1", "9007199254740993"]);
            assert_eq!(done(&output), "9007199254740994\n", "{url}");
            let output = rpc_fed(&["call", url, "--batch", "-"], "echo a\necho b\n");
            assert_eq!(done(&output), "\"a\"\n\"b\"\n", "{url}");
            done(&rpc(&["call", url, "echo", "--notify"]));
            let output = rpc(&["call", url, "nothing"]);
            assert_eq!(output.code, Some(1), "{url}: {output:?}");
        }
        let by_https = sockeye(["rpc", "serve", "tls://0", "--demo"]);
        let https = format!("https://{}", by_https.host_port());
        assert_eq!(
            done(&rpc(&["call", &https, "-k", "echo", "x", "-r"])),
            "x\n"
        );
        let wss = https.replacen("http", "ws", 1);
        assert_eq!(done(&rpc(&["call", &wss, "-k", "echo", "x", "-r"])), "x\n");
        for url in [&https, &wss] {
            let output = rpc(&["call", url, "echo"]);
            assert_eq!(output.code, Some(6), "{output:?}");
        }
        let by_http = sockeye([
            "rpc",
            "serve",
            &format!("{unix}2"),
            "--framing",
            "http",
            "--demo",
        ]);
        by_http.listening();
        let socket = format!("{}2", path.display());
        for url in ["http://localhost/", "ws://localhost/"] {
            let output = rpc(&["call", url, "sum", "1", "--unix-socket", &socket]);
            assert_eq!(done(&output), "1\n", "{url}");
        }
    });
}

#[test]
fn a_websocket_is_asked_for_with_lines_of_ones_own_and_through_a_proxy() {
    within(|| {
        let proxy = Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::send("HTTP/1.1 200 OK\r\n\r\n"),
            Step::until("Upgrade"),
            Step::until("\r\n\r\n"),
            Step::send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
        ]);
        let output = rpc(&[
            "call",
            "ws://service.test:81/rpc?x=1",
            "m",
            "--via",
            &format!("http://127.0.0.1:{}", proxy.port()),
            "-H",
            "X-Trace: 7",
            "-H",
            "Host: other.test",
            "-u",
            "me:secret",
        ]);
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(
            output.stderr_text().contains("the server answers 401"),
            "{output:?}"
        );
        let heard = String::from_utf8(proxy.finish().received).unwrap();
        assert!(
            heard.starts_with("CONNECT service.test:81 HTTP/1.1\r\n"),
            "{heard}"
        );
        let (_, asked) = heard.split_once("\r\n\r\n").unwrap();
        assert!(asked.starts_with("GET /rpc?x=1 HTTP/1.1\r\n"), "{asked}");
        for line in [
            "X-Trace: 7",
            "Host: other.test",
            "Authorization: Basic bWU6c2VjcmV0",
        ] {
            assert!(asked.contains(&format!("\r\n{line}\r\n")), "{asked}");
        }
        assert_eq!(asked.matches("Host: ").count(), 1, "{asked}");
    });
}

#[test]
fn results_are_json_or_raw() {
    within(|| {
        let (_server, url) = served(&["--demo"]);
        assert_eq!(done(&rpc(&["call", &url, "echo", "a\"b"])), "\"a\\\"b\"\n");
        assert_eq!(done(&rpc(&["call", &url, "echo", "a\"b", "-r"])), "a\"b\n");
        assert_eq!(done(&rpc(&["call", &url, "echo", "[1]", "-r"])), "[1]\n");
        let output = rpc(&["call", &url, "echo", "-v", "1"]);
        assert!(
            output
                .stderr_text()
                .contains("JSON-RPC 2.0, for nothing says"),
            "{output:?}"
        );
        let file = temporary_dir();
        let file_path = file.path().join("p");
        std::fs::write(&file_path, "[[1,2]]").unwrap();
        let at = format!("@{}", file_path.display());
        assert_eq!(
            done(&rpc(&["call", &url, "echo", "--params", &at])),
            "[1,2]\n"
        );
        assert_eq!(
            done(&rpc_fed(
                &["call", &url, "echo", "--params", "-"],
                "{\"a\":1}"
            )),
            "{\"a\":1}\n"
        );
        let output = rpc(&["call", &url, "echo", "x", "--wire"]);
        assert!(
            output
                .stderr_text()
                .contains(r#"{"jsonrpc":"2.0","method":"echo","params":["x"],"id":1}"#),
            "{output:?}"
        );
    });
}

#[test]
fn methods_are_listed() {
    within(|| {
        let (_server, url) = served(&[
            "--demo",
            "--exec",
            "x=true",
            "--help-text",
            "x=does nothing",
        ]);
        let text = done(&rpc(&["list", &url]));
        assert!(text.starts_with("METHOD"), "{text}");
        assert!(
            text.contains("does nothing") && text.contains("adds numbers"),
            "{text}"
        );
        let lines = done(&rpc(&["list", &url, "--json"]));
        assert!(
            lines.contains(r#"{"type":"method","name":"x","help":"does nothing","#),
            "{lines}"
        );
        // A server that tells nothing.
        let refused =
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":1}"#;
        let again = refused.replace("\"id\":1", "\"id\":2");
        let peer = Peer::tcp([
            Step::until("\"id\":1}\n"),
            Step::send(format!("{refused}\n")),
            Step::until("\"id\":2}\n"),
            Step::send(format!("{again}\n")),
        ]);
        let output = rpc(&["list", &format!("tcp://{}", peer.addr())]);
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(
            output.stderr_text().contains("does not tell its methods"),
            "{output:?}"
        );
    });
}

/// A server with the package jsonrpcserver.
pub(crate) const JSONRPCSERVER: &str = "
from http.server import BaseHTTPRequestHandler, HTTPServer
from jsonrpcserver import Success, Error, dispatch, method
@method
def echo(*args, **named): return Success(named or (args[0] if len(args) == 1 else list(args)))
@method
def refuse(): return Error(7, 'no', {'a': 1})
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = self.rfile.read(int(self.headers['Content-Length'])).decode()
        answer = dispatch(asked)
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(answer.encode())))
        self.end_headers()
        self.wfile.write(answer.encode())
    def log_message(self, *args): pass
server = HTTPServer(('127.0.0.1', 0), Handler)
print(server.server_port)
server.serve_forever()
";

/// One with jsonrpclib-pelix.
pub(crate) const JSONRPCLIB: &str = "
from jsonrpclib.SimpleJSONRPCServer import SimpleJSONRPCServer
server = SimpleJSONRPCServer(('127.0.0.1', 0), logRequests=False)
server.register_function(lambda *args: args[0] if len(args) == 1 else list(args), 'echo')
server.register_introspection_functions()
print(server.server_address[1])
server.serve_forever()
";

#[test]
fn servers_of_python_are_called() {
    within(|| {
        let Some(python) = python_with(&["jsonrpcserver", "jsonrpclib"]) else {
            return;
        };
        let (_server, port) = python_server(&python, JSONRPCSERVER);
        let url = format!("http://127.0.0.1:{port}/");
        assert_eq!(
            done(&rpc(&["call", &url, "echo", "ö", "[1,null]"])),
            "[\"ö\",[1,null]]\n"
        );
        assert_eq!(
            done(&rpc(&["call", &url, "echo", "a=x", "b:=9007199254740993"])),
            "{\"a\":\"x\",\"b\":9007199254740993}\n"
        );
        assert_eq!(
            done(&rpc_fed(
                &["call", &url, "--batch", "-"],
                "echo 1\necho 2\n"
            )),
            "1\n2\n"
        );
        let output = rpc(&["call", &url, "refuse"]);
        assert_eq!(output.code, Some(1));
        assert_eq!(
            output.stderr_text(),
            "sockeye: the peer says no: no (fault 7) {\"a\":1}\n"
        );
        let (_server, port) = python_server(&python, JSONRPCLIB);
        let url = format!("http://127.0.0.1:{port}/");
        assert_eq!(done(&rpc(&["call", &url, "echo", "[1,2]"])), "[1,2]\n");
        done(&rpc(&["call", &url, "echo", "1", "--notify"]));
        let text = done(&rpc(&["list", &url]));
        assert!(
            text.contains("echo") && text.contains("system.listMethods"),
            "{text}"
        );
    });
}

#[test]
fn clients_of_python_call_us() {
    within(|| {
        let Some(python) = python_with(&["jsonrpclib"]) else {
            return;
        };
        let (_server, url) = served(&["--demo", "--exec", "pass=cat"]);
        let code = format!(
            "
import jsonrpclib
s = jsonrpclib.ServerProxy('{url}')
assert s.sum(1, 2) == 3
assert s.echo('ö') == 'ö'
assert getattr(s, 'pass')(2**53 + 1, None) == [2**53 + 1, None]
assert s.echo(a=1, b=[2]) == {{'a': 1, 'b': [2]}}
try:
    s._notify.echo(1)
    assert False
except jsonrpclib.jsonrpc.TransportError as e:
    # It knows no status but 200.
    assert e.args[1] == 204, e.args
s = jsonrpclib.ServerProxy('{url}')
many = jsonrpclib.MultiCall(s)
many.sum(1, 1)
many._notify.echo(1)
many.echo('x')
assert list(many()) == [2, 'x']
try:
    s.fail(7, 'no')
    assert False
except jsonrpclib.ProtocolError as e:
    assert e.args[0][:2] == (7, 'no'), e.args
print('good')
"
        );
        let output = Program::start(&python, ["-c", &code]).finish();
        assert_eq!(output.stdout_text(), "good\n", "{}", output.stderr_text());
    });
}
