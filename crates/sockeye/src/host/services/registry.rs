//! IANA's registry, built in as text (`data/services.tsv`, made by `data/make-services`).
//!
//! Nothing is read before the first look-up. A name is searched for in the text; for ports there is an index of 50 KiB, made
//! once (half a millisecond), because a table of sockets asks for thousands of them.

use std::sync::OnceLock;

use super::{Entry, PROTOCOLS, Source};

const TEXT: &str = include_str!("../../../data/services.tsv");
/// The letters of [`PROTOCOLS`] in the text.
const LETTERS: [char; 4] = ['t', 'u', 's', 'd'];

/// One line of the text: a service at one port or a range, of one or several protocols.
#[derive(Clone, Copy, Debug)]
struct Line {
    first: u16,
    last: u16,
    /// Its [`LETTERS`].
    protocols: &'static str,
    /// With blanks between them; empty for what is reserved.
    names: &'static str,
    about: &'static str,
}

impl Line {
    fn parse(line: &'static str) -> Option<Self> {
        let mut fields = line.split('\t');
        let ports = fields.next()?;
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        Some(Self {
            first: first.parse().ok()?,
            last: last.parse().ok()?,
            protocols: fields.next()?,
            names: fields.next().unwrap_or(""),
            about: fields.next().unwrap_or(""),
        })
    }

    fn is_of(&self, protocol: &str) -> bool {
        letter(protocol).is_some_and(|letter| self.protocols.contains(letter))
    }

    /// The official name.
    fn name(&self) -> Option<&'static str> {
        self.names.split(' ').next().filter(|name| !name.is_empty())
    }

    /// One entry for each protocol.
    fn entries<'a>(self) -> impl Iterator<Item = Entry<'a>> {
        let protocols = PROTOCOLS.into_iter().zip(LETTERS);
        let mine = protocols.filter(move |(_, letter)| self.protocols.contains(*letter));
        mine.filter_map(move |(protocol, _)| {
            let mut names = self.names.split(' ');
            Some(Entry {
                first: self.first,
                last: self.last,
                protocol,
                name: names.next().filter(|name| !name.is_empty())?,
                aliases: names.collect(),
                about: self.about,
                source: Source::Iana,
            })
        })
    }
}

fn letter(protocol: &str) -> Option<char> {
    let index = PROTOCOLS.iter().position(|known| *known == protocol)?;
    LETTERS.get(index).copied()
}

/// The text without its head. Ranges come first, then single ports in order.
fn lines() -> impl Iterator<Item = &'static str> {
    TEXT.lines().skip_while(|line| line.starts_with('#'))
}

/// The day of the registry.
pub(super) fn date() -> &'static str {
    let dates = TEXT.lines().take_while(|line| line.starts_with('#'));
    dates
        .filter_map(|line| line.strip_prefix("#date\t"))
        .next()
        .unwrap_or("")
}

/// Where each port's lines begin.
#[derive(Debug)]
struct Index {
    ports: Vec<(u16, u32)>,
    ranges: Vec<Line>,
}

impl Index {
    fn new() -> Self {
        let mut index = Self {
            ports: Vec::new(),
            ranges: Vec::new(),
        };
        for text in lines() {
            let port = text.split('\t').next().unwrap_or("");
            let Ok(port) = port.parse() else {
                index.ranges.extend(Line::parse(text));
                continue;
            };
            if index.ports.last().is_none_or(|(last, _)| *last != port) {
                // `lines` cuts slices out of TEXT, which is far shorter than 4 GiB.
                let offset = text.as_ptr().addr() - TEXT.as_ptr().addr();
                index.ports.push((port, u32::try_from(offset).unwrap_or(0)));
            }
        }
        index
    }

    /// The lines of one port, then the ranges around it.
    fn at(&self, port: u16) -> impl Iterator<Item = Line> {
        let found = self.ports.binary_search_by_key(&port, |(port, _)| *port);
        let text = found.map_or("", |at| &TEXT[self.ports[at].1 as usize..]);
        let own = text.lines().map_while(Line::parse);
        let own = own.take_while(move |line| line.first == port);
        let around = self.ranges.iter().copied();
        own.chain(around.filter(move |line| (line.first..=line.last).contains(&port)))
    }
}

fn index() -> &'static Index {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(Index::new)
}

/// The official name of a port.
pub(super) fn name(port: u16, protocol: &str) -> Option<&'static str> {
    let mut lines = index().at(port).filter(|line| line.is_of(protocol));
    lines.find_map(|line| line.name())
}

/// What is said of a port that has no name.
pub(super) fn reserved(port: u16, protocol: &str) -> Option<&'static str> {
    let mut lines = index().at(port);
    let line = lines.find(|line| line.is_of(protocol))?;
    line.names.is_empty().then_some(line.about)
}

/// The port of a service, by any of its names.
pub(super) fn port(name: &str, protocol: &str) -> Option<u16> {
    let named = |line: &Line| {
        let mut names = line.names.split(' ');
        names.any(|known| known.eq_ignore_ascii_case(name)) && line.is_of(protocol)
    };
    // An empty word is the name of everything that is reserved.
    let wanted = !name.is_empty();
    let mut lines = lines().filter(|_| wanted).filter_map(Line::parse);
    lines.find(named).map(|line| line.first)
}

/// All names of the protocols that are wanted.
pub(super) fn names(wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = &'static str> {
    let lines = lines().filter_map(Line::parse).filter(move |line| {
        let mut protocols = PROTOCOLS.iter();
        protocols.any(|protocol| line.is_of(protocol) && wanted(protocol))
    });
    lines.flat_map(|line| line.names.split(' ').filter(|name| !name.is_empty()))
}

/// All entries of these ports. Lines of others are not looked into.
pub(super) fn entries<'a>(first: u16, last: u16) -> impl Iterator<Item = Entry<'a>> {
    let within = move |line: &&str| {
        let ports = line.split('\t').next().unwrap_or("");
        let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
        let number = |text: &str| text.parse::<u16>().unwrap_or(0);
        number(from) <= last && first <= number(to)
    };
    let lines = lines().filter(within);
    lines.filter_map(Line::parse).flat_map(Line::entries)
}
