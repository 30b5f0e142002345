//! The tap is honest: what the wire view shows of TLS is what others decrypt from the packets.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use data_encoding::{BASE64, HEXLOWER};
use sockeye_testkit::{Program, peers, temporary_dir, within};

/// What crossed, in both directions.
#[derive(Debug, Default, PartialEq)]
struct Crossed {
    sent: Vec<u8>,
    received: Vec<u8>,
}

impl Crossed {
    fn of(&mut self, is_sent: bool) -> &mut Vec<u8> {
        match is_sent {
            true => &mut self.sent,
            false => &mut self.received,
        }
    }
}

/// What the wire view says of the layer `tls`, and our port.
fn tapped(wire: &str) -> (Crossed, u16) {
    let mut crossed = Crossed::default();
    let mut port = 0;
    for line in crate::json_lines(wire.as_bytes()) {
        if line["type"] == "connected" {
            let local = line["local"].as_str().unwrap();
            port = local.rsplit_once(':').unwrap().1.parse().unwrap();
        }
        if line["type"] != "data" || line["layer"] != "tls" {
            continue;
        }
        let bytes = match line["base64"].as_str() {
            Some(base64) => BASE64.decode(base64.as_bytes()).unwrap(),
            None => line["text"].as_str().unwrap().as_bytes().to_vec(),
        };
        crossed.of(line["direction"] == "sent").extend(bytes);
    }
    (crossed, port)
}

/// What tshark decrypts of the only connection. It names one end as node 0, and indents what the other one sent.
fn decrypted(capture: &str, keys: &str, port: u16) -> Crossed {
    let tshark = peers::tshark().unwrap();
    let keys = format!("tls.keylog_file:{keys}");
    let args = ["-r", capture, "-o", &keys, "-q", "-z", "follow,tls,raw,0"];
    let output = Program::start(tshark, args).finish();
    assert_eq!(output.code, Some(0), "{output:?}");
    let mut crossed = Crossed::default();
    let text = output.stdout_text();
    let is_first = text.contains(&format!("\nNode 0: 127.0.0.1:{port}\n"));
    for line in text.lines() {
        let is_sent = line.starts_with('\t') != is_first;
        if let Ok(bytes) = HEXLOWER.decode(line.trim().as_bytes()) {
            crossed.of(is_sent).extend(bytes);
        }
    }
    crossed
}

/// Fetch a file from this server while tshark looks on, and compare.
fn is_honest(of: fn(&peers::Nginx) -> SocketAddr, protocol: &str) {
    let (Some(tshark), Some(nginx)) = (peers::tshark(), peers::Nginx::start()) else {
        return;
    };
    let contents: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
    nginx.put("a.bin", &contents);
    let server = of(&nginx);
    let dir = temporary_dir();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (capture, keys) = (path("capture"), path("keys"));
    let filter = format!("tcp port {}", server.port());
    let args = ["-i", "lo", "-n", "-l", "-P", "-f", &filter, "-w", &capture];
    let looking = Program::start(&tshark, args);
    looking.stderr_until("Capture started");

    let mut command = Command::new(crate::SOCKEYE);
    let ca = nginx.ca();
    command
        .args(["fetch", "--wire=json", "--ca", ca.to_str().unwrap()])
        .arg(format!("https://127.0.0.1:{}/a.bin", server.port()))
        .env("SSLKEYLOGFILE", &keys);
    let output = Program::start_command(command).finish();
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    assert!(
        output.stdout == contents,
        "the body is not what was put there"
    );
    let (tapped, port) = tapped(&output.stderr_text());
    // The capture is complete when both ends have said that they have ended.
    looking.stdout_until(format!("{port} → {} [FIN", server.port()));
    looking.stdout_until(format!("{} → {port} [FIN", server.port()));
    looking.interrupt();
    looking.wait();
    let decrypted = decrypted(&capture, &keys, port);
    assert!(tapped.received.len() > contents.len());
    assert!(!fs::read(&keys).unwrap().is_empty());
    nginx.log(&format!(" {protocol} GET /a.bin 200 "));
    for (ours, theirs) in [
        (&tapped.sent, &decrypted.sent),
        (&tapped.received, &decrypted.received),
    ] {
        assert!(ours == theirs, "{} and {} bytes", ours.len(), theirs.len());
    }
}

#[test]
fn what_is_shown_of_http_1_over_tls_is_what_tshark_decrypts() {
    within(|| is_honest(peers::Nginx::https, "HTTP/1.1"));
}

#[test]
fn what_is_shown_of_http_2_over_tls_is_what_tshark_decrypts() {
    within(|| is_honest(peers::Nginx::h2, "HTTP/2.0"));
}
