//! How a carrier is to be opened: the options behind the question mark.
//!
//! [`OPTIONS`] is the one table of them, those of the layers included: parsing, printing, the search for the nearest
//! word, help texts and documentation all follow it.

use std::net::IpAddr;
use std::time::Duration;

use sockeye_data::units::{print_duration, print_size};

use super::carrier::{Carrier, HostPort, UnixAddress, UnixName};
use super::layer::{Layer, Payload, PythonOptions, TlsOptions, TlsVersion, Verify};
use super::proxy::Proxy;
use super::refusal::{Fail, Piece};
use super::{parse, values};

/// The options of a carrier. `None` or `false` means: as the system does by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Options {
    /// Only this address family: `family=4|6`.
    pub family: Option<Family>,
    /// The local address of a connecting socket: `bind=ADDRESS[:PORT]`.
    pub bind: Option<HostPort>,
    /// The network interface to use (`SO_BINDTODEVICE`), and the outgoing one for multicast: `interface=NAME`.
    pub interface: Option<String>,
    /// Whether small segments leave at once (`TCP_NODELAY`), on unless `nodelay=no`.
    pub nodelay: Option<bool>,
    /// Probe idle TCP connections after this time (`SO_KEEPALIVE`, `TCP_KEEPIDLE`): `keepalive=30s`.
    pub keepalive: Option<Duration>,
    /// Kernel buffer of the socket, each way, in bytes (`SO_SNDBUF`, `SO_RCVBUF`): `buffer=1MiB`.
    pub buffer: Option<u64>,
    /// Let several sockets listen on one port (`SO_REUSEPORT`): `reuseport=yes`.
    pub reuseport: bool,
    /// Connections that may wait to be accepted: `backlog=N`, 4096 by default.
    pub backlog: Option<u32>,
    /// Time to live or hop limit of what is sent: `ttl=N`.
    pub ttl: Option<u8>,
    /// Allow datagrams to broadcast addresses (`SO_BROADCAST`): `broadcast=yes`.
    pub broadcast: bool,
    /// Multicast groups to join when receiving: `join=GROUP`, may be repeated.
    pub join: Vec<IpAddr>,
    /// Permission bits of a socket, file or named pipe that is created: `mode=0600`.
    pub mode: Option<u32>,
    /// Whether a stale socket file is removed first, and ours at the end; on unless `unlink=no`.
    pub unlink: Option<bool>,
    /// What may be done with a file or named pipe: `access=read|write|append|both`.
    pub access: Option<Access>,
    /// Proxies to reach it through, the first one first: `via=URL`, may be repeated.
    pub via: Vec<Proxy>,
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What may be done with a file or a named pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read it from the start; writing is refused.
    Read,
    /// Create it or cut it to nothing, then write.
    Write,
    /// Create it if it is missing, then write at its end.
    Append,
    /// Read it from the start and write at its end.
    Both,
}

/// A row of [`OPTIONS`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OptionRow {
    /// The word before the equals sign.
    pub name: &'static str,
    /// What stands behind it, as a help text shows it.
    pub placeholder: &'static str,
    /// The schemes it applies to: carriers, or the layers `tls` and `python`.
    pub applies_to: &'static [&'static str],
    /// Whether it may be given more than once.
    pub repeatable: bool,
    /// What it means, in one line.
    pub meaning: &'static str,
    pub(super) read: Read,
    pub(super) write: Write,
    /// What people may see of it, if the values hold secrets.
    pub(super) shown: Option<Write>,
}

/// Puts a value, still percent-encoded, where it belongs.
type Read = fn(&mut Draft, Piece<'_>) -> Result<(), Fail>;

/// The values to print, percent-encoded; none if the option is as by default.
type Write = fn(&Options, &TlsOptions, &PythonOptions) -> Vec<String>;

/// What the options behind the question mark add up to.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) options: Options,
    pub(super) tls: TlsOptions,
    pub(super) python: PythonOptions,
}

