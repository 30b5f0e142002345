//! Why a name was not found: who was asked, what they said, and what to try.

use super::dns::{Failure, Why};
use super::explain::{Said, Step, Told};
use crate::endpoint::Family;
use crate::error::{Error, Kind, Operation};

/// The most servers, files or names that an error lists.
const MAX_LISTED: usize = 6;

/// What is gathered while one after the other does not know a name.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// Files and servers that were asked.
    pub(super) asked: Vec<String>,
    /// Full names that were asked for at name servers, if they were not just the name itself.
    pub(super) tried: Vec<String>,
    /// Whether somebody knows the name, and has no address of the wanted family.
    pub(super) has_no_address: bool,
    /// Servers that did not help.
    pub(super) failures: Vec<Failure>,
}

impl Missed {
    /// What these steps say together.
    pub(super) fn of(steps: &[Step]) -> Self {
        let mut missed = Self::default();
        for step in steps {
            match &step.said {
                Said::Hosts { file, lines } => {
                    match file {
                        Some(path) => missed.ask(path.display()),
                        None => missed.ask("the hosts text"),
                    }
                    missed.has_no_address |= !lines.is_empty();
                }
                Said::Dns { servers, asked } => {
                    servers.iter().for_each(|server| missed.ask(server));
                    for asked in asked {
                        if asked.told != Told::TooLong {
                            missed.tried.push(asked.name.clone());
                        }
                        missed.has_no_address |= asked.told == Told::NoData;
                        if asked.told == Told::Nothing {
                            missed.fail(&asked.failures);
                        }
                    }
                }
                _ => {}
            }
        }
        missed
    }

    pub(super) fn ask(&mut self, whom: impl ToString) {
        let whom = whom.to_string();
        if !self.asked.contains(&whom) {
            self.asked.push(whom);
        }
    }

    fn fail(&mut self, failures: &[Failure]) {
        for failure in failures {
            if !self.failures.contains(failure) {
                self.failures.push(failure.clone());
            }
        }
    }

    /// The error for a name that was not found.
    pub(super) fn into_error(self, name: &str, family: Option<Family>) -> Error {
        if self.has_no_address {
            return self.no_address(name, family);
        }
        if self.failures.is_empty() {
            return self.no_such_name(name);
        }
        let said = list(self.failures.iter().map(ToString::to_string), "; ");
        if self
            .failures
            .iter()
            .all(|failure| failure.why == Why::Silent)
        {
            let why = format!("no name server answered for {name}: {said}");
            return error(Kind::TimedOut, why);
        }
        let unreached = |failure: &Failure| matches!(failure.why, Why::Unreached(_) | Why::Silent);
        let hint = if self.failures.iter().all(unreached) {
            "name servers stand in /etc/resolv.conf; without one, use an address or a line in /etc/hosts"
        } else {
            "the name server has trouble, not the name; try later, or another server"
        };
        let why = format!("no name server could say what {name} is: {said}");
        error(Kind::Name, why).with_hint(hint)
    }

    fn no_such_name(self, name: &str) -> Error {
        let mut why = format!("nobody knows the name {name}");
        if self.asked.is_empty() {
            why.push_str(" (there is nobody to ask)");
        } else {
            why += &format!(" (asked {}", list(self.asked.into_iter(), ", "));
            if self.tried.len() > 1 {
                why += &format!(" for {}", list(self.tried.into_iter(), ", "));
            }
            why.push(')');
        }
        let error = error(Kind::Name, why);
        if name.contains('.') {
            return error;
        }
        error.with_hint("check the spelling, or write the whole name with its domain")
    }

    fn no_address(self, name: &str, family: Option<Family>) -> Error {
        let (wanted, hint) = match family {
            Some(Family::V4) => ("IPv4 address", "allow IPv6 too: without -4 and family=4"),
            Some(Family::V6) => ("IPv6 address", "allow IPv4 too: without -6 and family=6"),
            None => (
                "address",
                "it may be a name for something else than a host, such as mail",
            ),
        };
        let asked = list(self.asked.into_iter(), ", ");
        let why = format!("the name {name} exists but has no {wanted} (asked {asked})");
        error(Kind::Name, why).with_hint(hint)
    }
}

fn error(kind: Kind, why: String) -> Error {
    Error::new(kind, Operation::Resolve, why)
}

fn list(items: impl ExactSizeIterator<Item = String>, separator: &str) -> String {
    let more = items.len().saturating_sub(MAX_LISTED);
    let mut text = items.take(MAX_LISTED).collect::<Vec<_>>().join(separator);
    if more > 0 {
        text += &format!("{separator}{more} more");
    }
    text
}
