//! A way through a SOCKS proxy: SOCKS 4, 4a and 5 (RFC 1928), with login by user and password (RFC 1929).
//!
//! Messages are those of [`sockeye_data::socks`]; not one byte more is read than belongs to them.

use sockeye_data::socks::{self, Address, Read, Reply, v4, v5};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::endpoint::{Proxy, ProxyScheme};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::stream::Stream;

/// Ask for a way to this place.
///
/// The second value says what was agreed, in words.
///
/// # Errors
///
/// [`Kind::Denied`] if its rules or the login forbid it; [`Kind::Refused`], [`Kind::Unreachable`], [`Kind::TimedOut`] for what
/// it says of the peer; [`Kind::Protocol`] if it does not speak SOCKS; [`Kind::Usage`] for a name that does not fit;
/// [`Kind::Lost`].
pub(crate) async fn tunnel(
    mut stream: Stream,
    to: &Address,
    proxy: &Proxy,
) -> Result<(Stream, String)> {
    let agreed = match proxy.scheme() {
        ProxyScheme::Socks4 | ProxyScheme::Socks4a => four(&mut stream, to, proxy).await?,
        _ => five(&mut stream, to, proxy).await?,
    };
    Ok((stream, agreed))
}

async fn four(stream: &mut Stream, to: &Address, proxy: &Proxy) -> Result<String> {
    let user = proxy.user().unwrap_or_default();
    let request = v4::connect(to, user.as_bytes()).map_err(|error| {
        let refused = unfit(to, error);
        match error {
            socks::Error::NotIpv4 => refused.with_hint("socks5 knows IPv6"),
            _ => refused,
        }
    })?;
    send(stream, &request).await?;
    let reply = match read(stream, v4::reply).await {
        Err(Ended::Early(bytes)) if bytes.len() >= 2 => short(bytes[1]),
        other => other?,
    };
    match reply.code {
        v4::GRANTED => Ok(format!("to {to}")),
        code => {
            let why = format!(
                "it does not connect to {to}: {} (code {code})",
                v4::meaning(code)
            );
            let kind = match code {
                92 | 93 => Kind::Denied,
                _ => Kind::Unreachable,
            };
            Err(Error::new(kind, Operation::Connect, why)
                .with_hint("SOCKS 4 has no more to say; socks5 tells reasons apart"))
        }
    }
}

async fn five(stream: &mut Stream, to: &Address, proxy: &Proxy) -> Result<String> {
    // Made first: what cannot be asked for needs no login.
    let request = v5::connect(to).map_err(|error| unfit(to, error))?;
    let methods: &[u8] = match proxy.user() {
        Some(_) => &[v5::NO_LOGIN, v5::PASSWORD],
        None => &[v5::NO_LOGIN],
    };
    send(
        stream,
        &v5::greeting(methods).map_err(|error| unfit(to, error))?,
    )
    .await?;
    let how = match read(stream, v5::choice).await? {
        v5::NO_LOGIN => "no login",
        v5::PASSWORD if proxy.user().is_some() => {
            login(stream, proxy).await?;
            "logged in"
        }
        v5::NONE_WILL_DO => return Err(wants_login(proxy)),
        other => {
            let why = format!("it chose a way to log in that was not offered ({other})");
            return Err(Error::new(Kind::Protocol, Operation::Connect, why));
        }
    };
    send(stream, &request).await?;
    let reply = match read(stream, v5::reply).await {
        // A refusal that is cut short after its code says enough.
        Err(Ended::Early(bytes)) if bytes.len() >= 2 && bytes[1] != 0 => short(bytes[1]),
        other => other?,
    };
    match reply.code {
        0 => Ok(format!("to {to}, {how}, from {}", reply.bound)),
        code => Err(refusal(code, to)),
    }
}

async fn login(stream: &mut Stream, proxy: &Proxy) -> Result<()> {
    let (user, password) = (proxy.user().unwrap_or_default(), proxy.password());
    let password = password.unwrap_or_default();
    let message = v5::login(user.as_bytes(), password.as_bytes()).map_err(|_| {
        let why = "its user or password does not fit: SOCKS 5 takes 1 to 255 bytes of each";
        Error::new(Kind::Usage, Operation::Connect, why)
    })?;
    send(stream, &message).await?;
    let refused = match read(stream, v5::verdict).await {
        Ok(verdict) => verdict != 0,
        // Some close instead of saying no.
        Err(Ended::Early(_)) => true,
        Err(other) => return Err(other.into()),
    };
    if refused {
        let why = "it does not accept this user and password";
        return Err(Error::new(Kind::Denied, Operation::Connect, why)
            .with_hint("a character such as @ or : in them is written %40 or %3A"));
    }
    Ok(())
}

