//! `/proc/net` as text: the lists of sockets for which a kernel has no diag. They know neither cookies nor details.
//!
//! The layouts are those of proc(5). Text that is none of them gives no rows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::host::socket::{Address, Protocol, Socket, State, Timer, TimerKind};

/// The sockets of an IP protocol: the text of `tcp`, `udp`, `udplite`, `raw`, `icmp`, or of those with a `6`.
pub(super) fn internet(text: &str, protocol: Protocol) -> impl Iterator<Item = Socket> + '_ {
    text.lines()
        .skip(1)
        .filter_map(move |line| internet_row(line, protocol))
}

/// The packet sockets: the text of `packet`.
pub(super) fn packet(text: &str) -> impl Iterator<Item = Socket> + '_ {
    text.lines().skip(1).filter_map(packet_row)
}

/// The netlink sockets: the text of `netlink`.
pub(super) fn netlink(text: &str) -> impl Iterator<Item = Socket> + '_ {
    text.lines().skip(1).filter_map(netlink_row)
}

/// `sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …`
fn internet_row(line: &str, protocol: Protocol) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (local, peer) = (address(fields.next()?)?, address(fields.next()?)?);
    let number = u8::from_str_radix(fields.next()?, 16).ok()?;
    let queues = fields.next()?.split_once(':')?;
    let timer = fields.next()?.split_once(':')?;
    let retransmits = hex(fields.next()?)?;
    let uid = fields.next()?.parse().ok()?;
    let inode: u64 = fields.nth(1)?.parse().ok()?;
    let mut socket = Socket::new(protocol, State::from_kernel(number)?);
    socket.ipv6 = local.is_ipv6();
    socket.local = Address::Internet(local);
    socket.peer = Address::Internet(peer);
    socket.send_queue = hex(queues.0)?;
    socket.receive_queue = hex(queues.1)?;
    socket.timer = timer_of(timer, retransmits);
    socket.inode = Some(inode).filter(|inode| *inode != 0);
    socket.uid = (inode != 0 || uid != 0).then_some(uid);
    Some(socket)
}

fn timer_of((kind, when): (&str, &str), retransmits: u32) -> Option<Timer> {
    /// `/proc` counts in hundredths of a second, whatever the kernel does.
    const TICK: Duration = Duration::from_millis(10);
    let kind = TimerKind::from_kernel(u8::try_from(hex(kind)?).ok()?)?;
    Some(Timer {
        kind,
        expires: TICK.saturating_mul(hex(when)?),
        retransmits: u8::try_from(retransmits).unwrap_or(u8::MAX),
    })
}

/// `0100007F:1F90`: numbers of 32 bits in the byte order of this machine, and a port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |index: usize| Some(hex(ip.get(8 * index..8 * index + 8)?)?.to_ne_bytes());
    let ip: IpAddr = match ip.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let mut octets = [0; 16];
            for (index, part) in octets.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                *part = word(index)?;
            }
            Ipv6Addr::from(octets).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// `sk RefCnt Type Proto Iface R Rmem User Inode`
fn packet_row(line: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace().skip(3);
    let protocol = u16::from_str_radix(fields.next()?, 16).ok()?;
    let device = fields.next()?.parse().ok()?;
    let mut socket = Socket::new(Protocol::Packet, State::Unconnected);
    socket.local = Address::Packet { protocol, device };
    socket.device = device;
    socket.receive_queue = fields.nth(1)?.parse().ok()?;
    socket.uid = Some(fields.next()?.parse().ok()?);
    socket.inode = inode(fields.next()?)?;
    Some(socket)
}

/// `sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode`
fn netlink_row(line: &str) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let family = fields.next()?.parse().ok()?;
    let port = fields.next()?.parse().ok()?;
    let mut socket = Socket::new(Protocol::Netlink, State::Unconnected);
    socket.local = Address::Netlink { family, port };
    socket.receive_queue = fields.nth(1)?.parse().ok()?;
    socket.send_queue = fields.next()?.parse().ok()?;
    socket.inode = inode(fields.nth(3)?)?;
    Some(socket)
}

fn inode(text: &str) -> Option<Option<u64>> {
    let inode = text.parse().ok()?;
    Some((inode != 0).then_some(inode))
}

fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn rows(lines: &str, protocol: Protocol) -> Vec<Socket> {
        internet(&format!("{HEAD}{lines}"), protocol).collect()
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_raw_socket_of_each_family_is_read() {
        let rows = rows(
            "    1: 0100007F:0001 00000000:0000 07 00000000:000002A0 00:00000000 00000000  1000        0 4242 2 0000000000000000 3\n   \
             58: 00000000000000000000000001000000:003A 00000000000000000000000000000000:0000 07 00000001:00000000 00:00000000 00000000     0        0 7 2 0 0\n",
            Protocol::Raw,
        );
        assert_eq!(rows.len(), 2);
        let (four, six) = (&rows[0], &rows[1]);
        assert_eq!(
            four.local,
            Address::Internet("127.0.0.1:1".parse().unwrap())
        );
        assert_eq!((four.receive_queue, four.send_queue), (0x2a0, 0));
        assert_eq!(
            (four.uid, four.inode, four.cookie),
            (Some(1000), Some(4242), None)
        );
        assert_eq!((four.state, four.timer), (State::Unconnected, None));
        assert_eq!(six.local, Address::Internet("[::1]:58".parse().unwrap()));
        assert_eq!((six.ipv6, six.uid, six.send_queue), (true, Some(0), 1));
    }

    #[test]
    fn a_time_wait_row_has_a_timer_and_nobody() {
        let rows = rows(
            "   0: 0100007F:1F90 0100007F:C350 06 00000000:00000000 03:00000BB8 00000000     0        0 0 3 0\n",
            Protocol::Tcp,
        );
        let timer = rows[0].timer.unwrap();
        assert_eq!(
            (timer.kind, timer.expires),
            (TimerKind::TimeWait, Duration::from_secs(30))
        );
        assert_eq!((rows[0].uid, rows[0].inode), (None, None));
    }

    #[test]
    fn packet_and_netlink_sockets_are_read() {
        let text = "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n\
                    0000000000000000 3      3    0003   2     1 128    0      9001  \n";
        let packet: Vec<_> = packet(text).collect();
        assert_eq!(
            packet[0].local,
            Address::Packet {
                protocol: 3,
                device: 2
            }
        );
        assert_eq!(
            (packet[0].receive_queue, packet[0].inode),
            (128, Some(9001))
        );
        let text = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n\
                    00000000587dec85 15  2399748224 00000111 5        6        0     2        0        68823   \n";
        let netlink: Vec<_> = netlink(text).collect();
        assert_eq!(
            netlink[0].local,
            Address::Netlink {
                family: 15,
                port: 2_399_748_224
            }
        );
        assert_eq!((netlink[0].receive_queue, netlink[0].send_queue), (5, 6));
        assert_eq!((netlink[0].inode, netlink[0].uid), (Some(68823), None));
    }

    #[test]
    fn other_text_gives_no_rows() {
        for text in [
            "",
            "x",
            "a b c\n\n: : : :\n",
            "h\n0: 0:0 0:0 01 0:0 0:0 0 0 0 0\n",
            "h\nä: ää:1 1:1 1",
        ] {
            assert_eq!(internet(text, Protocol::Raw).count(), 0);
            assert_eq!(packet(text).count() + netlink(text).count(), 0);
        }
    }
}
