//! Entrances for the fuzz targets: every parser of this module that reads what others wrote. Not for programs.

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RecordType};

use super::dns::{self, Answer};
use super::gai_conf::Policy;
use super::hosts::Hosts;
use super::name::HostName;
use super::nsswitch;
use super::resolv_conf::ResolvConf;

/// Read these bytes as each of the system's files, and ask what was read for a name.
pub fn files(text: &[u8], name: &str) {
    let hosts = Hosts::parse(text);
    hosts.find(name);
    assert!(!nsswitch::parse(text).is_empty(), "there is an order");
    let policy = Policy::parse(text);
    if let Some(entry) = hosts.find(name).first() {
        policy.precedence(entry.address.ip());
        assert!(!hosts.names_of(entry.address.ip()).is_empty());
    }
    let mut conf = ResolvConf::parse(text);
    conf.apply_environment(Some(name), Some(name));
    assert!(
        conf.candidates(name, None).len() < 100,
        "few names are tried"
    );
    if let Ok(host) = HostName::parse(name) {
        let written = host.written();
        assert!(HostName::parse(&written).is_ok_and(|again| again.written() == written));
    }
}

/// Read these bytes as the answer of a name server.
pub fn answer(bytes: &[u8]) {
    let Ok(name) = Name::from_ascii("host.example.") else {
        return;
    };
    if let Ok(response) = Message::from_vec(bytes) {
        for kind in [RecordType::A, RecordType::AAAA] {
            accept(&response, &name, kind);
        }
    }
}

fn accept(response: &Message, name: &Name, kind: RecordType) {
    let mut query = dns::question(name, kind, true);
    query.metadata.id = response.metadata.id;
    let _ = dns::is_answer(response, &query);
    if let Ok(Answer::Found(found)) = dns::addresses(response, name, kind) {
        let many = (1..=dns::MAX_ADDRESSES).contains(&found.len());
        assert!(many, "some, and not too many");
        let is_v4 = kind == RecordType::A;
        assert!(found.iter().all(|found| found.is_ipv4() == is_v4));
    }
}
