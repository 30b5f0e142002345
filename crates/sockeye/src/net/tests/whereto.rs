//! Where connections really go: addresses that are known beforehand, detours, and addresses that are not allowed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use sockeye_testkit::{Peer, Step};

use super::*;
use crate::endpoint::Host;
use crate::error::Kind;
use crate::net::resolve::Resolver;
use crate::net::{Detour, Known};
use crate::wire::{Event, Observer, What};

fn nobody_known() -> Net {
    Net::new().resolver(Resolver::new())
}

#[tokio::test]
async fn a_known_name_is_not_looked_up_and_counts_for_its_port() {
    let peer = Peer::tcp([Step::ExpectEnd]);
    let port = peer.port();
    let known = format!("WWW.example.test.:{port}:127.0.0.1")
        .parse()
        .unwrap();
    let net = nobody_known().known(known);
    drop(connect(&net, &Endpoint::tcp("www.example.test", port)).await);
    peer.finish();
    let other = Endpoint::tcp("www.example.test", port ^ 1);
    let error = soon(net.connect(&other)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Name);
}

#[tokio::test]
async fn a_detour_goes_elsewhere() {
    let peer = Peer::tcp_times(3, [Step::ExpectEnd]);
    let port = peer.port();
    for detour in [
        format!("a.test:80:127.0.0.1:{port}"),
        format!("::127.0.0.1:{port}"),
        format!("A.test::127.0.0.1:{port}"),
    ] {
        let detour = detour.parse::<Detour>().unwrap();
        let net = nobody_known().detour(detour);
        drop(connect(&net, &Endpoint::tcp("a.test", 80)).await);
    }
    peer.finish_all();
    let net = nobody_known().detour("a.test:80:127.0.0.1:9".parse().unwrap());
    let error = soon(net.connect(&Endpoint::tcp("b.test", 80)))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Name);
}

#[test]
fn the_words_of_curl_are_understood() {
    let known: Known = "*:443:[::1],127.0.0.1,2001:db8::1".parse().unwrap();
    assert_eq!(
        (known.host, known.port, known.addresses.len()),
        (None, 443, 3)
    );
    let detour: Detour = "[::1]:80:h.test:".parse().unwrap();
    assert_eq!(detour.host, Some(Host::from("::1")));
    assert_eq!((detour.port, detour.to_port), (Some(80), None));
    assert_eq!(detour.to_host, Some(Host::from("h.test")));
    for wrong in [
        "",
        "h",
        "h:1",
        "h:1:",
        "h:0:::1",
        ":1:127.0.0.1",
        "h:1:name",
        "[::1:1:127.0.0.1",
        "[::1]x:1:::1",
    ] {
        let error = wrong.parse::<Known>().unwrap_err();
        assert!(error.hint().is_some(), "{wrong}: {error}");
    }
    for wrong in [
        "",
        "h",
        "h:1",
        "h:1:h",
        "h:x:h:1",
        "h:1:h:0",
        "[::1:1:h:1",
        "[::1",
    ] {
        let error = wrong.parse::<Detour>().unwrap_err();
        assert!(error.hint().is_some(), "{wrong}: {error}");
    }
}

fn no_loopback(address: IpAddr) -> Result<(), String> {
    match address.is_loopback() {
        true => Err("it is this machine".into()),
        false => Ok(()),
    }
}

