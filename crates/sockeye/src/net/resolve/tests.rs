//! Look-ups against a scripted name server on loopback.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::*;
use crate::endpoint::{Host, HostPort, Options, Port};
use crate::error::Kind;
use crate::wire::{ConnectionId, Event, Observer, Side, Watch, What};

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

/// What the scripted server says to one question.
pub(crate) enum Reply {
    /// Those of these addresses that were asked for.
    Addresses(&'static [&'static str]),
    /// An alias, and the addresses of its target.
    Alias(&'static str, &'static [&'static str]),
    /// As `Addresses`, but over TCP only.
    Truncated(&'static [&'static str]),
    /// This response code.
    Code(u8),
    /// Many answers to other questions, then these addresses.
    Forged(&'static [&'static str]),
    /// Nothing at all.
    Silence,
}

type Script = dyn Fn(&str, u16) -> Reply + Send + Sync;
type Question = (String, u16, &'static str);

/// A name server on loopback that follows a script and remembers what it was asked.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Question>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl NameServer {
    pub(crate) fn start(script: impl Fn(&str, u16) -> Reply + Send + Sync + 'static) -> Self {
        let (udp, tcp) = (0..20)
            .find_map(|_| {
                let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
                let tcp = TcpListener::bind(udp.local_addr().unwrap()).ok()?;
                Some((udp, tcp))
            })
            .unwrap();
        let address = udp.local_addr().unwrap();
        let script: Arc<Script> = Arc::new(script);
        let asked: Arc<Mutex<Vec<Question>>> = Arc::default();
        let stop = Arc::new(AtomicBool::new(false));
        let over_udp = {
            let (script, asked, stop) = (script.clone(), asked.clone(), stop.clone());
            std::thread::spawn(move || serve_udp(&udp, &*script, &asked, &stop))
        };
        let over_tcp = {
            let (asked, stop) = (asked.clone(), stop.clone());
            std::thread::spawn(move || serve_tcp(&tcp, &*script, &asked, &stop))
        };
        Self {
            address,
            asked,
            stop,
            threads: vec![over_udp, over_tcp],
        }
    }

    /// The names that were asked for, each once, in order.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (name, ..) in self.asked.lock().unwrap().iter() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let waker = UdpSocket::bind("127.0.0.1:0").unwrap();
        waker.send_to(b"", self.address).unwrap();
        drop(TcpStream::connect(self.address));
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

fn serve_udp(socket: &UdpSocket, script: &Script, asked: &Mutex<Vec<Question>>, stop: &AtomicBool) {
    let mut buffer = [0; 2048];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).unwrap();
        if stop.load(Ordering::SeqCst) {
            return;
        }
        for answer in answer(&buffer[..length], "udp", script, asked) {
            socket.send_to(&answer, peer).unwrap();
        }
    }
}

fn serve_tcp(
    listener: &TcpListener,
    script: &Script,
    asked: &Mutex<Vec<Question>>,
    stop: &AtomicBool,
) {
    loop {
        let (mut stream, _) = listener.accept().unwrap();
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query).unwrap();
        for answer in answer(&query, "tcp", script, asked) {
            let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
            stream.write_all(&[&length, &answer[..]].concat()).unwrap();
        }
    }
}

/// The datagrams that answer a query.
fn answer(
    query: &[u8],
    over: &'static str,
    script: &Script,
    asked: &Mutex<Vec<Question>>,
) -> Vec<Vec<u8>> {
    let mut name = String::new();
    let mut at = 12;
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        if !name.is_empty() {
            name.push('.');
        }
        name += std::str::from_utf8(&query[at + 1..end]).unwrap();
        at = end;
    }
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let question = &query[12..at + 5];
    asked.lock().unwrap().push((name.clone(), kind, over));
    let id = [query[0], query[1]];
    match script(&name, kind) {
        Reply::Silence => vec![],
        Reply::Code(code) => vec![message(id, question, 0, code, &[])],
        Reply::Addresses(list) => vec![message(
            id,
            question,
            0,
            0,
            &records(list, kind, &[0xc0, 12]),
        )],
        Reply::Alias(target, list) => {
            let target = labels(target);
            let mut all = records(list, kind, &target);
            all.push(record(&[0xc0, 12], CNAME, &target));
            vec![message(id, question, 0, 0, &all)]
        }
        Reply::Truncated(_) if over == "udp" => vec![message(id, question, 2, 0, &[])],
        Reply::Truncated(list) => {
            vec![message(
                id,
                question,
                0,
                0,
                &records(list, kind, &[0xc0, 12]),
            )]
        }
        Reply::Forged(list) => {
            let wrong = records(&["203.0.113.66", "2001:db8::66"], kind, &[0xc0, 12]);
            let other_id = [id[0] ^ 1, id[1]];
            let other_question =
                [&labels("evil.example")[..], &question[question.len() - 4..]].concat();
            vec![
                b"\x00".to_vec(),
                // A name that points at itself.
                [
                    &id[..],
                    &[0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1],
                ]
                .concat(),
                message(other_id, question, 0, 0, &wrong),
                message(id, &other_question, 0, 0, &wrong),
                message(id, question, 0, 0, &records(list, kind, &[0xc0, 12])),
            ]
        }
    }
}

