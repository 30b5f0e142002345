//! Services: which port a name such as `http` stands for, and back.
//!
//! Three sources are asked in this order: `/etc/services`, for there the administrator's own additions stand; IANA's
//! registry, which is built in; and a short list of our own, of ports that developers meet. An [`Entry`] says which one it
//! is from. Names are hints: a port says nothing about who really listens there.
//!
//! ```
//! use sockeye::host::services::{Query, Services, Source};
//!
//! let services = Services::parse(b"http 80/tcp www\nmy-app 7000/tcp # ours\n");
//! assert_eq!(services.port("my-app", "tcp"), Some(7000));
//! assert_eq!(services.port("mongodb", "tcp"), Some(27017));
//! assert_eq!(services.nearest("my-ap", "tcp"), Some("my-app"));
//!
//! let web = services.search(&Query::parse("80/tcp")?);
//! assert_eq!((web[0].name, web[0].source), ("http", Source::Local));
//! assert_eq!(web[1].aliases, ["www", "www-http"]); // as the registry says
//! # Ok::<(), sockeye::Error>(())
//! ```

mod entry;
mod everyday;
mod local;
pub(crate) mod nearest;
mod own;
mod query;
mod range;
mod registry;
#[cfg(test)]
mod tests;

pub use entry::{Entry, Source};
pub use query::Query;
pub use range::{Range, ephemeral_range};

use std::fs::File;
use std::io::Read;

use crate::error::{Error, Kind, Operation, Result};
use local::Local;

/// Where the system keeps its table.
const PATH: &str = "/etc/services";
/// The most bytes of it that are read.
const MAX_BYTES: u64 = 1 << 20;

/// The protocols whose ports the registry knows, in the order in which entries are sorted.
pub const PROTOCOLS: [&str; 4] = ["tcp", "udp", "sctp", "dccp"];

/// The services that this machine knows: a value, to be read once and asked often.
///
/// Making one costs reading `/etc/services`; the registry is not touched before something is looked up there.
///
/// # Examples
///
/// ```
/// use sockeye::host::services::Services;
///
/// let services = Services::parse(b"http-dev 8000/tcp devel # ours");
/// assert_eq!(services.port("devel", "tcp"), Some(8000));
/// assert_eq!(services.name(443, "tcp"), Some("https"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Services {
    local: Local,
}

impl Services {
    /// Those of `/etc/services`, if it can be read (the first MiB counts, and 65,536 entries), and the built-in ones.
    pub fn system() -> Self {
        let mut text = Vec::new();
        let read = File::open(PATH).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
        // Without the table, what is built in is known; that is no failure.
        read.map_or_else(|_| Self::default(), |_| Self::parse(&text))
    }

    /// Those of a table in the form of services(5), and the built-in ones. Lines that make no sense are skipped.
    pub fn parse(text: &[u8]) -> Self {
        Self {
            local: Local::parse(text),
        }
    }

    /// The port of a service on a protocol (`tcp`, `udp`, …), by its name or an alias; the first one, if it is a range.
    /// Case counts only where the local table differs.
    pub fn port(&self, name: &str, protocol: &str) -> Option<u16> {
        self.local
            .port(name, protocol)
            .or_else(|| registry::port(name, protocol))
            .or_else(|| own::port(name, protocol))
    }

    /// The official name of a port on a protocol, from the first source that has one.
    ///
    /// It allocates nothing and takes a binary search, so a table may ask for each of its rows.
    pub fn name(&self, port: u16, protocol: &str) -> Option<&str> {
        self.local
            .name(port, protocol)
            .or_else(|| registry::name(port, protocol))
            .or_else(|| own::name(port, protocol))
    }

    /// The name by which people know a port today: like [`name`](Self::name), but our own list comes before the registry.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::host::services::Services;
    ///
    /// let services = Services::default();
    /// assert_eq!(services.name(9090, "tcp"), Some("websm"));
    /// assert_eq!(services.familiar_name(9090, "tcp"), Some("prometheus"));
    /// assert_eq!(services.familiar_name(443, "tcp"), Some("https"));
    /// ```
    pub fn familiar_name(&self, port: u16, protocol: &str) -> Option<&str> {
        self.local
            .name(port, protocol)
            .or_else(|| own::name(port, protocol))
            .or_else(|| registry::name(port, protocol))
    }

