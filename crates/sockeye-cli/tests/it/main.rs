//! The integration tests of the command line, in one binary: the built program against scripted and foreign peers.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

mod connect;
mod connect_ends;
mod connect_flags;
mod connect_programs;
mod connect_sessions;
mod connect_tls;
mod convert;
mod convert_csv;
mod convert_html;
mod convert_jq;
mod convert_json;
mod convert_look;
mod convert_mail;
mod convert_structured;
mod convert_xml;
mod encode;
mod engine;
mod fetch_as;
mod fetch_bounds;
mod fetch_errors;
mod fetch_ftp;
mod fetch_hints;
mod fetch_identity;
mod fetch_output;
mod fetch_policy;
mod fetch_reach;
mod fetch_reports;
mod fetch_request;
mod fetch_save;
mod fetch_several;
mod fetch_tap;
mod fetch_tls;
mod listen;
mod listen_console;
mod listen_datagrams;
mod listen_events;
mod listen_limits;
mod map;
mod map_admin;
mod map_faults;
mod map_jobs;
mod map_nats;
mod map_order;
mod map_probes;
mod map_resume;
mod ports;
mod python_messages;
mod relay;
mod resolve;
mod resolve_json;
mod resolve_race;
mod resolve_server;
mod resolve_servers;
mod rpc_check;
mod rpc_json;
mod rpc_serve;
mod rpc_xml;
mod serve;
mod serve_accounts;
mod serve_bounds;
mod serve_explain;
mod serve_files;
mod serve_h2;
mod serve_listing;
mod serve_live;
mod serve_log;
mod serve_pages;
mod serve_programs;
mod serve_stop;
mod serve_tls;
mod serve_upload;
mod serve_upload_pages;
mod serving;
mod sockets;
mod sockets_act;
mod sockets_behaviours;
mod sockets_json;
mod sockets_owners;
mod sockets_sight;
mod sockets_ss;
mod sockets_text;
mod sockets_wait;
mod sockets_watch;
mod sockets_watch_behaviours;
mod terminal;
mod tour;
mod via;
mod wire;
mod worker;

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use sockeye_testkit::{Output, Program};

/// The binary under test.
const SOCKEYE: &str = env!("CARGO_BIN_EXE_sockeye");

/// Start it with pipes.
fn sockeye<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Program {
    Program::start(SOCKEYE, args)
}

/// `sockeye connect ENDPOINT FLAGS...` with this standard input, to its end.
fn connect(to: impl AsRef<str>, flags: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut program = sockeye(["connect", to.as_ref()].iter().chain(flags));
    program.write(input);
    program.finish()
}

/// The same through a shell, where the test is about descriptors: `$S` is the binary, `$1`, `$2` the arguments.
fn shell(script: &str, args: &[&str]) -> Output {
    let mut command = Command::new("bash");
    command
        .args(["-c", script, "bash"])
        .args(args)
        .env("S", SOCKEYE);
    Program::start_command(command).finish()
}

/// Standard output of a short helper program.
fn output_of(program: impl AsRef<OsStr>, args: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    output.stdout
}

/// Each line of standard output, which must be JSON objects with a type.
fn json_lines(bytes: &[u8]) -> Vec<serde_json::Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    assert!(lines.iter().all(|line| line["type"].is_string()), "{text}");
    lines
}
