#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use sockeye::host::filter::Filter;
use sockeye::host::process::{Holder, Process};
use sockeye::host::socket::{Address, Details, Protocol, Socket, State, Timer, TimerKind};
use sockeye::host::table::{Namespace, Table};
use sockeye::host::tcp_info::TcpInfo;
use sockeye::host::watch::{Events, Ledger, Limits, Reading};

use super::super::super::which::Which;
use super::super::{Flags, Options};
use super::view::{After, Page, View};
use crate::exit::Outcome;

/// A made-up machine behind a screen; each reading is a second after the one before.
struct Machine {
    view: View,
    began: Instant,
    second: u64,
    sockets: Vec<Socket>,
    closed: Vec<Socket>,
}

impl Machine {
    fn new() -> Self {
        let options = Options {
            selection: Which::default().selection(Filter::all()).unwrap(),
            numeric: true,
            flags: Flags {
                watch: true,
                interval: Duration::from_secs(1),
                during: None,
                count: None,
                idle: false,
            },
        };
        Self {
            view: View::new(options, Ledger::new(Limits::default()), false),
            began: Instant::now(),
            second: 0,
            sockets: Vec::new(),
            closed: Vec::new(),
        }
    }

    /// A server with two clients, one of which was left alone, and a connection that is over.
    fn usual() -> Self {
        let mut machine = Self::new();
        let mut listener = socket(1, State::Listening, ("10.0.0.5:8443", "0.0.0.0:0"));
        (listener.receive_queue, listener.send_queue) = (3, 128);
        let moving = socket(2, State::Established, ("10.0.0.5:8443", "192.0.2.77:40001"));
        let mut left = socket(3, State::CloseWait, ("10.0.0.5:8443", "192.0.2.78:40002"));
        left.receive_queue = 1;
        let far = ("[2001:db8::5]:50123", "[2001:db8:1:2:3:4:5:6]:443");
        let client = socket(4, State::Established, far);
        let ending = socket(5, State::Established, ("10.0.0.5:8443", "192.0.2.79:40003"));
        machine.sockets = vec![listener, moving, left, client, ending];
        machine.look();
        let mut over = Socket::new(Protocol::Tcp, State::TimeWait);
        over.cookie = Some(6);
        let gone = machine.sockets.pop().unwrap();
        (over.local, over.peer) = (gone.local.clone(), gone.peer.clone());
        over.timer = Some(Timer {
            kind: TimerKind::TimeWait,
            expires: Duration::from_secs(59),
            retransmits: 0,
        });
        machine.sockets.push(over);
        machine.closed.push(gone);
        for second in 1..=4 {
            carry(
                &mut machine.sockets[1],
                second * second * 50_000,
                second * 900,
                3,
            );
            carry(&mut machine.sockets[3], second * 120, 0, 0);
            machine.look();
        }
        machine
    }

    fn reading(&mut self) -> Reading {
        self.second += 1;
        let mut namespace = Namespace::default();
        (namespace.inode, namespace.ours) = (1, true);
        let mut nginx = Process::default();
        (nginx.pid, nginx.started, nginx.name) = (77, 1, b"nginx".to_vec());
        nginx.user = Some("www-data".into());
        nginx.command_line = b"nginx: worker process\0".to_vec();
        let mut evil = Process::default();
        (evil.pid, evil.started, evil.name) = (812, 1, b"ev\x1b[2Jil".to_vec());
        evil.user = Some("ada".into());
        let holders = self.sockets.iter().filter_map(|socket| {
            Some(Holder {
                inode: socket.inode?,
                process: u32::from(socket.cookie == Some(4)),
                descriptor: 9,
                thread: None,
            })
        });
        let table = Table::from_parts(
            self.sockets.clone(),
            vec![nginx, evil],
            holders.collect(),
            vec![namespace],
        );
        Reading {
            table,
            events: Events {
                told: true,
                closed: std::mem::take(&mut self.closed),
                lost: false,
            },
            at: self.began + Duration::from_secs(self.second),
        }
    }

    fn look(&mut self) {
        let reading = self.reading();
        self.view.take(reading);
    }

