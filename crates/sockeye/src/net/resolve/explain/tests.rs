//! Explanations of look-ups, against the scripted name server.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::net::resolve::Rule;
use crate::net::resolve::tests::{NameServer, Reply, watched};

async fn explain(resolver: &Resolver, name: &str) -> Explanation {
    let deadline = Instant::now() + Duration::from_secs(5);
    let explain = resolver.explain(name, None, deadline);
    tokio::time::timeout(Duration::from_secs(10), explain)
        .await
        .expect("a look-up ends before its deadline")
}

/// Each step in short.
fn steps(explained: &Explanation) -> Vec<String> {
    let said = |step: &Step| match &step.said {
        Said::Hosts { lines, .. } => {
            let lines: Vec<_> = lines.iter().map(|line| line.number.to_string()).collect();
            format!("lines [{}]", lines.join(" "))
        }
        Said::Dns { asked, .. } => {
            let asked = asked
                .iter()
                .map(|asked| format!("{} {:?}", asked.name, asked.told));
            asked.collect::<Vec<_>>().join("; ")
        }
        Said::MyHostname { is_ours, .. } => format!("ours {is_ours}"),
        other => format!("{other:?}"),
    };
    let text = |step: &Step| {
        let ended = step
            .ended_by
            .map(|by| format!(" [{by}]"))
            .unwrap_or_default();
        format!("{}: {}{ended}", step.service, said(step))
    };
    explained.steps.iter().map(text).collect()
}

fn knows(name: &'static str) -> NameServer {
    NameServer::start(move |asked, _| match asked == name {
        true => Reply::Addresses(&["127.0.0.1", "::1"]),
        false => Reply::Code(3),
    })
}

