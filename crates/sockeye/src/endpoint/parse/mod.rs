//! From text to an [`Endpoint`]: schemes, targets and options.
//!
//! Nothing is looked up: whether a host, service, file or program exists is for those who open it to find out.

mod address;
mod options;
mod proxy;
mod words;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::str::FromStr;

use super::carrier::{Argv, Carrier, Descriptor, HostPort, UnixAddress, UnixKind, UnixName};
use super::layer::{Layer, Pin};
use super::proxy::Proxy;
use super::refusal::{Fail, ParseError, Piece, quoted};
use super::{Endpoint, schemes, values};

pub(super) use address::{
    escapes_zone, host_name, in_interface, interface, local as local_address,
};
pub(super) use proxy::read as proxy_value;
pub(super) use words::join as join_words;

/// The longest text that is read as an endpoint, in bytes.
pub const LENGTH_LIMIT: usize = 64 * 1024;

/// The most options one endpoint may have.
pub const OPTION_LIMIT: usize = 64;

/// The longest path or abstract name of a Unix socket: `sun_path` without one byte for the NUL, see unix(7).
const SOCKET_NAME_LIMIT: usize = 107;

/// The longest name in `LISTEN_FDNAMES`, see sd_listen_fds(3).
const DESCRIPTOR_NAME_LIMIT: usize = 255;

impl FromStr for Endpoint {
    type Err = ParseError;

    /// Reads an endpoint: `[layer "+" ...] carrier ":" target ["?" option "=" value ["&" ...]]`, or `host:port`.
    ///
    /// # Errors
    ///
    /// [`ParseError`] with the column, the reason and mostly a hint.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        endpoint(Piece::whole(text)).map_err(|fail| ParseError::new(text, "an endpoint", fail))
    }
}

/// A local address on its own, as for the option `bind`.
pub(super) fn local(text: &str) -> Result<HostPort, ParseError> {
    let fail = |fail| ParseError::new(text, "a local address", fail);
    let piece = Piece::whole(text);
    bounds(piece)
        .and_then(|()| address::local(piece))
        .map_err(fail)
}

/// The digest of a certificate on its own.
pub(super) fn pin(text: &str) -> Result<Pin, ParseError> {
    let piece = Piece::whole(text);
    bounds(piece)
        .and_then(|()| values::pin(piece))
        .map_err(|fail| ParseError::new(text, "a pin", fail))
}

/// A proxy on its own, as for `--via`.
pub(super) fn proxy(text: &str) -> Result<Proxy, ParseError> {
    let piece = Piece::whole(text);
    bounds(piece)
        .and_then(|()| proxy_value(piece))
        .map_err(|fail| ParseError::new(text, "a proxy", fail))
}

impl FromStr for Argv {
    type Err = ParseError;

    /// The words of a command line, quoted as in a shell and expanded nowhere; no shell runs.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let command = Piece::whole(text);
        bounds(command)
            .and_then(|()| words::split_plain(command))
            .and_then(|words| argv(command, words))
            .map_err(|fail| ParseError::new(text, "a command", fail))
    }
}

fn endpoint(whole: Piece<'_>) -> Result<Endpoint, Fail> {
    bounds(whole)?;
    if whole.text == "-" || whole.text.starts_with("-?") {
        let (_, rest) = whole.split_at(1);
        return options::apply(Carrier::Stdio, &[], rest.strip_prefix("?"));
    }
    match scheme(whole) {
        Some((head, rest)) if is_scheme(head, rest) => with_scheme(whole, head, rest),
        head => bare(whole, head),
    }
}

fn bounds(whole: Piece<'_>) -> Result<(), Fail> {
    const BLANKS: &str = "leave the blank out; one that belongs there is written %20";
    if whole.text.is_empty() {
        return Err(whole.fail("no text").hint("as in localhost:80"));
    }
    if whole.text.len() > LENGTH_LIMIT {
        return Err(whole.fail_at(LENGTH_LIMIT, "more than 64 KiB of text"));
    }
    if whole.text.starts_with(char::is_whitespace) {
        return Err(whole.fail("a leading blank").hint(BLANKS));
    }
    let end = whole.text.trim_end().len();
    if end < whole.text.len() {
        return Err(whole.fail_at(end, "a trailing blank").hint(BLANKS));
    }
    Ok(())
}

