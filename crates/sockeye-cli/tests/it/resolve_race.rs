//! `resolve --race`: which address of a name connects first.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use serde_json::Value;
use socket2::{Domain, Socket, Type};
use sockeye_testkit::{Output, Program, within};

use crate::resolve_server::Etc;
use crate::{SOCKEYE, json_lines};

const IPV4_FIRST: &str = "precedence ::ffff:0:0/96 100\n";

/// A listener whose queue is full: who connects hears nothing at all.
struct Blackhole {
    address: SocketAddr,
    _held: Vec<Socket>,
}

impl Blackhole {
    /// Takes over a listener: closing it and binding the port again could lose it to another test.
    fn new(listener: TcpListener) -> Self {
        let listener = Socket::from(listener);
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let domain = Domain::for_address(address.as_socket().unwrap());
        let mut held = vec![listener];
        for _ in 0..32 {
            let socket = Socket::new(domain, Type::STREAM, None).unwrap();
            let full = socket
                .connect_timeout(&address, Duration::from_millis(50))
                .is_err();
            held.push(socket);
            if full {
                let address = address.as_socket().unwrap();
                return Self {
                    address,
                    _held: held,
                };
            }
        }
        panic!("the queue of a listener never fills");
    }
}

/// A machine that knows `twin` by both addresses of loopback, and prefers one family.
fn twin(gai_conf: &str) -> Etc {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let hosts = "127.0.0.1 twin\n::1 twin\n127.0.0.1 single\n";
    Etc::new(hosts, nobody).file("gai.conf", gai_conf)
}

fn race(etc: &Etc, args: &[&str]) -> Output {
    let fixed = ["resolve", "--system", "--etc", etc.path().to_str().unwrap()];
    let mut command = std::process::Command::new(SOCKEYE);
    command.args(fixed).args(args);
    Program::start_command(command).finish()
}

/// The race as JSON has it.
fn event(etc: &Etc, port: u16) -> Value {
    let output = race(etc, &["twin", "--json", "--race", &port.to_string()]);
    let events = json_lines(&output.stdout);
    assert_eq!(events[0]["type"], "system");
    assert_eq!(events[1]["type"], "race");
    events[1].clone()
}

/// Listeners of both families of loopback on the same port: IPv6, IPv4.
fn port_for_both() -> (TcpListener, TcpListener) {
    (0..20)
        .find_map(|_| {
            let six = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
            let port = six.local_addr().unwrap().port();
            let four = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
            Some((six, four))
        })
        .unwrap()
}

#[test]
fn ipv6_wins_the_race_when_ipv4_is_swallowed() {
    within(|| {
        let (_six, four) = port_for_both();
        let silent = Blackhole::new(four);
        let race = event(&twin(IPV4_FIRST), silent.address.port());
        let attempts = race["attempts"].as_array().unwrap();
        assert_eq!(attempts[0]["address"], silent.address.to_string());
        assert_eq!(attempts[0]["ending"], "canceled");
        assert_eq!(attempts[1]["ending"], "won");
        assert_eq!(race["winner"], attempts[1]["address"]);
        let began = attempts[1]["began"].as_f64().unwrap();
        assert!((0.25..2.0).contains(&began), "{race}");
    });
}

#[test]
fn ipv4_wins_the_race_when_ipv6_is_swallowed() {
    within(|| {
        let (six, four) = port_for_both();
        let _silent = Blackhole::new(six);
        let four = four.local_addr().unwrap();
        let etc = twin("");
        let output = race(&etc, &[&format!("twin:{}", four.port())]);
        let text = output.stdout_text();
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[2].starts_with(&format!("  race to port {}", four.port())),
            "{text}"
        );
        assert!(lines[2].contains("0.0 ms  ━"), "{text}");
        assert!(lines[2].ends_with("given up, another was faster"), "{text}");
        assert!(lines[3].contains(&four.to_string()), "{text}");
        assert!(
            lines[3].ends_with("connected first: this one is used"),
            "{text}"
        );
        assert!(lines[3].contains('●'), "{text}");
        assert_eq!(output.code, Some(0));
    });
}

#[test]
fn nothing_is_sent_and_the_address_behind_the_winner_is_not_tried() {
    within(|| {
        let (six, four) = port_for_both();
        let port = six.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut client, _) = six.accept().unwrap();
            let mut heard = Vec::new();
            std::io::Read::read_to_end(&mut client, &mut heard).unwrap();
            heard
        });
        let race = event(&twin(""), port);
        assert_eq!(server.join().unwrap(), b"");
        assert_eq!(race["attempts"].as_array().unwrap().len(), 1);
        assert_eq!(
            race["untried"],
            serde_json::json!([four.local_addr().unwrap().to_string()])
        );
    });
}

#[test]
fn a_race_that_nobody_wins_says_why_and_has_its_code() {
    within(|| {
        let taken = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        taken.bind(&at.into()).unwrap();
        let address = taken.local_addr().unwrap().as_socket().unwrap();
        let etc = twin("");
        let output = race(&etc, &["single", "--race", &address.port().to_string()]);
        assert_eq!(output.code, Some(4));
        let text = output.stdout_text();
        assert!(
            text.ends_with("nobody listens there (connection refused)\n"),
            "{text}"
        );
        let output = race(&etc, &["b\u{fc}cher.invalid", "--race", "http"]);
        assert_eq!(output.code, Some(3), "{}", output.stderr_text());
        let output = race(&etc, &["nobody.invalid", "--race", "http"]);
        assert_eq!(output.code, Some(3));
        assert!(
            output.stdout_text().contains("  none: nobody knows"),
            "{}",
            output.stdout_text()
        );
        let output = race(&etc, &["single", "--race", "no-such-service"]);
        assert_eq!(output.code, Some(2));
    });
}