fn message(id: [u8; 2], question: &[u8], flags: u8, code: u8, records: &[Vec<u8>]) -> Vec<u8> {
    let count = u8::try_from(records.len()).unwrap();
    let head = [
        id[0],
        id[1],
        0x81 | flags,
        0x80 | code,
        0,
        1,
        0,
        count,
        0,
        0,
        0,
        0,
    ];
    [&head[..], question, &records.concat()].concat()
}

fn records(list: &[&str], kind: u16, owner: &[u8]) -> Vec<Vec<u8>> {
    let addresses = list.iter().map(|text| text.parse::<IpAddr>().unwrap());
    addresses
        .filter_map(|address| match address {
            IpAddr::V4(v4) if kind == A => Some(record(owner, A, &v4.octets())),
            IpAddr::V6(v6) if kind == AAAA => Some(record(owner, AAAA, &v6.octets())),
            _ => None,
        })
        .collect()
}

fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).unwrap();
    let head = [0, u8::try_from(kind).unwrap(), 0, 1, 0, 0, 0, 60, 0, length];
    [owner, &head, data].concat()
}

fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

/// Both families of loopback are on every machine that tests run on, so their order is the same everywhere.
const HERE: &[&str] = &["127.0.0.1", "::1"];

fn asking(server: &NameServer) -> Resolver {
    Resolver::new().name_servers([server.address])
}

async fn lookup(resolver: &Resolver, name: &str) -> Result<Resolved> {
    lookup_within(resolver, name, None, Duration::from_secs(5)).await
}

async fn lookup_within(
    resolver: &Resolver,
    name: &str,
    family: Option<Family>,
    time: Duration,
) -> Result<Resolved> {
    let lookup = resolver.lookup(name, family, Instant::now() + time);
    tokio::time::timeout(Duration::from_secs(10), lookup)
        .await
        .expect("a look-up ends before its deadline")
}