    fn screen(&mut self, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| self.view.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    fn press(&mut self, code: KeyCode) -> After {
        self.view.on(&Event::Key(KeyEvent::from(code)))
    }

    fn keys(&mut self, keys: &str) {
        for key in keys.chars() {
            self.press(KeyCode::Char(key));
        }
    }
}

fn socket(cookie: u64, state: State, (local, peer): (&str, &str)) -> Socket {
    let mut socket = Socket::new(Protocol::Tcp, state);
    socket.cookie = Some(cookie);
    socket.inode = Some(1_000 + cookie);
    socket.local = Address::Internet(local.parse().unwrap());
    socket.peer = Address::Internet(peer.parse().unwrap());
    carry(&mut socket, 0, 0, 0);
    socket
}

fn carry(socket: &mut Socket, sent: u64, received: u64, again: u32) {
    let mut info = TcpInfo::default();
    info.bytes_sent = Some(sent);
    info.bytes_retransmitted = Some(0);
    info.bytes_received = Some(received);
    info.total_retransmits = again;
    info.rtt = Duration::from_micros(12_340);
    info.rtt_variation = Duration::from_micros(900);
    info.min_rtt = Some(Duration::from_micros(9_000));
    info.retransmit_timeout = Duration::from_millis(220);
    info.congestion_window = 10;
    info.send_mss = 1448;
    info.delivery_rate = Some(1_500_000);
    let mut details = Details::default();
    details.tcp = Some(info);
    socket.details = Some(Box::new(details));
}

#[test]
fn the_list_has_what_moves_first() {
    insta::assert_snapshot!(Machine::usual().screen(132, 12));
}

#[test]
fn a_narrow_terminal_keeps_the_ends_and_marks_what_is_cut() {
    insta::assert_snapshot!(Machine::usual().screen(46, 9));
}

#[test]
fn details_have_numbers_and_plots() {
    let mut machine = Machine::usual();
    machine.press(KeyCode::Enter);
    // From now on it has a history even if it stood still.
    carry(&mut machine.sockets[1], 850_000, 4_000, 4);
    machine.look();
    insta::assert_snapshot!(machine.screen(120, 24));
}

#[test]
fn details_of_a_low_terminal_take_the_place_of_the_list() {
    let mut machine = Machine::usual();
    machine.press(KeyCode::Enter);
    insta::assert_snapshot!(machine.screen(60, 14));
}

#[test]
fn a_filter_narrows_the_list_while_it_is_typed() {
    let mut machine = Machine::usual();
    machine.keys("/close-wait");
    let screen = machine.screen(100, 8);
    assert!(screen.contains("192.0.2.78:40002"), "{screen}");
    assert!(!screen.contains("192.0.2.77:40001"), "{screen}");
    assert!(screen.contains(" 1 of 5 "), "{screen}");
    // Taken back: everything is there again.
    machine.press(KeyCode::Esc);
    let screen = machine.screen(100, 8);
    assert!(screen.contains("192.0.2.77:40001"), "{screen}");
    assert!(!screen.contains("/ close-wait"), "{screen}");
}

#[test]
fn a_fault_in_the_filter_is_shown_under_it_and_the_filter_before_stays() {
    let mut machine = Machine::usual();
    machine.keys("/close-wait adn");
    insta::assert_snapshot!(machine.screen(100, 8));
    insta::assert_snapshot!("a_fault_where_there_is_little_room", machine.screen(50, 8));
    // Enter does not keep a filter that is none; a key mends it.
    machine.press(KeyCode::Enter);
    assert!(machine.view.filter.typing);
    for _ in 0..4 {
        machine.press(KeyCode::Backspace);
    }
    machine.press(KeyCode::Enter);
    assert!(!machine.view.filter.typing);
    assert_eq!(machine.view.filter.filter.to_string(), "state = close-wait");
}

#[test]
fn the_filter_line_is_edited_like_a_line() {
    let mut machine = Machine::usual();
    machine.keys("/tcp ünd");
    machine.press(KeyCode::Home);
    machine.keys("x");
    machine.press(KeyCode::Delete);
    machine.press(KeyCode::End);
    machine.press(KeyCode::Left);
    machine.press(KeyCode::Left);
    machine.press(KeyCode::Backspace);
    machine.keys("a");
    assert_eq!(machine.view.filter.text, "xcp and");
    let control = |letter| Event::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL));
    machine.press(KeyCode::End);
    machine.view.on(&control('w'));
    assert_eq!(machine.view.filter.text, "xcp ");
    machine.view.on(&control('u'));
    assert_eq!(machine.view.filter.text, "");
    assert!(machine.view.filter.error.is_none());
    machine.view.on(&control('c'));
    assert_eq!(
        machine.view.on(&control('c')),
        After::Leave(Outcome::Interrupted)
    );
}

#[test]
fn closed_sockets_have_a_list() {
    let mut machine = Machine::usual();
    let mut brief = socket(9, State::Unconnected, ("10.0.0.5:8443", "192.0.2.80:40009"));
    brief.inode = None;
    carry(&mut brief, 2_000, 150, 0);
    machine.closed.push(brief);
    machine.look();
    machine.keys("2");
    insta::assert_snapshot!(machine.screen(110, 7));
}

#[test]
fn processes_have_totals() {
    let mut machine = Machine::usual();
    machine.press(KeyCode::Tab);
    machine.press(KeyCode::Tab);
    assert_eq!(machine.view.page, Page::Processes);
    insta::assert_snapshot!(machine.screen(120, 7));
}

