//! Programs, terminals and inherited descriptors as streams.

use std::ffi::OsString;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::ExitStatus;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::super::Surroundings;
use super::super::descriptor::Descriptor;
use super::*;
use crate::endpoint::{Argv, Carrier};
use crate::error::Kind;

fn argv(program: &str, args: &[&str]) -> Argv {
    match endpoint("exec:true").carrier() {
        Carrier::Exec(argv) => {
            let mut argv = argv.clone();
            argv.program = program.into();
            argv.args = args.iter().map(OsString::from).collect();
            argv
        }
        _ => unreachable!("exec: is exec:"),
    }
}

/// What a program writes, and its status.
async fn output(mut program: Stream) -> (String, Option<ExitStatus>) {
    let mut text = String::new();
    soon(program.read_to_string(&mut text)).await.unwrap();
    let exit = soon(program.close()).await.unwrap();
    (text, exit)
}

#[tokio::test]
async fn a_program_gets_its_variables() {
    let around = Surroundings {
        env: vec![("SOCKEYE_TEST".into(), "here".into())],
        own_group: false,
    };
    let net = Net::new();
    let program = net.run(&argv("sh", &["-c", "echo $SOCKEYE_TEST"]), &around);
    let (text, exit) = output(program.unwrap()).await;
    assert!(exit.unwrap().success());
    assert_eq!(text, "here\n");
}

/// Whether this process is still there and no zombie.
fn runs(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap()
            .trim_start()
            .starts_with('Z')
    })
}

async fn gone(pid: &str) {
    soon(async {
        while runs(pid) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn dropping_a_program_ends_its_whole_group() {
    let around = Surroundings {
        env: Vec::new(),
        own_group: true,
    };
    let script = "trap '' HUP TERM; sleep 600 & echo $!; echo $$; wait";
    let program = Net::new()
        .run(&argv("sh", &["-c", script]), &around)
        .unwrap();
    let mut lines = BufReader::new(program);
    let (mut child, mut shell) = (String::new(), String::new());
    soon(lines.read_line(&mut child)).await.unwrap();
    soon(lines.read_line(&mut shell)).await.unwrap();
    assert!(runs(child.trim()) && runs(shell.trim()));
    let group = |pid: &str| {
        nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(
            pid.trim().parse().unwrap(),
        )))
    };
    assert_eq!(
        group(&child).unwrap().to_string(),
        shell.trim(),
        "it leads its own group"
    );
    drop(lines);
    gone(child.trim()).await;
    gone(shell.trim()).await;
}

#[tokio::test]
async fn a_program_that_ignores_the_request_to_end_is_killed() {
    use std::os::unix::process::ExitStatusExt;
    let script = "trap '' TERM; echo ready; while :; do read x < /dev/zero; done";
    let mut program = connect(&Net::new(), &endpoint("exec:true")).await;
    soon(program.read(&mut [0; 1])).await.unwrap();
    let mut program = Net::new()
        .run(&argv("sh", &["-c", script]), &Surroundings::default())
        .unwrap();
    soon(program.read_exact(&mut [0; 6])).await.unwrap();
    let exit = soon(program.close_within(Duration::ZERO))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(exit.signal(), Some(nix::libc::SIGKILL));
}

#[tokio::test]
async fn a_program_that_heeds_the_request_to_end_has_its_own_status() {
    let script = "trap 'exit 9' TERM; echo ready; while :; do read x || :; done";
    let mut program = Net::new()
        .run(&argv("sh", &["-c", script]), &Surroundings::default())
        .unwrap();
    soon(program.read_exact(&mut [0; 6])).await.unwrap();
    let exit = soon(program.close_within(Duration::ZERO))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(exit.code(), Some(9));
}

#[tokio::test]
async fn a_terminal_is_one_and_ends_as_one() {
    // `test -t` asks whether it is a terminal; Ctrl-D at the start of a line ends what `cat` reads.
    let mut program = connect(
        &Net::new(),
        &endpoint("pty:sh -c 'test -t 0 && test -t 1 && cat'"),
    )
    .await;
    soon(program.write_all(b"typed\n")).await.unwrap();
    soon(program.shutdown()).await.unwrap();
    let (text, exit) = output(program).await;
    assert!(exit.unwrap().success(), "{text:?}");
    // The terminal's echo, and then what cat wrote.
    assert!(text.starts_with("typed\r\n"), "{text:?}");
    assert!(
        text.contains("typed\r\ntyped\r\n") || text.matches("typed").count() == 2,
        "{text:?}"
    );
}

#[tokio::test]
async fn a_program_that_cannot_be_started_says_which_and_why() {
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("plain");
    std::fs::write(&plain, "#!/bin/sh\n").unwrap();
    for scheme in ["exec", "pty"] {
        let to = endpoint(&format!("{scheme}:/no/such/program"));
        let error = soon(Net::new().connect(&to)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Io);
        assert_eq!(
            error.to_string(),
            format!("cannot run {scheme}:/no/such/program: there is no program `/no/such/program`")
        );
        let to = endpoint(&format!("{scheme}:{}", plain.display()));
        let error = soon(Net::new().connect(&to)).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Denied, "{error}");
        assert!(error.hint().unwrap().contains("chmod +x"), "{error}");
    }
}

