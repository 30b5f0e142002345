#![allow(clippy::unwrap_used)]
use proptest::prelude::*;
use sockeye_data::url::Url;
use tokio::io::AsyncReadExt;

use super::pool::{Pool, Turn};
use super::{Connection, Route, fuzzing, h1, h2};
use crate::client::http::hop::ConnectionInfo;
use crate::client::http::settings::{Limits, Settings, Versions};
use crate::client::proxies::Proxies;
use crate::endpoint::{Family, Pin, TlsVersion, Verify};
use crate::net::Stream;
use crate::wire::ConnectionId;

/// What a request is asked with, as far as it decides where a connection leads and whom it trusts.
struct Ask {
    url: &'static str,
    versions: Versions,
    settings: Settings,
}

impl Ask {
    fn plain() -> Self {
        Self {
            url: "https://a.example/",
            versions: Versions::Auto,
            settings: Settings::default(),
        }
    }

    fn with(mask: u32) -> Self {
        let mut ask = Self::plain();
        for (i, change) in CHANGES.iter().enumerate() {
            if mask >> i & 1 == 1 {
                change(&mut ask);
            }
        }
        ask
    }

    fn route(&self) -> Route {
        Route::new(
            &Url::parse(self.url).unwrap(),
            &self.settings,
            self.versions,
        )
        .unwrap()
    }
}

/// Everything that decides whom we trust, who we are, and which way we go.
const CHANGES: [fn(&mut Ask); 16] = [
    |ask| ask.settings.tls.ca = Some("ca.pem".into()),
    |ask| ask.settings.tls.cert = Some("me.pem".into()),
    |ask| ask.settings.tls.key = Some("me.key".into()),
    |ask| ask.settings.tls.sni = Some("b.example".into()),
    |ask| ask.settings.tls.verify = Verify::None,
    |ask| ask.settings.tls.pin.push(Pin([1; 32])),
    |ask| ask.settings.tls.min = Some(TlsVersion::V1_3),
    |ask| ask.settings.tls.max = Some(TlsVersion::V1_2),
    |ask| ask.settings.tls.alpn.push("x".into()),
    |ask| ask.versions = Versions::Http11,
    |ask| ask.url = "https://a.example:8443/",
    |ask| {
        ask.settings
            .options
            .via
            .push("http://proxy.example".parse().unwrap())
    },
    |ask| {
        ask.settings
            .options
            .via
            .push("http://me:a@proxy.example".parse().unwrap())
    },
    |ask| {
        ask.settings
            .options
            .via
            .push("http://me:b@proxy.example".parse().unwrap())
    },
    |ask| ask.settings.options.family = Some(Family::V6),
    |ask| ask.settings.options.interface = Some("wg0".into()),
];

/// Those of the changes that are about TLS and versions.
const TRUST: u32 = (1 << 10) - 1;

fn info(route: &Route) -> ConnectionInfo {
    ConnectionInfo {
        id: ConnectionId(0),
        reused: false,
        endpoint: route.endpoint.clone(),
        local: None,
        peer: None,
        secured: None,
    }
}

fn connection(route: &Route) -> (Box<h1::Connection>, tokio::io::DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(64);
    (
        Box::new(h1::Connection::new(Stream::from_io(ours), info(route))),
        theirs,
    )
}

fn now<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(future)
}

/// Whether a connection that was kept for one is given to the other.
fn shares(kept: &Route, wanted: &Route) -> bool {
    let pool = Pool::new(Limits::default());
    let (connection, _theirs) = connection(kept);
    pool.give(kept, connection);
    now(async {
        matches!(
            pool.http1(wanted, true).await.unwrap(),
            Turn::Kept(Connection::H1(_))
        )
    })
}

