//! What was typed and cannot be understood, in our words: one line with the reason, one with a thing to try.

use std::error::Error as _;
use std::ffi::OsString;
use std::num::{IntErrorKind, ParseIntError};

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use sockeye::data::units::{UnitError, parse_duration};
use sockeye::endpoint::ParseError;
use sockeye::{Error, Kind, Operation};

use crate::cli::{Cli, Color, Global};
use crate::commands::fetch;
use crate::output::Output;

/// Understand the command line, or answer it (help, version, a refusal) and give the exit code.
pub(crate) fn parse() -> Result<Cli, u8> {
    let typed: Vec<OsString> = std::env::args_os().collect();
    let json = typed.iter().any(|word| word == "--json");
    let command = typed.get(1).and_then(|word| word.to_str()).unwrap_or("");
    let command = [
        "tour", "connect", "listen", "relay", "sockets", "ports", "resolve", "fetch", "convert",
        "encode", "decode", "serve", "rpc", "map", "worker", "engine",
    ]
    .into_iter()
    .find(|known| *known == command);
    let words = match command {
        // What stands behind its command are words of another program.
        Some("map") => typed.clone(),
        _ => spell_out_json(spell_out_wait(&typed), command),
    };
    Cli::try_parse_from(words).map_err(|refusal| match refusal.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Help that nobody reads any more is no failure.
            drop(refusal.print());
            u8::try_from(refusal.exit_code()).unwrap_or(2)
        }
        _ => {
            let global = Global {
                json,
                verbose: 0,
                quiet: false,
                color: Color::Never,
                help: None,
            };
            Output::new(&global).fail(&in_our_words(&refusal, command, &typed))
        }
    })
}

/// `--wait` may stand alone before the endpoint: unless a time follows, it says its default itself.
fn spell_out_wait(typed: &[OsString]) -> Vec<OsString> {
    let mut words = Vec::with_capacity(typed.len());
    for (i, word) in typed.iter().enumerate() {
        let is_time = |word: &OsString| word.to_str().is_some_and(|w| parse_duration(w).is_ok());
        let is_value = i > 0 && typed[i - 1] == "--send";
        if word == "--wait" && !is_value && !typed.get(i + 1).is_some_and(is_time) {
            words.push("--wait=60s".into());
        } else {
            words.push(word.clone());
        }
    }
    words
}

/// In `fetch`, `--json DATA` sends data, as in curl, while `--json` alone asks for JSON Lines as everywhere: what begins as JSON
/// does, or with an `@`, is no URL. Where one piece of data was, a further `--json` has another.
fn spell_out_json(typed: Vec<OsString>, command: Option<&str>) -> Vec<OsString> {
    if command != Some("fetch") {
        return typed;
    }
    let mut words = Vec::with_capacity(typed.len());
    let mut rest = typed.into_iter().peekable();
    let mut has_data = false;
    while let Some(word) = rest.next() {
        let text = word.to_str().unwrap_or_default();
        if text == "--" {
            words.push(word);
            words.extend(rest);
            break;
        }
        if let Some(data) = text.strip_prefix("--json=") {
            words.push(format!("--data-json={data}").into());
        } else if text == "--json"
            && let Some(data) = rest.next_if(|next| {
                next.to_str()
                    .is_some_and(|next| has_data || is_json_data(next))
            })
        {
            has_data = true;
            let mut joined = OsString::from("--data-json=");
            joined.push(data);
            words.push(joined);
        } else {
            words.push(word);
        }
    }
    words
}

/// Whether a word can only be data: `[::1]` is an address.
fn is_json_data(word: &str) -> bool {
    match word.as_bytes() {
        [b'{' | b'"' | b'@', ..] => true,
        [b'[', ..] => !word
            .split_once(']')
            .is_some_and(|(inner, _)| inner.contains("::")),
        _ => false,
    }
}

