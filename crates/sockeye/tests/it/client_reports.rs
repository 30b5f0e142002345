//! What is told of hops: times that add up, observers, HAR, and what is not told: secrets.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sockeye::client::http::{Client, Har, Hop, HopObserver, Masking, Phase, Redirects, Stage, Why};
use sockeye::net::Ending;
use sockeye::net::resolve::Resolver;
use sockeye::{Kind, Net};
use sockeye_testkit::{LIMIT, Peer, Program, Step, Web, peers};
use tokio::time::timeout;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

/// A server whose `/start` leads to `/middle` and that to `/end`.
fn trail() -> Web {
    Web::new(|asked| match asked.target() {
        "/start" => redirect("/middle"),
        "/middle" => redirect("/end"),
        _ => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_vec(),
    })
}

fn redirect(to: &str) -> Vec<u8> {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 3\r\n\r\nno!").into_bytes()
}

#[tokio::test]
async fn times_of_all_hops_are_contiguous_and_add_up_to_the_whole() {
    let web = trail();
    let client = Client::new();
    let before = client.started();
    let began = std::time::Instant::now();
    let mut response = soon(client.get(&web.url("/start")).send()).await.unwrap();
    soon(response.gather()).await.unwrap();
    let whole = began.elapsed();

    let hops = response.hops();
    assert_eq!(hops.len(), 3);
    let mut at = hops[0].timing.began;
    let mut sum = Duration::ZERO;
    for hop in hops {
        for interval in hop.timing.intervals() {
            assert_eq!(interval.began, at, "{hops:#?}");
            assert!(interval.ended >= interval.began);
            sum += interval.ended - interval.began;
            at = interval.ended;
        }
        assert_eq!(Some(at), hop.timing.ended);
        assert!(hop.timing.of(Phase::Receiving).is_some());
    }
    let total = hops[2].timing.ended.unwrap() - hops[0].timing.began;
    assert!(sum.abs_diff(total) < Duration::from_millis(1));
    assert!(total <= whole, "{total:?} of {whole:?}");
    assert!(before.elapsed().unwrap() >= total);

    let first = hops[0].timing.opening.as_ref().unwrap();
    assert_eq!(first.winner().unwrap().address, web.addr());
    assert!(hops[1].timing.opening.is_none(), "the connection was kept");
}

#[tokio::test]
async fn each_address_that_was_tried_is_told() {
    let web = trail();
    let port = web.addr().port();
    // Only 127.0.0.1 is listened at.
    let resolver = Resolver::new().hosts_text("::1 twin\n127.0.0.1 twin\n");
    let net = Net::new().resolver(resolver.gai_conf_text(""));
    let client = Client::builder().net(net).build();
    let url = format!("http://twin:{port}/end");
    let response = soon(client.get(&url).send()).await.unwrap();
    let opening = response.hop().timing.opening.clone().unwrap();
    assert_eq!(opening.lookups[0].name, "twin");
    let [first, second] = &opening.attempts[..] else {
        panic!("{opening:?}")
    };
    assert!(first.address.is_ipv6());
    let refused = matches!(
        &first.ending,
        Ending::Failed {
            kind: Kind::Refused,
            ..
        }
    );
    assert!(refused, "{first:?}");
    assert_eq!(second.ending, Ending::Won);
}

/// Hears of hops.
#[derive(Default)]
struct Ear(Mutex<Vec<(Stage, Hop)>>);

impl HopObserver for Ear {
    fn on_hop(&self, stage: Stage, hop: &Hop) {
        self.0.lock().unwrap().push((stage, hop.clone()));
    }
}

impl Ear {
    fn heard(&self) -> Vec<(Stage, u64, u64)> {
        let heard = self.0.lock().unwrap();
        let numbers = heard
            .iter()
            .map(|(stage, hop)| (*stage, hop.request_number, hop.number));
        numbers.collect()
    }

    fn last(&self) -> Hop {
        self.0.lock().unwrap().last().unwrap().1.clone()
    }
}

#[tokio::test]
async fn an_observer_hears_of_each_stage_once_and_of_the_end_too() {
    let web = trail();
    let ear = Arc::new(Ear::default());
    let client = Client::builder().hop_observer(ear.clone()).build();
    let text = soon(client.get(&web.url("/middle")).send()).await.unwrap();
    assert_eq!(soon(text.text()).await.unwrap(), "hello");
    let dropped = soon(client.get(&web.url("/end")).send()).await.unwrap();
    drop(dropped);
    let wanted = [
        (Stage::Sending, 0, 0),
        (Stage::Answered, 0, 0),
        (Stage::Ended, 0, 0),
        (Stage::Sending, 0, 1),
        (Stage::Answered, 0, 1),
        (Stage::Over, 0, 1),
        (Stage::Sending, 1, 0),
        (Stage::Answered, 1, 0),
        (Stage::Over, 1, 0),
    ];
    assert_eq!(ear.heard(), wanted);
    assert!(ear.last().timing.ended.is_some());
}

#[tokio::test]
async fn a_hop_that_fails_or_is_given_up_is_told_with_what_happened_until_then() {
    let ear = Arc::new(Ear::default());
    let client = Client::builder().hop_observer(ear.clone()).build();
    let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::ExpectEnd]);
    let url = format!("http://{}/", peer.addr());
    let slow = client.get(&url).timeout(Duration::from_millis(50));
    let error = soon(slow.send()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut);
    let hop = ear.last();
    assert_eq!(ear.heard().last().unwrap().0, Stage::Over);
    assert!(hop.error.unwrap().contains("time was up"));
    assert!(hop.timing.opening.unwrap().winner().is_some());
    drop(peer);

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://user:pass@{}/", free.local_addr().unwrap());
    drop(free);
    let error = soon(client.get(&nobody).send()).await.unwrap_err();
    assert!(!error.to_string().contains("pass"), "{error}");
    let hop = ear.last();
    assert_eq!(hop.timing.opening.unwrap().attempts.len(), 1);
    assert!(!hop.error.unwrap().contains("pass"));
}

