//! The words of a probe: flags of a command, and where among them the target stands.

use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind;
use sockeye::endpoint::Carrier;
use sockeye::work::Job;
use sockeye::{Endpoint, Error, Kind, Operation, Result};

use crate::commands::map::template::{Filling, Rules, Template};

/// Where the input stands in the target.
#[derive(Clone, Debug)]
pub(crate) struct Target(Template);

impl Target {
    /// What one word says; without one, it is the input.
    fn new(word: Option<&str>, rules: &Rules) -> Self {
        Self(Template::new(word.as_slice(), rules).with_place())
    }

    /// The target that this job is for.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if the input has no such field, or is no text.
    pub(super) fn of(&self, job: &Job) -> Result<String> {
        let refuse = |why: String| Error::new(Kind::Usage, Operation::Parse, why);
        let filling = Filling {
            index: job.index,
            input: &job.input,
        };
        let mut words = self.0.fill(filling).map_err(refuse)?.into_iter();
        let target = words.next().unwrap_or_default().into_string();
        target.map_err(|_| refuse("the input is no text (UTF-8)".to_owned()))
    }
}

/// Whether a flag was given, its name, and why it makes no sense here.
type Refused = (bool, &'static str, &'static str);

/// Read the words of `probe` (as `@connect`) by the command that it is named after.
///
/// # Errors
///
/// [`Kind::Usage`], with the first line that the command would say.
pub(crate) fn parse<A: clap::Args>(probe: &'static str, words: Vec<OsString>) -> Result<A> {
    let command = command::<A>(probe);
    let words = std::iter::once(OsString::from(probe)).chain(words);
    let refuse = |error: clap::Error| {
        let text = error.to_string();
        let missing: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with('<'))
            .collect();
        let first = text.lines().next().unwrap_or_default();
        let why = match error.kind() {
            ErrorKind::MissingRequiredArgument => format!("{} is missing", missing.join(" ")),
            _ => first.trim_start_matches("error: ").to_owned(),
        };
        usage(probe, &why).with_hint(match probe {
            "@rpc" => "`sockeye rpc call --help` has its flags".to_owned(),
            "@tls" => "docs/map-probes.md has its flags".to_owned(),
            probe => format!("`sockeye {} --help` has its flags", &probe[1..]),
        })
    };
    let matches = command.try_get_matches_from(words).map_err(refuse)?;
    A::from_arg_matches(&matches).map_err(refuse)
}

fn command<A: clap::Args>(probe: &'static str) -> clap::Command {
    // Flags of commands may conflict with those that every command has.
    let json = clap::Arg::new("json").long("json");
    let command = clap::Command::new(probe).arg(json.action(clap::ArgAction::SetTrue));
    A::augment_args(command).disable_help_flag(true)
}

/// Refuse the first of these flags that was given.
pub(crate) fn refuse(probe: &'static str, flags: &[Refused]) -> Result<()> {
    match flags.iter().find(|(is_given, ..)| *is_given) {
        Some((_, flag, why)) => Err(usage(probe, &format!("{flag} has no place here: {why}"))),
        None => Ok(()),
    }
}

/// A target stands among the words, and the inputs would mean nothing.
pub(crate) fn inputs_are_targets(probe: &str, word: &str) -> Error {
    let word = super::shown(word);
    usage(probe, &format!("`{word}` is one word too many"))
        .with_hint("each input is a target; in a word of its own, {} stands for it")
}

/// A list of targets starts no programs and reads nothing of ours.
pub(crate) fn refuse_programs(probe: &str, to: &Endpoint) -> Result<()> {
    match to.carrier() {
        Carrier::Tcp(_) | Carrier::Udp(_) | Carrier::Unix(_) => Ok(()),
        other => {
            let why = format!("{probe} goes nowhere over {}", other.scheme());
            Err(Error::new(Kind::Usage, Operation::Connect, why)
                .on(to)
                .with_hint("`map -- COMMAND {}` runs programs"))
        }
    }
}

fn usage(probe: &str, why: &str) -> Error {
    Error::new(Kind::Usage, Operation::Parse, format!("{probe}: {why}"))
}

