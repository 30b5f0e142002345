//! Programs against the DNS, with the scripted name server on both sides.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use super::*;
use crate::net::Net;
use crate::net::resolve::Resolver;
use crate::net::resolve::query::{self, Options, Question, RecordKind, Server};
use crate::net::resolve::tests::{NameServer, Reply};

const LIMIT: Duration = Duration::from_secs(10);

/// What programs get by this resolver against what the server says of the name as it stands.
async fn difference(resolver: &Resolver, server: &NameServer, name: &str) -> Option<Difference> {
    let deadline = Instant::now() + Duration::from_secs(5);
    let explained = tokio::time::timeout(LIMIT, resolver.explain(name, None, deadline));
    let explained = explained.await.unwrap();
    let server = Server::udp(server.address);
    let options = Options::default()
        .timeout(Duration::from_secs(5))
        .attempts(1);
    let mut responses = Vec::new();
    for kind in [RecordKind::A, RecordKind::AAAA] {
        let question = Question::new(name.parse().unwrap(), kind);
        responses.push(
            query::ask(&Net::new(), &server, &question, &options)
                .await
                .ok(),
        );
    }
    let responses: Vec<_> = responses.iter().map(Option::as_ref).collect();
    explained.difference(&responses)
}

fn corp() -> NameServer {
    NameServer::start(|name, kind| match (name, kind) {
        ("db.corp.example" | "both.example", _) => Reply::Addresses(&["192.0.2.7", "2001:db8::7"]),
        ("v4.example", 1) => Reply::Addresses(&["192.0.2.4"]),
        ("v4.example" | "mail.example", _) => Reply::Code(0),
        ("late.example", 1) => Reply::Addresses(&["192.0.2.4"]),
        ("late.example", _) => Reply::Silence,
        ("bad.example", _) => Reply::Code(2),
        _ => Reply::Code(3),
    })
}

fn asking(server: &NameServer) -> Resolver {
    Resolver::new()
        .name_servers([server.address])
        .hosts_text("")
}

#[tokio::test]
async fn the_same_answer_is_no_difference() {
    let server = corp();
    for name in [
        "both.example",
        "v4.example",
        "mail.example",
        "nobody.example",
    ] {
        assert_eq!(
            difference(&asking(&server), &server, name).await,
            None,
            "{name}"
        );
    }
}

#[tokio::test]
async fn the_hosts_file_is_named_with_its_line_and_the_dns_with_its_answer() {
    let server = corp();
    let resolver = asking(&server).hosts_text("# mine\n192.0.2.99 nobody.example\n");
    let found = difference(&resolver, &server, "nobody.example")
        .await
        .unwrap();
    assert_eq!(found.cause, Cause::HostsFile);
    assert_eq!(
        found.text,
        "the hosts text line 2 says 192.0.2.99, and files comes before dns in nsswitch.conf; \
         the DNS says there is no such name (NXDOMAIN)"
    );
}

#[tokio::test]
async fn the_search_list_is_named_with_what_it_made_of_the_name() {
    let server = corp();
    let resolver = asking(&server).search(["corp.example"]);
    let found = difference(&resolver, &server, "db").await.unwrap();
    assert_eq!(found.cause, Cause::SearchList);
    assert_eq!(
        found.text,
        "the search list turned db into db.corp.example; for db as it stands the DNS says \
         there is no such name (NXDOMAIN)"
    );
}

#[tokio::test]
async fn an_order_that_keeps_programs_from_the_dns_is_named() {
    let server = corp();
    let resolver = asking(&server).nsswitch_text("hosts: files [NOTFOUND=return] dns");
    let found = difference(&resolver, &server, "v4.example").await.unwrap();
    assert_eq!(found.cause, Cause::Nsswitch);
    assert_eq!(
        found.text,
        "nsswitch.conf ends the search at files [NOTFOUND=return], so programs do not ask name \
         servers; the DNS says 192.0.2.4"
    );
    let resolver = resolver.nsswitch_text("hosts: files");
    let found = difference(&resolver, &server, "v4.example").await.unwrap();
    assert!(
        found.text.starts_with("nsswitch.conf does not name dns"),
        "{found}"
    );
    let found = difference(&Resolver::new(), &server, "v4.example")
        .await
        .unwrap();
    assert_eq!(found.cause, Cause::NoServers);
}

#[tokio::test]
async fn rules_that_no_server_can_change_are_named() {
    let server = NameServer::start(|_, _| Reply::Addresses(&["192.0.2.66", "2001:db8::66"]));
    let causes = [
        ("localhost", Cause::Localhost),
        ("x.localhost", Cause::Localhost),
        ("x.onion", Cause::Reserved),
    ];
    for (name, cause) in causes {
        let found = difference(&asking(&server), &server, name).await.unwrap();
        assert_eq!(found.cause, cause, "{name}: {found}");
    }
}

#[tokio::test]
async fn a_family_that_came_late_or_is_not_asked_for_is_named() {
    let server = corp();
    let other = NameServer::start(|_, _| Reply::Addresses(&["192.0.2.4", "2001:db8::4"]));
    let found = difference(&asking(&server), &other, "late.example")
        .await
        .unwrap();
    assert_eq!(found.cause, Cause::LateFamily);
    let resolver = asking(&other).resolv_conf_text("options no-aaaa\n");
    let found = difference(
        &resolver.name_servers([other.address]),
        &other,
        "v4.example",
    )
    .await;
    assert_eq!(found.unwrap().cause, Cause::UnaskedFamily);
}

#[tokio::test]
async fn servers_that_fail_on_one_side_are_named() {
    let server = corp();
    let good = NameServer::start(|_, _| Reply::Addresses(&["192.0.2.4"]));
    let found = difference(&asking(&server), &good, "bad.example")
        .await
        .unwrap();
    assert_eq!(found.cause, Cause::ServersFailed);
    let found = difference(&asking(&good), &server, "bad.example")
        .await
        .unwrap();
    assert_eq!(found.cause, Cause::DnsFailed);
    assert!(found.text.contains("SERVFAIL"), "{found}");
    let found = difference(&asking(&good), &server, "nobody.example")
        .await
        .unwrap();
    assert_eq!(found.cause, Cause::AnswersVary);
}
