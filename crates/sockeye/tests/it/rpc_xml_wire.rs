//! XML-RPC byte by byte: what goes over the wire, what is refused, what nobody can make us spend.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sockeye::Kind;
use sockeye::rpc::Methods;
use sockeye::rpc::xmlrpc::{Bounds, Client, Service};
use sockeye::web::{Handler, Request, TestClient};
use sockeye_testkit::{Gate, Peer, Program, Step, Web, within};

use crate::rpc_xml::{methods, run};
use crate::web_serving::Serving;

const ADD: &str = "<?xml version='1.0'?>\n<methodCall>\n<methodName>add</methodName>\n<params>\n<param>\n<value><int>2</int></value>\n</param>\n<param>\n<value><int>3</int></value>\n</param>\n</params>\n</methodCall>\n";
const FIVE: &str = "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><int>5</int></value>\n</param>\n</params>\n</methodResponse>\n";

fn post(head: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("POST /RPC2 HTTP/1.0\r\nHost: a\r\nContent-Length: {length}\r\n{head}\r\n");
    [head.as_bytes(), body].concat()
}

fn answer(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n{body}")
        .into()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// Gzip of a gibibyte: sixty-four times the same sixteen mebibytes.
fn bomb() -> Vec<u8> {
    gzip(&vec![b' '; 16 << 20]).repeat(64)
}

#[test]
fn a_request_has_its_length_and_the_form_of_pythons() {
    within(|| {
        let peer = Peer::tcp([Step::until("</methodCall>\n"), Step::send(answer(FIVE))]);
        let client = Client::new(&format!("http://{}", peer.addr())).unwrap();
        let five = run(client.call("add", [2.into(), 3.into()])).unwrap();
        assert_eq!(five.as_i64(), Some(5));
        let asked = peer.finish().received;
        let asked = String::from_utf8(asked).unwrap();
        let (head, body) = asked.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, ADD);
        assert!(head.starts_with("POST /RPC2 HTTP/1.1\r\n"), "{head}");
        assert!(
            head.contains(&format!("Content-Length: {}", ADD.len())),
            "{head}"
        );
        assert!(
            head.contains("Content-Type: text/xml") && head.contains("gzip"),
            "{head}"
        );
        assert!(
            !head.contains("Transfer-Encoding") && !head.contains("Expect"),
            "{head}"
        );
    });
}

#[test]
fn an_answer_has_its_length_and_the_form_of_pythons() {
    within(|| {
        let serving = Serving::new(Service::new(methods()));
        let came = serving.raw(post("", ADD.as_bytes()));
        let (head, body) = came.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, FIVE);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(
            head.contains(&format!("Content-Length: {}", FIVE.len())),
            "{head}"
        );
        assert!(head.contains("Content-Type: text/xml"), "{head}");
        // In chunks it is taken too, and from another client's hand.
        let chunked = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{ADD}\r\n0\r\n\r\n",
            ADD.len()
        );
        assert!(serving.raw(chunked).ends_with(FIVE));
        let packed = serving.raw(post("Content-Encoding: gzip\r\n", &gzip(ADD.as_bytes())));
        assert!(packed.ends_with(FIVE));
    });
}

#[test]
fn connections_are_kept() {
    within(|| {
        let web = Web::new(|_| answer(FIVE));
        let client = Client::new(&web.url("")).unwrap();
        run(async {
            for _ in 0..5 {
                client.call("add", [2.into(), 3.into()]).await.unwrap();
            }
        });
        assert_eq!((web.connections(), web.asked().len()), (1, 5));
    });
}