fn texts(found: &Resolved) -> Vec<String> {
    found.addresses.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn both_families_are_asked_for_and_ipv6_comes_first() {
    let server = NameServer::start(|_, _| Reply::Addresses(HERE));
    let found = lookup(&asking(&server), "db.example").await.unwrap();
    assert_eq!(texts(&found), ["::1", "127.0.0.1"]);
    assert_eq!(found.source, "dns");
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn only_the_wanted_family_is_asked_for() {
    let server = NameServer::start(|_, _| Reply::Addresses(HERE));
    let time = Duration::from_secs(5);
    let found = lookup_within(&asking(&server), "db.example", Some(Family::V4), time).await;
    assert_eq!(texts(&found.unwrap()), ["127.0.0.1"]);
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn aliases_are_followed_whatever_the_order_of_records() {
    let server = NameServer::start(|_, _| Reply::Alias("target.example", HERE));
    let found = lookup(&asking(&server), "www.example").await.unwrap();
    assert_eq!(texts(&found), ["::1", "127.0.0.1"]);
}

#[tokio::test]
async fn a_name_that_nobody_knows_says_who_was_asked() {
    let server = NameServer::start(|_, _| Reply::Code(3));
    let resolver = asking(&server).hosts_text("").search(["a.example"]);
    let error = lookup(&resolver, "nobody").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Name);
    assert_eq!(
        error.to_string(),
        format!(
            "nobody knows the name nobody (asked the hosts text, {} for nobody.a.example, nobody)",
            server.address
        )
    );
    assert!(error.hint().is_some());
}

#[tokio::test]
async fn a_name_without_an_address_of_the_family_says_so() {
    let server = NameServer::start(|_, _| Reply::Addresses(&["127.0.0.1"]));
    let time = Duration::from_secs(5);
    let error = lookup_within(&asking(&server), "db.example", Some(Family::V6), time)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Name);
    let text = error.to_string();
    assert!(text.contains("exists but has no IPv6 address"), "{text}");
    let hosts = Resolver::new().hosts_text("192.0.2.1 db");
    let error = lookup_within(&hosts, "db", Some(Family::V6), time)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no IPv6 address"), "{error}");
}

#[tokio::test]
async fn a_short_name_goes_through_the_search_list() {
    let server = NameServer::start(|name, _| match name {
        "db.b.example" => Reply::Addresses(HERE),
        _ => Reply::Code(3),
    });
    let resolver = asking(&server).search(["a.example", "b.example"]);
    lookup(&resolver, "db").await.unwrap();
    assert_eq!(server.names(), ["db.a.example", "db.b.example"]);
}

#[tokio::test]
async fn ndots_decides_whether_the_name_itself_comes_first() {
    let server = NameServer::start(|name, _| match name {
        "db.x" => Reply::Addresses(HERE),
        _ => Reply::Code(3),
    });
    lookup(&asking(&server).search(["a.example"]), "db.x")
        .await
        .unwrap();
    assert_eq!(server.names(), ["db.x"]);
    let resolver = asking(&server).search(["a.example"]).ndots(2);
    lookup(&resolver, "db.x").await.unwrap();
    assert_eq!(server.names(), ["db.x", "db.x.a.example"]);
}

#[tokio::test]
async fn a_dot_at_the_end_skips_the_search_list() {
    let server = NameServer::start(|_, _| Reply::Code(3));
    let resolver = asking(&server).search(["a.example"]);
    lookup(&resolver, "db.").await.unwrap_err();
    assert_eq!(server.names(), ["db"]);
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_again_over_tcp() {
    let server = NameServer::start(|_, _| Reply::Truncated(HERE));
    let found = lookup(&asking(&server), "big.example").await.unwrap();
    assert_eq!(texts(&found), ["::1", "127.0.0.1"]);
    let asked = server.asked.lock().unwrap();
    assert_eq!(
        asked.iter().filter(|(_, _, over)| *over == "tcp").count(),
        2
    );
}

#[tokio::test]
async fn use_vc_asks_over_tcp_at_once() {
    let server = NameServer::start(|_, _| Reply::Addresses(HERE));
    let resolver = asking(&server).resolv_conf_text("options use-vc edns0\n");
    let resolver = resolver.name_servers([server.address]);
    lookup(&resolver, "db.example").await.unwrap();
    let asked = server.asked.lock().unwrap();
    assert!(asked.iter().all(|(_, _, over)| *over == "tcp"));
}

#[tokio::test]
async fn a_failing_server_is_named() {
    let server = NameServer::start(|_, _| Reply::Code(2));
    let error = lookup(&asking(&server), "db.example").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Name);
    let wanted = format!("{} failed (SERVFAIL)", server.address);
    assert!(error.to_string().contains(&wanted), "{error}");
    let server = NameServer::start(|_, _| Reply::Code(5));
    let error = lookup(&asking(&server), "db.example").await.unwrap_err();
    assert!(error.to_string().contains("REFUSED"), "{error}");
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_fails() {
    let bad = NameServer::start(|_, _| Reply::Code(2));
    let good = NameServer::start(|_, _| Reply::Addresses(HERE));
    let resolver = Resolver::new().name_servers([bad.address, good.address]);
    lookup(&resolver, "db.example").await.unwrap();
    assert_eq!((bad.count(), good.count()), (2, 2));
}

#[tokio::test]
async fn rotate_begins_with_another_server_each_time() {
    let one = NameServer::start(|_, _| Reply::Addresses(HERE));
    let other = NameServer::start(|_, _| Reply::Addresses(HERE));
    let resolver = Resolver::new().resolv_conf_text("options rotate\n");
    let resolver = resolver.name_servers([one.address, other.address]);
    for _ in 0..2 {
        lookup(&resolver, "db.example").await.unwrap();
    }
    assert_eq!((one.count(), other.count()), (2, 2));
}

#[tokio::test]
async fn silent_servers_do_not_use_up_the_time_of_the_next_one() {
    let silent = NameServer::start(|_, _| Reply::Silence);
    let good = NameServer::start(|_, _| Reply::Addresses(HERE));
    let resolver = Resolver::new().name_servers([silent.address, good.address]);
    let found = lookup_within(&resolver, "db.example", None, Duration::from_millis(1_500)).await;
    assert_eq!(texts(&found.unwrap()), ["::1", "127.0.0.1"]);
}

#[tokio::test]
async fn silence_ends_at_the_deadline_and_names_the_server() {
    let server = NameServer::start(|_, _| Reply::Silence);
    let begin = Instant::now();
    let time = Duration::from_millis(200);
    let error = lookup_within(&asking(&server), "db.example", None, time)
        .await
        .unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert_eq!(error.kind(), Kind::TimedOut);
    let wanted = format!("{} did not answer", server.address);
    assert!(error.to_string().contains(&wanted), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_noticed_at_once() {
    // An address that no other test uses, so that the port stays free.
    let address = UdpSocket::bind("127.0.0.78:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let resolver = Resolver::new().name_servers([address]);
    let error = lookup(&resolver, "db.example").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Name);
    let wanted = format!("nobody listens at {address}");
    assert!(error.to_string().contains(&wanted), "{error}");
}

#[tokio::test]
async fn one_silent_family_does_not_hold_up_the_other() {
    let server = NameServer::start(|_, kind| match kind {
        A => Reply::Addresses(HERE),
        _ => Reply::Silence,
    });
    let begin = Instant::now();
    let found = lookup(&asking(&server), "db.example").await.unwrap();
    assert_eq!(texts(&found), ["127.0.0.1"]);
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn answers_to_other_questions_are_not_believed() {
    let server = NameServer::start(|_, _| Reply::Forged(HERE));
    let found = lookup(&asking(&server), "db.example").await.unwrap();
    assert_eq!(texts(&found), ["::1", "127.0.0.1"]);
}

#[tokio::test]
async fn hosts_come_before_dns_unless_nsswitch_says_otherwise() {
    let server = NameServer::start(|_, _| Reply::Addresses(HERE));
    let resolver = asking(&server).hosts_text("192.0.2.7 db.example");
    let found = lookup(&resolver, "DB.example.").await.unwrap();
    assert_eq!(
        (texts(&found), found.source),
        (vec!["192.0.2.7".to_owned()], "hosts")
    );
    assert_eq!(server.count(), 0);
    let resolver = resolver.nsswitch_text("hosts: dns files");
    assert_eq!(lookup(&resolver, "db.example").await.unwrap().source, "dns");
    let resolver = resolver.nsswitch_text("hosts: files [NOTFOUND=return] dns");
    let before = server.count();
    assert_eq!(
        lookup(&resolver, "other").await.unwrap_err().kind(),
        Kind::Name
    );
    assert_eq!(server.count(), before);
}

#[tokio::test]
async fn localhost_is_this_machine_without_any_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let resolver = Resolver::in_directory(directory.path());
    for name in ["localhost", "LOCALHOST.", "app.localhost"] {
        let found = lookup(&resolver, name).await.unwrap();
        assert_eq!(texts(&found), ["::1", "127.0.0.1"], "{name}");
        assert_eq!(found.source, "localhost");
    }
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_the_hosts_file_says() {
    let hosts = "192.0.2.1 localhost evil.localhost\n127.0.0.5 mine.localhost\n";
    let resolver = Resolver::new().hosts_text(hosts);
    for name in ["localhost", "evil.localhost"] {
        let found = lookup(&resolver, name).await.unwrap();
        assert_eq!(texts(&found), ["::1", "127.0.0.1"], "{name}");
    }
    let found = lookup(&resolver, "mine.localhost").await.unwrap();
    assert_eq!(texts(&found), ["127.0.0.5"]);
}

#[tokio::test]
async fn literals_mean_themselves() {
    let resolver = Resolver::new();
    assert_eq!(
        texts(&lookup(&resolver, "2001:db8::1").await.unwrap()),
        ["2001:db8::1"]
    );
    let time = Duration::from_secs(5);
    let wrong = lookup_within(&resolver, "192.0.2.1", Some(Family::V6), time).await;
    assert_eq!(wrong.unwrap_err().kind(), Kind::Usage);
}

#[tokio::test]
async fn overrides_win_over_everybody() {
    let resolver = Resolver::new()
        .hosts_text("192.0.2.1 db")
        .overrides("DB", ["192.0.2.2".parse().unwrap()]);
    let found = lookup(&resolver, "db").await.unwrap();
    assert_eq!(
        (texts(&found), found.source),
        (vec!["192.0.2.2".to_owned()], "override")
    );
}

#[tokio::test]
async fn names_beyond_ascii_are_asked_for_in_their_ascii_form() {
    let server = NameServer::start(|_, _| Reply::Addresses(HERE));
    lookup(&asking(&server), "b\u{fc}cher.example")
        .await
        .unwrap();
    assert_eq!(server.names(), ["xn--bcher-kva.example"]);
}

#[tokio::test]
async fn private_names_never_reach_a_name_server() {
    let server = NameServer::start(|_, _| Reply::Addresses(HERE));
    for name in ["hidden.onion", "nothing.invalid"] {
        let error = lookup(&asking(&server), name).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Name, "{name}");
    }
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_changed_hosts_file_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let hosts = directory.path().join("hosts");
    std::fs::write(&hosts, "192.0.2.1 db\n").unwrap();
    let sources = Arc::new(Sources {
        hosts: Text::File(hosts.clone()),
        ..Sources::default()
    });
    let cache = Cache::default();
    assert_eq!(cache.view(&sources).await.hosts.find("db").len(), 1);
    std::fs::write(&hosts, "192.0.2.1 db\n192.0.2.2 db\n").unwrap();
    cache.forget_check();
    assert_eq!(cache.view(&sources).await.hosts.find("db").len(), 2);
}

/// What an observer heard, in words.
#[derive(Default)]
pub(crate) struct Heard(pub(crate) Mutex<Vec<String>>);

impl Observer for Heard {
    fn on_event(&self, event: &Event<'_>) {
        let text = match &event.what {
            What::Resolving { name } => format!("resolving {name}"),
            What::Resolved {
                addresses, source, ..
            } => format!("resolved {addresses:?} {source}"),
            What::Connecting { address } => format!("connecting {address}"),
            What::AttemptFailed { address, error } => {
                format!("failed {address} {}", error.kind().code())
            }
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(text);
    }
}

pub(crate) fn watched() -> (Arc<Heard>, Watch) {
    let heard = Arc::new(Heard::default());
    let watch = Watch::new(heard.clone(), ConnectionId(1), Side::Only, Instant::now());
    (heard, watch)
}

pub(crate) fn host_port(host: Host, port: u16) -> HostPort {
    HostPort {
        host,
        port: Port::Number(port),
    }
}

async fn resolve(
    to: &HostPort,
    options: &Options,
    watch: Option<&Watch>,
) -> Result<Vec<SocketAddr>> {
    let resolver = Resolver::new().hosts_text("127.0.0.7 db\n");
    let deadline = Instant::now() + Duration::from_secs(5);
    addresses(&resolver, to, Protocol::Tcp, options, watch, deadline).await
}

#[tokio::test]
async fn endpoints_become_addresses_with_events() {
    let (heard, watch) = watched();
    let to = HostPort {
        host: Host::Name("db".into()),
        port: Port::Name("https".into()),
    };
    let found = resolve(&to, &Options::default(), Some(&watch))
        .await
        .unwrap();
    assert_eq!(found, ["127.0.0.7:443".parse().unwrap()]);
    let heard = heard.0.lock().unwrap();
    assert_eq!(*heard, ["resolving db", "resolved [127.0.0.7:443] hosts"]);
}

#[tokio::test]
async fn no_host_means_this_machine() {
    for host in [Host::Any, Host::Loopback] {
        let found = resolve(&host_port(host, 80), &Options::default(), None)
            .await
            .unwrap();
        assert_eq!(
            found,
            ["[::1]:80".parse().unwrap(), "127.0.0.1:80".parse().unwrap()]
        );
    }
}

#[tokio::test]
async fn zones_become_numbers_and_must_exist() {
    let ip = |scope: Option<&str>| Host::Ip {
        addr: "fe80::1".parse().unwrap(),
        scope: scope.map(str::to_owned),
    };
    let options = Options::default();
    let found = resolve(&host_port(ip(Some("lo")), 80), &options, None)
        .await
        .unwrap();
    assert!(matches!(found[0], SocketAddr::V6(v6) if v6.scope_id() != 0));
    let unknown = resolve(&host_port(ip(Some("no-such-if0")), 80), &options, None).await;
    assert_eq!(unknown.unwrap_err().kind(), Kind::Name);
    let missing = resolve(&host_port(ip(None), 80), &options, None)
        .await
        .unwrap_err();
    assert_eq!(missing.kind(), Kind::Usage);
    assert!(missing.hint().unwrap().contains("fe80::1%"));
}

#[tokio::test]
async fn a_literal_of_the_other_family_is_refused() {
    let options = Options {
        family: Some(Family::V6),
        ..Options::default()
    };
    let host = Host::Ip {
        addr: "127.0.0.1".parse().unwrap(),
        scope: None,
    };
    let error = resolve(&host_port(host, 80), &options, None)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Usage);
}