fn wants_login(proxy: &Proxy) -> Error {
    match proxy.user() {
        None => Error::new(
            Kind::Denied,
            Operation::Connect,
            "it wants a user and a password",
        )
        .with_hint(format!(
            "as in {}://USER:PASSWORD@{}",
            proxy.scheme().word(),
            proxy.place()
        )),
        Some(_) => {
            let why = "it wants a login that is neither none nor user and password";
            Error::new(Kind::Denied, Operation::Connect, why)
        }
    }
}

fn refusal(code: u8, to: &Address) -> Error {
    let (kind, hint) = match code {
        2 => (Kind::Denied, "its rules decide where it connects to"),
        5 => (Kind::Refused, "the proxy works; is the server running?"),
        6 => (
            Kind::TimedOut,
            "the proxy works; what is behind it does not answer",
        ),
        7 | 8 => (
            Kind::Unsupported,
            "socks5h lets it resolve the name, socks5 does it here",
        ),
        _ => (
            Kind::Unreachable,
            "the proxy works; is the name right, and is the server running?",
        ),
    };
    let why = format!(
        "it does not connect to {to}: {} (code {code})",
        v5::meaning(code)
    );
    Error::new(kind, Operation::Connect, why).with_hint(hint)
}

/// A reply of which only the code came.
fn short(code: u8) -> Reply {
    let bound = std::net::SocketAddr::from(([0; 4], 0)).into();
    Reply { code, bound }
}

fn unfit(to: &Address, error: socks::Error) -> Error {
    let shown = to.to_string();
    let shown: String = shown.chars().take(60).collect();
    let why = format!("it cannot be asked for {shown}: {error}");
    Error::new(Kind::Usage, Operation::Connect, why)
}

async fn send(stream: &mut Stream, bytes: &[u8]) -> Result<()> {
    let io = |error| Error::from_io(Operation::Connect, error);
    stream.write_all(bytes).await.map_err(io)?;
    stream.flush().await.map_err(io)
}

/// Why a message did not come.
enum Ended {
    /// The connection ended before it was complete.
    Early(Vec<u8>),
    Failed(Error),
}

impl From<Ended> for Error {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Failed(error) => error,
            Ended::Early(bytes) => {
                let why = match bytes.is_empty() {
                    true => "it closed the connection without an answer",
                    false => "it closed the connection in the middle of its answer",
                };
                Self::new(Kind::Lost, Operation::Connect, why)
                    .with_hint("does it speak this version of SOCKS?")
            }
        }
    }
}

/// One message, and no byte of what follows it.
async fn read<T>(
    stream: &mut Stream,
    decode: impl Fn(&[u8]) -> Result<Read<T>, socks::Error>,
) -> Result<T, Ended> {
    let mut bytes = Vec::new();
    loop {
        let missing = match decode(&bytes) {
            Ok(Read::Done(value, _)) => return Ok(value),
            Ok(Read::Need(missing)) => missing,
            Err(error) => return Err(Ended::Failed(no_socks(error, &bytes))),
        };
        let had = bytes.len();
        bytes.resize(had + missing, 0);
        let read = stream.read(&mut bytes[had..]).await;
        let read = read.map_err(|e| Ended::Failed(Error::from_io(Operation::Connect, e)))?;
        bytes.truncate(had + read);
        if read == 0 {
            return Err(Ended::Early(bytes));
        }
    }
}

fn no_socks(error: socks::Error, bytes: &[u8]) -> Error {
    let why = format!("what it answers is not SOCKS: {error}");
    let error = Error::new(Kind::Protocol, Operation::Connect, why);
    match bytes.first() {
        Some(b'H') => error.with_hint("it may speak HTTP: try http:// for the proxy"),
        Some(0x15 | 0x16) => error.with_hint("it speaks TLS: try https:// for the proxy"),
        _ => error.with_hint("is it a proxy, and is this its port?"),
    }
}
