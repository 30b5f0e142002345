//! `connect` at a terminal: the program runs under a pseudo-terminal, and the test is the person.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};
use nix::unistd::Pid;
use pty_process::blocking::{Command, Pts, open};
use sockeye_testkit::{LIMIT, Peer, Step, within};

use crate::SOCKEYE;

/// A terminal with the program in it.
pub(crate) struct Screen {
    child: Child,
    keys: File,
    /// The program's end of the terminal, held open so that its settings can be looked at afterwards.
    pts: Option<Pts>,
    reader: Option<JoinHandle<()>>,
    shown: Arc<(Mutex<String>, Condvar)>,
}

impl Screen {
    pub(crate) fn start(args: &[&str]) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(pty_process::Size::new(24, 80)).unwrap();
        let child = Command::new(SOCKEYE)
            .args(args)
            .env("NO_COLOR", "1")
            .spawn_borrowed(&pts)
            .unwrap();
        let keys = File::from(OwnedFd::from(pty));
        let mut screen = keys.try_clone().unwrap();
        let shown = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let ours = shown.clone();
        let reader = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut buf = [0; 4096];
            while let Ok(n @ 1..) = screen.read(&mut buf) {
                bytes.extend_from_slice(&buf[..n]);
                *ours.0.lock().unwrap() = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
                ours.1.notify_all();
            }
        });
        Self {
            child,
            keys,
            pts: Some(pts),
            reader: Some(reader),
            shown,
        }
    }

    /// Wait until this is shown and then that; return what stands from the one to the other.
    #[track_caller]
    pub(crate) fn until(&self, from: &str, to: &str) -> String {
        let find = |text: &str| {
            let start = text.find(from)?;
            let after = start + from.len();
            let end = text[after..].find(to)? + after + to.len();
            Some(text[start..end].to_owned())
        };
        let guard = self.shown.0.lock().unwrap();
        let (text, _) = self
            .shown
            .1
            .wait_timeout_while(guard, LIMIT, |text| find(text).is_none())
            .unwrap();
        find(&text).unwrap_or_else(|| panic!("never showed {from:?}, then {to:?}:\n{text}"))
    }

    pub(crate) fn keys(&self, keys: &str) {
        (&self.keys).write_all(keys.as_bytes()).unwrap();
    }

    /// Wait for the end; what was shown, and the exit code.
    #[track_caller]
    pub(crate) fn wait(mut self) -> (String, Option<i32>) {
        let code = self.ended();
        // The last holder of the terminal goes, so what is still on its way is read to the end.
        self.pts = None;
        self.reader.take().unwrap().join().unwrap();
        (self.shown.0.lock().unwrap().clone(), code)
    }

    #[track_caller]
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let by = Instant::now() + LIMIT;
        let (told, ended) = std::sync::mpsc::channel();
        let pid = self.pid();
        std::thread::spawn(move || {
            use nix::sys::wait::{Id, WaitPidFlag, waitid};
            let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
            let _ = waitid(Id::Pid(pid), flags);
            let _ = told.send(());
        });
        let left = by.saturating_duration_since(Instant::now());
        if ended.recv_timeout(left).is_err() {
            panic!("it still runs; shown:\n{}", self.shown.0.lock().unwrap());
        }
        self.child.wait().unwrap().code()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    fn settings(&self) -> Termios {
        tcgetattr(self.pts.as_ref().unwrap().as_fd()).unwrap()
    }

    pub(crate) fn is_raw(&self) -> bool {
        !self.settings().local_flags.contains(LocalFlags::ICANON)
    }

    /// A person drags the window's corner.
    pub(crate) fn drag(&self, rows: u16, columns: u16) {
        let size = rustix::termios::Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&self.keys, size).unwrap();
    }

    fn is_nonblocking(&self) -> bool {
        let flags = fcntl(self.pts.as_ref().unwrap().as_fd(), FcntlArg::F_GETFL).unwrap();
        OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn lines_are_edited_and_ctrl_d_half_closes() {
    within(|| {
        let peer = Peer::tcp([
            Step::expect("right\n"),
            Step::ExpectEnd,
            Step::send("answer\n"),
        ]);
        let screen = Screen::start(&["connect", &peer.addr().to_string()]);
        screen.until("connected tcp://", "\n");
        // Ctrl-U takes the line back: the terminal edits.
        screen.keys("wrong\x15right\n\x04");
        screen.until("answer", "\n");
        assert_eq!(screen.wait().1, Some(0));
        peer.finish();
    });
}

#[test]
fn the_peers_end_ends_it_without_a_key() {
    within(|| {
        let peer = Peer::tcp([Step::send("bye\n"), Step::Close]);
        let screen = Screen::start(&["connect", &peer.addr().to_string()]);
        let (said, code) = screen.wait();
        assert_eq!(code, Some(0));
        assert!(said.ends_with("bye\n"), "{said}");
        peer.finish();
    });
}

#[test]
fn what_a_terminal_must_not_see_is_escaped() {
    within(|| {
        let peer = Peer::tcp([
            Step::send("\x1b]0;title\x07\x1b[2Jhi\rho \u{e4}\tx\n"),
            Step::Close,
        ]);
        let (said, _) = Screen::start(&["connect", &peer.addr().to_string()]).wait();
        assert!(
            said.contains("\\x1b]0;title\\x07\\x1b[2Jhi\\rho \u{e4}\tx\n"),
            "{said:?}"
        );
        assert!(!said.contains('\x1b'), "{said:?}");
        peer.finish();
    });
}

#[test]
fn the_terminal_stays_in_blocking_mode() {
    within(|| {
        let peer = Peer::tcp([Step::send("here\n"), Step::ReadToEnd]);
        let mut screen = Screen::start(&["connect", &peer.addr().to_string()]);
        screen.until("here", "\n");
        // All three standard streams share the terminal's one description with us.
        assert!(!screen.is_nonblocking());
        screen.keys("\x03");
        assert_eq!(screen.ended(), Some(130));
        assert!(!screen.is_nonblocking());
        peer.finish();
    });
}

#[test]
fn a_pty_behind_a_terminal_is_raw_and_follows_the_window() {
    within(|| {
        let screen = Screen::start(&[
            "connect",
            "pty:sh -c 'trap \"stty size; exit\" WINCH; tty; stty size; while :; do read x; done'",
        ]);
        screen.until("/dev/pts/", "\n");
        screen.until("24 80", "\n");
        assert!(screen.is_raw());
        assert!(!screen.settings().local_flags.contains(LocalFlags::ISIG));
        screen.drag(33, 99);
        screen.until("33 99", "\n");
    });
}

#[test]
fn settings_come_back_when_the_program_ends_or_is_killed() {
    within(|| {
        for last in ["exit 5", "kill -KILL $$"] {
            let mut screen = Screen::start(&[
                "connect",
                &format!("pty:sh -c 'echo ready; read x; {last}'"),
            ]);
            screen.until("\nready", "\n");
            assert!(screen.is_raw());
            screen.keys("\r");
            let code = screen.ended();
            assert_eq!(code, Some(if last.starts_with("exit") { 5 } else { 137 }));
            assert!(!screen.is_raw(), "{last}");
            assert!(
                screen
                    .settings()
                    .local_flags
                    .contains(LocalFlags::ECHO | LocalFlags::ISIG)
            );
        }
    });
}

#[test]
fn settings_come_back_after_sigterm() {
    within(|| {
        let mut screen = Screen::start(&["connect", "pty:sh -c 'echo ready; exec cat'"]);
        screen.until("\nready", "\n");
        assert!(screen.is_raw());
        kill(screen.pid(), Signal::SIGTERM).unwrap();
        assert_eq!(screen.ended(), Some(130));
        assert!(!screen.is_raw());
    });
}

#[test]
fn ctrl_c_goes_to_the_far_end() {
    within(|| {
        let screen = Screen::start(&[
            "connect",
            "pty:sh -c 'trap \"echo caught; exit 4\" INT; echo ready; while :; do read x; done'",
        ]);
        screen.until("\nready", "\n");
        screen.keys("\x03");
        let (said, code) = screen.wait();
        assert!(said.contains("^Ccaught\n"), "{said}");
        assert_eq!(code, Some(4));
    });
}

#[test]
fn ctrl_bracket_leaves() {
    within(|| {
        let peer = Peer::tcp([Step::expect("\x03a"), Step::ExpectEnd]);
        let mut screen = Screen::start(&["connect", &peer.addr().to_string(), "--raw"]);
        screen.until("connected tcp://", "\n");
        // The line stands before the terminal is raw; the peer gets Ctrl-C only from a raw one.
        let by = Instant::now() + LIMIT;
        while !screen.is_raw() {
            assert!(Instant::now() < by, "it never becomes raw");
            std::thread::yield_now();
        }
        screen.keys("\x03a\x1d");
        assert_eq!(screen.ended(), Some(0));
        assert!(!screen.is_raw());
        peer.finish();
    });
}
