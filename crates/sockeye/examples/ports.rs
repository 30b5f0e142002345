//! Which service uses a port, and which port a service has.
//!
//! ```text
//! cargo run -p sockeye --example ports -- 443 mongodb 'postgres*'
//! ```
//!
//! Without a word it names some ports in a loop, as a table of sockets would.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use sockeye::data::escape::escape_str;
use sockeye::host::services::{Query, Range, Services, ephemeral_range};

fn main() -> sockeye::Result<()> {
    // Read once, ask often: a name is a binary search and allocates nothing.
    let services = Services::system();
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        name_some(&services);
        return Ok(());
    }
    for word in &words {
        let query = Query::parse(word)?;
        let found = services.search(&query);
        for entry in &found {
            // The local table is anybody's text.
            println!(
                "{}/{} is {} says {}",
                entry.first,
                escape_str(entry.protocol),
                escape_str(entry.name),
                entry.source
            );
        }
        match (found.is_empty(), query.ports()) {
            (true, Some((port, _))) => println!("{port} is unassigned: {}", Range::of(port)),
            (true, None) => println!("nobody knows {}", escape_str(word)),
            _ => {}
        }
    }
    Ok(())
}

fn name_some(services: &Services) {
    let given_to_clients = ephemeral_range();
    for port in [22, 443, 5432, 9090, 40000] {
        // A number that the kernel gave to a client means no service.
        let name = match given_to_clients.contains(&port) {
            true => None,
            false => services.familiar_name(port, "tcp"),
        };
        println!("{port}: {}", name.map_or("-".into(), escape_str));
    }
}
