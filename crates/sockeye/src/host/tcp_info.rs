//! What TCP says of one connection: `struct tcp_info` (see tcp(7) and the kernel's `linux/tcp.h`), in types.

use std::time::Duration;

/// The state of a TCP connection in numbers. A kernel that is older than a field does not fill it: it is `None` then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpInfo {
    /// The state of congestion control: 0 open, 1 disorder, 2 reduced, 3 recovery, 4 loss.
    pub congestion_state: u8,
    /// Time-outs in a row.
    pub retransmits: u8,
    /// Probes of a closed window in a row.
    pub probes: u8,
    /// How often the time-out was doubled.
    pub backoff: u8,
    /// Bits: 1 timestamps, 2 selective acknowledgement, 4 window scale, 8 ECN, 16 ECN seen, 32 data in SYN.
    pub options: u8,
    /// Shift of the window that the peer announces.
    pub send_window_scale: u8,
    /// Shift of the window that we announce.
    pub receive_window_scale: u8,
    /// Whether the delivery rate was limited by the program, not by the network.
    pub application_limited: bool,
    /// When something is sent again.
    pub retransmit_timeout: Duration,
    /// How long an acknowledgement is held back.
    pub ack_timeout: Duration,
    /// The largest segment that we send, in bytes.
    pub send_mss: u32,
    /// The largest segment that we have received, in bytes.
    pub receive_mss: u32,
    /// Segments that are out and not confirmed; of a listener: connections that wait.
    pub unacked: u32,
    /// Segments that were confirmed out of order; of a listener: how many may wait.
    pub sacked: u32,
    /// Segments that are held for lost.
    pub lost: u32,
    /// Segments that are out for the second time.
    pub retransmitting: u32,
    /// Since data was last sent.
    pub last_sent: Duration,
    /// Since data last came.
    pub last_received: Duration,
    /// Since a confirmation last came.
    pub last_ack_received: Duration,
    /// The largest packet that the path takes, in bytes.
    pub path_mtu: u32,
    /// How long data and its confirmation take, smoothed.
    pub rtt: Duration,
    /// How much that varies.
    pub rtt_variation: Duration,
    /// Where slow start ends, in segments; `None` while it never did.
    pub slow_start_threshold: Option<u32>,
    /// How many segments may be out at once.
    pub congestion_window: u32,
    /// The largest segment that we said we take, in bytes.
    pub advertised_mss: u32,
    /// How far segments may overtake each other before they count as lost.
    pub reordering: u32,
    /// The round trip as the receiver guesses it.
    pub receive_rtt: Duration,
    /// The receive window that is aimed for, in bytes.
    pub receive_space: u32,
    /// Segments that were sent again in this connection's life.
    pub total_retransmits: u32,
    /// At which rate bytes are let out, in bytes per second; `None` while unlimited.
    pub pacing_rate: Option<u64>,
    /// Bytes that the peer has confirmed, the SYN counted as one.
    pub bytes_acked: Option<u64>,
    /// Bytes that have come.
    pub bytes_received: Option<u64>,
    /// Segments sent.
    pub segments_out: Option<u32>,
    /// Segments received.
    pub segments_in: Option<u32>,
    /// Bytes that wait to be sent for the first time.
    pub not_sent: Option<u32>,
    /// The shortest round trip of late.
    pub min_rtt: Option<Duration>,
    /// Segments with data received.
    pub data_segments_in: Option<u32>,
    /// Segments with data sent.
    pub data_segments_out: Option<u32>,
    /// The rate at which data reached the peer lately, in bytes per second.
    pub delivery_rate: Option<u64>,
    /// How long it had something to send.
    pub busy: Option<Duration>,
    /// How long of that the peer's window held it up.
    pub window_limited: Option<Duration>,
    /// How long of that our own send buffer held it up.
    pub buffer_limited: Option<Duration>,
    /// Segments that arrived, as the peer confirmed them.
    pub delivered: Option<u32>,
    /// How many of them said that the network is congested.
    pub delivered_congested: Option<u32>,
    /// Bytes sent, those sent again included.
    pub bytes_sent: Option<u64>,
    /// Bytes sent again.
    pub bytes_retransmitted: Option<u64>,
    /// Segments that the peer got twice.
    pub duplicates: Option<u32>,
    /// How often segments overtook each other.
    pub reorder_seen: Option<u32>,
    /// Segments that came out of order.
    pub out_of_order: Option<u32>,
    /// The peer's window, in bytes.
    pub send_window: Option<u32>,
    /// Our window, in bytes.
    pub receive_window: Option<u32>,
}

impl TcpInfo {
    /// Bytes of data that were sent once: without what was sent again.
    pub fn goodput_sent(&self) -> Option<u64> {
        let sent = self.bytes_sent?;
        Some(sent.saturating_sub(self.bytes_retransmitted.unwrap_or(0)))
    }
}

/// What a congestion control has measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CongestionInfo {
    /// BBR.
    Bbr {
        /// The bandwidth that it reckons with, in bytes per second.
        bandwidth: u64,
        /// The shortest round trip of late.
        min_rtt: Duration,
        /// By how much it sends faster than that bandwidth, in 256ths.
        pacing_gain: u32,
        /// By how much more is out than that bandwidth fills, in 256ths.
        window_gain: u32,
    },
    /// Vegas and its like (Illinois, Westwood).
    Vegas {
        /// Whether it is at work; else it acts like Reno.
        enabled: bool,
        /// How many round trips were measured in this one.
        samples: u32,
        /// The round trip.
        rtt: Duration,
        /// The shortest one.
        min_rtt: Duration,
    },
    /// DCTCP.
    Dctcp {
        /// Whether it is at work: the peer has to take part.
        enabled: bool,
        /// The share of marked bytes that it reckons with, in 1024ths.
        alpha: u32,
        /// Bytes that were marked in this window.
        marked_bytes: u32,
        /// All bytes of this window.
        total_bytes: u32,
    },
}