#[tokio::test]
async fn the_hosts_file_is_named_with_its_lines_and_ends_the_search() {
    let server = knows("db.corp.example");
    let hosts = "127.0.0.1 localhost\n192.0.2.7 db # one\n\n192.0.2.8 db\n";
    let resolver = Resolver::new()
        .name_servers([server.address])
        .hosts_text(hosts);
    let explained = explain(&resolver, "DB").await;
    assert_eq!(steps(&explained), ["files: lines [2 4]"]);
    assert_eq!(explained.unasked, ["dns"]);
    assert_eq!(explained.ascii.as_deref(), Some("db"));
    assert_eq!(explained.meaning(), Meaning::Addresses);
    assert_eq!(explained.addresses().len(), 2);
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn each_full_name_of_the_search_list_is_told_with_who_answered() {
    let server = knows("db.corp.example");
    let resolver = Resolver::new().name_servers([server.address]);
    let resolver = resolver
        .hosts_text("")
        .search(["lab.example", "corp.example"]);
    let explained = explain(&resolver, "db").await;
    let wanted = [
        "files: lines []",
        "dns: db.lab.example NoName; db.corp.example Addresses([127.0.0.1, ::1])",
    ];
    let found = steps(&explained);
    // The order of the families in the answer is that of their arrival.
    let found: Vec<_> = found
        .iter()
        .map(|it| it.replace("[::1, 127.0.0.1]", "[127.0.0.1, ::1]"))
        .collect();
    assert_eq!(found, wanted);
    assert_eq!(explained.answered_name(), Some("db.corp.example"));
    let Said::Dns { asked, .. } = &explained.steps[1].said else {
        panic!()
    };
    assert_eq!(asked[1].server, Some(server.address));
    assert_eq!(explained.order[0].rule, Some(Rule::Precedence));
}

#[tokio::test]
async fn actions_that_end_the_search_and_services_that_are_skipped_are_told() {
    let server = knows("db");
    let resolver = Resolver::new()
        .name_servers([server.address])
        .hosts_text("");
    let resolver =
        resolver.nsswitch_text("hosts: mdns4_minimal files [NOTFOUND=return] resolve dns");
    let explained = explain(&resolver, "db").await;
    let wanted = [
        "mdns4_minimal: Skipped(NotSpoken)",
        "files: lines [] [NOTFOUND=return]",
    ];
    assert_eq!(steps(&explained), wanted);
    assert_eq!(explained.unasked, ["dns"]);
    assert_eq!(explained.meaning(), Meaning::NoName);
    let resolver = resolver.nsswitch_text("hosts: resolve files dns");
    let explained = explain(&resolver, "db").await;
    assert_eq!(steps(&explained)[0], "resolve: Skipped(DnsStandsIn)");
}

#[tokio::test]
async fn rules_before_anybody_is_asked() {
    let resolver = Resolver::new().hosts_text("127.0.0.1 localhost\n192.0.2.1 evil.localhost");
    let literal = explain(&resolver, "192.0.2.1").await;
    assert_eq!(steps(&literal), ["literal: Literal"]);
    assert_eq!(literal.ascii, None);
    let local = explain(&resolver, "localhost").await;
    let Said::Localhost { lines } = &local.steps[0].said else {
        panic!()
    };
    assert_eq!(lines[0].number, 1);
    let hidden = explain(&resolver, "x.onion").await;
    assert_eq!(hidden.meaning(), Meaning::NoName);
    assert!(matches!(
        hidden.steps[0].said,
        Said::Reserved {
            domain: "onion",
            ..
        }
    ));
    assert_eq!(explain(&resolver, "a b").await.meaning(), Meaning::Unusable);
}

#[tokio::test]
async fn the_ways_not_to_find_a_name_are_told_apart() {
    for (code, meaning) in [
        (0, Meaning::NoAddress),
        (3, Meaning::NoName),
        (2, Meaning::Failed),
    ] {
        let server = NameServer::start(move |_, _| Reply::Code(code));
        let resolver = Resolver::new().name_servers([server.address]);
        assert_eq!(explain(&resolver, "db.example").await.meaning(), meaning);
    }
    let server = NameServer::start(|_, _| Reply::Silence);
    let resolver = Resolver::new().name_servers([server.address]);
    let resolver = resolver.timeout(Duration::from_millis(20)).attempts(1);
    let explained = explain(&resolver, "db.example").await;
    assert_eq!(explained.meaning(), Meaning::Silent);
}

#[tokio::test]
async fn a_server_that_failed_first_is_told_beside_the_one_that_answered() {
    let bad = NameServer::start(|_, _| Reply::Code(2));
    let good = knows("db.example");
    let resolver = Resolver::new().name_servers([bad.address, good.address]);
    let explained = explain(&resolver, "db.example").await;
    let Said::Dns { asked, .. } = &explained.steps[1].said else {
        panic!()
    };
    assert_eq!(asked[0].server, Some(good.address));
    assert_eq!(asked[0].failures[0].server(), bad.address);
    assert_eq!(explained.meaning(), Meaning::Addresses);
}

#[tokio::test]
async fn a_late_family_is_told() {
    let server = NameServer::start(|_, kind| match kind {
        1 => Reply::Addresses(&["127.0.0.1"]),
        _ => Reply::Silence,
    });
    let resolver = Resolver::new().name_servers([server.address]);
    let explained = explain(&resolver, "db.example").await;
    let Said::Dns { asked, .. } = &explained.steps[1].said else {
        panic!()
    };
    assert_eq!(asked[0].late, Some(Family::V6));
}

#[tokio::test]
async fn gai_conf_changes_the_order() {
    let hosts = "127.0.0.1 db\n::1 db\n";
    let resolver = Resolver::new().hosts_text(hosts);
    let plain = explain(&resolver, "db").await;
    assert!(plain.addresses()[0].is_ipv6() && !plain.has_gai_conf);
    let resolver = resolver.gai_conf_text("precedence ::ffff:0:0/96 100\n");
    let changed = explain(&resolver, "db").await;
    assert!(changed.addresses()[0].is_ipv4() && changed.has_gai_conf);
    assert_eq!(changed.order[0].rule, Some(Rule::Precedence));
}

#[tokio::test]
async fn an_address_has_names_in_the_hosts_file_if_that_is_asked_first() {
    let resolver = Resolver::new().hosts_text("192.0.2.7 db.example db\n");
    let address = "192.0.2.7".parse().unwrap();
    let names = resolver.hosts_names(address).await;
    assert_eq!(names, [(1, "db.example".to_owned()), (1, "db".to_owned())]);
    let resolver = resolver.nsswitch_text("hosts: dns files");
    assert!(resolver.hosts_names(address).await.is_empty());
}

#[tokio::test]
async fn an_observer_sees_what_is_said_to_name_servers() {
    let server = NameServer::start(|_, _| Reply::Truncated(&["127.0.0.1"]));
    let (heard, _) = watched();
    let net = Net::new().resolver(Resolver::new().name_servers([server.address]));
    let net = net.observer(heard.clone());
    let explained = net.explain("db.example", Some(Family::V4)).await;
    assert_eq!(explained.meaning(), Meaning::Addresses);
    let heard = heard.0.lock().unwrap();
    let kinds: Vec<&str> = heard
        .iter()
        .map(|event| event.split(['(', ' ']).next().unwrap())
        .collect();
    let exchange = ["Connected", "Data", "Data", "Closed"];
    assert_eq!(kinds, [exchange, exchange].concat());
    assert!(heard[1].starts_with("Data(Sent"), "{heard:?}");
    assert!(heard[2].starts_with("Data(Received"), "{heard:?}");
}
