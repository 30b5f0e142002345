//! Numbers and reasons in words: queues, sizes, times, and why nobody is named.

use std::fmt::Write;
use std::time::Duration;

use sockeye::host::process::Missing;
use sockeye::host::socket::{Protocol, Socket, State};

/// The unit from which on sizes are rounded.
const KIB: f64 = 1024.0;

/// What waits in a socket's queues; nothing if nothing does.
pub(super) fn queue(socket: &Socket, out: &mut String) {
    let (receive, send) = (socket.receive_queue, socket.send_queue);
    if socket.is_listener() {
        out.push_str("accept ");
        number(receive.into(), out);
        out.push('/');
        number(send.into(), out);
        if is_full(socket) {
            out.push_str(" full");
        }
        return;
    }
    if receive > 0 {
        size(receive.into(), out);
        out.push_str(" unread");
    }
    if send > 0 {
        if receive > 0 {
            out.push_str(", ");
        }
        size(send.into(), out);
        // Of TCP the kernel counts what the peer has not confirmed, be it on its way or not.
        out.push_str(match socket.protocol {
            Protocol::Tcp | Protocol::Mptcp => " unacked",
            _ => " unsent",
        });
    }
}

/// Whether a listener takes no more connections: the kernel drops the next one once more than the limit wait.
pub(super) fn is_full(socket: &Socket) -> bool {
    socket.is_listener() && socket.receive_queue > socket.send_queue
}

/// A number of bytes: exact below 1 KiB, then rounded to a digit behind the point.
pub(super) fn size(bytes: u64, out: &mut String) {
    if bytes < 1024 {
        return number(bytes, out);
    }
    let mut value = bytes as f64 / KIB;
    let mut units = ["KiB", "MiB", "GiB", "TiB"].into_iter().peekable();
    while let Some(unit) = units.next() {
        if value < 1023.95 || units.peek().is_none() {
            return write(out, format_args!("{value:.1} {unit}"));
        }
        value /= KIB;
    }
}

/// A span of time in its largest unit.
pub(super) fn span(time: Duration, out: &mut String) {
    let seconds = time.as_secs();
    match seconds {
        0 if time < Duration::from_millis(1) => {
            write(out, format_args!("{} µs", time.as_micros()));
        }
        0 if time < Duration::from_millis(100) => {
            write(out, format_args!("{:.1} ms", time.as_secs_f64() * 1e3));
        }
        0 => write(out, format_args!("{} ms", time.as_millis())),
        1..60 => write(out, format_args!("{:.1} s", time.as_secs_f64())),
        60..3600 => write(out, format_args!("{} min", seconds / 60)),
        3600..172_800 => write(out, format_args!("{} h", seconds / 3600)),
        _ => write(out, format_args!("{} d", seconds / 86_400)),
    }
}

/// Why nobody is named. Whose queue it waits in is the caller's to add.
pub(super) fn missing(missing: Missing<'_>, out: &mut String) {
    out.push_str(match missing {
        Missing::NotAsked => "not asked for",
        Missing::NeedsPrivilege => "needs privilege",
        Missing::AcceptQueue([]) => "waits in an accept queue",
        Missing::AcceptQueue(_) => "waits in the accept queue of ",
        Missing::TimeWait { left } => return time_wait(left, out),
        Missing::HalfOpen => "half-open, the handshake is under way",
        Missing::Orphan => "orphan, its program has closed it",
        Missing::Closed => "closed while owners were looked for",
        Missing::OtherNamespace => "held in another namespace",
        Missing::InFlight => "descriptor in flight, or the kernel's",
        Missing::Kernel => "the kernel",
        _ => missing.code(),
    });
}

fn time_wait(left: Option<Duration>, out: &mut String) {
    out.push_str("time-wait");
    if let Some(left) = left {
        let seconds = left.as_secs_f64().ceil() as u64;
        write(out, format_args!(", {seconds} s left"));
    }
}

/// Where a socket stands in lists: listeners first, what is about to vanish last.
pub(super) fn rank(state: State) -> u8 {
    match state {
        State::Listening => 0,
        State::Bound | State::Unconnected => 1,
        State::Established => 2,
        State::TimeWait => 4,
        _ => 3,
    }
}

/// Append a number. The formatter of std takes several times as long, which counts in a list of thousands.
pub(super) fn number(mut number: u64, out: &mut String) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend(digits[at..].iter().map(|digit| char::from(*digit)));
}

/// Append what is formatted.
pub(super) fn write(out: &mut String, what: std::fmt::Arguments<'_>) {
    // A String takes everything.
    let written = out.write_fmt(what);
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(say: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        say(&mut out);
        out
    }

    #[test]
    fn sizes_are_exact_and_then_rounded() {
        let of = |bytes| said(|out| size(bytes, out));
        assert_eq!(of(0), "0");
        assert_eq!(of(1023), "1023");
        assert_eq!(of(1229), "1.2 KiB");
        assert_eq!(of(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(of(u64::MAX), "16777216.0 TiB");
    }

    #[test]
    fn numbers_are_those_of_the_formatter() {
        for value in [0, 9, 10, 65_535, 1_000_000, u64::MAX] {
            assert_eq!(said(|out| number(value, out)), value.to_string());
        }
    }

    #[test]
    fn times_have_one_unit() {
        let of = |time| said(|out| span(time, out));
        assert_eq!(of(Duration::from_micros(340)), "340 µs");
        assert_eq!(of(Duration::from_micros(1440)), "1.4 ms");
        assert_eq!(of(Duration::from_millis(250)), "250 ms");
        assert_eq!(of(Duration::from_millis(4200)), "4.2 s");
        assert_eq!(of(Duration::from_secs(7210)), "2 h");
        assert_eq!(of(Duration::from_secs(200_000)), "2 d");
    }

    #[test]
    fn queues_of_listeners_count_connections_and_others_bytes() {
        let of = |protocol, state, receive, send| {
            let mut socket = Socket::new(protocol, state);
            (socket.receive_queue, socket.send_queue) = (receive, send);
            said(|out| queue(&socket, out))
        };
        assert_eq!(of(Protocol::Tcp, State::Listening, 3, 128), "accept 3/128");
        assert_eq!(of(Protocol::Tcp, State::Listening, 2, 1), "accept 2/1 full");
        assert_eq!(of(Protocol::Tcp, State::Established, 512, 0), "512 unread");
        assert_eq!(
            of(Protocol::Tcp, State::Established, 1, 2048),
            "1 unread, 2.0 KiB unacked"
        );
        assert_eq!(of(Protocol::Udp, State::Unconnected, 0, 9), "9 unsent");
        assert_eq!(of(Protocol::Udp, State::Unconnected, 0, 0), "");
    }
}