#[tokio::test]
async fn every_way_to_an_address_is_guarded() {
    let peer = Peer::tcp([Step::ExpectEnd]);
    let port = peer.port();
    let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
    let net = Net::new()
        .resolver(
            Resolver::new().hosts_text("127.0.0.1 host.test\n127.0.0.1 two.test\n::1 two.test"),
        )
        .known(format!("known.test:{port}:127.0.0.1").parse().unwrap())
        .detour(format!("far.test:80:127.0.0.1:{port}").parse().unwrap())
        .allow_addresses(no_loopback);
    for to in [
        Endpoint::tcp("host.test", port),
        Endpoint::tcp("two.test", port),
        Endpoint::tcp("known.test", port),
        Endpoint::tcp("far.test", 80),
        Endpoint::tcp("localhost", port),
        Endpoint::tcp(IpAddr::from(Ipv4Addr::LOCALHOST), port),
        Endpoint::tcp(IpAddr::from(Ipv6Addr::LOCALHOST), port),
        Endpoint::tcp(IpAddr::from(mapped), port),
        Endpoint::tcp("", port),
        endpoint(&format!("{port}")),
        endpoint(&format!("host.test:80?via=socks5h://host.test:{port}")),
    ] {
        let error = soon(net.connect(&to)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Denied, "{to}: {error}");
        assert!(
            error.why().ends_with("is not allowed: it is this machine"),
            "{error}"
        );
    }
    let udp = Endpoint::udp("host.test", port);
    let error = soon(net.connect_messages(&udp)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
    // Nobody was connected to until now.
    drop(std::net::TcpStream::connect(peer.addr()).unwrap());
    peer.finish();
}

/// Who keeps the addresses that were tried.
#[derive(Default)]
struct Tried(Mutex<Vec<SocketAddr>>);

impl Observer for Tried {
    fn on_event(&self, event: &Event<'_>) {
        if let What::Connecting { address } = event.what {
            self.0.lock().unwrap().push(address);
        }
    }
}

#[tokio::test]
async fn what_is_allowed_is_tried_and_nothing_else() {
    let peer = Peer::tcp([Step::ExpectEnd]);
    let tried = Arc::new(Tried::default());
    let hosts = "127.0.0.9 two.test\n127.0.0.1 two.test\n::1 two.test";
    let net = Net::new()
        .resolver(Resolver::new().hosts_text(hosts))
        .observer(tried.clone())
        .allow_addresses(
            |address| match address == IpAddr::from(Ipv4Addr::LOCALHOST) {
                true => Ok(()),
                false => Err("it is another".into()),
            },
        );
    drop(connect(&net, &Endpoint::tcp("two.test", peer.port())).await);
    peer.finish();
    let tried = tried.0.lock().unwrap();
    assert!(
        tried.iter().all(|it| it.ip() == Ipv4Addr::LOCALHOST),
        "{tried:?}"
    );
}

#[tokio::test]
async fn a_name_that_a_proxy_would_resolve_is_refused_under_guard() {
    let script = [
        Step::expect("CONNECT inner.test:80 HTTP/1.1\r\nHost: inner.test:80\r\n\r\n"),
        Step::send("HTTP/1.1 200 OK\r\n\r\n"),
        Step::ExpectEnd,
    ];
    let peer = Peer::tcp(script);
    let proxy = peer.addr();
    let guarded = Net::new().allow_addresses(move |address| match address == proxy.ip() {
        true => Ok(()),
        false => Err("it is not the proxy".into()),
    });
    let allowing = guarded.clone().names_at_proxies(true);
    let to = endpoint(&format!("inner.test:80?via={proxy}"));
    drop(connect(&allowing, &to).await);
    peer.finish();
    for (net, to, says) in [
        (&guarded, "inner.test:80", "its addresses cannot be checked"),
        // An address is checked in any case.
        (&guarded, "192.0.2.1:80", "192.0.2.1 is not allowed"),
        (&allowing, "192.0.2.1:80", "192.0.2.1 is not allowed"),
        (
            &allowing,
            "[::ffff:192.0.2.1]:80",
            "192.0.2.1 is not allowed",
        ),
    ] {
        let peer = Peer::tcp([Step::ExpectEnd]);
        let to = endpoint(&format!("{to}?via={}", peer.addr()));
        let error = soon(net.connect(&to)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Denied);
        assert!(error.why().contains(says), "{error}");
        peer.finish();
    }
}