#[test]
fn what_is_wrong_is_a_fault_or_a_status() {
    within(|| {
        let serving = Serving::new(Service::new(methods()));
        let fault = |body: &str| {
            let came = serving.raw(post("", body.as_bytes()));
            assert!(came.starts_with("HTTP/1.1 200 OK\r\n"), "{came}");
            let (_, rest) = came
                .split_once("<name>faultCode</name>\n<value><int>")
                .unwrap();
            rest.split_once('<').unwrap().0.parse::<i64>().unwrap()
        };
        assert_eq!(fault(""), -32700);
        assert_eq!(fault("<methodCall><methodName>a</methodCall>"), -32700);
        assert_eq!(fault("<a/>"), -32600);
        assert_eq!(fault(FIVE), -32600);
        assert_eq!(fault("<!DOCTYPE a [<!ENTITY b 'c'>]><methodCall/>"), -32600);
        assert_eq!(
            fault("<methodCall><methodName>add</methodName></methodCall>"),
            -32602
        );
        assert_eq!(
            fault(
                "<methodCall><methodName>system.listMethods</methodName><params><param><value/></param></params></methodCall>"
            ),
            -32602
        );
        for (request, status) in [
            ("GET / HTTP/1.0\r\n\r\n".into(), "405"),
            (
                "POST /x HTTP/1.0\r\nContent-Length: 0\r\n\r\n".into(),
                "404",
            ),
            (post("Content-Encoding: br\r\n", ADD.as_bytes()), "415"),
            (
                post("Content-Encoding: gzip, gzip\r\n", ADD.as_bytes()),
                "415",
            ),
            (post("Content-Encoding: gzip\r\n", ADD.as_bytes()), "400"),
            (
                post("Content-Encoding: gzip\r\n", &gzip(ADD.as_bytes())[..20]),
                "400",
            ),
        ] {
            let came = serving.raw(request);
            assert!(came.starts_with(&format!("HTTP/1.1 {status} ")), "{came}");
        }
        let large = format!(
            "POST / HTTP/1.0\r\nContent-Length: {}\r\n\r\n",
            (20 << 20) + 1
        );
        assert!(serving.raw(large).starts_with("HTTP/1.1 413 "));
    });
}

