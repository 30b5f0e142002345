//! Questions to a scripted name server on loopback.
#![allow(clippy::unwrap_used)]

mod hostile;

use std::time::Duration;

use super::super::tests::{NameServer, Reply};
use super::*;
use crate::error::{Kind, Result};
use crate::net::Net;

const HERE: &[&str] = &["127.0.0.1", "::1"];

/// For servers that say nothing; those that answer get their whole time, for the machine may be busy.
fn quick() -> Options {
    Options::default().timeout(Duration::from_millis(500))
}

async fn ask_for(server: &Server, kind: RecordKind, options: &Options) -> Result<Response> {
    let question = Question::new("db.example".parse().unwrap(), kind);
    let net = Net::new();
    let asking = ask(&net, server, &question, options);
    tokio::time::timeout(Duration::from_secs(10), asking)
        .await
        .expect("a question ends")
}

async fn ask_scripted(reply: fn() -> Reply, options: &Options) -> Result<Response> {
    let server = NameServer::start(move |_, _| reply());
    ask_for(&Server::udp(server.address), RecordKind::A, options).await
}

fn texts(records: &[Record]) -> Vec<String> {
    records.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn an_answer_has_its_records_and_how_it_came() {
    let response = ask_scripted(|| Reply::Addresses(HERE), &Options::default())
        .await
        .unwrap();
    assert_eq!(response.outcome, Outcome::Answer);
    assert_eq!(texts(&response.answers), ["db.example. 60 IN A 127.0.0.1"]);
    assert_eq!(
        response.answers[0].data.address(),
        Some([127, 0, 0, 1].into())
    );
    assert_eq!(response.flags.to_string(), "qr rd ra");
    assert_eq!((response.transport, response.attempts), (Transport::Udp, 1));
    assert!(response.fallbacks.is_empty() && response.strays == 0);
    assert!(response.address.unwrap().ip().is_loopback() && response.size > 12);
}

#[tokio::test]
async fn outcomes_are_told_apart() {
    let outcome = async |reply| {
        ask_scripted(reply, &Options::default())
            .await
            .unwrap()
            .outcome
    };
    assert_eq!(outcome(|| Reply::Addresses(&[])).await, Outcome::NoData);
    assert_eq!(outcome(|| Reply::Code(3)).await, Outcome::NoName);
    assert_eq!(outcome(|| Reply::Code(2)).await, Outcome::ServerFailure);
    assert_eq!(outcome(|| Reply::Code(5)).await, Outcome::Refused);
    assert_eq!(outcome(|| Reply::Code(9)).await, Outcome::Other(Code(9)));
    let error = ask_scripted(|| Reply::Silence, &quick()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut);
    assert!(
        error
            .to_string()
            .contains("asked 2 times with 500ms for each"),
        "{error}"
    );
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_again_over_tcp() {
    let response = ask_scripted(|| Reply::Truncated(HERE), &Options::default())
        .await
        .unwrap();
    assert_eq!(response.fallbacks, [Fallback::Truncated]);
    assert_eq!((response.transport, response.attempts), (Transport::Tcp, 2));
    assert_eq!(response.records().count(), 1);
    let as_it_is = Options::default().ignore_truncation(true);
    let response = ask_scripted(|| Reply::Truncated(HERE), &as_it_is)
        .await
        .unwrap();
    assert!(response.flags.truncated && response.fallbacks.is_empty());
    assert_eq!(response.transport, Transport::Udp);
}

#[tokio::test]
async fn answers_to_others_are_counted_and_ignored() {
    let response = ask_scripted(|| Reply::Forged(HERE), &Options::default())
        .await
        .unwrap();
    assert_eq!(texts(&response.answers), ["db.example. 60 IN A 127.0.0.1"]);
    assert_eq!(response.strays, 4);
}

#[tokio::test]
async fn a_server_without_edns_is_asked_again_without_it() {
    let response = ask_scripted(|| Reply::Code(1), &Options::default())
        .await
        .unwrap();
    assert_eq!(response.fallbacks, [Fallback::NoEdns(Code::FORM_ERR)]);
    assert_eq!(response.outcome, Outcome::Other(Code::FORM_ERR));
}

#[tokio::test]
async fn aliases_lead_to_the_records() {
    let reply = || Reply::Alias("target.example", HERE);
    let response = ask_scripted(reply, &Options::default()).await.unwrap();
    assert_eq!(response.canonical_name().to_string(), "target.example.");
    assert_eq!(response.records().count(), 1);
    assert_eq!(response.answers.len(), 2);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_refused_at_once() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = Server::udp(socket.local_addr().unwrap());
    drop(socket);
    for server in [
        server.clone(),
        format!("tcp://{}", server.authority()).parse().unwrap(),
    ] {
        let error = ask_for(&server, RecordKind::A, &Options::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Refused, "{error}");
    }
}

#[tokio::test]
async fn several_servers_answer_in_the_order_in_which_they_were_named() {
    let [silent, wrong, right] = [
        NameServer::start(|_, _| Reply::Silence),
        NameServer::start(|_, _| Reply::Code(3)),
        NameServer::start(|_, _| Reply::Addresses(HERE)),
    ];
    let servers = [&silent, &wrong, &right].map(|server| Server::udp(server.address));
    let question = Question::new("db.example".parse().unwrap(), RecordKind::AAAA);
    let results = ask_all(&Net::new(), &servers, &question, &quick()).await;
    assert_eq!(results[0].as_ref().unwrap_err().kind(), Kind::TimedOut);
    let outcomes = results[1..]
        .iter()
        .map(|result| result.as_ref().unwrap().outcome);
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        [Outcome::NoName, Outcome::Answer]
    );
}

#[tokio::test]
async fn the_servers_of_this_machine_are_those_of_the_resolver() {
    let resolver = super::super::Resolver::new().resolv_conf_text("nameserver 192.0.2.53\n");
    let servers = Server::system(&Net::new().resolver(resolver)).await;
    assert_eq!(servers, ["192.0.2.53".parse().unwrap()]);
}

#[tokio::test]
async fn options_that_need_edns_are_refused_without_it() {
    let server = Server::udp(([127, 0, 0, 1], 9).into());
    let without = || Options::default().edns(false);
    for options in [
        without().dnssec_ok(true),
        without().nsid(true),
        without().cookie(true),
        without().client_subnet(Some("0/0".parse().unwrap())),
    ] {
        let error = ask_for(&server, RecordKind::A, &options).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        assert!(error.to_string().contains("needs EDNS"), "{error}");
    }
    for kind in [RecordKind::AXFR, RecordKind::OPT, RecordKind::TSIG] {
        let error = ask_for(&server, kind, &Options::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
    }
}

#[test]
fn servers_are_read_in_every_form() {
    let text = |text: &str| text.parse::<Server>().unwrap().to_string();
    for (written, printed) in [
        ("192.0.2.1", "udp://192.0.2.1:53"),
        ("192.0.2.1:5353", "udp://192.0.2.1:5353"),
        ("2001:db8::1", "udp://[2001:db8::1]:53"),
        ("[::1]", "udp://[::1]:53"),
        ("[::1]:5353", "udp://[::1]:5353"),
        ("fe80::1%3", "udp://[fe80::1%3]:53"),
        ("dns.example", "udp://dns.example:53"),
        ("tcp://192.0.2.1", "tcp://192.0.2.1:53"),
        ("tls://dns.example", "tls://dns.example:853"),
        (
            "tls://192.0.2.1?sni=dns.example",
            "tls://192.0.2.1:853?sni=dns.example",
        ),
        ("https://dns.example", "https://dns.example:443/dns-query"),
        ("https://dns.example/q{?dns}", "https://dns.example:443/q"),
        (
            "https://[::1]:8443/x?verify=none",
            "https://[::1]:8443/x?verify=none",
        ),
    ] {
        assert_eq!(text(written), printed);
        assert_eq!(text(printed), printed);
    }
    for wrong in [
        "",
        ":53",
        "tls://",
        "ftp://x",
        "http://x",
        "quic://x",
        "udp://x/y",
        "1.2.3.4:70000",
        "tls://x?nonsense=1",
        "https://x/a b",
        "a b",
    ] {
        let error = wrong.parse::<Server>().unwrap_err();
        assert!(
            matches!(error.kind(), Kind::Usage | Kind::Unsupported),
            "{wrong}: {error}"
        );
    }
}
