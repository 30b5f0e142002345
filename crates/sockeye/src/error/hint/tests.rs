#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::io;

use super::*;
use crate::endpoint::Endpoint;

const KINDS: [Kind; 13] = [
    Kind::Usage,
    Kind::Name,
    Kind::Refused,
    Kind::Unreachable,
    Kind::Lost,
    Kind::TimedOut,
    Kind::Tls,
    Kind::Protocol,
    Kind::Denied,
    Kind::InUse,
    Kind::Unsupported,
    Kind::Canceled,
    Kind::Io,
];

const OPERATIONS: [Operation; 10] = [
    Operation::Parse,
    Operation::Resolve,
    Operation::Connect,
    Operation::Listen,
    Operation::Accept,
    Operation::Handshake,
    Operation::Run,
    Operation::Open,
    Operation::Read,
    Operation::Write,
];

const ENDPOINTS: [&str; 11] = [
    "tcp://h:1",
    "udp://h:1",
    "unix:/s",
    "unix-dgram:/s",
    "unix-seqpacket:/s",
    "stdio:",
    "exec:cat",
    "pty:cat",
    "file:/f",
    "fifo:/f",
    "fd:3",
];

#[test]
fn every_hint_of_the_table() {
    let mut table = String::new();
    for kind in KINDS {
        for operation in OPERATIONS {
            let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
            for text in ENDPOINTS {
                let endpoint: Endpoint = text.parse().unwrap();
                let error = Error::new(kind, operation, "why").on(&endpoint);
                let Some(hint) = error.hint() else { continue };
                let scheme = text.split(':').next().unwrap();
                match rows.iter_mut().find(|(known, _)| *known == hint) {
                    Some((_, schemes)) => schemes.push(scheme),
                    None => rows.push((hint, vec![scheme])),
                }
            }
            for (hint, schemes) in rows {
                let schemes = if schemes.len() == ENDPOINTS.len() {
                    "*".to_owned()
                } else {
                    schemes.join(" ")
                };
                writeln!(
                    table,
                    "{}, {}, {schemes}\n    {hint}",
                    kind.code(),
                    operation.phrase()
                )
                .unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_wording_of_the_systems_errors() {
    use nix::libc::*;
    let mut table = String::new();
    for code in [
        EPERM,
        ENOENT,
        EIO,
        ENXIO,
        EACCES,
        EEXIST,
        ENODEV,
        ENOTDIR,
        EISDIR,
        EINVAL,
        ENFILE,
        EMFILE,
        ENOSPC,
        EPIPE,
        ENAMETOOLONG,
        ELOOP,
        EMSGSIZE,
        EPROTOTYPE,
        ENOPROTOOPT,
        EAFNOSUPPORT,
        EADDRINUSE,
        EADDRNOTAVAIL,
        ENETDOWN,
        ENETUNREACH,
        ECONNABORTED,
        ECONNRESET,
        ENOBUFS,
        ENOTCONN,
        ETIMEDOUT,
        ECONNREFUSED,
        EHOSTDOWN,
        EHOSTUNREACH,
    ] {
        for operation in [Operation::Connect, Operation::Listen] {
            let error = Error::from_io(operation, io::Error::from_raw_os_error(code))
                .on(&"tcp://h:1".parse().unwrap());
            assert_eq!(error.os_code(), Some(code));
            writeln!(table, "[{}] {error}", error.kind().code()).unwrap();
            if let Some(hint) = error.hint() {
                writeln!(table, "    hint: {hint}").unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}