#[test]
fn answers_that_break_the_rules_are_told_apart() {
    within(|| {
        let page = "<!doctype html><p>hello";
        for (said, kind, why) in [
            (format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}", page.len()).into(), Kind::Protocol, "the answer is not XML-RPC"),
            (answer(ADD), Kind::Protocol, "a call where an answer should be"),
            (answer("<methodResponse><params><param><value><int>x</int></value></param></params></methodResponse>"), Kind::Protocol, "\"x\" is not a whole number"),
            (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_vec(), Kind::Rejected, "the server answers 500 Oops"),
            (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n".to_vec(), Kind::Rejected, "the server answers 302 Found"),
            (b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), Kind::Rejected, "the server answers 204"),
            (answer("<methodResponse>"), Kind::Protocol, "ends within"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n".to_vec(), Kind::Protocol, ""),
        ] {
            let mut steps = vec![Step::until("</methodCall>\n"), Step::send(&said)];
            steps.push(Step::Close);
            let peer = Peer::tcp(steps);
            let client = Client::new(&format!("http://jo:secret@{}", peer.addr())).unwrap();
            let error = run(client.call("add", ())).unwrap_err();
            let error = error.failed().unwrap();
            assert!(error.to_string().contains(why), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
            assert_eq!(error.kind(), kind, "{error}");
        }
    });
}

#[test]
fn what_cannot_be_sent_is_refused_before_anybody_is_asked() {
    within(|| {
        // Nobody listens there: who tried would say so.
        let client = Client::new("http://127.0.0.1:1").unwrap();
        for params in [
            vec!["a\0".into()],
            vec![(1_i64 << 31).into()],
            vec![sockeye::data::value::Value::Null],
        ] {
            let error = run(client.call("add", params)).unwrap_err();
            let error = error.failed().unwrap();
            assert_eq!(error.kind(), Kind::Usage, "{error}");
            assert!(error.hint().is_some(), "{error}");
        }
        assert_eq!(
            run(client.call("", ()))
                .unwrap_err()
                .failed()
                .unwrap()
                .kind(),
            Kind::Usage
        );
    });
}

#[test]
fn answers_of_several_calls_are_counted() {
    within(|| {
        let value = |inner: &str| {
            format!(
                "<methodResponse><params><param><value>{inner}</value></param></params></methodResponse>"
            )
        };
        let array = |inner: &str| value(&format!("<array><data>{inner}</data></array>"));
        for body in [
            value("no"),
            array(""),
            array("<value><array><data/></array></value>"),
            array("<value><struct/></value>"),
            array("<value/>"),
        ] {
            let web = Web::new(move |_| answer(&body));
            let client = Client::new(&web.url("/")).unwrap();
            let error = run(client.multicall([sockeye::rpc::Call::new("a", vec![])])).unwrap_err();
            assert_eq!(error.failed().unwrap().kind(), Kind::Protocol);
        }
    });
}

#[test]
fn too_many_calls_at_once_wait_and_are_then_refused() {
    within(|| {
        let (gate, enter) = (Gate::new(), Gate::new());
        let methods = {
            let (gate, enter) = (gate.clone(), enter.clone());
            Methods::new().typed("wait", move |()| {
                let (gate, enter) = (gate.clone(), enter.clone());
                async move {
                    enter.open();
                    tokio::task::spawn_blocking(move || gate.wait())
                        .await
                        .unwrap();
                    Ok(7)
                }
            })
        };
        let mut bounds = Bounds::default();
        bounds.at_once = 1;
        bounds.queue = 1;
        let service = Service::new(methods).bounds(bounds);
        run(async {
            let ask = || {
                let body = "<methodCall><methodName>wait</methodName></methodCall>";
                service
                    .handle(Request::made("POST", "/").with_body(body))
                    .response()
            };
            let first = tokio::spawn(ask());
            tokio::task::spawn_blocking(move || enter.wait())
                .await
                .unwrap();
            let mut second = Box::pin(ask());
            assert!(futures_util::poll!(&mut second).is_pending());
            let third = ask().await;
            assert_eq!(
                (third.status(), third.get_str("retry-after")),
                (503, Some("1"))
            );
            gate.open();
            assert_eq!(first.await.unwrap().status(), 200);
            assert_eq!(second.await.status(), 200);
        });
    });
}

#[test]
fn a_method_has_its_time() {
    within(|| {
        let mut bounds = Bounds::default();
        bounds.time = Duration::from_millis(20);
        let mut client = TestClient::new(Service::new(methods()).bounds(bounds));
        run(async {
            let slow = "<methodCall><methodName>slow</methodName></methodCall>";
            let answer = client.post("/", slow).await;
            assert!(
                answer
                    .text()
                    .contains("the method \"slow\" was not done in 20ms"),
                "{}",
                answer.text()
            );
            let call = |name: &str| {
                format!(
                    "<value><struct><member><name>methodName</name><value>{name}</value></member></struct></value>"
                )
            };
            let several = format!(
                "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>{}{}</data></array></value></param></params></methodCall>",
                call("slow"),
                call("echo")
            );
            let answer = client.post("/", several).await;
            assert!(
                answer.text().contains("the method \"echo\" was not called"),
                "{}",
                answer.text()
            );
        });
    });
}

#[test]
fn what_is_switched_off_is_not_there() {
    within(|| {
        let mut bounds = Bounds::default();
        bounds.multicall = 1;
        let call = |name: &str, params: &str| {
            format!(
                "<methodCall><methodName>{name}</methodName><params>{params}</params></methodCall>"
            )
        };
        run(async {
            let service = Service::new(methods())
                .introspection(false)
                .multicall(false)
                .paths(["/calls"]);
            let mut client = TestClient::new(service);
            for name in [
                "system.listMethods",
                "system.methodHelp",
                "system.methodSignature",
                "system.multicall",
            ] {
                let text = client
                    .post("/calls", call(name, ""))
                    .await
                    .text()
                    .to_string();
                assert!(text.contains("<int>-32601</int>"), "{text}");
            }
            assert_eq!(client.post("/RPC2", call("add", "")).await.status(), 404);
            let mut client = TestClient::new(Service::new(methods()).bounds(bounds));
            let two = "<param><value><array><data><value/><value/></data></array></value></param>";
            let text = client
                .post("/", call("system.multicall", two))
                .await
                .text()
                .to_string();
            assert!(
                text.contains("there are 2 calls, and no more than 1 are taken"),
                "{text}"
            );
            // A method of one's own stands in for one that every server has.
            let own = methods().typed("system.listMethods", async |()| Ok(7));
            let mut client = TestClient::new(Service::new(own));
            let text = client
                .post("/", call("system.listMethods", ""))
                .await
                .text()
                .to_string();
            assert!(text.contains("<int>7</int>"), "{text}");
        });
    });
}

#[test]
fn the_answers_of_one_multicall_take_no_more_than_they_may() {
    within(|| {
        let mut bounds = Bounds::default();
        bounds.answers = 300;
        let echo = format!(
            "<value><struct><member><name>methodName</name><value>echo</value></member>\
             <member><name>params</name><value><array><data><value>{}</value></data></array></value></member></struct></value>",
            "x".repeat(60)
        );
        let call = format!(
            "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>{}</data></array></value></param></params></methodCall>",
            echo.repeat(10)
        );
        run(async {
            let mut client = TestClient::new(Service::new(methods()).bounds(bounds));
            let answer = client.post("/", call).await;
            let (text, count) = (answer.text(), |part| answer.text().matches(part).count());
            assert_eq!((count("-32002"), count(&"x".repeat(60))), (8, 2), "{text}");
        });
    });
}

#[test]
fn bombs_are_refused_quickly_and_in_little_memory() {
    within(|| {
        // What others use at the same time must not count: this very test, alone in a process of its own.
        const CHILD: &str = "SOCKEYE_TEST_BOMBS";
        if std::env::var_os(CHILD).is_none() {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command.args([
                "--exact",
                "rpc_xml_wire::bombs_are_refused_quickly_and_in_little_memory",
                "--nocapture",
            ]);
            command.env(CHILD, "1");
            let output = Program::start_command(command).wait();
            assert_eq!(
                output.code,
                Some(0),
                "{}{}",
                output.stdout_text(),
                output.stderr_text()
            );
            assert!(
                output.stdout_text().contains("1 passed"),
                "{}",
                output.stdout_text()
            );
            return;
        }
        let packed = bomb();
        let watch = Watch::start();
        let serving = Serving::new(Service::new(methods()));
        let started = Instant::now();
        let said = serving.raw(post("Content-Encoding: gzip\r\n", &packed));
        assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
        let laughs: String = (1..30)
            .map(|i| format!("<!ENTITY l{i} '&l{0};&l{0};&l{0};&l{0};'>", i - 1))
            .collect();
        let xml = format!(
            "<!DOCTYPE a [<!ENTITY l0 'lol'>{laughs}]><methodCall><methodName>&l29;</methodName></methodCall>"
        );
        let said = serving.raw(post("", xml.as_bytes()));
        assert!(
            said.contains("<int>-32600</int>") && said.contains("DTD"),
            "{said}"
        );
        let web = Web::new(move |_| {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                packed.len()
            );
            [head.as_bytes(), &packed].concat()
        });
        let client = Client::new(&web.url("/")).unwrap();
        let error = run(client.call("add", ())).unwrap_err();
        assert_eq!(error.failed().unwrap().kind(), Kind::Protocol, "{error}");
        assert!(
            error.to_string().contains("larger than 20971520 bytes"),
            "{error}"
        );
        let grown = watch.finish();
        // Not below a second: this build is not optimized, and the machine may be busy.
        assert!(
            started.elapsed() < Duration::from_secs(8),
            "{:?}",
            started.elapsed()
        );
        assert!(grown < 64 << 10, "{grown} KiB more than before");
        println!("{grown} KiB more in {:?}", started.elapsed());
    });
}

/// Looks again and again how much memory this process has that is not of files.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<u64>,
}

