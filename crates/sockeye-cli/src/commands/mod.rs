//! One module for each command: its flags, its help and what it does with the library.

pub(crate) mod broker;
mod coding;
pub(crate) mod connect;
pub(crate) mod convert;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod engine;
pub(crate) mod fetch;
pub(crate) mod listen;
pub(crate) mod map;
pub(crate) mod ports;
mod python;
pub(crate) mod relay;
pub(crate) mod resolve;
pub(crate) mod rpc;
pub(crate) mod serve;
mod serving;
pub(crate) mod sockets;
pub(crate) mod tour;
pub(crate) mod worker;

use std::time::Duration;

use sockeye::net::{Listener, weakened};
use sockeye::{Endpoint, Link};

use crate::output::{Level, Output};
use crate::report::{Connected, Listening, seconds};

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
        .map(|acceptor| acceptor.fingerprint());
    let addresses: Vec<String> = listener
        .addresses()
        .iter()
        .map(Endpoint::to_string)
        .collect();
    let listening = Listening {
        endpoint: listener.local().to_string(),
        addresses,
        fingerprint,
    };
    // One conversation is no server: whoever pipes something through does not wait for it to be ready.
    let level = match listener.is_single() {
        true => Level::Verbose,
        false => Level::Normal,
    };
    output.event(level, &listening);
    if output.json() {
        return;
    }
    for more in &listening.addresses[1..] {
        output.say(Level::Verbose, format_args!("also listening on {more}"));
    }
    say_certificate(listener, output);
}

/// Whose certificate is shown, and who can come.
fn say_certificate(listener: &Listener, output: &Output) {
    let made = listener.acceptors().iter().find(|it| it.is_self_made());
    if let Some(acceptor) = made
        && !output.json()
    {
        let fingerprint = acceptor.fingerprint();
        let line = format_args!("certificate made on the fly, pin=sha256:{fingerprint}");
        output.say(Level::Normal, line);
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