/// What may be a scheme, and what stands behind its colon.
fn scheme(whole: Piece<'_>) -> Option<(Piece<'_>, Piece<'_>)> {
    let ours = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    let (head, rest) = whole.split_once(':')?;
    (!head.text.is_empty() && head.text.chars().all(ours)).then_some((head, rest))
}

/// Whether this is a scheme rather than the host of a bare `host:port`.
fn is_scheme(head: Piece<'_>, rest: Piece<'_>) -> bool {
    rest.text.starts_with("//")
        || head.text.contains('+')
        || schemes::find(head.text).is_some()
        || schemes::is_coming(head.text)
}

fn with_scheme(whole: Piece<'_>, head: Piece<'_>, rest: Piece<'_>) -> Result<Endpoint, Fail> {
    let mut carrier = "tcp";
    // The outermost first, as they are written.
    let mut layers: Vec<Layer> = Vec::new();
    let mut parts = head.split('+').peekable();
    while let Some(part) = parts.next() {
        let row = known(whole, part)?;
        if row.is_layer {
            let layer = match row.name {
                "python" => Layer::Python(Default::default()),
                _ => Layer::Tls(Default::default()),
            };
            refuse_layer_over(&layers, part, &layer)?;
            layers.push(layer);
        } else if parts.peek().is_some() {
            return Err(part
                .fail(format!(
                    "the carrier {} before a plus sign",
                    quoted(row.name)
                ))
                .hint("the carrier stands last, as in tls+tcp://host:443"));
        } else {
            refuse_over(&layers, part, row.name)?;
            carrier = row.name;
        }
    }
    let (target, options) = if matches!(carrier, "exec" | "pty") {
        let (words, options) = words::split(rest)?;
        let argv = argv(rest, words)?;
        let carrier = if carrier == "exec" {
            Carrier::Exec(argv)
        } else {
            Carrier::Pty(argv)
        };
        (carrier, options)
    } else {
        let (target, options) = match rest.split_once('?') {
            Some((target, options)) => (target, Some(options)),
            None => (rest, None),
        };
        // The hints repeat the scheme that the user knows.
        let written = match layers.as_slice() {
            [Layer::Tls(_), ..] if carrier == "tcp" => "tls",
            [Layer::Python(_), ..] if carrier == "tcp" => "python+tcp",
            _ => carrier,
        };
        (target_of(carrier, written, target)?, options)
    };
    layers.reverse();
    options::apply(target, &layers, options)
}

/// Refuses what cannot be said over this layer; those before it in the text are around it.
fn refuse_layer_over(around: &[Layer], part: Piece<'_>, layer: &Layer) -> Result<(), Fail> {
    let Some(outer) = around.last() else {
        return Ok(());
    };
    let hint = match (outer, layer) {
        (Layer::Python(_), Layer::Tls(_)) => return Ok(()),
        (_, Layer::Python(_)) => {
            "python makes messages of bytes and stands first, as in python+tls+tcp://host:port"
        }
        (_, Layer::Tls(_)) => "one layer of tls protects the bytes already",
    };
    let reason = format!("{} over {}", outer.scheme(), layer.scheme());
    Err(part.fail(reason).hint(hint))
}

fn known(whole: Piece<'_>, part: Piece<'_>) -> Result<&'static schemes::Scheme, Fail> {
    if let Some(row) = schemes::find(part.text) {
        return Ok(row);
    }
    if part.text.is_empty() {
        return Err(part
            .fail("no scheme beside the plus sign")
            .hint("as in tls+unix:/path"));
    }
    if schemes::is_coming(part.text) {
        let reason = format!(
            "{} is not built in yet",
            quoted(&part.text.to_ascii_lowercase())
        );
        let hint = format!("this version has {}", schemes::list());
        return Err(part.fail(reason).hint(hint).unsupported());
    }
    Err(unknown_scheme(whole, part))
}