fn in_our_words(refusal: &clap::Error, command: Option<&str>, typed: &[OsString]) -> Error {
    let text = |kind| match refusal.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let value = text(ContextKind::InvalidValue);
    let rendered = refusal.render().to_string();
    let help = || help(&rendered, command);
    if let Some(source) = refusal.source() {
        if let Some(endpoint) = source.downcast_ref::<ParseError>() {
            let error = Error::from(endpoint.clone());
            return match (value, port_behind(value, typed)) {
                ("text" | "hex" | "json", _) => {
                    error.with_hint(format!("did you mean --wire={value} ?"))
                }
                (_, Some(port)) => error.with_hint(format!("did you mean {value}:{port} ?")),
                _ => error,
            };
        }
        let flag = text(ContextKind::InvalidArg);
        let flag = flag.split([' ', '[', '=']).next().unwrap_or(flag);
        let error = usage(match source.downcast_ref::<ParseIntError>() {
            Some(error) => format!("{flag}: {}", no_number(value, error)),
            None => format!("{flag}: {source}"),
        });
        let ours = source.downcast_ref::<Error>().and_then(Error::hint);
        return match (source.downcast_ref::<UnitError>(), ours) {
            (Some(unit), _) => error.with_hint(unit.expected()),
            (None, Some(hint)) => error.with_hint(hint),
            (None, None) => error.with_hint(help()),
        };
    }
    // What clap says first is the reason; tips and the usage follow.
    let mut paragraphs = rendered.split("\n\n");
    let why: Vec<&str> = paragraphs
        .next()
        .unwrap_or("")
        .lines()
        .map(str::trim)
        .collect();
    let why = why.join(" ");
    let tip = paragraphs.find_map(|paragraph| paragraph.trim().strip_prefix("tip: "));
    // An unknown flag is never meant as a value here.
    let tip = tip.filter(|tip| !tip.contains("as a value"));
    let error = usage(why.strip_prefix("error: ").unwrap_or(&why));
    if command == Some("fetch")
        && refusal.kind() == ErrorKind::UnknownArgument
        && let Some(habit) = fetch::hint_for(text(ContextKind::InvalidArg))
    {
        return error.with_hint(habit);
    }
    error.with_hint(tip.map_or_else(help, str::to_owned))
}

/// Why that is no number, in words of ours.
fn no_number(value: &str, error: &ParseIntError) -> String {
    let why = match error.kind() {
        IntErrorKind::PosOverflow => "is too great a number",
        IntErrorKind::NegOverflow => "is too small a number",
        _ => "is no whole number",
    };
    format!("{value:?} {why}")
}

/// Elsewhere host and port are two words.
fn port_behind<'a>(host: &str, typed: &'a [OsString]) -> Option<&'a str> {
    let at = typed.iter().position(|word| word == host)?;
    let port = typed.get(at + 1)?.to_str()?;
    port.parse::<u16>().ok().map(|_| port)
}

fn usage(why: impl Into<String>) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why)
}

/// Where to look. The usage begins with the words of the command, of which `rpc serve` has two.
fn help(rendered: &str, command: Option<&str>) -> String {
    let usage = rendered.split_once("Usage: sockeye ");
    let words = usage.map_or("", |(_, usage)| usage).split(' ');
    let words: Vec<&str> = words
        .take_while(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
        .collect();
    match command {
        Some(command) if words.first() != Some(&command) => {
            format!("`sockeye {command} -h` lists the flags")
        }
        Some(_) => format!("`sockeye {} -h` lists the flags", words.join(" ")),
        None => "`sockeye -h` lists the commands".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(words: &[&str]) -> String {
        let typed: Vec<OsString> = words.iter().map(OsString::from).collect();
        let words = spell_out_wait(&typed);
        let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
        words.join(" ")
    }

    #[test]
    fn json_of_fetch_takes_what_can_only_be_data() {
        let spelled = |words: &[&str], command| -> String {
            let typed = words.iter().map(OsString::from).collect();
            let words = spell_out_json(typed, Some(command));
            let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
            words.join(" ")
        };
        for (typed, understood) in [
            (&["--json", "{}", "h"][..], "--data-json={} h"),
            (&["--json", "[1]", "h"], "--data-json=[1] h"),
            (&["--json", "@f", "h"], "--data-json=@f h"),
            (&["--json=1", "h"], "--data-json=1 h"),
            (
                &["--json", "[1,", "--json", "2]"],
                "--data-json=[1, --data-json=2]",
            ),
            (&["--json", "h"], "--json h"),
            (&["h", "--json"], "h --json"),
            (&["--json", "[::1]:80/x"], "--json [::1]:80/x"),
            (&["--json", "--json", "{}"], "--json --data-json={}"),
            (&["--", "--json", "{}"], "-- --json {}"),
        ] {
            assert_eq!(spelled(typed, "fetch"), understood);
            assert_eq!(spelled(typed, "connect"), typed.join(" "));
        }
    }

    #[test]
    fn wait_takes_a_time_and_nothing_else() {
        assert_eq!(spelled(&["--wait", "h:1"]), "--wait=60s h:1");
        assert_eq!(spelled(&["h:1", "--wait"]), "h:1 --wait=60s");
        assert_eq!(spelled(&["--wait", "5s", "h:1"]), "--wait 5s h:1");
        assert_eq!(spelled(&["--wait=5s", "h:1"]), "--wait=5s h:1");
        assert_eq!(spelled(&["--send", "--wait", "h:1"]), "--send --wait h:1");
    }
}
