//! Who is asked for a name, in which order: the `hosts` line of nsswitch.conf(5).
//!
//! A pure parser over bytes. Services that we do not speak are kept by name, so that it can be said who was skipped.

/// The most bytes of the file that are read.
pub(super) const MAX_BYTES: u64 = 1 << 20;
/// The most services that a line may name.
const MAX_SERVICES: usize = 32;

/// Somebody who may know names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Service {
    /// The hosts file.
    Files,
    /// Name servers.
    Dns,
    /// The name of this machine itself, see nss-myhostname(8).
    MyHostname,
    /// Name servers in other clothes, where `dns` is named as well.
    Shadowed,
    /// One that we do not speak.
    Unknown,
}

impl Service {
    /// Whether we ask it, or stand in for it.
    pub(super) fn is_ours(self) -> bool {
        !matches!(self, Self::Shadowed | Self::Unknown)
    }
}

/// How asking one of them ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// The name is not known there.
    NotFound,
    /// Nobody is there to be asked.
    Unavailable,
    /// They may know later.
    TryAgain,
}

impl Status {
    /// The action that makes it the end of the search, as it is written.
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::NotFound => "NOTFOUND=return",
            Self::Unavailable => "UNAVAIL=return",
            Self::TryAgain => "TRYAGAIN=return",
        }
    }
}

/// One step of the order: whom to ask, and after which endings nobody else is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Whom to ask.
    pub(super) service: Service,
    /// The word that names it.
    pub(super) word: Box<str>,
    /// Whether the search ends after `NotFound`, `Unavailable`, `TryAgain`.
    returns: [bool; 3],
}

impl Step {
    fn new(service: Service, word: &str) -> Self {
        Self {
            service,
            word: word.into(),
            returns: [false; 3],
        }
    }

    /// Whether nobody else is asked after this ending.
    pub(super) fn ends_at(&self, status: Status) -> bool {
        self.returns[status as usize]
    }
}

/// The order when nothing is configured: the hosts file, then name servers.
pub(super) fn default_order() -> Vec<Step> {
    vec![
        Step::new(Service::Files, "files"),
        Step::new(Service::Dns, "dns"),
    ]
}

/// The order that the text asks for.
pub(super) fn parse(text: &[u8]) -> Vec<Step> {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().find_map(|line| {
        let line = line.split('#').next()?.trim_start();
        let (database, rest) = line.split_once(':')?;
        (database.trim_end() == "hosts").then_some(rest)
    });
    line.map_or_else(default_order, parse_line)
}

fn parse_line(line: &str) -> Vec<Step> {
    let has_dns = line.split_ascii_whitespace().any(|word| word == "dns");
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() && steps.len() < MAX_SERVICES {
        if let Some(actions) = rest.strip_prefix('[') {
            let (inside, after) = actions.split_once(']').unwrap_or((actions, ""));
            // The actions of services that we do not speak do not matter, for to us they are unavailable.
            let last = steps.last_mut();
            if let Some(step) = last.filter(|step| step.service.is_ours()) {
                apply_actions(step, inside);
            }
            rest = after.trim_start();
            continue;
        }
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || c == '[')
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after.trim_start();
        let service = match word {
            "files" => Service::Files,
            "dns" => Service::Dns,
            // systemd-resolved is a name server in other clothes; we stand in for it where DNS is not named.
            "resolve" if has_dns => Service::Shadowed,
            "resolve" => Service::Dns,
            "myhostname" => Service::MyHostname,
            _ => Service::Unknown,
        };
        steps.push(Step::new(service, word));
    }
    steps
}

/// Actions as in `NOTFOUND=return !UNAVAIL=return`.
fn apply_actions(step: &mut Step, actions: &str) {
    for action in actions.split_ascii_whitespace() {
        let Some((status, what)) = action.split_once('=') else {
            continue;
        };
        let returns = what.eq_ignore_ascii_case("return");
        let (negated, status) = match status.strip_prefix('!') {
            Some(status) => (true, status),
            None => (false, status),
        };
        let named = match status.to_ascii_lowercase().as_str() {
            "notfound" => Some(Status::NotFound),
            "unavail" => Some(Status::Unavailable),
            "tryagain" => Some(Status::TryAgain),
            "success" => None,
            _ => continue,
        };
        for each in [Status::NotFound, Status::Unavailable, Status::TryAgain] {
            if (named == Some(each)) != negated {
                step.returns[each as usize] = returns;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The services that are asked.
    fn services(text: &str) -> Vec<Service> {
        let steps = parse(text.as_bytes());
        let services = steps.iter().map(|step| step.service);
        services.filter(|service| service.is_ours()).collect()
    }

    #[test]
    fn the_order_of_the_hosts_line_counts() {
        let text = "passwd: files\nhosts:\t dns files # both\nservices: db\n";
        assert_eq!(services(text), [Service::Dns, Service::Files]);
    }

    #[test]
    fn without_a_hosts_line_files_come_before_dns() {
        assert_eq!(services(""), [Service::Files, Service::Dns]);
        assert_eq!(services("#hosts: dns\n"), [Service::Files, Service::Dns]);
    }

    #[test]
    fn unknown_services_and_their_actions_are_skipped() {
        let steps = parse(b"hosts: files mdns4_minimal [NOTFOUND=return] dns myhostname");
        assert!(steps.iter().all(|step| !step.ends_at(Status::NotFound)));
        let steps = steps
            .iter()
            .map(|step| (&*step.word, step.service.is_ours()));
        let wanted = [
            ("files", true),
            ("mdns4_minimal", false),
            ("dns", true),
            ("myhostname", true),
        ];
        assert_eq!(steps.collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn actions_belong_to_the_service_before_them() {
        let steps = parse(b"hosts: files [notfound=RETURN] dns");
        assert!(steps[0].ends_at(Status::NotFound));
        assert!(!steps[0].ends_at(Status::Unavailable));
        assert!(!steps[1].ends_at(Status::NotFound));
        let steps = parse(b"hosts: dns [!UNAVAIL=return] files");
        assert!(steps[0].ends_at(Status::NotFound) && steps[0].ends_at(Status::TryAgain));
        assert!(!steps[0].ends_at(Status::Unavailable));
    }

    #[test]
    fn resolve_means_dns_only_where_dns_is_not_named() {
        assert_eq!(
            services("hosts: resolve files"),
            [Service::Dns, Service::Files]
        );
        assert_eq!(
            services("hosts: resolve [!UNAVAIL=return] files dns"),
            [Service::Files, Service::Dns]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse(&bytes);
            parse(&[b"hosts:".as_slice(), &bytes].concat());
        }

        #[test]
        fn any_words_are_taken(line in "[ \\[\\]!=a-z]{0,60}") {
            parse(format!("hosts: {line}").as_bytes());
        }
    }
}
