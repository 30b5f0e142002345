//! `rpc` with XML-RPC, against Python's client and server.

use sockeye_testkit::peers::python3;
use sockeye_testkit::{Program, within};

use crate::rpc_json::{done, python_server, rpc, served};

/// Python's server, as its documentation shows it.
pub(crate) const SIMPLE: &str = "
from xmlrpc.server import SimpleXMLRPCServer
import datetime, xmlrpc.client
server = SimpleXMLRPCServer(('127.0.0.1', 0), logRequests=False, allow_none=True, use_builtin_types=True)
server.register_introspection_functions()
server.register_multicall_functions()
def echo(*args):
    'gives back what it got'
    return args[0] if len(args) == 1 else list(args)
def kind(value): return type(value).__name__
def when(): return datetime.datetime(2026, 11, 27, 10, 30)
def refuse(): raise xmlrpc.client.Fault(7, 'no <&> \\u00f6')
def divide(a, b): return a / b
for function in (echo, kind, when, refuse, divide): server.register_function(function)
print(server.server_address[1])
server.serve_forever()
";

#[test]
fn the_server_of_python_is_called() {
    within(|| {
        let Some(python) = python3() else { return };
        let (_server, port) = python_server(&python, SIMPLE);
        let url = format!("http://127.0.0.1:{port}/RPC2");
        let call = |words: &[&str]| done(&rpc(&[&["call", &url], words].concat()));
        assert_eq!(
            call(&[
                "echo",
                "-12",
                "x <&>",
                "ö",
                "true",
                "1.5",
                "[1,[2]]",
                r#"{"a":{}}"#
            ]),
            "[-12,\"x <&>\",\"ö\",true,1.5,[1,[2]],{\"a\":{}}]\n"
        );
        for (word, kind) in [
            ("3", "int"),
            ("3.0", "float"),
            ("x", "str"),
            ("false", "bool"),
            ("[]", "list"),
            ("{}", "dict"),
            (r#"{"!base64":"aGk="}"#, "bytes"),
            (r#"{"!dateTime.iso8601":"20261127T10:30:00"}"#, "datetime"),
            (r#"{"!i8":5}"#, "int"),
            (r#"{"!nil":null}"#, "NoneType"),
        ] {
            assert_eq!(call(&["kind", word, "-r"]), format!("{kind}\n"), "{word}");
        }
        assert_eq!(call(&["kind", "null", "--nil", "-r"]), "NoneType\n");
        assert_eq!(call(&["kind", "9007199254740993", "--i8", "-r"]), "int\n");
        assert_eq!(call(&["when"]), "\"20261127T10:30:00\"\n");
        assert_eq!(
            call(&["when", "--types"]),
            "{\"!dateTime.iso8601\":\"20261127T10:30:00\"}\n"
        );
        for (words, code, said) in [
            (&["echo", "null"][..], 2, "null"),
            (&["echo", "9007199254740993"], 2, "9007199254740993"),
            (&["echo", "a=1"], 2, ""),
            (&["refuse"], 1, "the peer says no: no <&> ö (fault 7)"),
            (&["divide", "1", "0"], 1, "ZeroDivisionError"),
            (&["echo", "1", "--notify"], 2, "--notify"),
            (&["echo", "1", "--id", "1"], 2, "--id"),
        ] {
            let output = rpc(&[&["call", &url], words].concat());
            assert_eq!(output.code, Some(code), "{words:?}: {output:?}");
            assert!(output.stderr_text().contains(said), "{words:?}: {output:?}");
        }
        let mut batch = Program::start(
            crate::serving::SOCKEYE,
            ["rpc", "call", &url, "--batch", "-"],
        );
        batch.write("echo 1\nrefuse\necho 'x y'\n");
        let output = batch.finish();
        assert_eq!(
            (output.code, &*output.stdout_text()),
            (Some(1), "1\n\"x y\"\n")
        );
        assert!(
            output
                .stderr_text()
                .contains("call 2, refuse: the peer says no"),
            "{output:?}"
        );
        let text = done(&rpc(&["list", &url]));
        assert!(text.contains("gives back what it got"), "{text}");
        assert!(text.contains("system.methodHelp"), "{text}");
        // The protocol is said in other ways, too; Python answers on / and /RPC2 alone.
        let other = format!("xmlrpc+http://127.0.0.1:{port}/");
        assert_eq!(done(&rpc(&["call", &other, "echo", "1"])), "1\n");
        let plain = format!("127.0.0.1:{port}/");
        assert_eq!(
            done(&rpc(&["call", &plain, "echo", "1", "--protocol", "xml"])),
            "1\n"
        );
        let output = rpc(&["call", &format!("xmlrpc+http://127.0.0.1:{port}/x"), "echo"]);
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(output.stderr_text().contains("404"), "{output:?}");
    });
}

#[test]
fn the_client_of_python_calls_us() {
    within(|| {
        let Some(python) = python3() else { return };
        let (server, url) = served(&[
            "--demo",
            "--exec",
            "pass=cat",
            "--exec",
            "no=sh -c 'echo not today >&2; exit 3'",
            "--help-text",
            "pass=gives back what it got",
            "--shell",
            r"bytes=printf '\377'",
            "--nil",
            "--i8",
        ]);
        let code = format!(
            "
import xmlrpc.client
for path in ('', '/', '/RPC2'):
    s = xmlrpc.client.ServerProxy('{url}' + path, allow_none=True, use_builtin_types=True)
    assert s.sum(1, 2) == 3
assert getattr(s, 'pass')('ö <&>', 1.5, None, True, {{'a': [1]}}) == ['ö <&>', 1.5, None, True, {{'a': [1]}}]
assert s.bytes() == b'\\xff'
assert s.echo(None) is None
assert 'pass' in s.system.listMethods()
assert s.system.methodHelp('pass') == 'gives back what it got'
try:
    s.no()
    assert False
except xmlrpc.client.Fault as e:
    assert (e.faultCode, e.faultString) == (3, 'not today'), e
try:
    s.nothing()
    assert False
except xmlrpc.client.Fault as e:
    assert e.faultCode == -32601, e
m = xmlrpc.client.MultiCall(s)
m.sum(1, 1)
m.no()
m.echo('x')
it = m()
assert it[0] == 2 and it[2] == 'x'
try:
    it[1]
    assert False
except xmlrpc.client.Fault as e:
    assert e.faultCode == 3
print('good')
"
        );
        let output = Program::start(&python, ["-c", &code]).finish();
        assert_eq!(output.stdout_text(), "good\n", "{}", output.stderr_text());
        let said = server.stderr_until("no fault 3: not today");
        let said = String::from_utf8(said).unwrap();
        assert!(
            said.lines().any(|line| line.starts_with("sum ok in ")),
            "{said}"
        );
    });
}
