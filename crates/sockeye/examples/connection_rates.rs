//! How fast each TCP connection of this machine goes, and what each carried that ends meanwhile: without a capture and
//! without privileges.
//!
//! ```text
//! cargo run -p sockeye --example connection_rates        ten looks, a second apart
//! cargo run -p sockeye --example connection_rates -- 3
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::{Duration, Instant};

use sockeye::host::socket::{Address, Protocol, Protocols, Socket, Wanted};
use sockeye::host::table::Request;
use sockeye::host::watch::{Party, Watch};

fn main() -> sockeye::Result<()> {
    let looks = std::env::args().nth(1).and_then(|n| n.parse().ok());
    let tcp = Request::new()
        .protocols(Protocols::only(Protocol::Tcp))
        .details(Wanted {
            tcp: true,
            ..Wanted::default()
        });
    let mut watch = Watch::new(tcp);
    watch.tick()?;
    for _ in 0..looks.unwrap_or(10) {
        watch.listen_until(Instant::now() + Duration::from_secs(1))?;
        let changes = watch.tick()?;
        for key in changes.opened.iter().chain(&changes.updated) {
            let Some((record, socket)) = watch.ledger().find(*key) else {
                continue;
            };
            if record.rates.sent + record.rates.received > 0.0 {
                println!(
                    "{}: {:.0} B/s sent, {:.0} B/s received, round trip {:?}  {}",
                    ends(socket),
                    record.rates.sent,
                    record.rates.received,
                    record.rtt.unwrap_or_default(),
                    owner(record.party.as_ref())
                );
            }
        }
        for closed in &changes.closed {
            let carried = closed.counters.unwrap_or_default();
            println!(
                "{}: closed, {} B sent, {} B received  {}",
                ends(&closed.socket),
                carried.sent,
                carried.received,
                owner(closed.party.as_ref())
            );
        }
    }
    Ok(())
}

fn ends(socket: &Socket) -> String {
    match (&socket.local, &socket.peer) {
        (Address::Internet(local), Address::Internet(peer)) => format!("{local} to {peer}"),
        _ => socket.protocol.to_string(),
    }
}

/// A program may call itself anything: what a terminal must not see is escaped.
fn owner(party: Option<&Party>) -> String {
    party.map_or_else(String::new, |party| {
        let name = sockeye::data::escape::escape(&party.process.name);
        format!("{name} {}", party.process.pid)
    })
}
