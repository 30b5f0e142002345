//! Entrances for the fuzz targets: every parser of this module that reads what others wrote. Not for programs.

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RecordType};

use super::hosts::Hosts;
use super::name::HostName;
use super::resolv_conf::ResolvConf;
use super::{dns, nsswitch};

/// Read these bytes as each of the system's files, and ask what was read for a name.
pub fn files(text: &[u8], name: &str) {
    let hosts = Hosts::parse(text);
    hosts.find(name);
    assert!(!nsswitch::parse(text).is_empty(), "there is an order");
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
            dns::accept(&response, &name, kind);
        }
    }
}