fn by_number(fd: &impl AsRawFd) -> Endpoint {
    endpoint(&format!("fd:{}", fd.as_raw_fd()))
}

#[tokio::test]
async fn descriptors_of_every_kind_are_streams() {
    let net = Net::new();
    // A socket.
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut stream = connect(&net, &by_number(&ours)).await;
    drop(ours);
    soon(stream.write_all(b"x")).await.unwrap();
    std::io::Read::read_exact(&mut theirs, &mut [0; 1]).unwrap();
    // A pipe goes one way.
    let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
    let mut reader = connect(&net, &by_number(&read)).await;
    let mut writer = connect(&net, &by_number(&write)).await;
    drop((read, write));
    soon(writer.write_all(b"through")).await.unwrap();
    let error = soon(reader.write_all(b"x")).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    soon(writer.shutdown()).await.unwrap();
    let mut text = String::new();
    soon(reader.read_to_string(&mut text)).await.unwrap();
    assert_eq!(text, "through");
    // A file.
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"kept").unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let mut stream = connect(&net, &by_number(&file)).await;
    text.clear();
    soon(stream.read_to_string(&mut text)).await.unwrap();
    assert_eq!(text, "kept");
    // A listener is for listening.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = soon(net.connect(&by_number(&socket))).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Usage, "{error}");
    let mut listener = soon(net.listen(&by_number(&socket))).await.unwrap();
    let client = connect(&net, &socket.local_addr().unwrap().into()).await;
    let server = super::stream(arrived(&mut listener).await).await;
    assert_eq!(server.peer(), client.local());
    // A datagram socket is no stream, and a number without anything behind it is told.
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let error = soon(net.connect(&by_number(&socket))).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported, "{error}");
    let error = soon(net.connect(&endpoint("fd:999999"))).await.unwrap_err();
    assert!(
        error.to_string().contains("no descriptor 999999"),
        "{error}"
    );
}

#[tokio::test]
async fn a_descriptor_by_name_needs_socket_activation_of_this_very_process() {
    let error = soon(Net::new().listen(&endpoint("fd:web")))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Io);
    assert!(error.to_string().contains("LISTEN_PID"), "{error}");
}

#[tokio::test]
async fn a_shared_description_keeps_its_mode() {
    use std::future::poll_fn;
    let mode = |fd: &OwnedFd| OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL).unwrap());
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let (pipe, pipe_out) = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
    for fd in [OwnedFd::from(ours), pipe] {
        let shared = Descriptor::shared(fd.try_clone().unwrap()).unwrap();
        assert_eq!(shared.is_polite(), shared.is_socket());
        assert!(!mode(&fd).contains(OFlag::O_NONBLOCK));
        // Nothing is there: asking must wait, not block.
        let mut room = [0; 10];
        let mut buf = tokio::io::ReadBuf::new(&mut room);
        let asked =
            poll_fn(|cx| std::task::Poll::Ready(shared.poll_read(cx, &mut buf).is_pending()));
        assert!(soon(asked).await);
        assert!(!mode(&fd).contains(OFlag::O_NONBLOCK));
    }
    drop((theirs, pipe_out));
}
