//! The words before the colon, those to come, and the search for the nearest known word.

/// A row of [`SCHEMES`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Scheme {
    /// The word itself.
    pub name: &'static str,
    /// How an endpoint of it is written.
    pub form: &'static str,
    /// What it means, in one line.
    pub meaning: &'static str,
    /// Whether it wraps a carrier, as in `tls+unix:/path`, rather than being one.
    pub is_layer: bool,
}

const fn carrier(name: &'static str, form: &'static str, meaning: &'static str) -> Scheme {
    Scheme {
        name,
        form,
        meaning,
        is_layer: false,
    }
}

/// Every scheme of the grammar, for help texts: carriers first, then layers.
///
/// # Examples
///
/// ```
/// let names: Vec<_> = sockeye::endpoint::SCHEMES.iter().map(|scheme| scheme.name).collect();
/// assert!(names.contains(&"unix-seqpacket"));
/// ```
pub const SCHEMES: &[Scheme] = &[
    carrier(
        "tcp",
        "tcp://HOST:PORT",
        "a TCP connection; HOST:PORT alone means it too",
    ),
    carrier("udp", "udp://HOST:PORT", "UDP datagrams"),
    carrier(
        "unix",
        "unix:/PATH or unix:@NAME",
        "a Unix stream socket, in the file system or abstract",
    ),
    carrier("unix-dgram", "unix-dgram:/PATH", "Unix datagrams"),
    carrier(
        "unix-seqpacket",
        "unix-seqpacket:/PATH",
        "a Unix connection that keeps message boundaries",
    ),
    carrier(
        "stdio",
        "stdio: or -",
        "standard input and output of this process",
    ),
    carrier(
        "exec",
        "exec:CMD ARGS",
        "a program, its standard input and output; no shell",
    ),
    carrier(
        "pty",
        "pty:CMD ARGS",
        "a program behind a pseudo-terminal; no shell",
    ),
    carrier("file", "file:/PATH", "a file"),
    carrier("fifo", "fifo:/PATH", "a named pipe"),
    carrier(
        "fd",
        "fd:N or fd:NAME",
        "an inherited descriptor, by number or by its LISTEN_FDNAMES name",
    ),
    Scheme {
        name: "tls",
        form: "tls://HOST:PORT or tls+unix:/PATH",
        meaning: "TLS over TCP, or over the carrier behind the plus sign",
        is_layer: true,
    },
    Scheme {
        name: "python",
        form: "python+tcp://HOST:PORT or python+unix:/PATH",
        meaning: "messages of Python's multiprocessing.connection",
        is_layer: true,
    },
];

/// Schemes that have a settled meaning and are not built in yet.
const COMING: &[&str] = &["quic", "ws", "wss", "socks5", "http-proxy", "replay"];

/// Schemes of other programs that people try, and what reaches the same server here.
const FOREIGN: &[(&str, &str)] = &[
    ("http", "tcp://HOST:80"),
    ("https", "tls://HOST:443"),
    ("ftp", "tcp://HOST:21"),
    ("ssh", "tcp://HOST:22"),
    ("telnet", "tcp://HOST:23"),
    ("smtp", "tcp://HOST:25"),
    ("ssl", "tls://HOST:PORT"),
    ("tcp4", "tcp://HOST:PORT?family=4"),
    ("tcp6", "tcp://HOST:PORT?family=6"),
    ("udp4", "udp://HOST:PORT?family=4"),
    ("udp6", "udp://HOST:PORT?family=6"),
];

/// The row of this scheme; its case does not matter (RFC 3986 section 3.1).
pub(super) fn find(word: &str) -> Option<&'static Scheme> {
    SCHEMES
        .iter()
        .find(|row| row.name.eq_ignore_ascii_case(word))
}

/// Whether this scheme is known and not built in yet.
pub(super) fn is_coming(word: &str) -> bool {
    COMING.iter().any(|name| name.eq_ignore_ascii_case(word))
}

/// What to write here instead of a scheme of another program.
pub(super) fn instead_of(word: &str) -> Option<&'static str> {
    let row = FOREIGN
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word));
    row.map(|(_, form)| *form)
}

/// The scheme that was probably meant.
pub(crate) fn nearest_scheme(word: &str) -> Option<&'static str> {
    nearest(word, SCHEMES.iter().map(|row| row.name))
}

/// The names of all schemes, for a sentence.
pub(super) fn list() -> String {
    let names: Vec<_> = SCHEMES.iter().map(|row| row.name).collect();
    names.join(", ")
}

/// The known word nearest to this one: one slip away, or two if the word has more than three letters.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Long words are far from all of ours; this also bounds the table of distances.
    if word.len() > 32 {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let allowed = if word.chars().count() > 3 { 2 } else { 1 };
    known
        .map(|name| (distance(&word, name), name))
        .filter(|(slips, name)| *slips <= allowed && *slips < name.len())
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, name)| name)
}

/// How many letters were left out, added, changed or swapped with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = usize::from(a[i - 1] != b[j - 1]);
                let best = (table[i - 1][j] + 1)
                    .min(table[i][j - 1] + 1)
                    .min(table[i - 1][j - 1] + changed);
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped {
                    best.min(table[i - 2][j - 2] + 1)
                } else {
                    best
                }
            };
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_counted_once() {
        for (a, b, slips) in [
            ("tcp", "tcp", 0),
            ("tpc", "tcp", 1),
            ("uni", "unix", 1),
            ("", "fd", 2),
            ("ftp", "tcp", 2),
        ] {
            assert_eq!(distance(a, b), slips, "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_word_is_near() {
        assert_eq!(nearest_scheme("exce"), Some("exec"));
        assert_eq!(nearest_scheme("UNXI"), Some("unix"));
        assert_eq!(nearest_scheme("localhost"), None);
        assert_eq!(nearest_scheme("a"), None);
    }
}
