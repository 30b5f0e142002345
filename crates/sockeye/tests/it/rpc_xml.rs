//! XML-RPC with Python's modules, both ways.

use sockeye::Kind;
use sockeye::data::json;
use sockeye::data::tagged::Tags;
use sockeye::data::value::{Number, Value};
use sockeye::rpc::xmlrpc::{Client, ReadOptions, Service, WriteOptions};
use sockeye::rpc::{Call, CallError, Fault, Methods, Params};
use sockeye_testkit::{Program, peers, within};

use crate::web_serving::Serving;

/// Run this to its end on a runtime of its own.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// Python's server, if there is Python.
fn python_server(encoding: &[&str]) -> Option<Program> {
    let script = include_str!("rpc_xml/server.py");
    let mut args = vec!["-u", "-c", script];
    args.extend(encoding);
    Some(Program::start(peers::python3()?, args))
}

fn fault<T: std::fmt::Debug>(result: Result<T, CallError>) -> Fault {
    match result {
        Err(CallError::Fault(fault)) => fault,
        other => panic!("no fault but {other:?}"),
    }
}

/// Methods for both sides to try.
pub(crate) fn methods() -> Methods {
    Methods::new()
        .add("echo", async |params: Params| {
            let Params::List(values) = params else {
                unreachable!()
            };
            Ok(Value::array(values))
        })
        .typed("add", async |(a, b): (i64, i64)| Ok(a + b))
        .help("add", "adds two numbers")
        .typed("large", async |(count,): (usize,)| Ok("a".repeat(count)))
        .typed("shop.tea.price", async |(name,): (String,)| {
            Ok(if name == "green" { 3 } else { 2 })
        })
        .typed("big", async |()| Ok(1_i64 << 31))
        .typed("refuse", async |()| -> Result<(), Fault> {
            Err(Fault::new(42, "not <today>: \0"))
        })
        .typed("panics", async |()| -> Result<(), Fault> {
            panic!("a method of a test")
        })
        .typed("slow", async |()| -> Result<(), Fault> {
            std::future::pending().await
        })
}