    /// What the registry says about a port that it keeps without a name, such as `Reserved`.
    pub fn reserved(&self, port: u16, protocol: &str) -> Option<&'static str> {
        registry::reserved(port, protocol)
    }

    /// Every entry of every source: the local ones first, then the registry's, then our own.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries_of(0, u16::MAX)
    }

    /// At least the entries of these ports.
    fn entries_of(&self, first: u16, last: u16) -> impl Iterator<Item = Entry<'_>> {
        self.local
            .entries()
            .chain(registry::entries(first, last))
            .chain(own::entries())
    }

    /// The entries that a query means, by port, protocol and source.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::host::services::{Query, Services};
    ///
    /// let services = Services::default();
    /// let screens = services.search(&Query::parse("6010/tcp")?);
    /// assert_eq!((screens[0].name, screens[0].first, screens[0].last), ("x11", 6000, 6063));
    /// assert!(services.search(&Query::parse("4/tcp")?).is_empty());
    /// # Ok::<(), sockeye::Error>(())
    /// ```
    pub fn search(&self, query: &Query) -> Vec<Entry<'_>> {
        let (first, last) = query.ports().unwrap_or((0, u16::MAX));
        let entries = self.entries_of(first, last);
        let mut found: Vec<Entry<'_>> = entries.filter(|entry| query.matches(entry)).collect();
        // Stable: within one source, the official name stays first.
        found.sort_by(|a, b| a.rank().cmp(&b.rank()));
        found
    }

    /// The known name that is most like this word, if any is like it.
    pub fn nearest(&self, word: &str, protocol: &str) -> Option<&str> {
        self.nearest_of(word, |known| known == protocol)
    }

    /// The known name that is most like this word, whatever its protocol.
    pub fn nearest_of_any(&self, word: &str) -> Option<&str> {
        self.nearest_of(word, |_| true)
    }

    fn nearest_of(&self, word: &str, wanted: impl Fn(&str) -> bool) -> Option<&str> {
        let names = |entry: Entry<'_>| wanted(entry.protocol);
        // Everyday names come first: among equally near ones, they are what people mean.
        let everyday = everyday::SERVICES
            .iter()
            .filter(|(_, _, protocols)| protocols.iter().any(|protocol| wanted(protocol)))
            .map(|(name, _, _)| *name);
        let own = own::entries().filter(|e| names(e.clone())).map(|e| e.name);
        let local = self.local.names(&wanted);
        // The registry has a name that is nearly like any short word, so only a slip of the hand counts there.
        nearest::nearest(word, everyday.chain(local).chain(own), 1 + word.len() / 4).or_else(|| {
            let listed = registry::names(&wanted);
            nearest::nearest(word, listed, usize::from(word.len() > 4))
        })
    }

    /// The port of a service that must be known.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`], with the nearest known name as its hint.
    pub fn find(&self, name: &str, protocol: &str) -> Result<u16> {
        if let Some(port) = self.port(name, protocol) {
            return Ok(port);
        }
        let shown: String = name.chars().take(80).collect();
        let why =
            format!("nobody knows a {protocol} service {shown:?} (asked {PATH} and the registry)");
        let error = Error::new(Kind::Usage, Operation::Resolve, why);
        let elsewhere = if protocol == "tcp" { "udp" } else { "tcp" };
        Err(if self.port(name, elsewhere).is_some() {
            error.with_hint(format!("{shown} is a service of {elsewhere}"))
        } else if let Some(nearest) = self.nearest(name, protocol) {
            error.with_hint(format!("did you mean {nearest:?}?"))
        } else {
            error.with_hint("write the port as a number")
        })
    }
}

/// The day of the registry that is built in, such as `2026-09-17`.
pub fn registry_date() -> &'static str {
    registry::date()
}

/// The port of a service of this machine, see [`Services::port`]. Reads the table each time.
pub fn port(name: &str, protocol: &str) -> Option<u16> {
    Services::system().port(name, protocol)
}

/// The name of a port on this machine, see [`Services::name`]. Reads the table each time.
pub fn name(port: u16, protocol: &str) -> Option<String> {
    Services::system().name(port, protocol).map(str::to_owned)
}

/// The port of a service of this machine that must be known, see [`Services::find`]. Reads the table each time.
///
/// # Errors
///
/// [`Kind::Usage`], with the nearest known name as its hint.
pub fn find(name: &str, protocol: &str) -> Result<u16> {
    Services::system().find(name, protocol)
}
