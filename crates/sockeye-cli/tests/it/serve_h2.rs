//! `sockeye serve` over HTTP/2: storms leave its memory as it was.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use sockeye_testkit::{Program, peers, temporary_dir, within};

use crate::serving::client;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// GET / of http://a, from the static table (RFC 7541 appendix A).
const GET: &[u8] = &[0x82, 0x84, 0x86, 0x01, 1, b'a'];

/// Write this, whatever becomes of it, and hear the other side out.
fn storm(mut stream: TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    let mut reading = stream.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        let mut heard = Vec::new();
        let _ = reading.read_to_end(&mut heard);
    });
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    reader.join().unwrap();
}

/// Memory that the program has, in KiB.
fn resident(server: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

#[test]
fn storms_leave_memory_flat_and_others_served() {
    within(|| {
        let dir = temporary_dir();
        fs::write(dir.path().join("index.html"), "<p>here</p>\n").unwrap();
        let server = crate::sockeye(["serve", dir.path().to_str().unwrap(), "--port", "0"]);
        let first = String::from_utf8(server.stdout_until("\n")).unwrap();
        let at = first.trim().strip_prefix("listening on http://").unwrap();
        let at = at.trim_end_matches('/').parse().unwrap();
        let mut resets = Vec::new();
        for number in 0..20_000 {
            resets.extend(frame(1, 5, number * 2 + 1, GET));
            resets.extend(frame(3, 0, number * 2 + 1, &8u32.to_be_bytes()));
        }
        let mut endless = frame(1, 1, 1, GET);
        endless.extend(frame(9, 0, 1, &[0, 1, b'x', 1, b'y']).repeat(50_000));
        let pings = frame(6, 0, 0, &[0; 8]).repeat(100_000);
        let storms = [resets, endless, pings];
        // What the first ones need stays with the program.
        storms.iter().for_each(|bytes| storm(client(at), bytes));
        let before = resident(&server);
        for _ in 0..5 {
            storms.iter().for_each(|bytes| storm(client(at), bytes));
        }
        let after = resident(&server);
        assert!(after < before + 4096, "{before} KiB became {after}");
        let Some(curl) = peers::curl() else { return };
        let args = ["-sS", "--http2-prior-knowledge", &format!("http://{at}/")];
        assert_eq!(
            Program::start(curl, args).finish().stdout_text(),
            "<p>here</p>\n"
        );
    });
}

#[test]
fn a_thousand_streams_and_more_if_asked_for() {
    within(|| {
        let dir = temporary_dir();
        fs::write(dir.path().join("a.txt"), "hello\n").unwrap();
        let flags = ["--max-streams", "1000", "--window", "64KiB"];
        let server = crate::sockeye(
            ["serve", dir.path().to_str().unwrap(), "--port", "0"]
                .iter()
                .chain(&flags),
        );
        let first = String::from_utf8(server.stdout_until("\n")).unwrap();
        let url = first.trim().strip_prefix("listening on ").unwrap();
        let url = format!("{url}a.txt");
        let Some(load) = peers::h2load(["-n", "3000", "-c", "1", "-m", "1000", &url]) else {
            return;
        };
        let said = load.finish().stdout_text();
        assert!(
            said.contains("3000 succeeded, 0 failed, 0 errored"),
            "{said}"
        );
    });
}
