//! `connect`: ends, half-closes and resets.

use std::io::Write;

use sockeye_testkit::{End, Gate, Peer, Step, within};

use crate::{connect, json_lines, sockeye};

#[test]
fn an_answer_after_our_end_arrives_however_late() {
    within(|| {
        let gate = Gate::new();
        let heard = Gate::new();
        let peer = Peer::tcp([
            Step::expect("x"),
            Step::ExpectEnd,
            Step::Open(heard.clone()),
            Step::WaitFor(gate.clone()),
            Step::send("late"),
        ]);
        let mut program = sockeye(["connect", &peer.addr().to_string()]);
        program.write("x");
        program.close_stdin();
        assert!(heard.wait());
        assert!(program.is_running(), "it waits for the answer");
        gate.open();
        let output = program.wait();
        assert_eq!(
            (output.stdout_text().as_str(), output.code),
            ("late", Some(0))
        );
        peer.finish();
    });
}

#[test]
fn a_server_that_talks_first_is_heard_to_the_end() {
    within(|| {
        let peer = Peer::tcp([Step::SendPattern(1, 300_000), Step::ExpectEnd]);
        let output = connect(peer.addr().to_string(), &[], "");
        assert_eq!(output.stdout, sockeye_testkit::pattern(1, 300_000));
        peer.finish();
    });
}

#[test]
fn the_servers_end_is_ours_if_we_say_so() {
    within(|| {
        let peer = Peer::tcp([Step::send("bye"), Step::Close]);
        let to = peer.addr().to_string();
        let program = sockeye(["connect", &to, "--until", "until-remote"]);
        let output = program.wait();
        assert_eq!(
            (output.stdout_text().as_str(), output.code),
            ("bye", Some(0))
        );
        peer.finish();
    });
}

#[test]
fn a_servers_half_close_cuts_nothing_that_is_still_to_be_sent() {
    within(|| {
        let heard = Gate::new();
        let peer = Peer::tcp([
            Step::send("I have said all"),
            Step::HalfClose,
            Step::WaitFor(heard.clone()),
            Step::expect("but I have not"),
            Step::ExpectEnd,
        ]);
        let mut program = sockeye(["connect", &peer.addr().to_string()]);
        program.stdout_until("I have said all");
        heard.open();
        program.write("but I have not");
        assert_eq!(program.finish().code, Some(0));
        peer.finish();
    });
}

#[test]
fn input_that_nobody_reads_any_more_is_a_loss() {
    within(|| {
        let peer = Peer::tcp([Step::send("x"), Step::Close]);
        let mut program = sockeye(["connect", &peer.addr().to_string()]);
        program.stdout_until("x");
        let mut stdin = program.take_stdin().unwrap();
        let writer = std::thread::spawn(move || {
            // It fails as soon as the program has gone.
            let _ = stdin.write_all(&sockeye_testkit::pattern(1, 4_000_000));
        });
        assert_eq!(program.wait().code, Some(4));
        writer.join().unwrap();
        peer.finish();
    });
}

#[test]
fn with_until_remote_a_half_close_ends_it_after_its_last_byte() {
    within(|| {
        let peer = Peer::tcp([
            Step::SendPattern(1, 1_000_000),
            Step::HalfClose,
            Step::ReadToEnd,
        ]);
        let to = peer.addr().to_string();
        let program = sockeye(["connect", &to, "--until", "until-remote"]);
        let output = program.wait();
        assert_eq!((output.stdout.len(), output.code), (1_000_000, Some(0)));
        assert_eq!(peer.finish().end, End::Eof);
    });
}

#[test]
fn a_reset_is_a_loss_and_what_came_before_it_is_kept() {
    within(|| {
        let gate = Gate::new();
        let peer = Peer::tcp([
            Step::send("before"),
            Step::WaitFor(gate.clone()),
            Step::Reset,
        ]);
        let program = sockeye(["connect", &peer.addr().to_string()]);
        program.stdout_until("before");
        gate.open();
        let output = program.wait();
        let said = output.stderr_text();
        let to = peer.addr();
        assert_eq!(
            said.lines().next().unwrap(),
            format!("sockeye: cannot read from tcp://{to}: the peer reset the connection")
        );
        assert_eq!(
            (output.stdout_text().as_str(), output.code),
            ("before", Some(4))
        );
        peer.finish();
    });
}

#[test]
fn what_a_reset_leaves_undelivered_is_counted() {
    within(|| {
        let (heard, gate) = (Gate::new(), Gate::new());
        let peer = Peer::tcp([
            Step::expect("x"),
            Step::Open(heard.clone()),
            Step::WaitFor(gate.clone()),
            Step::Reset,
        ]);
        // More than the buffers on the way can take, all of it in our hands at once.
        let much = "y".repeat(60_000);
        let flags: Vec<&str> = std::iter::repeat_n(["--send", &much], 20)
            .flatten()
            .collect();
        let to = format!("{}?buffer=4KiB", peer.addr());
        let args = ["connect", &to, "--json", "--send", "x"];
        let program = sockeye(args.iter().chain(&flags));
        assert!(heard.wait());
        gate.open();
        let output = program.wait();
        let lines = json_lines(&output.stdout);
        let closed = lines.iter().find(|line| line["type"] == "closed").unwrap();
        assert_eq!((&closed["reason"], output.code), (&"reset".into(), Some(4)));
        let lost = closed["upstream"]["undelivered"].as_u64().unwrap();
        let warning = format!("sockeye: warning: {lost} bytes could not be delivered to tcp://");
        assert!(
            output.stderr_text().contains(&warning),
            "{}",
            output.stderr_text()
        );
        peer.finish();
    });
}
