//! One module for each command: its flags, its help and what it does with the library.

pub(crate) mod connect;
pub(crate) mod listen;
pub(crate) mod relay;
pub(crate) mod tour;

use std::time::Duration;

use sockeye::net::{Arrival, Listener, weakened};
use sockeye::{Endpoint, Error, Link};
use tokio_util::sync::CancellationToken;

use crate::output::{Level, Output};
use crate::report::{Connected, ErrorEvent, Listening, Refused, seconds};

/// Repeat on standard error what weakens security.
fn say_what_is_weak(endpoint: &Endpoint, output: &Output) {
    for weakness in weakened(endpoint) {
        output.warn(format_args!("{endpoint}: {weakness}"));
    }
}

/// The first line of a server.
fn say_listening(listener: &Listener, output: &Output) {
    let fingerprint = listener
        .acceptors()
        .iter()
        .next()
        .map(|acceptor| acceptor.fingerprint().to_owned());
    let addresses: Vec<String> = listener
        .addresses()
        .iter()
        .map(Endpoint::to_string)
        .collect();
    let listening = Listening {
        endpoint: listener.local().to_string(),
        addresses,
        fingerprint: fingerprint.clone(),
    };
    output.event(Level::Normal, &listening);
    if output.json() {
        return;
    }
    for more in &listening.addresses[1..] {
        output.say(Level::Verbose, format_args!("also listening on {more}"));
    }
    if listener
        .acceptors()
        .iter()
        .any(|acceptor| acceptor.is_self_made())
        && let Some(fingerprint) = fingerprint
    {
        output.say(
            Level::Normal,
            format_args!("certificate made on the fly, pin=sha256:{fingerprint}"),
        );
    }
    if listener
        .addresses()
        .iter()
        .any(|address| address.carrier().is_for_everyone())
    {
        output.warn("everyone who reaches this machine can connect");
    }
}

/// What is known of a connection when it begins.
fn connected(connection: u64, link: &Link, after: Option<Duration>) -> Connected {
    let (local, peer, tls) = match link {
        Link::Stream(stream) => (stream.local(), stream.peer(), stream.secured()),
        Link::Messages(messages) => (messages.local(), messages.peer(), None),
        _ => (None, None, None),
    };
    let tls = tls.map(|tls| {
        let alpn = tls
            .alpn
            .as_ref()
            .map(|alpn| format!(" alpn={alpn}"))
            .unwrap_or_default();
        format!("{} {}{alpn}", tls.version, tls.cipher)
    });
    Connected {
        connection,
        peer: peer.map(Endpoint::to_string),
        local: local.map(Endpoint::to_string),
        target: None,
        tls,
        seconds: after.map(seconds),
        numbered: false,
    }
}

/// A conversation failed; the server goes on.
fn say_failed(connection: u64, error: &Error, output: &Output) {
    if output.json() {
        output.json_line(&ErrorEvent {
            connection: Some(connection),
            ..ErrorEvent::from(error)
        });
    } else {
        output.say(Level::Normal, format_args!("#{connection} {error}"));
        if let Some(hint) = error.hint() {
            output.say(Level::Verbose, format_args!("hint: {hint}"));
        }
    }
}

/// A client was not let in, or could not be accepted.
fn say_not_served(arrival: Arrival, output: &Output) {
    let (peer, reason) = match arrival {
        Arrival::Denied(peer) => (peer, "denied"),
        Arrival::Full(peer) => (peer, "full"),
        Arrival::Failed(error) => {
            output.error(&error);
            return;
        }
        _ => return,
    };
    output.event(
        Level::Normal,
        &Refused {
            peer: peer.map(|peer| peer.to_string()),
            reason,
        },
    );
}

/// Stop by ourselves after `--timeout`.
fn end_after(limit: Option<Duration>, stop: &CancellationToken) {
    if let Some(limit) = limit {
        let stop = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            stop.cancel();
        });
    }
}

/// A token that is cancelled when conversations have had their time to finish after a stop.
fn cut_after_grace(
    stop: &CancellationToken,
    grace: Duration,
    output: &Output,
) -> CancellationToken {
    let cut = CancellationToken::new();
    let (stop, cancelled, output) = (stop.clone(), cut.clone(), output.clone());
    tokio::spawn(async move {
        stop.cancelled().await;
        output.say(
            Level::Verbose,
            format_args!(
                "stopping: what runs may finish within {grace:?}; a second Ctrl-C leaves at once"
            ),
        );
        tokio::time::sleep(grace).await;
        cancelled.cancel();
    });
    cut
}
