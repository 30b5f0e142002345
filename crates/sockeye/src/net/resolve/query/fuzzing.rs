//! Entrances for the fuzz targets: what servers send, and what users write. Not for programs.

use super::decode::{Asked, Manner, Reply};
use super::{Class, ClientSubnet, DomainName, Options, Question, RecordKind, Server};

/// Read these bytes as the answer to a question.
pub fn query_answer(bytes: &[u8]) {
    let Ok(name) = "host.example".parse() else {
        return;
    };
    let question = Question::new(name, RecordKind::ANY);
    let manner = Manner {
        edns: true,
        cookie: None,
        padded: false,
        anonymous: true,
    };
    let Ok(asked) = Asked::new(&question, &Options::default(), manner) else {
        return;
    };
    // Behind the head and the question of a true answer, so that more than strays come out.
    let end = 12 + "host.example".len() + 2 + 4;
    let mut behind = asked.bytes[..end].to_vec();
    behind[2] |= 0x80;
    if let Some((counts, rest)) = bytes.split_at_checked(6) {
        behind[6..12].copy_from_slice(counts);
        behind.extend_from_slice(rest);
    }
    for bytes in [bytes, &behind] {
        if let Ok(Reply::Answer(contents)) = asked.read(bytes, true) {
            let sections = [&contents.answers, &contents.authority, &contents.additional];
            for record in sections.into_iter().flatten() {
                let text = record.to_string();
                let is_safe = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
                assert!(is_safe, "a terminal may see {text:?}");
                assert!(serde_json::to_string(record).is_ok());
                let again = record.name.to_string().parse::<DomainName>();
                assert!(again.is_ok_and(|again| again == record.name));
            }
        }
    }
}

/// Read this text as everything that a user may write.
pub fn query_words(text: &str) {
    if let Ok(server) = text.parse::<Server>() {
        let printed = server.to_string();
        assert!(
            printed.parse::<Server>().is_ok_and(|again| again == server),
            "{printed}"
        );
    }
    if let Ok(name) = text.parse::<DomainName>() {
        let printed = name.to_string();
        assert!(
            printed
                .parse::<DomainName>()
                .is_ok_and(|again| again == name),
            "{printed}"
        );
        let _ = name.to_unicode();
    }
    if let Ok(kind) = text.parse::<RecordKind>() {
        assert!(
            kind.to_string()
                .parse::<RecordKind>()
                .is_ok_and(|again| again == kind)
        );
    }
    if let Ok(class) = text.parse::<Class>() {
        assert!(
            class
                .to_string()
                .parse::<Class>()
                .is_ok_and(|again| again == class)
        );
    }
    if let Ok(subnet) = text.parse::<ClientSubnet>() {
        assert!(
            subnet
                .to_string()
                .parse::<ClientSubnet>()
                .is_ok_and(|again| again == subnet)
        );
    }
}