#[tokio::test]
async fn no_referer_is_sent_and_no_fragment_crosses() {
    let web = trail();
    let client = Client::new();
    let at = web.addr();
    let url = format!("http://user:pass@{at}/start#secret");
    let response = soon(client.get(&url).send()).await.unwrap();
    for hop in response.hops() {
        assert!(!hop.request.contains("referer"), "{hop:?}");
        assert!(!hop.target.contains("secret"), "{hop:?}");
        assert!(!format!("{}", hop.url).contains("pass"), "{hop:?}");
    }
}

/// Fails the test unless the document is a valid HAR.
fn validate(json: &str) {
    let Some(python) = peers::python_with(&["jsonschema"]) else {
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/har-schema/validate.py");
    let mut program = Program::start(python, [script]);
    program.write(json);
    let output = program.finish();
    assert_eq!(output.code, Some(0), "{}\n{json}", output.stderr_text());
}

#[tokio::test]
async fn har_has_an_entry_for_each_hop_and_no_secret() {
    let web = Web::new(|asked| {
        match asked.target() {
        "/start?q=a%20b" => {
            let mut answer = redirect("/end");
            let cookie = b"Set-Cookie: sid=hidden; Path=/; Secure; HttpOnly; Expires=Sun, 06 Nov 2094 08:49:37 GMT\r\n";
            answer.splice(20..20, cookie.iter().copied());
            answer
        }
        _ => b"HTTP/1.1 200 OK\r\nContent-Type: image/x\r\nX-Token: hidden\r\nContent-Length: 4\r\n\r\n\xff\x00ab".to_vec(),
    }
    });
    let client = Client::builder().keep_bodies(1 << 20).build();
    let at = web.addr();
    let url = format!("http://user:hidden@{at}/start?q=a%20b");
    let request = client
        .post(&url)
        .header("Cookie", "a=hidden; b=hidden")
        .header("Authorization", "Bearer hidden")
        .header("X-Mine", "hidden")
        .form([("name", "Ünïcode")]);
    let mut response = soon(request.send()).await.unwrap();
    soon(response.gather()).await.unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let failed = client.exchange(client.get(&nobody).build().unwrap());
    let failed = soon(failed).await.unwrap_err();

    let masking = Masking::default().also("x-mine");
    let mut har = Har::new(client.started()).masking(masking);
    let mut open = Har::new(client.started()).masking(Masking::none());
    for hop in response.hops().iter().chain(&failed.hops) {
        har.add(hop);
        open.add(hop);
    }
    let json = har.to_json();
    assert!(!json.contains("hidden"), "{json}");
    assert!(open.to_json().contains("Bearer hidden"));
    validate(&json);
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let entries = document["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    let [first, second, third] = &entries[..] else {
        panic!("{json}")
    };
    assert_eq!(
        first["request"]["url"],
        format!("http://{at}/start?q=a%20b")
    );
    assert_eq!(first["request"]["queryString"][0]["value"], "a b");
    assert_eq!(
        first["request"]["postData"]["text"],
        "name=%C3%9Cn%C3%AFcode"
    );
    assert_eq!(first["request"]["cookies"][1]["name"], "b");
    let set = &first["response"]["cookies"][0];
    assert_eq!((&set["name"], &set["path"]), (&"sid".into(), &"/".into()));
    assert_eq!(set["expires"], "2094-11-06T08:49:37.000000Z");
    assert_eq!(first["response"]["redirectURL"], "/end");
    assert_eq!(first["response"]["content"]["text"], "no!");
    assert_eq!(second["_why"], "redirected");
    assert_eq!(second["_reused"], true);
    assert_eq!(second["response"]["content"]["encoding"], "base64");
    assert_eq!(second["response"]["content"]["text"], "/wBhYg==");
    assert_eq!(second["timings"]["dns"], -1.0);
    assert_eq!(third["response"]["status"], 0);
    assert!(third["_error"].as_str().unwrap().contains("nobody listens"));
    assert!(failed.hops[0].why == Why::Asked);
}

#[tokio::test]
async fn har_keeps_no_more_of_a_body_than_it_should() {
    let web = Web::new(|_| {
        let body = "é".repeat(100);
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 200\r\n\r\n{body}")
            .into_bytes()
    });
    let client = Client::builder()
        .keep_bodies(11)
        .redirects(Redirects::none())
        .build();
    let sent = sockeye::client::http::Body::reader(&b"0123456789abcdef"[..], None);
    let mut request = client.post(&web.url("/")).build().unwrap();
    request.set_body(sent);
    request.set_expect(false);
    let mut response = soon(client.send(request)).await.unwrap();
    soon(response.gather()).await.unwrap();
    let mut har = Har::new(client.started());
    har.add(response.hop());
    let json = har.to_json();
    validate(&json);
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let entry = &document["log"]["entries"][0];
    assert_eq!(entry["request"]["postData"]["text"], "0123456789a");
    assert_eq!(
        entry["request"]["postData"]["comment"],
        "5 bytes were not kept"
    );
    let content = &entry["response"]["content"];
    assert_eq!(
        (&content["size"], &content["text"]),
        (&200.into(), &"ééééé".into())
    );
    assert_eq!(content["comment"], "189 bytes were not kept");
}