/// The options of layers that are not there.
pub(super) type Set = Draft;

impl OptionRow {
    /// Whether it applies to an endpoint of this carrier with these layers.
    pub(crate) fn applies(&self, carrier: &Carrier, layers: &[Layer]) -> bool {
        let abstract_name = matches!(
            carrier,
            Carrier::Unix(UnixAddress {
                name: UnixName::Abstract(_),
                ..
            })
        );
        if abstract_name && matches!(self.name, "mode" | "unlink") {
            return false;
        }
        self.applies_to.contains(&carrier.scheme())
            || layers
                .iter()
                .any(|layer| self.applies_to.contains(&layer.scheme()))
    }

    const fn repeatable(self) -> Self {
        Self {
            repeatable: true,
            ..self
        }
    }

    const fn masked(self, shown: Write) -> Self {
        Self {
            shown: Some(shown),
            ..self
        }
    }
}

const fn row(
    name: &'static str,
    placeholder: &'static str,
    applies_to: &'static [&'static str],
    meaning: &'static str,
    read: Read,
    write: Write,
) -> OptionRow {
    OptionRow {
        name,
        placeholder,
        applies_to,
        repeatable: false,
        meaning,
        read,
        write,
        shown: None,
    }
}

const NETWORK: &[&str] = &["tcp", "udp"];
const TCP: &[&str] = &["tcp"];
const UDP: &[&str] = &["udp"];
const SOCKETS: &[&str] = &["tcp", "udp", "unix", "unix-dgram", "unix-seqpacket"];
const LISTENERS: &[&str] = &["tcp", "unix", "unix-seqpacket"];
const UNIX: &[&str] = &["unix", "unix-dgram", "unix-seqpacket"];
const CREATED: &[&str] = &["unix", "unix-dgram", "unix-seqpacket", "file", "fifo"];
const FILES: &[&str] = &["file", "fifo"];
const TLS: &[&str] = &["tls"];
const PYTHON: &[&str] = &["python"];

