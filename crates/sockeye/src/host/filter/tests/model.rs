//! A model of the kernel's side: which programs it accepts, and what they do with a socket. Written from the kernel's
//! rules (`inet_diag_bc_audit`, `inet_diag_bc_run`), not from our assembler.

use std::net::{IpAddr, SocketAddr};

use crate::host::socket::{Address, Socket};

struct Op {
    code: u8,
    yes: usize,
    no: usize,
}

fn op(program: &[u8], at: usize) -> Op {
    Op {
        code: program[at],
        yes: program[at + 1].into(),
        no: u16::from_ne_bytes([program[at + 2], program[at + 3]]).into(),
    }
}

fn u32_at(program: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(program[at..at + 4].try_into().unwrap())
}

/// Whether the kernel would take it.
pub(super) fn audit(program: &[u8]) -> Result<(), String> {
    let mut starts = Vec::new();
    let mut at = 0;
    while at < program.len() {
        let left = program.len() - at;
        let op = op(program, at);
        let least = match op.code {
            7 | 8 => {
                let address = match program[at + 4] {
                    0 => 0,
                    2 => 4,
                    10 => 16,
                    family => return Err(format!("family {family} at {at}")),
                };
                if usize::from(program[at + 5]) > 8 * address {
                    return Err(format!("prefix at {at}"));
                }
                12 + address
            }
            2..=5 | 11 | 12 | 9 => 8,
            10 => 12,
            13 => 12,
            0 | 1 | 6 => 4,
            code => return Err(format!("code {code} at {at}")),
        };
        if left < least {
            return Err(format!("cut at {at}"));
        }
        for (name, jump) in [("yes", op.yes), ("no", op.no)] {
            if jump < least || jump > left + 4 || jump % 4 != 0 {
                return Err(format!("{name} = {jump} at {at} of {}", program.len()));
            }
        }
        starts.push(at);
        at += op.yes;
    }
    if at != program.len() {
        return Err("it does not end where its last operation does".to_owned());
    }
    for at in &starts {
        let target = at + op(program, *at).no;
        if target < program.len() && !starts.contains(&target) {
            return Err(format!("jump from {at} into the middle of something"));
        }
    }
    Ok(())
}

/// Whether the kernel would send this socket.
pub(super) fn run(program: &[u8], socket: &Socket) -> bool {
    let (Address::Internet(local), Address::Internet(peer)) = (&socket.local, &socket.peer) else {
        panic!("programs are for IP sockets");
    };
    let mut at = 0;
    while at < program.len() {
        let op = op(program, at);
        let port = || u16::from_ne_bytes([program[at + 6], program[at + 7]]);
        let yes = match op.code {
            0 => true,
            1 => false,
            2 => local.port() >= port(),
            3 => local.port() <= port(),
            4 => peer.port() >= port(),
            5 => peer.port() <= port(),
            7 => host(&program[at + 4..], *local),
            8 => host(&program[at + 4..], *peer),
            9 => socket.device == u32_at(program, at + 4),
            10 => socket.mark.unwrap_or(0) & u32_at(program, at + 8) == u32_at(program, at + 4),
            11 => local.port() == port(),
            12 => peer.port() == port(),
            code => panic!("code {code}"),
        };
        at += if yes { op.yes } else { op.no };
    }
    at == program.len()
}

fn host(condition: &[u8], of: SocketAddr) -> bool {
    let (family, bits) = (condition[0], usize::from(condition[1]));
    let port = i32::from_ne_bytes(condition[4..8].try_into().unwrap());
    if port != -1 && port != i32::from(of.port()) {
        return false;
    }
    let bytes = match of.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    match (family, of.ip()) {
        (0, _) | (2, IpAddr::V4(_)) | (10, IpAddr::V6(_)) => same(&bytes, &condition[8..], bits),
        (2, IpAddr::V6(ip)) if ip.to_ipv4_mapped().is_some() => {
            same(&bytes[12..], &condition[8..], bits)
        }
        _ => false,
    }
}

fn same(one: &[u8], other: &[u8], bits: usize) -> bool {
    let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
    (0..bits).all(|at| bit(one, at) == bit(other, at))
}