fn unknown_scheme(whole: Piece<'_>, part: Piece<'_>) -> Fail {
    let fail = part.fail("unknown scheme");
    if let Some(form) = schemes::instead_of(part.text) {
        return fail.hint(format!(
            "an endpoint names what carries the bytes, as in {form}"
        ));
    }
    let Some(near) = schemes::nearest_scheme(part.text) else {
        return fail.hint(format!("the schemes are {}", schemes::list()));
    };
    let (before, after) = (
        &whole.text[..part.at],
        &whole.text[part.at + part.text.len()..],
    );
    let meant = [before, near, after].concat();
    if meant.len() > 100 {
        return fail.hint(format!("did you mean {near}: ?"));
    }
    fail.hint(format!("did you mean {meant} ?"))
}

/// Refuses a carrier that cannot carry the innermost of these layers.
fn refuse_over(layers: &[Layer], part: Piece<'_>, carrier: &str) -> Result<(), Fail> {
    let Some(layer) = layers.last() else {
        return Ok(());
    };
    let why = match (carrier, layer) {
        ("udp" | "unix-dgram" | "unix-seqpacket", Layer::Tls(_)) => {
            "tls needs a stream of bytes; its form for messages, DTLS, is not built in"
        }
        ("udp" | "unix-dgram" | "unix-seqpacket", Layer::Python(_)) => {
            "python makes messages of a stream of bytes; this carrier has messages of its own"
        }
        ("file" | "fifo", Layer::Tls(_)) => "tls needs a peer that answers over the same carrier",
        ("file" | "fifo", Layer::Python(_)) => {
            "python needs a peer that answers over the same carrier"
        }
        ("pty", _) => "a terminal changes the bytes; exec: does not",
        _ => return Ok(()),
    };
    let reason = format!("{} over {carrier}", layer.scheme());
    Err(part.fail(reason).hint(why))
}

/// `host:port` without a scheme means tcp.
fn bare(whole: Piece<'_>, head: Option<(Piece<'_>, Piece<'_>)>) -> Result<Endpoint, Fail> {
    let (target, options) = match whole.split_once('?') {
        Some((target, options)) => (target, Some(options)),
        None => (whole, None),
    };
    let text = target.text;
    if ["/", "./", "../", "@"]
        .iter()
        .any(|start| text.starts_with(start))
    {
        let path = if text.len() > 60 { "/path" } else { text };
        let fail = target.fail("a path without a scheme");
        return Err(fail.hint(format!("did you mean unix:{path} or file:{path} ?")));
    }
    if let Some(row) = schemes::find(text) {
        let fail = target.fail_at_end("no colon behind the scheme");
        return Err(fail.hint(format!("as in {}", row.form)));
    }
    match address::host_port(target, None) {
        Ok(address) => options::apply(Carrier::Tcp(address), &[], options),
        Err(fail) => Err(match head {
            // A mistyped scheme looks like a host; what follows its colon tells, unless it is a number.
            Some((head, rest))
                if !rest
                    .text
                    .starts_with(|c: char| c.is_ascii_digit() || c == '-')
                    && schemes::nearest_scheme(head.text).is_some() =>
            {
                unknown_scheme(whole, head)
            }
            _ => fail,
        }),
    }
}

fn target_of(carrier: &str, written: &str, target: Piece<'_>) -> Result<Carrier, Fail> {
    Ok(match carrier {
        "tcp" => Carrier::Tcp(address::host_port(target, Some(written))?),
        "udp" => Carrier::Udp(address::host_port(target, Some(written))?),
        "unix" => Carrier::Unix(unix(UnixKind::Stream, carrier, target)?),
        "unix-dgram" => Carrier::Unix(unix(UnixKind::Dgram, carrier, target)?),
        "unix-seqpacket" => Carrier::Unix(unix(UnixKind::Seqpacket, carrier, target)?),
        "file" => Carrier::File(values::path(without_authority(carrier, target)?)?),
        "fifo" => Carrier::Fifo(values::path(without_authority(carrier, target)?)?),
        "fd" => Carrier::Fd(descriptor(target)?),
        // The table of schemes has no other carriers but stdio and those of commands.
        _ if target.text.is_empty() || target.text == "//" => Carrier::Stdio,
        _ => {
            let fail = target.fail("stdio takes no target");
            return Err(fail.hint("it is stdio: alone, or -"));
        }
    })
}

