//! From a root of our own down, over three name servers at three addresses.

use std::net::Ipv4Addr;

use sockeye::Net;
use sockeye::net::resolve::query::{
    Leads, NameServer as Root, Outcome, Question, Step, TraceOptions, trace,
};
use sockeye_testkit::peers::{NameServer, NameServerKind};

use super::run;

const ROOT: &str = "$TTL 300\n\
    @ SOA a.root. admin. 1 3600 900 1209600 300\n@ NS a.root.\na.root. A 127.0.0.1\n\
    test. NS ns.test.\nns.test. A 127.0.0.2\nother. NS ns.zone.test.\n";
const TEST: &str = "$TTL 300\n\
    @ SOA ns.test. admin.test. 1 3600 900 1209600 300\n@ NS ns.test.\nns.test. A 127.0.0.2\n\
    zone NS ns.zone\nns.zone A 127.0.0.3\n\
    glueless NS nowhere.example.\nglueless NS ns.zone\n\
    dead NS ns.dead\nns.dead A 127.0.0.9\n";
const ZONE: &str = "$TTL 300\n\
    @ SOA ns.zone.test. admin.zone.test. 1 3600 900 1209600 300\n@ NS ns.zone.test.\n\
    ns A 127.0.0.3\nwww A 192.0.2.1\nalias CNAME www.other.\nloop CNAME loop2.other.\n";
const OTHER: &str = "$TTL 300\n\
    @ SOA ns.zone.test. admin.zone.test. 1 3600 900 1209600 300\n@ NS ns.zone.test.\n\
    www A 192.0.2.2\nloop2 CNAME loop.zone.test.\n";

struct Tree {
    servers: [NameServer; 3],
}

/// The root is bind9 at 127.0.0.1, `test` is Knot at 127.0.0.2, the zones below are Knot's at 127.0.0.3.
///
/// bind9 listens only where an interface has the address, as 127.0.0.1 on `lo`.
fn tree() -> Option<Tree> {
    let root = NameServerKind::bind().zone(".", ROOT).start()?;
    let port = root.addr().port();
    let at = |last| Ipv4Addr::new(127, 0, 0, last);
    let test = NameServerKind::knot()
        .at(at(2))
        .port(port)
        .zone("test.", TEST)
        .start()?;
    let zones = NameServerKind::knot()
        .at(at(3))
        .port(port)
        .zone("zone.test", ZONE)
        .zone("glueless.test", ZONE)
        .zone("other", OTHER)
        .start()?;
    Some(Tree {
        servers: [root, test, zones],
    })
}

impl Tree {
    async fn trace(
        &self,
        name: &str,
        change: fn(TraceOptions) -> TraceOptions,
    ) -> (Vec<Step>, sockeye::Result<Outcome>) {
        let root = self.servers[0].addr();
        let options = TraceOptions::default()
            .roots(vec![Root::at(root.ip())])
            .port(root.port());
        let question = Question::new(name.parse().unwrap(), "A".parse().unwrap());
        trace(&Net::new(), question, change(options)).await
    }
}

fn path(steps: &[Step]) -> Vec<String> {
    let step = |step: &Step| {
        format!(
            "{} asked by {} for {}",
            step.address.ip(),
            step.zone,
            step.question.name
        )
    };
    steps.iter().map(step).collect()
}

#[test]
fn referrals_lead_from_the_root_to_the_answer() {
    run(async || {
        let Some(tree) = tree() else { return };
        let (steps, end) = tree.trace("www.zone.test", |options| options).await;
        assert_eq!(end.unwrap(), Outcome::Answer);
        assert_eq!(
            path(&steps),
            [
                "127.0.0.1 asked by . for www.zone.test.",
                "127.0.0.2 asked by test. for www.zone.test.",
                "127.0.0.3 asked by zone.test. for www.zone.test.",
            ]
        );
        assert_eq!(steps[0].leads, Leads::Down("test.".parse().unwrap()));
        assert_eq!(steps[2].leads, Leads::End);
        assert_eq!(steps[1].server, Some("ns.test.".parse().unwrap()));
        let answer = steps[2].result.as_ref().unwrap();
        assert_eq!(
            answer.answers[0].to_string(),
            "www.zone.test. 300 IN A 192.0.2.1"
        );
        assert!(!answer.flags.recursion_desired && answer.flags.authoritative);
        let json = serde_json::to_value(&steps[0]).unwrap();
        assert_eq!(json["leads"]["down"], "test.");
        let (steps, end) = tree.trace("nobody.zone.test", |options| options).await;
        assert_eq!((steps.len(), end.unwrap()), (3, Outcome::NoName));
    });
}

#[test]
fn aliases_and_servers_without_address_are_looked_for() {
    run(async || {
        let Some(tree) = tree() else { return };
        let (steps, end) = tree.trace("alias.zone.test", |options| options).await;
        assert_eq!(end.unwrap(), Outcome::Answer);
        let alias = steps.iter().find_map(|step| match &step.leads {
            Leads::Alias(name) => Some(name.to_string()),
            _ => None,
        });
        assert_eq!(alias.as_deref(), Some("www.other."));
        // The root tells no address of ns.zone.test, the server of `other`, that it would be believed.
        let helping = steps.iter().filter(|step| step.looking_for.is_some());
        assert!(helping.count() <= 3, "{:?}", path(&steps));
        let last = steps.last().unwrap().result.as_ref().unwrap();
        assert_eq!(last.answers[0].to_string(), "www.other. 300 IN A 192.0.2.2");
        let (steps, end) = tree.trace("www.glueless.test", |options| options).await;
        assert_eq!(end.unwrap(), Outcome::Answer, "{:?}", path(&steps));
    });
}

#[test]
fn a_trace_without_end_has_limits_and_says_why() {
    run(async || {
        let Some(tree) = tree() else { return };
        let (steps, end) = tree.trace("loop.zone.test", |options| options).await;
        let error = end.unwrap_err();
        assert!(error.to_string().contains("more than 8 aliases"), "{error}");
        assert!(steps.len() < 30);
        let (steps, end) = tree.trace("www.dead.test", |options| options).await;
        let error = end.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("no server of the zone dead.test."),
            "{error}"
        );
        assert!(matches!(&steps[2].leads, Leads::Nowhere(why) if why.contains("nobody listens")));
        let (steps, end) = tree
            .trace("www.zone.test", |options| options.max_queries(2))
            .await;
        assert_eq!(steps.len(), 2);
        assert!(
            end.unwrap_err()
                .to_string()
                .contains("more than 2 questions")
        );
        let (_, end) = tree
            .trace("www.zone.test", |options| options.max_referrals(1))
            .await;
        assert!(
            end.unwrap_err()
                .to_string()
                .contains("more than 1 referrals")
        );
    });
}