const FAMILIES: &[(&str, Family)] = &[("4", Family::V4), ("6", Family::V6)];
const ACCESSES: &[(&str, Access)] = &[
    ("read", Access::Read),
    ("write", Access::Write),
    ("append", Access::Append),
    ("both", Access::Both),
];
const PAYLOADS: &[(&str, Payload)] = &[("pickle", Payload::Pickle), ("bytes", Payload::Bytes)];
const VERIFIES: &[(&str, Verify)] = &[("full", Verify::Full), ("none", Verify::None)];
const VERSIONS: &[(&str, TlsVersion)] = &[("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)];

/// Words that have a settled meaning as options and are not built in yet.
pub(super) const COMING: &[&str] = &["proxy-protocol"];

/// Every option, in the order in which they are printed.
///
/// # Examples
///
/// ```
/// let row = sockeye::endpoint::OPTIONS.iter().find(|row| row.name == "alpn").unwrap();
/// assert_eq!(row.applies_to, ["tls"]);
/// ```
pub const OPTIONS: &[OptionRow] = &[
    row(
        "family",
        "4|6",
        NETWORK,
        "only this address family",
        |to, value| {
            to.options.family = Some(values::word(value, FAMILIES)?);
            Ok(())
        },
        |from, _, _| values::name_of(from.family, FAMILIES),
    ),
    row(
        "bind",
        "ADDRESS[:PORT]",
        NETWORK,
        "the local address of a connecting socket",
        |to, value| {
            to.options.bind = Some(values::local(value)?);
            Ok(())
        },
        |from, _, _| values::one(from.bind.as_ref()),
    ),
    row(
        "interface",
        "NAME",
        NETWORK,
        "the network interface to use, and the outgoing one for multicast",
        |to, value| {
            to.options.interface = Some(values::interface(value)?);
            Ok(())
        },
        |from, _, _| values::one(from.interface.as_ref()),
    ),
    row(
        "nodelay",
        "yes|no",
        TCP,
        "whether small segments leave at once; yes by default",
        |to, value| {
            to.options.nodelay = Some(values::switch(value)?);
            Ok(())
        },
        |from, _, _| values::switched(from.nodelay),
    ),
    row(
        "keepalive",
        "TIME",
        TCP,
        "probe an idle connection after this time, 1s to 32767s",
        |to, value| {
            to.options.keepalive = Some(values::keepalive(value)?);
            Ok(())
        },
        |from, _, _| values::one(from.keepalive.map(print_duration)),
    ),
    row(
        "buffer",
        "SIZE",
        SOCKETS,
        "buffer of the socket in the kernel, each way",
        |to, value| {
            to.options.buffer = Some(values::buffer(value)?);
            Ok(())
        },
        |from, _, _| values::one(from.buffer.map(print_size)),
    ),
    row(
        "reuseport",
        "yes|no",
        NETWORK,
        "let several sockets take one port; no by default",
        |to, value| {
            to.options.reuseport = values::switch(value)?;
            Ok(())
        },
        |from, _, _| values::switched(from.reuseport.then_some(true)),
    ),
    row(
        "backlog",
        "N",
        LISTENERS,
        "connections that may wait to be accepted",
        |to, value| {
            to.options.backlog = Some(values::number(value, 0, 2_147_483_647)?);
            Ok(())
        },
        |from, _, _| values::one(from.backlog),
    ),
    row(
        "ttl",
        "N",
        NETWORK,
        "time to live or hop limit of what is sent, 1 to 255",
        |to, value| {
            to.options.ttl = Some(values::number(value, 1, 255)?);
            Ok(())
        },
        |from, _, _| values::one(from.ttl),
    ),
    row(
        "broadcast",
        "yes|no",
        UDP,
        "allow datagrams to broadcast addresses; no by default",
        |to, value| {
            to.options.broadcast = values::switch(value)?;
            Ok(())
        },
        |from, _, _| values::switched(from.broadcast.then_some(true)),
    ),
    row(
        "join",
        "GROUP",
        UDP,
        "a multicast group to join when receiving",
        |to, value| {
            to.options.join.push(values::group(value)?);
            Ok(())
        },
        |from, _, _| from.join.iter().map(ToString::to_string).collect(),
    )
    .repeatable(),
    row(
        "mode",
        "OCTAL",
        CREATED,
        "permission bits of what is created, such as 0600",
        |to, value| {
            to.options.mode = Some(values::mode(value)?);
            Ok(())
        },
        |from, _, _| values::one(from.mode.map(|mode| format!("{mode:04o}"))),
    ),
    row(
        "unlink",
        "yes|no",
        UNIX,
        "remove a stale socket file before listening, and ours at the end; yes by default",
        |to, value| {
            to.options.unlink = Some(values::switch(value)?);
            Ok(())
        },
        |from, _, _| values::switched(from.unlink),
    ),
    row(
        "access",
        "read|write|append|both",
        FILES,
        "what may be done with the file",
        |to, value| {
            to.options.access = Some(values::word(value, ACCESSES)?);
            Ok(())
        },
        |from, _, _| values::name_of(from.access, ACCESSES),
    ),
    row(
        "via",
        "URL",
        TCP,
        "a proxy to go through: http, https, socks4, socks4a, socks5, socks5h",
        |to, value| {
            to.options.via.push(parse::proxy_value(value)?);
            Ok(())
        },
        |from, _, _| from.via.iter().map(Proxy::reveal).collect(),
    )
    .repeatable()
    .masked(|from, _, _| from.via.iter().map(ToString::to_string).collect()),
    row(
        "alpn",
        "PROTO[,PROTO...]",
        TLS,
        "protocols to offer or accept, most wanted first",
        |to, value| {
            to.tls.alpn = values::protocols(value)?;
            Ok(())
        },
        |_, tls, _| values::protocol_list(&tls.alpn),
    ),
    row(
        "sni",
        "NAME",
        TLS,
        "the name to ask for and to check, if not the host",
        |to, value| {
            to.tls.sni = Some(values::server_name(value)?);
            Ok(())
        },
        |_, tls, _| values::one(tls.sni.as_ref()),
    ),
    row(
        "ca",
        "FILE",
        TLS,
        "PEM file of trusted roots, instead of the system's",
        |to, value| {
            to.tls.ca = Some(values::path(value)?);
            Ok(())
        },
        |_, tls, _| values::one_path(tls.ca.as_ref()),
    ),
    row(
        "cert",
        "FILE",
        TLS,
        "PEM file with our certificate chain",
        |to, value| {
            to.tls.cert = Some(values::path(value)?);
            Ok(())
        },
        |_, tls, _| values::one_path(tls.cert.as_ref()),
    ),
    row(
        "key",
        "FILE",
        TLS,
        "PEM file with our private key; by default it is looked for in the certificate's",
        |to, value| {
            to.tls.key = Some(values::path(value)?);
            Ok(())
        },
        |_, tls, _| values::one_path(tls.key.as_ref()),
    ),
    row(
        "verify",
        "full|none",
        TLS,
        "what is checked of the peer: chain, name and dates, or nothing",
        |to, value| {
            to.tls.verify = values::word(value, VERIFIES)?;
            Ok(())
        },
        |_, tls, _| values::name_of((tls.verify != Verify::Full).then_some(tls.verify), VERIFIES),
    ),
    row(
        "pin",
        "sha256:HEX",
        TLS,
        "digest of a certificate to accept, whoever signed it",
        |to, value| {
            to.tls.pin.push(values::pin(value)?);
            Ok(())
        },
        |_, tls, _| tls.pin.iter().map(values::pin_text).collect(),
    )
    .repeatable(),
    row(
        "tls-min",
        "1.2|1.3",
        TLS,
        "the lowest version to speak",
        |to, value| {
            to.tls.min = Some(values::word(value, VERSIONS)?);
            Ok(())
        },
        |_, tls, _| values::name_of(tls.min, VERSIONS),
    ),
    row(
        "tls-max",
        "1.2|1.3",
        TLS,
        "the highest version to speak",
        |to, value| {
            to.tls.max = Some(values::word(value, VERSIONS)?);
            Ok(())
        },
        |_, tls, _| values::name_of(tls.max, VERSIONS),
    ),
    row(
        "authkey",
        "KEY",
        PYTHON,
        "the key that both sides must know",
        |to, value| {
            to.python.authkey = Some(values::secret(value)?);
            Ok(())
        },
        |_, _, python| values::secret_text(python.authkey.as_ref()),
    )
    .masked(|_, _, python| values::masked(python.authkey.as_ref())),
    row(
        "authkey-file",
        "FILE",
        PYTHON,
        "a file that holds the key",
        |to, value| {
            to.python.authkey_file = Some(values::path(value)?);
            Ok(())
        },
        |_, _, python| values::one_path(python.authkey_file.as_ref()),
    ),
    row(
        "authkey-env",
        "NAME",
        PYTHON,
        "an environment variable that holds the key",
        |to, value| {
            to.python.authkey_env = Some(values::variable(value)?);
            Ok(())
        },
        |_, _, python| values::one(python.authkey_env.as_ref()),
    ),
    row(
        "payload",
        "pickle|bytes",
        PYTHON,
        "what connect and listen take messages for: pickles, or lines of text",
        |to, value| {
            to.python.payload = values::word(value, PAYLOADS)?;
            Ok(())
        },
        |_, _, python| {
            let given = (python.payload != Payload::Pickle).then_some(python.payload);
            values::name_of(given, PAYLOADS)
        },
    ),
    row(
        "max-message",
        "SIZE",
        PYTHON,
        "the longest message that is taken; 256MiB by default",
        |to, value| {
            to.python.max_message = Some(values::size(value)?);
            Ok(())
        },
        |_, _, python| values::one(python.max_message.map(print_size)),
    ),
];
