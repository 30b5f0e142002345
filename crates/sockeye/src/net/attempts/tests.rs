//! Races on loopback, as they are told.
#![allow(clippy::unwrap_used)]

use std::net::Ipv6Addr;

use super::*;
use crate::net::race::tests::{Blackhole, LIMIT, here, nobody};
use crate::net::resolve::Resolver;

async fn race(net: &Net, to: &str) -> Result<Race> {
    let to = to.parse().unwrap();
    tokio::time::timeout(LIMIT, net.race(&to))
        .await
        .expect("a race ends before its deadline")
}

fn endings(race: &Race) -> Vec<&Ending> {
    race.attempts
        .iter()
        .map(|attempt| &attempt.ending)
        .collect()
}

/// A net for which `twin` has both addresses of loopback, in this order.
fn net(first: &str) -> Net {
    let gai_conf = match first {
        "IPv4" => "precedence ::ffff:0:0/96 100\n",
        _ => "",
    };
    let resolver = Resolver::new().hosts_text("127.0.0.1 twin\n::1 twin\n");
    Net::new().resolver(resolver.gai_conf_text(gai_conf))
}

#[tokio::test]
async fn the_first_address_wins_and_the_other_is_not_tried() {
    let (_listener, four) = here();
    let race = race(&net("IPv4"), &format!("twin:{}", four.port()))
        .await
        .unwrap();
    assert_eq!(endings(&race), [&Ending::Won]);
    assert_eq!(race.winner().unwrap().address, four);
    assert_eq!(
        race.untried,
        [SocketAddr::from((Ipv6Addr::LOCALHOST, four.port()))]
    );
    assert!(race.error.is_none());
}

#[tokio::test]
async fn a_swallowed_ipv4_attempt_loses_to_ipv6_after_250_ms() {
    let silent = Blackhole::new();
    let port = silent.address.port();
    let Ok(_six) = std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, port)) else {
        return;
    };
    let race = race(&net("IPv4"), &format!("twin:{port}")).await.unwrap();
    assert_eq!(endings(&race), [&Ending::Canceled, &Ending::Won]);
    assert!(race.winner().unwrap().address.is_ipv6());
    let second = race.attempts[1].began;
    assert!(
        second >= Duration::from_millis(250) && second < Duration::from_secs(2),
        "{second:?}"
    );
}

#[tokio::test]
async fn a_refusal_starts_the_next_attempt_at_once() {
    let (_listener, four) = here();
    let race = race(&net("IPv6"), &format!("twin:{}", four.port()))
        .await
        .unwrap();
    let [first, second] = &race.attempts[..] else {
        panic!("{race:?}")
    };
    assert!(matches!(
        first.ending,
        Ending::Failed {
            kind: Kind::Refused,
            ..
        }
    ));
    assert_eq!(second.ending, Ending::Won);
    assert!(second.began < Duration::from_millis(200), "{second:?}");
}

#[tokio::test]
async fn a_race_that_nobody_won_is_told_too() {
    let (_held, address) = nobody();
    let race = race(&Net::new(), &address.to_string()).await.unwrap();
    assert!(matches!(
        endings(&race)[..],
        [Ending::Failed {
            kind: Kind::Refused,
            ..
        }]
    ));
    assert_eq!(race.error.unwrap().kind(), Kind::Refused);
}

#[tokio::test]
async fn without_addresses_there_is_no_race() {
    assert_eq!(
        race(&net("IPv6"), "other:80").await.unwrap_err().kind(),
        Kind::Name
    );
    assert_eq!(
        race(&net("IPv6"), "udp://twin:80")
            .await
            .unwrap_err()
            .kind(),
        Kind::Unsupported
    );
    assert_eq!(
        race(&net("IPv6"), "twin:0").await.unwrap_err().kind(),
        Kind::Usage
    );
}