/// The path in `file:/path` and in the longer form `file:///path` (RFC 8089 section 2).
fn without_authority<'a>(scheme: &str, target: Piece<'a>) -> Result<Piece<'a>, Fail> {
    let Some(rest) = target.strip_prefix("//") else {
        return Ok(target);
    };
    if rest.text.starts_with('/') {
        return Ok(rest);
    }
    let fail = rest.fail(format!("{scheme} takes no host"));
    if rest.text.is_empty() || rest.text.len() > 60 {
        return Err(fail.hint(format!("as in {scheme}:/path")));
    }
    Err(fail.hint(format!("did you mean {scheme}:/{} ?", rest.text)))
}

fn unix(kind: UnixKind, scheme: &str, target: Piece<'_>) -> Result<UnixAddress, Fail> {
    let target = without_authority(scheme, target)?;
    let name = match target.strip_prefix("@") {
        Some(name) => UnixName::Abstract(name.decode()?),
        None => UnixName::Path(values::path(target)?),
    };
    let length = match &name {
        UnixName::Path(path) => path.as_os_str().len(),
        UnixName::Abstract(bytes) if bytes.is_empty() => {
            return Err(target.fail_at_end("no name behind the `@`"));
        }
        UnixName::Abstract(bytes) => bytes.len(),
    };
    if length > SOCKET_NAME_LIMIT {
        let reason = format!(
            "a socket name of {length} bytes, of which the system takes {SOCKET_NAME_LIMIT}"
        );
        return Err(target
            .fail(reason)
            .hint("take a shorter path, perhaps a relative one"));
    }
    Ok(UnixAddress { kind, name })
}

fn descriptor(target: Piece<'_>) -> Result<Descriptor, Fail> {
    let text = target.text;
    let digits = text.strip_prefix('-').unwrap_or(text);
    if text.is_empty() {
        return Err(target.fail("no descriptor").hint("as in fd:3"));
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty() {
        // A descriptor is a C `int` that is not negative; a minus sign is refused by the parser of u32.
        let number = text.parse().ok().filter(|number| *number <= 2_147_483_647);
        return number.map(Descriptor::Number).ok_or_else(|| {
            target
                .fail("a descriptor number that cannot be")
                .hint("as in fd:3")
        });
    }
    if text.starts_with('/') {
        return Err(target.fail("fd takes no slashes").hint("as in fd:3"));
    }
    let name = target.decode_text()?;
    let wrong = |c: char| !c.is_ascii() || c.is_ascii_control() || c == ':';
    if let Some(letter) = name.chars().find(|c| wrong(*c)) {
        return Err(target.fail(format!("`{letter}` cannot stand in a descriptor name")));
    }
    if name.len() > DESCRIPTOR_NAME_LIMIT {
        return Err(target.fail(format!(
            "a descriptor name longer than {DESCRIPTOR_NAME_LIMIT} bytes"
        )));
    }
    Ok(Descriptor::Name(name))
}

fn argv(command: Piece<'_>, words: Vec<Vec<u8>>) -> Result<Argv, Fail> {
    if words.iter().any(|word| word.contains(&0)) {
        return Err(command.fail("a NUL byte in a command"));
    }
    let mut words = words.into_iter().map(OsString::from_vec);
    let program = words.next().filter(|program| !program.is_empty());
    let program = program.ok_or_else(|| command.fail("no program").hint("as in exec:cat -n"))?;
    Ok(Argv {
        program,
        args: words.collect(),
    })
}
