//! Netlink messages as bytes: headers, attributes, requests. Pure: nothing is sent or received here.
//!
//! Numbers stand in the byte order of this machine, and nothing need be aligned. Whatever the bytes are, reading them
//! ends: each length is checked against what is there, and what is cut short is left out.

/// Length of `struct nlmsghdr`.
pub(super) const HEADER: usize = 16;

/// Types of messages that every netlink family has.
const NOOP: u16 = 1;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const OVERRUN: u16 = 4;
/// The dump was disturbed: something may be missing or come twice.
const DUMP_INTERRUPTED: u16 = 0x10;

/// Flags of requests.
pub(super) const REQUEST: u16 = 1;
pub(super) const ACKNOWLEDGE: u16 = 4;
pub(super) const DUMP: u16 = 0x300;

/// One message of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    /// Of which request this is the answer.
    pub(super) sequence: u32,
    /// Whether the dump was disturbed before this message.
    pub(super) interrupted: bool,
    pub(super) what: What<'a>,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What<'a> {
    /// One thing that was asked for; the type of the message is its first part.
    Answer(u16, &'a [u8]),
    /// The end of a dump; a number other than 0 is the error that ended it (`ENOENT`: no module for that protocol).
    Done(i32),
    /// The request failed with this error number, or was carried out (0).
    Acknowledged(i32),
    /// The kernel has dropped messages.
    Overrun,
}

/// The messages of one datagram.
pub(super) fn messages(datagram: &[u8]) -> Messages<'_> {
    Messages { rest: datagram }
}

/// See [`messages`].
#[derive(Clone, Debug)]
pub(super) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        loop {
            let header = self.rest.first_chunk::<HEADER>()?;
            let length = u32_of(header, 0) as usize;
            let (kind, flags) = (u16_of(header, 4), u16_of(header, 6));
            let payload = self.rest.get(HEADER..length)?;
            let message = Message {
                sequence: u32_of(header, 8),
                interrupted: flags & DUMP_INTERRUPTED != 0,
                what: match kind {
                    DONE => What::Done(error_number(payload)),
                    ERROR => What::Acknowledged(error_number(payload)),
                    OVERRUN => What::Overrun,
                    _ => What::Answer(kind, payload),
                },
            };
            self.rest = self.rest.get(aligned(length)..).unwrap_or_default();
            if kind != NOOP {
                return Some(message);
            }
        }
    }
}

/// The kernel writes errors as negative numbers; a `DONE` without a number is a good end.
fn error_number(payload: &[u8]) -> i32 {
    payload
        .first_chunk()
        .map_or(0, |bytes| i32::from_ne_bytes(*bytes).saturating_neg())
}

/// The attributes in these bytes, as type and content.
pub(super) fn attributes(bytes: &[u8]) -> Attributes<'_> {
    Attributes { rest: bytes }
}

/// See [`attributes`].
#[derive(Clone, Debug)]
pub(super) struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        /// The upper bits say "nested" and "in network byte order"; the type is the rest.
        const TYPE: u16 = 0x3fff;
        let header = self.rest.first_chunk::<4>()?;
        let length = usize::from(u16_of(header, 0));
        let kind = u16_of(header, 2) & TYPE;
        let content = self.rest.get(4..length)?;
        self.rest = self.rest.get(aligned(length)..).unwrap_or_default();
        Some((kind, content))
    }
}

/// Messages and attributes begin at multiples of four.
const fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

/// A request under construction.
#[derive(Clone, Debug)]
pub(super) struct Request(Vec<u8>);

impl Request {
    /// A request of this type: its fixed part follows.
    pub(super) fn new(kind: u16, flags: u16, fixed: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + fixed.len() + 64);
        bytes.extend([0; 4]);
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((REQUEST | flags).to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(fixed);
        let mut request = Self(bytes);
        request.close();
        request
    }

    /// The same with one more attribute. What is too long for one is left out.
    #[must_use]
    pub(super) fn with(mut self, kind: u16, content: &[u8]) -> Self {
        let Ok(length) = u16::try_from(4 + content.len()) else {
            return self;
        };
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(content);
        self.close();
        self
    }

    /// The bytes, with this sequence number.
    pub(super) fn numbered(&mut self, sequence: u32) -> &[u8] {
        self.0[8..12].copy_from_slice(&sequence.to_ne_bytes());
        &self.0
    }

    fn close(&mut self) {
        self.0.resize(aligned(self.0.len()), 0);
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
    }
}

/// The number at this place of a head whose length is known. (Places are constants, so nothing can fail at run time
/// that a test has not seen.)
#[inline]
pub(super) fn u32_of<const N: usize>(bytes: &[u8; N], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// As [`u32_of`], of two bytes.
#[inline]
pub(super) fn u16_of<const N: usize>(bytes: &[u8; N], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

/// As [`u16_of`], in the byte order of the network.
#[inline]
pub(super) fn be16_of<const N: usize>(bytes: &[u8; N], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// The number at this place of bytes that may be too short for it.
#[inline]
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*bytes))
}

/// As [`u32_at`], of eight bytes.
#[inline]
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_ne_bytes(*bytes))
}

/// The kernel writes the cookie of a socket as two halves, the lower first.
#[inline]
pub(super) fn cookie(low: u32, high: u32) -> Option<u64> {
    const NONE: u64 = u64::MAX;
    let cookie = u64::from(low) | u64::from(high) << 32;
    (cookie != NONE).then_some(cookie)
}

/// The halves of a cookie; without one, what means "any" (`INET_DIAG_NOCOOKIE`).
pub(super) fn cookie_bytes(cookie: Option<u64>) -> [u8; 8] {
    let cookie = cookie.unwrap_or(u64::MAX);
    let [low, high] = [cookie as u32, (cookie >> 32) as u32].map(u32::to_ne_bytes);
    [
        low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3],
    ]
}
