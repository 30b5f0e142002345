//! `--who A-B`: one connection by its two ends, asked of the kernel exactly instead of searched for in a list.

use std::net::{IpAddr, SocketAddr};

use sockeye::Result;
use sockeye::host::socket::Protocol;
use sockeye::host::table::{Request, Table};
use sockeye::host::who::End;

use super::list::{self, footer};
use super::row::Row;
use super::show::{Show, wanted};
use super::which::Selection;
use crate::exit::Outcome;
use crate::output::{Level, Output};

/// How two ends may be joined in a text; the first that fits counts.
const JOINTS: [&str; 4] = ["→", "⇄", "->", "-"];

/// Two ends of a connection, whichever of them is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    text: String,
    one: End,
    other: End,
}

impl Who {
    /// Read `10.0.0.5:44122-:443`: two ends with a dash or an arrow between them; an address may be left out.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let halves = JOINTS.iter().find_map(|joint| text.split_once(joint));
        let Some((one, other)) = halves else {
            return Err("two ends are needed, as in 10.0.0.5:44122-:443".into());
        };
        Ok(Self {
            text: text.chars().take(120).collect(),
            one: end(one.trim())?,
            other: end(other.trim())?,
        })
    }

    /// The tables of those that exist: seen from either end, if both are of this machine.
    pub(super) fn tables(&self, request: &Request, protocols: &[Protocol]) -> Result<Vec<Table>> {
        let mut tables = Vec::new();
        for protocol in protocols {
            for (local, peer) in [(self.one, self.other), (self.other, self.one)] {
                tables.extend(request.exact(*protocol, local, peer)?);
                if self.one == self.other {
                    break;
                }
            }
        }
        Ok(tables)
    }

    /// As it was typed.
    pub(super) fn text(&self) -> String {
        sockeye::data::escape::escape_str(&self.text).into_owned()
    }
}

fn end(text: &str) -> Result<End, String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address.into());
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let bad = || format!("{text:?} is no end of a connection: write ADDRESS:PORT or :PORT");
    let port = port.parse::<u16>().map_err(|_| bad())?;
    let ip = match host.trim_matches(['[', ']']) {
        "" | "*" => None,
        host => Some(host.parse::<IpAddr>().map_err(|_| bad())?),
    };
    Ok(End { ip, port })
}

/// The connections among the rows: the listener that would take one is not meant.
pub(super) fn run(
    who: &Who,
    selection: &Selection,
    show: &Show,
    output: &Output,
) -> Result<Outcome> {
    let columns = show.needed(output.json());
    let request = selection.request(true).details(wanted(&columns));
    let tables = who.tables(&request, &selection.connected_protocols())?;
    let sources: Vec<_> = tables
        .iter()
        .map(|table| list::source(table, show))
        .collect();
    let rows: Vec<Row<'_>> = sources
        .iter()
        .flat_map(|source| {
            let sockets = source.table.sockets.iter();
            let connections = sockets.filter(|socket| !socket.is_listener());
            connections.map(move |socket| Row { source, socket })
        })
        .filter(|row| selection.admits(*row))
        .collect();
    if rows.is_empty() {
        output.say(
            Level::Normal,
            format_args!("no such connection: {}", who.text()),
        );
        return Ok(Outcome::No);
    }
    if list::write(&rows, show, output) {
        for table in &tables {
            let of_table: Vec<_> = rows
                .iter()
                .copied()
                .filter(|row| std::ptr::eq(row.source.table, table))
                .collect();
            footer(&of_table, table, selection, output);
        }
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ends_are_joined_by_a_dash_or_an_arrow() {
        let expected = Who::parse("10.0.0.5:44122-:443").unwrap();
        assert_eq!(
            expected.one,
            "10.0.0.5:44122".parse::<SocketAddr>().unwrap().into()
        );
        assert_eq!(
            expected.other,
            End {
                ip: None,
                port: 443
            }
        );
        for text in [
            "10.0.0.5:44122→:443",
            "10.0.0.5:44122 -> *:443",
            "10.0.0.5:44122-443",
        ] {
            let who = Who::parse(text).unwrap();
            assert_eq!(
                (who.one, who.other),
                (expected.one, expected.other),
                "{text}"
            );
        }
        let v6 = Who::parse("[::1]:5 ⇄ [fe80::1]:6").unwrap();
        assert_eq!(v6.one, "[::1]:5".parse::<SocketAddr>().unwrap().into());
        for text in [
            "10.0.0.5:1",
            "a-b",
            "host:80-:443",
            ":70000-:1",
            "1.2.3.4-5.6.7.8",
        ] {
            Who::parse(text).unwrap_err();
        }
    }
}