/// Where the target stands among the words of a probe.
pub(crate) struct Place<'a> {
    /// The probe, as `@connect`.
    pub(crate) probe: &'static str,
    /// The argument of clap for words that are no flags.
    pub(crate) id: &'static str,
    /// What the command can read there.
    pub(crate) stand_in: &'static str,
    /// What a place for the input looks like.
    pub(crate) rules: &'a Rules,
    /// Whether a word with a place for the input is the target; if not, its places are text.
    pub(crate) is_target: fn(&str) -> bool,
    /// How many of those words stand before the target if no word is it.
    pub(crate) behind: fn(&[String]) -> usize,
}

/// Put the stand-in where the target stands, and give back what stood there.
pub(crate) fn place<A: clap::Args>(
    place: &Place<'_>,
    mut words: Vec<OsString>,
) -> (Vec<OsString>, Target) {
    let Place {
        probe,
        id,
        stand_in,
        rules,
        ..
    } = *place;
    let positional = |words: &[OsString]| -> Vec<String> {
        let command = command::<A>(probe)
            // In place: an argument that is taken out and put back would be the last of them.
            .mut_args(|argument| match argument.get_id() == id {
                true => argument.value_parser(clap::builder::OsStringValueParser::new()),
                false => argument,
            })
            .ignore_errors(true);
        let words = std::iter::once(OsStr::new(probe)).chain(words.iter().map(|word| &**word));
        let matches = command.try_get_matches_from(words);
        let found = matches.ok().and_then(|matches| {
            let raw = matches.get_raw(id)?;
            Some(
                raw.map(|word| word.to_string_lossy().into_owned())
                    .collect(),
            )
        });
        found.unwrap_or_default()
    };
    let typed = positional(&words);
    // A flag may have the same word as its value: it is the target if the positional words change with it.
    let find = |at: usize| {
        let places = (0..words.len()).filter(|place| words[*place] == *typed[at]);
        places
            .into_iter()
            .find(|place| {
                let mut changed = words.clone();
                changed[*place] = stand_in.into();
                positional(&changed)
                    .get(at)
                    .is_some_and(|it| it == stand_in)
            })
            .unwrap_or_default()
    };
    let is_it =
        |word: &String| Template::new(&[word], rules).has_place() && (place.is_target)(word);
    if let Some(at) = typed.iter().position(is_it) {
        let target = Target::new(Some(&typed[at]), rules);
        let place = find(at);
        words[place] = stand_in.into();
        return (words, target);
    }
    let place = match (place.behind)(&typed) {
        0 => 0,
        before => find(before - 1) + 1,
    };
    words.insert(place, stand_in.into());
    (words, Target::new(None, rules))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[derive(clap::Args)]
    struct Flags {
        to: Vec<String>,
        #[arg(short)]
        data: Option<String>,
    }

    fn placed(line: &str) -> (String, String) {
        let words = line.split_whitespace().map(OsString::from).collect();
        let here = Place {
            probe: "@x",
            id: "to",
            stand_in: "X",
            rules: &Rules::default(),
            is_target: |word| !word.contains('='),
            behind: |typed| usize::from(typed.first().is_some_and(|it| it == "PUT")),
        };
        let (words, target) = place::<Flags>(&here, words);
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        let job = Job {
            index: 0,
            attempt: 1,
            input: "in".into(),
            key: None,
            stop: tokio_util::sync::CancellationToken::new(),
        };
        (words.join(" "), target.of(&job).unwrap())
    }

    #[test]
    fn the_target_is_found_among_the_words() {
        for (line, words, target) in [
            ("", "X", "in"),
            ("-d 1", "X -d 1", "in"),
            ("http://{}/a", "X", "http://in/a"),
            ("-d {} {}:1", "-d {} X", "in:1"),
            ("-d {} {}", "-d {} X", "in"),
            ("{} -d {}", "X -d {}", "in"),
            ("-d {}", "X -d {}", "in"),
            ("PUT a={}", "PUT X a={}", "in"),
            ("-d PUT PUT a={}", "-d PUT PUT X a={}", "in"),
            ("PUT {}/{} a={}", "PUT X a={}", "in/in"),
        ] {
            assert_eq!(
                placed(line),
                (words.to_owned(), target.to_owned()),
                "{line}"
            );
        }
    }
}
