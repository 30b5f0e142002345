//! Programs for `INET_DIAG_REQ_BYTECODE` (the kernel's `linux/inet_diag.h`): each operation is a test with two jumps
//! forward, and a socket is sent if the run ends exactly behind the last one.
//!
//! The kernel accepts a program only if each jump lands on an operation, behind the last one, or 4 bytes further,
//! which means "no". All offsets are multiples of 4.

use std::net::IpAddr;

use ipnet::IpNet;

/// How long a program may be: its attribute's length is a 16-bit number.
const LENGTH_LIMIT: usize = 60_000;

const JMP: u8 = 1;
const S_GE: u8 = 2;
const S_LE: u8 = 3;
const D_GE: u8 = 4;
const D_LE: u8 = 5;
const S_COND: u8 = 7;
const D_COND: u8 = 8;
const DEV_COND: u8 = 9;
const MARK_COND: u8 = 10;
const S_EQ: u8 = 11;
const D_EQ: u8 = 12;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// One test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// A port of this end is in this range, both ends included.
    PortIs {
        peer: bool,
        port: u16,
    },
    PortFrom {
        peer: bool,
        port: u16,
    },
    PortTo {
        peer: bool,
        port: u16,
    },
    /// An address of this end is in this network; one of IPv4 may be written as IPv6, and one of IPv6 fits a network
    /// of IPv6 even if it means IPv4.
    Net {
        peer: bool,
        net: IpNet,
    },
    /// Bound to this device.
    Device(u32),
    /// The mark, where the mask has ones. The kernel refuses it without CAP_NET_ADMIN.
    Mark(u32, u32),
}

/// Tests, and how they are put together. `not` stands before single tests only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Code {
    True,
    False,
    Op(Op),
    NotOp(Op),
    And(Vec<Code>),
    Or(Vec<Code>),
}

impl Code {
    pub(super) fn and(codes: impl IntoIterator<Item = Code>) -> Self {
        let mut rest = Vec::new();
        for code in codes {
            match code {
                Self::True => {}
                Self::False => return Self::False,
                other => rest.push(other),
            }
        }
        match rest.len() {
            0 => Self::True,
            1 => rest.swap_remove(0),
            _ => Self::And(rest),
        }
    }

    pub(super) fn or(codes: impl IntoIterator<Item = Code>) -> Self {
        let mut rest = Vec::new();
        for code in codes {
            match code {
                Self::False => {}
                Self::True => return Self::True,
                other => rest.push(other),
            }
        }
        match rest.len() {
            0 => Self::False,
            1 => rest.swap_remove(0),
            _ => Self::Or(rest),
        }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Op(op) => Self::NotOp(op),
            Self::NotOp(op) => Self::Op(op),
            Self::And(codes) => Self::Or(codes.into_iter().map(Self::not).collect()),
            Self::Or(codes) => Self::And(codes.into_iter().map(Self::not).collect()),
        }
    }

    /// The program; `None` if it would be too long.
    pub(super) fn assemble(&self) -> Option<Vec<u8>> {
        let mut program = Program::default();
        let fail = program.label();
        program.emit(self, fail);
        program.labels[fail] = program.bytes.len() + 4;
        program.link()
    }
}

/// A program under construction. Jumps name labels until all places are known.
#[derive(Default)]
struct Program {
    bytes: Vec<u8>,
    /// Where an operation begins, and the label of its "no".
    jumps: Vec<(usize, usize)>,
    labels: Vec<usize>,
}

impl Program {
    fn label(&mut self) -> usize {
        self.labels.push(0);
        self.labels.len() - 1
    }

    fn place(&mut self, label: usize) {
        self.labels[label] = self.bytes.len();
    }

    /// Tests this: goes on behind it if it holds, to the label if not.
    fn emit(&mut self, code: &Code, fail: usize) {
        match code {
            Code::True => {}
            Code::False => self.jump(fail),
            Code::Op(op) => self.op(*op, fail),
            Code::NotOp(op) => {
                let good = self.label();
                self.op(*op, good);
                self.jump(fail);
                self.place(good);
            }
            Code::And(codes) => codes.iter().for_each(|code| self.emit(code, fail)),
            Code::Or(codes) => {
                let end = self.label();
                for (i, code) in codes.iter().enumerate() {
                    if i + 1 == codes.len() {
                        self.emit(code, fail);
                    } else {
                        let next = self.label();
                        self.emit(code, next);
                        self.jump(end);
                        self.place(next);
                    }
                }
                self.place(end);
            }
        }
    }

    fn jump(&mut self, to: usize) {
        self.begin(JMP, 4, to);
    }

    fn begin(&mut self, code: u8, length: u8, no: usize) {
        self.jumps.push((self.bytes.len(), no));
        self.bytes.extend([code, length, 0, 0]);
    }

    fn op(&mut self, op: Op, no: usize) {
        let port = |program: &mut Self, peer: bool, codes: [u8; 2], port: u16| {
            program.begin(codes[usize::from(peer)], 8, no);
            program.bytes.extend([0, 0]);
            program.bytes.extend(port.to_ne_bytes());
        };
        match op {
            Op::PortIs { peer, port: is } => port(self, peer, [S_EQ, D_EQ], is),
            Op::PortFrom { peer, port: from } => port(self, peer, [S_GE, D_GE], from),
            Op::PortTo { peer, port: to } => port(self, peer, [S_LE, D_LE], to),
            Op::Net { peer, net } => {
                let code = if peer { D_COND } else { S_COND };
                let (family, length) = match net {
                    IpNet::V4(_) => (AF_INET, 4),
                    IpNet::V6(_) => (AF_INET6, 16),
                };
                self.begin(code, 12 + length, no);
                self.bytes.extend([family, net.prefix_len(), 0, 0]);
                // Any port.
                self.bytes.extend((-1_i32).to_ne_bytes());
                match net.network() {
                    IpAddr::V4(address) => self.bytes.extend(address.octets()),
                    IpAddr::V6(address) => self.bytes.extend(address.octets()),
                }
            }
            Op::Device(index) => {
                self.begin(DEV_COND, 8, no);
                self.bytes.extend(index.to_ne_bytes());
            }
            Op::Mark(mark, mask) => {
                self.begin(MARK_COND, 12, no);
                self.bytes.extend(mark.to_ne_bytes());
                self.bytes.extend(mask.to_ne_bytes());
            }
        }
    }

    fn link(mut self) -> Option<Vec<u8>> {
        if self.bytes.len() > LENGTH_LIMIT {
            return None;
        }
        for (at, label) in self.jumps {
            // Labels lie ahead, and within the limit.
            let no = u16::try_from(self.labels[label] - at).ok()?;
            self.bytes[at + 2..at + 4].copy_from_slice(&no.to_ne_bytes());
        }
        Some(self.bytes)
    }
}