impl Watch {
    fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let before = anonymous();
        let thread = std::thread::spawn(move || {
            let mut most = before;
            while !until.load(Ordering::Relaxed) {
                most = most.max(anonymous());
                std::thread::yield_now();
            }
            most - before
        });
        Self { stop, thread }
    }

    /// How much more there was than at the start, in KiB.
    fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn anonymous() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

#[test]
fn every_call_is_heard_of() {
    within(|| {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        let service = Service::new(methods()).on_call(move |called| {
            let answer = called.answer.as_ref().err().map(|fault| fault.code);
            hears
                .lock()
                .unwrap()
                .push((called.method.to_owned(), answer));
        });
        let one = "<value><struct><member><name>methodName</name><value>echo</value></member></struct></value>";
        let body = format!(
            "<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>{one}</data></array></value></param></params></methodCall>"
        );
        run(async {
            service.answer(body.as_bytes()).await;
            service
                .answer(b"<methodCall><methodName>nothing</methodName></methodCall>")
                .await;
        });
        let expected = [
            ("echo", None),
            ("system.multicall", None),
            ("nothing", Some(-32601)),
        ];
        let expected = expected.map(|(name, code)| (name.to_owned(), code));
        assert_eq!(*heard.lock().unwrap(), expected);
    });
}
