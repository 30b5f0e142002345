//! `struct tcp_info` as bytes. It grew over the years: what lies beyond the end is not known, which is not 0.

use std::time::Duration;

use super::message::{u32_at, u32_of, u64_at};
use crate::host::tcp_info::TcpInfo;

/// What every kernel since 2.6 sends.
const OLDEST: usize = 104;
/// "No limit" and "never measured" in the kernel's numbers.
const NO_THRESHOLD: u32 = 0x7fff_ffff;
const NEVER: u32 = u32::MAX;
const UNLIMITED: u64 = u64::MAX;

/// The numbers of a connection; `None` if these bytes are too few to be any.
pub(super) fn parse(bytes: &[u8]) -> Option<TcpInfo> {
    let head = bytes.first_chunk::<OLDEST>()?;
    let number = |at| u32_of(head, at);
    let millis = |at| Duration::from_millis(number(at).into());
    let micros = |at| Duration::from_micros(number(at).into());
    let (send_window_scale, receive_window_scale) = nibbles(head[6]);
    let later = |at| u32_at(bytes, at);
    let later_micros = |at| u64_at(bytes, at).map(Duration::from_micros);
    let rate = |at| u64_at(bytes, at).filter(|rate| *rate != UNLIMITED);
    Some(TcpInfo {
        congestion_state: head[1],
        retransmits: head[2],
        probes: head[3],
        backoff: head[4],
        options: head[5],
        send_window_scale,
        receive_window_scale,
        application_limited: first_bit(head[7]),
        retransmit_timeout: micros(8),
        ack_timeout: micros(12),
        send_mss: number(16),
        receive_mss: number(20),
        unacked: number(24),
        sacked: number(28),
        lost: number(32),
        retransmitting: number(36),
        last_sent: millis(44),
        last_received: millis(52),
        last_ack_received: millis(56),
        path_mtu: number(60),
        rtt: micros(68),
        rtt_variation: micros(72),
        slow_start_threshold: Some(number(76)).filter(|segments| *segments < NO_THRESHOLD),
        congestion_window: number(80),
        advertised_mss: number(84),
        reordering: number(88),
        receive_rtt: micros(92),
        receive_space: number(96),
        total_retransmits: number(100),
        pacing_rate: rate(104),
        bytes_acked: u64_at(bytes, 120),
        bytes_received: u64_at(bytes, 128),
        segments_out: later(136),
        segments_in: later(140),
        not_sent: later(144),
        min_rtt: later(148)
            .filter(|rtt| *rtt != NEVER)
            .map(|rtt| Duration::from_micros(rtt.into())),
        data_segments_in: later(152),
        data_segments_out: later(156),
        // Without a sample there is no rate: 0 is no measurement here.
        delivery_rate: rate(160).filter(|rate| *rate != 0),
        busy: later_micros(168),
        window_limited: later_micros(176),
        buffer_limited: later_micros(184),
        delivered: later(192),
        delivered_congested: later(196),
        bytes_sent: u64_at(bytes, 200),
        bytes_retransmitted: u64_at(bytes, 208),
        duplicates: later(216),
        reorder_seen: later(220),
        out_of_order: later(224),
        send_window: later(228),
        receive_window: later(232),
    })
}

/// Two bit fields of four: compilers lay out the first one in the lower half on little-endian machines only.
fn nibbles(byte: u8) -> (u8, u8) {
    let (low, high) = (byte & 0x0f, byte >> 4);
    if cfg!(target_endian = "little") {
        (low, high)
    } else {
        (high, low)
    }
}

fn first_bit(byte: u8) -> bool {
    let mask = if cfg!(target_endian = "little") {
        1
    } else {
        0x80
    };
    byte & mask != 0
}