#[test]
fn help_says_what_the_keys_do() {
    let mut machine = Machine::usual();
    machine.keys("?");
    insta::assert_snapshot!(machine.screen(90, 20));
    machine.keys("x");
    assert!(!machine.screen(90, 20).contains(" keys "));
}

#[test]
fn nothing_to_show_is_said() {
    let mut machine = Machine::new();
    machine.look();
    assert!(machine.screen(80, 6).contains("no sockets"));
    machine.keys("2");
    assert!(machine.screen(80, 6).contains("nothing was closed"));
    assert!(machine.screen(19, 6).contains("too small"));
    let mut machine = Machine::usual();
    machine.keys("/udp");
    assert!(
        machine
            .screen(80, 6)
            .contains("no socket passes the filter")
    );
}

#[test]
fn every_size_can_be_drawn() {
    let mut machine = Machine::usual();
    for details in [false, true] {
        machine.view.details = details;
        for help in [false, true] {
            machine.view.help = help;
            for width in [1, 5, 19, 20, 33, 47, 80, 300] {
                for height in [1, 3, 4, 5, 13, 17, 18, 60] {
                    machine.screen(width, height);
                }
            }
        }
    }
}

#[test]
fn a_view_that_stands_still_takes_in_later_what_happened() {
    let mut machine = Machine::usual();
    let before = machine.screen(132, 12);
    machine.keys("p");
    carry(&mut machine.sockets[1], 2_000_000, 4_000, 3);
    machine.look();
    let gone = machine.sockets.remove(2);
    machine.closed.push(gone);
    machine.look();
    machine.look();
    let still = machine.screen(132, 12);
    let body = |screen: &str| screen.split_once('\n').unwrap().1.to_owned();
    assert_eq!(body(&still), body(&before));
    assert!(still.contains("[standing still"), "{still}");
    machine.keys("p");
    let after = machine.screen(132, 12);
    assert!(!after.contains("192.0.2.78:40002"), "{after}");
    // 1.2 million bytes more in three seconds.
    assert!(after.contains("390.6 KiB/s"), "{after}");
    assert!(after.contains("closed 2 "), "{after}");
}

#[test]
fn the_choice_follows_its_socket_through_the_order() {
    let mut machine = Machine::usual();
    machine.press(KeyCode::Down);
    let chosen = machine.view.chosen.unwrap();
    assert_eq!(machine.view.list().at, 1);
    machine.keys("r");
    assert_eq!(machine.view.shown[machine.view.list().at], chosen);
    for _ in 0..20 {
        machine.keys(">");
        assert_eq!(machine.view.shown[machine.view.list().at], chosen);
        assert_eq!(machine.view.shown.len(), 5);
        machine.screen(132, 12);
    }
    machine.press(KeyCode::End);
    assert_eq!(machine.view.list().at, 4);
    machine.press(KeyCode::PageUp);
    machine.press(KeyCode::Home);
    assert_eq!(machine.view.list().at, 0);
}

#[test]
fn ends_are_ordered_as_numbers() {
    let mut machine = Machine::new();
    for (cookie, port) in [(1, 900), (2, 10_000), (3, 80)] {
        let local = format!("10.0.0.5:{port}");
        machine
            .sockets
            .push(socket(cookie, State::Established, (&local, "10.0.0.6:1")));
    }
    machine.look();
    machine.keys("<<r");
    let screen = machine.screen(100, 6);
    let at = |port: &str| screen.find(port).unwrap();
    assert!(screen.contains("LOCAL ▲"), "{screen}");
    assert!(
        at(":80 ") < at(":900 ") && at(":900 ") < at(":10000 "),
        "{screen}"
    );
}

#[test]
fn who_leaves_and_how() {
    let mut machine = Machine::usual();
    assert_eq!(machine.press(KeyCode::Enter), After::Draw);
    // Escape closes what is open first.
    assert_eq!(machine.press(KeyCode::Esc), After::Draw);
    assert_eq!(machine.press(KeyCode::Esc), After::Leave(Outcome::Done));
    assert_eq!(
        machine.press(KeyCode::Char('q')),
        After::Leave(Outcome::Done)
    );
    let redraw = KeyEvent::new(KeyCode::Char('l'), KeyModifiers::CONTROL);
    assert_eq!(machine.view.on(&Event::Key(redraw)), After::DrawAll);
}

#[test]
fn a_bound_of_looks_ends_the_view() {
    let mut machine = Machine::new();
    machine.view.looks = Some(2);
    let (first, second) = (machine.reading(), machine.reading());
    assert!(!machine.view.take(first));
    assert!(machine.view.take(second));
}