proptest! {
    #[test]
    fn whatever_differs_in_trust_never_shares_a_connection(
        one in 0_u32..1 << CHANGES.len(),
        flips in 1_u32..1 << CHANGES.len(),
        is_socket in any::<bool>(),
    ) {
        // To a socket that everything goes to there is one way, whatever the URL says; who is trusted there still differs.
        let flips = if is_socket { flips & TRUST | 1 } else { flips };
        let route = |mask| {
            let mut ask = Ask::with(mask);
            if is_socket {
                ask.settings.instead = Some("unix:/run/app.sock".parse().unwrap());
            }
            ask.route()
        };
        prop_assert!(shares(&route(one), &route(one)));
        prop_assert!(!shares(&route(one), &route(one ^ flips)), "{:?} and {:?}", route(one), route(one ^ flips));
    }

    #[test]
    fn any_answer_means_the_same_wherever_it_is_cut(
        head in "(HTTP/1\\.[01] [1-5][0-9][0-9] (OK)?\r\n)?((Content-Length|Transfer-Encoding|Connection|X): ?(0|3|5|chunked|close|keep-alive)\r\n){0,3}(\r\n)?",
        rest in proptest::collection::vec(any::<u8>(), 0..40),
        cut in 1_usize..20,
        is_lenient in any::<bool>(),
    ) {
        let bytes = [head.as_bytes(), &rest].concat();
        fuzzing::http1_response(&bytes, cut, is_lenient);
        fuzzing::http2_response(&rest, cut);
    }
}

#[test]
fn proxies_that_forward_share_only_with_the_same_credentials() {
    let route = |proxy: &str| {
        let mut ask = Ask::plain();
        ask.url = "http://a.example/";
        ask.settings.proxies = Proxies::all(proxy.parse().unwrap());
        ask.route()
    };
    let kept = route("http://me:a@proxy.example:3128");
    assert!(kept.forward.is_some());
    assert!(shares(&kept, &route("http://me:a@proxy.example:3128")));
    for other in [
        "http://me:b@proxy.example:3128",
        "http://you:a@proxy.example:3128",
        "http://proxy.example:3128",
        "https://me:a@proxy.example:3128",
        "http://me:a@proxy.example:3129",
        "http://me:a@other.example:3128",
    ] {
        assert!(!shares(&kept, &route(other)), "{other}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_bounded_in_number_and_time() {
    let limits = Limits {
        kept_per_place: 2,
        kept: 3,
        ..Limits::default()
    };
    let pool = Pool::new(limits);
    let routes = ["https://a.example/", "https://b.example/"].map(|url| {
        let mut ask = Ask::plain();
        ask.url = url;
        ask.route()
    });
    let mut open = Vec::new();
    for route in routes.iter().flat_map(|route| [route; 3]) {
        let (connection, theirs) = connection(route);
        pool.give(route, connection);
        open.push(theirs);
    }
    let mut kept = Vec::new();
    for route in &routes {
        while let Turn::Kept(it) = pool.http1(route, true).await.unwrap() {
            kept.push(it);
        }
    }
    assert_eq!(kept.len(), 3);
    let (connection, _theirs) = connection(&routes[0]);
    pool.give(&routes[0], connection);
    tokio::time::advance(limits.keep).await;
    assert!(matches!(
        pool.http1(&routes[0], true).await.unwrap(),
        Turn::Open(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_shared_connection_that_nobody_uses_is_closed() {
    let limits = Limits::default();
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    let stream = Stream::from_io(ours);
    let connection = h2::Connection::start(stream, info(&Ask::plain().route()), &limits)
        .await
        .unwrap();
    let began = tokio::time::Instant::now();
    assert!(connection.is_open());
    // It ends although the handle is still there.
    theirs.read_to_end(&mut Vec::new()).await.unwrap();
    assert!(began.elapsed() >= limits.keep && began.elapsed() < limits.keep * 2);
    assert!(!connection.is_open());
}

#[test]
fn places_that_nobody_uses_are_forgotten() {
    let limits = Limits {
        kept: 4,
        ..Limits::default()
    };
    let hosts = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let pool = Pool::new(limits);
    for host in hosts {
        let url = Url::parse(&format!("http://{host}.example/")).unwrap();
        let route = Route::new(&url, &Settings::default(), Versions::Auto).unwrap();
        drop(now(pool.turn(&route, true)));
    }
    assert!(pool.places() <= 4, "{}", pool.places());
}
