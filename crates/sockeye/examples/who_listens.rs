//! Who listens on this machine, and on what.
//!
//! ```text
//! cargo run -p sockeye --example who_listens
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use sockeye::data::escape::escape;
use sockeye::host::process::{Holder, Missing, Owners};
use sockeye::host::socket::{Address, Protocol, Protocols, State, States};
use sockeye::host::table::{Request, Table};

fn main() -> Result<(), Box<dyn Error>> {
    let table = Request::new()
        .protocols(Protocols::only(Protocol::Tcp))
        .states(States::only(State::Listening))
        .read()?;
    for socket in &table.sockets {
        let Address::Internet(local) = &socket.local else {
            continue;
        };
        let who = match table.owners(socket) {
            Owners::Held(holders) => names(&table, holders),
            // A bare number of processes helps nobody; the reason does.
            Owners::Missing(Missing::NeedsPrivilege) => "needs privilege to see".to_owned(),
            Owners::Missing(missing) => missing.code().to_owned(),
        };
        let unit = table.unit(socket).unwrap_or("-");
        println!("{local:<30} {who:<40} {unit}");
    }
    if table.hidden_owners() > 0 {
        let (sockets, processes) = (table.hidden_owners(), table.hidden_processes());
        println!(
            "{sockets} owners are hidden in {processes} processes of others: run as root to see them"
        );
    }
    Ok(())
}

/// Each process once, however many descriptors it has. A program may call itself anything, so its name is escaped.
fn names(table: &Table, holders: &[Holder]) -> String {
    let mut names: Vec<String> = holders
        .iter()
        .map(|holder| {
            let process = table.process(holder);
            format!("{} (pid {})", escape(&process.name), process.pid)
        })
        .collect();
    names.dedup();
    names.join(", ")
}