#[test]
fn pythons_client_is_served() {
    within(|| {
        let Some(python) = peers::python3() else {
            return;
        };
        let read = ReadOptions {
            tags: Tags::Keep,
            ..ReadOptions::default()
        };
        let write = WriteOptions {
            nil: true,
            ..WriteOptions::default()
        };
        let serving = Serving::new(Service::new(methods()).read(read).write(write));
        let url = format!("http://{}/RPC2", serving.addr());
        let script = include_str!("rpc_xml/client.py");
        let output = Program::start(python, ["-c", script, &url]).wait();
        assert_eq!(
            output.stdout_text(),
            "all is well\n",
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn pythons_server_is_called() {
    within(|| {
        let Some(python) = python_server(&[]) else {
            return;
        };
        let client = Client::new(&format!("http://{}", python.host_port())).unwrap();
        run(async {
            assert_eq!(
                client
                    .call("pow", [2.into(), 10.into()])
                    .await
                    .unwrap()
                    .as_i64(),
                Some(1024)
            );
            let price = client.call("tea.price", ["black".into()]).await.unwrap();
            assert_eq!(json::to_string(&price), "2.5");
            let samples = client.call("samples", ()).await.unwrap();
            let expected = r#"["19980717T14:08:55","20261127T10:30:00","AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiYw==",1e+16,1.7976931348623157e+308,null,-7,true,"é🐟 <&>",{"a":[1,{}]}]"#;
            assert_eq!(json::to_string(&samples), expected);
            let Some(Value::Bytes(bytes)) = samples.as_array().unwrap().get(2) else {
                panic!()
            };
            assert_eq!(bytes.len(), 100);

            let refused = fault(client.call("refuse", [7.into(), "no <b>".into()]).await);
            assert_eq!((refused.code, refused.message.as_str()), (7, "no <b>"));
            let failed = fault(client.call("fail", ["boom".into()]).await);
            assert_eq!(
                (failed.code, failed.message.as_str()),
                (1, "<class 'ValueError'>:boom")
            );
            let unknown = fault(client.call("_hidden", ()).await);
            assert!(unknown.message.contains("is not supported"), "{unknown}");

            let names = client.list_methods().await.unwrap();
            assert!(
                names.is_sorted() && names.contains(&"system.multicall".to_owned()),
                "{names:?}"
            );
            assert_eq!(
                client.help("echo").await.unwrap(),
                "Gives back what it is given."
            );
            assert_eq!(client.signature("echo").await.unwrap(), None);
        });
        let output = python.so_far().1;
        let text = String::from_utf8_lossy(&output);
        assert!(text.contains("asked /RPC2 Content-Length=2"), "{text}");
        assert!(
            text.contains("Transfer-Encoding=None Expect=None"),
            "{text}"
        );
    });
}

#[test]
fn pythons_server_takes_and_gives_every_type() {
    within(|| {
        let Some(python) = python_server(&[]) else {
            return;
        };
        let keep = ReadOptions {
            tags: Tags::Keep,
            ..ReadOptions::default()
        };
        let write = WriteOptions {
            nil: true,
            i8: false,
            ..WriteOptions::default()
        };
        let client = Client::new(&format!("http://{}/", python.host_port())).unwrap();
        let client = client.read(keep).write(write);
        let sent = r#"[null, true, -2147483648, 1.50, 1e-7, " a\r\n\té🐟", "", [], {}, {"a": [{"b": null}]},
            {"!dateTime.iso8601": "20261127T10:30:00"}, {"!double": "-inf"}, {"!double": 3}]"#;
        let sent = json::parse(sent.as_bytes()).unwrap();
        let mut items = sent.as_array().unwrap().to_vec();
        items.push(Value::bytes((0..=255).collect()));
        let came = run(client.call("echo", items.clone())).unwrap();
        let came = came.as_array().unwrap();
        // Python sends a carriage return as it is, which XML reads as a line feed.
        let text = json::to_string(&Value::array(came[..13].to_vec()));
        assert_eq!(
            text,
            r#"[null,true,-2147483648,1.5,1e-07," a\n\té🐟","",[],{},{"a":[{"b":null}]},{"!dateTime.iso8601":"20261127T10:30:00"},{"!double":"-inf"},3.0]"#
        );
        assert_eq!(came[13], items[13]);
        // Types that Python reads, though it does not write them.
        let large = Client::new(&format!("http://{}/", python.host_port())).unwrap();
        let larger = json::parse(
            br#"[{"!i8": 2}, {"!biginteger": "12345678901234567890"}, {"!bigdecimal": "1.10"}]"#,
        )
        .unwrap();
        let refused = fault(run(large.call("echo", larger.as_array().unwrap().to_vec())));
        // It got them, and cannot send them back.
        assert!(
            refused.message.contains("int exceeds XML-RPC limits"),
            "{refused}"
        );
    });
}

#[test]
fn several_calls_go_to_pythons_server_at_once() {
    within(|| {
        let Some(python) = python_server(&[]) else {
            return;
        };
        let client = Client::new(&format!("http://{}", python.host_port())).unwrap();
        let calls = [
            Call::new("pow", vec![2.into(), 3.into()]),
            Call::new("fail", vec!["boom".into()]),
            Call::new("nothing", vec![]),
            Call::of("echo", ()),
        ];
        let answers = run(client.multicall(calls)).unwrap();
        assert_eq!(answers.len(), 4);
        assert_eq!(answers[0].as_ref().unwrap().as_i64(), Some(8));
        assert_eq!(
            answers[1].as_ref().unwrap_err().message,
            "<class 'ValueError'>:boom"
        );
        assert_eq!(answers[2].as_ref().unwrap_err().code, 1);
        assert_eq!(json::to_string(answers[3].as_ref().unwrap()), "[]");
        assert!(run(client.multicall([])).unwrap().is_empty());
        let named = Call {
            method: "echo".into(),
            params: Params::Named(Default::default()),
        };
        let error = run(client.multicall([named])).unwrap_err();
        assert_eq!(error.failed().unwrap().kind(), Kind::Usage);
    });
}

#[test]
fn gzip_goes_both_ways_with_pythons_server() {
    within(|| {
        let Some(python) = python_server(&[]) else {
            return;
        };
        let client = Client::new(&format!("http://{}", python.host_port())).unwrap();
        let client = client.compress_above(1_000);
        let large = run(client.call("large", [5_000_000.into()])).unwrap();
        assert_eq!(large.as_str().map(str::len), Some(5_000_000));
        let text = "b".repeat(2_000_000);
        let came = run(client.call("echo", [text.as_str().into()])).unwrap();
        assert_eq!(came.as_array().unwrap()[0].as_str(), Some(&*text));
        let said = String::from_utf8_lossy(&python.so_far().1).into_owned();
        assert_eq!(said.matches("answers in gzip").count(), 2, "{said}");
        assert_eq!(said.matches("Content-Encoding=gzip").count(), 1, "{said}");
        // Without that, a request of two megabytes goes as it is, at once and with its length.
        let plain = Client::new(&format!("http://{}", python.host_port())).unwrap();
        run(plain.call("echo", [text.as_str().into()])).unwrap();
        let said = String::from_utf8_lossy(&python.so_far().1).into_owned();
        assert!(
            said.contains("Content-Length=2000") && !said.contains("Expect=100"),
            "{said}"
        );
    });
}

#[test]
fn encodings_of_pythons_server_are_read() {
    within(|| {
        for encoding in ["us-ascii", "iso-8859-1", "utf-16"] {
            let Some(python) = python_server(&[encoding]) else {
                return;
            };
            let client = Client::new(&format!("http://{}", python.host_port())).unwrap();
            let came = run(client.call("echo", ["é🐟".into()])).unwrap();
            assert_eq!(json::to_string(&came), "[\"é🐟\"]", "{encoding}");
        }
    });
}

#[test]
fn users_and_paths_are_told_to_pythons_server() {
    within(|| {
        let Some(python) = python_server(&[]) else {
            return;
        };
        let at = python.host_port();
        let call = |url: String| run(Client::new(&url).unwrap().call("pow", [2.into(), 3.into()]));
        assert_eq!(
            call(format!("http://jo:t%26!@{at}/RPC2?secret"))
                .unwrap()
                .as_i64(),
            Some(8)
        );
        for (url, status) in [
            (format!("http://{at}/RPC2?secret"), 401),
            (format!("http://jo:wrong@{at}/RPC2?secret"), 401),
            (format!("http://{at}/nothing"), 404),
        ] {
            let error = call(url).unwrap_err();
            let error = error.failed().unwrap();
            assert_eq!(
                (error.kind(), error.status()),
                (Kind::Rejected, Some(status))
            );
            assert!(
                error.hint().is_some() && !error.to_string().contains("wrong"),
                "{error}"
            );
        }
    });
}

#[test]
fn our_client_and_our_server_understand_each_other() {
    within(|| {
        let write = WriteOptions {
            nil: true,
            i8: true,
            ..WriteOptions::default()
        };
        let serving = Serving::new(Service::new(methods()).write(write.clone()));
        let client = Client::new(&format!("http://{}", serving.addr()))
            .unwrap()
            .write(write);
        run(async {
            assert_eq!(
                client.call("big", ()).await.unwrap().as_i64(),
                Some(1 << 31)
            );
            let sent = vec![
                Value::Null,
                (1_i64 << 40).into(),
                "a\rb".into(),
                Value::bytes(vec![0, 255]),
            ];
            let came = client.call("echo", sent.clone()).await.unwrap();
            assert_eq!(came, Value::array(sent));
            let nan = client.call("echo", [f64::NAN.into()]).await.unwrap();
            assert!(
                matches!(nan.as_array().unwrap()[0], Value::Number(Number::Float(float)) if float.is_nan())
            );
            assert_eq!(client.help("add").await.unwrap(), "adds two numbers");
            assert_eq!(
                client.signature("system.listMethods").await.unwrap(),
                Some(vec![vec!["array".to_owned()]])
            );
            let answers = client.multicall([
                Call::of("add", ()),
                Call::new("add", vec![1.into(), 2.into()]),
            ]);
            let answers = answers.await.unwrap();
            assert_eq!(answers[0].as_ref().unwrap_err().code, -32602);
            assert_eq!(answers[1].as_ref().unwrap().as_i64(), Some(3));
        });
    });
}
