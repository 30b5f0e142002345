//! `listen --exec`: a program for each client.

use std::ffi::OsString;
use std::path::Path;

use sockeye::endpoint::{Argv, Carrier, HostPort};
use sockeye::net::{Net, Surroundings};
use sockeye::wire::ConnectionId;
use sockeye::{Endpoint, Error, Kind, Link, Operation, Result};

/// Look for the program before the first client does.
pub(crate) fn find(argv: &Argv) -> Result<()> {
    let program = Path::new(&argv.program);
    let there = if program.components().count() > 1 {
        program.is_file()
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
    };
    if there {
        return Ok(());
    }
    let why = format!("there is no program `{}`", program.display());
    Err(Error::new(Kind::Io, Operation::Run, why).with_hint(
        "is it in PATH? an absolute path always works; --shell LINE runs a line of shell",
    ))
}

/// Start the program for a client, and tell it who that is.
pub(super) fn start(
    net: &Net,
    argv: &Argv,
    connection: ConnectionId,
    client: &Link,
) -> Result<Link> {
    let (peer, local) = match client {
        Link::Stream(stream) => (stream.peer(), stream.local()),
        Link::Messages(messages) => (messages.peer(), messages.local()),
        _ => (None, None),
    };
    let mut env: Vec<(OsString, OsString)> =
        vec![("SOCKEYE_CONNECTION".into(), connection.0.to_string().into())];
    describe(&mut env, "PEER", peer);
    describe(&mut env, "LOCAL", local);
    let around = Surroundings {
        env,
        own_group: true,
    };
    // The program's side is not observed: the wire view shows the client's.
    net.unobserved().run(argv, &around).map(Link::Stream)
}

/// `SOCKEYE_PEER=tcp://192.0.2.1:4242`, `SOCKEYE_PEER_HOST`, `SOCKEYE_PEER_PORT`.
fn describe(env: &mut Vec<(OsString, OsString)>, which: &str, endpoint: Option<&Endpoint>) {
    let Some(endpoint) = endpoint else { return };
    env.push((
        format!("SOCKEYE_{which}").into(),
        endpoint.to_string().into(),
    ));
    if let Carrier::Tcp(HostPort { host, port }) | Carrier::Udp(HostPort { host, port }) =
        endpoint.carrier()
    {
        env.push((
            format!("SOCKEYE_{which}_HOST").into(),
            host.to_string().into(),
        ));
        env.push((
            format!("SOCKEYE_{which}_PORT").into(),
            port.to_string().into(),
        ));
    }
}
