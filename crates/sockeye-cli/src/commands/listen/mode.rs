//! What `listen` does with its clients: one link of ours for each of theirs.

use std::sync::Arc;

use sockeye::endpoint::Argv;
use sockeye::net::{MAX_DATAGRAM, Net};
use sockeye::relay::{Broker, EndPolicy, Service, Slow};
use sockeye::wire::ConnectionId;
use sockeye::{Endpoint, Error, Kind, Link, Operation, Result};
use tokio_util::sync::CancellationToken;

use super::super::python;
use super::console::Console;
use super::{Args, SlowPolicy, program};
use crate::output::{Level, Output};

/// The largest file that `--reply` sends: it is held in memory, once.
const MAX_REPLY: u64 = 64 * 1024 * 1024;

/// What is done with clients.
pub(super) enum Mode {
    /// People at this end talk to them.
    Console(Console),
    /// A built-in service answers.
    Service(Service),
    /// A program answers.
    Program(Argv),
    /// They talk to each other.
    Broker(Broker),
}

impl Mode {
    pub(super) fn new(
        args: &Args,
        at: &Endpoint,
        output: &Output,
        stop: &CancellationToken,
    ) -> Result<Self> {
        let mode = &args.mode;
        if mode.echo {
            return Ok(Self::Service(Service::Echo));
        }
        if mode.discard {
            return Ok(Self::Service(Service::Discard));
        }
        if mode.chargen {
            return Ok(Self::Service(Service::Chargen));
        }
        if let Some(path) = &mode.reply {
            return Ok(Self::Service(Service::Reply(reply(path, at)?)));
        }
        if let Some(words) = &mode.exec {
            let argv = words.parse::<Argv>()?;
            program::find(&argv)?;
            return Ok(Self::Program(argv));
        }
        if let Some(line) = &mode.shell {
            return Ok(Self::Program(Argv {
                program: "/bin/sh".into(),
                args: vec!["-c".into(), line.into()],
            }));
        }
        if mode.broker {
            let slow = match mode.slow {
                SlowPolicy::Skip => Slow::Skip,
                SlowPolicy::Disconnect => Slow::Disconnect,
            };
            let queue = usize::try_from(mode.queue).unwrap_or(usize::MAX);
            return Ok(Self::Broker(Broker::new(queue, slow)));
        }
        Ok(Self::Console(Console::new(
            args.once, args.label, output, stop,
        )))
    }

    /// Our link to one client.
    pub(super) async fn link(
        &self,
        net: &Net,
        connection: ConnectionId,
        client: &Link,
        leave: Option<CancellationToken>,
    ) -> Result<Link> {
        match self {
            Self::Console(console) => console.link(connection).await,
            Self::Service(service) => Ok(service.link_for(client)),
            Self::Program(argv) => program::start(net, argv, connection, client),
            Self::Broker(broker) => Ok(broker.link_for(client, leave.unwrap_or_default())),
        }
    }

    /// Whether clients that send messages are met with lines: by people and programs. What passes messages on keeps them.
    pub(super) fn takes_lines(&self) -> bool {
        matches!(self, Self::Console(_) | Self::Program(_))
    }

    /// When a conversation is over. Ours is the local side, the client's the remote one.
    pub(super) fn policy(&self) -> EndPolicy {
        match self {
            Self::Console(console) => console.policy(),
            Self::Service(_) | Self::Broker(_) => EndPolicy::UntilBoth,
            Self::Program(_) => EndPolicy::UntilLocal,
        }
    }

    /// Whether comings and goings are said: at a console, once there is more than one client to tell apart.
    pub(super) fn announcement_level(&self) -> Level {
        match self {
            Self::Console(console) if console.tells_apart() => Level::Normal,
            _ => Level::Verbose,
        }
    }

    /// Whether a client may be cut off on its own account.
    pub(super) fn cuts_off(&self) -> bool {
        matches!(self, Self::Broker(_))
    }

    /// Messages that slow members of the broker missed.
    pub(super) fn missed(&self) -> u64 {
        match self {
            Self::Broker(broker) => broker.missed(),
            _ => 0,
        }
    }
}

fn reply(path: &std::path::Path, at: &Endpoint) -> Result<Arc<[u8]>> {
    let named = |e: Error| {
        let why = format!("cannot read {}: {}", path.display(), e.why());
        Error::new(e.kind(), Operation::Open, why)
    };
    let size = std::fs::metadata(path)
        .map_err(|e| named(Error::from_io(Operation::Open, e)))?
        .len();
    if at.carrier().keeps_boundaries() && size > MAX_DATAGRAM as u64 {
        let why = format!(
            "{} has {size} bytes; a datagram carries at most {MAX_DATAGRAM}",
            path.display()
        );
        return Err(Error::new(Kind::Usage, Operation::Open, why));
    }
    if size > MAX_REPLY {
        let why = format!(
            "{} has {size} bytes; --reply sends at most {MAX_REPLY}",
            path.display()
        );
        return Err(
            Error::new(Kind::Usage, Operation::Open, why).with_hint(format!(
                "`sockeye relay PORT file:{}` sends a file of any size",
                path.display()
            )),
        );
    }
    let bytes = std::fs::read(path).map_err(|e| named(Error::from_io(Operation::Open, e)))?;
    Ok(python::reply(at, bytes, &path.display().to_string())?.into())
}
