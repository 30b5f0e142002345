//! Sockets that a filter means, an assertion about them, and what is wrong on this machine.
//!
//! ```text
//! cargo run -p sockeye --example socket_filter -- 'listening and non-loopback'
//! ```

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example shows what it does"
)]

use std::process::ExitCode;

use sockeye::host::assertion::{Assertion, Quantity};
use sockeye::host::filter::Filter;
use sockeye::host::table::Request;
use sockeye::host::verdict;

fn main() -> sockeye::Result<ExitCode> {
    let text = std::env::args().nth(1).unwrap_or_else(|| "open".to_owned());
    let filter: Filter = match text.parse() {
        Ok(filter) => filter,
        Err(error) => {
            eprintln!("{}", error.caret());
            return Ok(ExitCode::from(2));
        }
    };
    let down = filter.pushdown();
    let program = down.bytecode.as_ref().map_or(0, Vec::len);
    println!("{filter}");
    println!(
        "the kernel decides {} of it ({program} bytes of program)",
        if down.exact { "all" } else { "a part" }
    );

    // What the filter needs is asked for: owners only if it names one.
    let table = Request::new()
        .details(verdict::details())
        .filter(filter.clone())
        .read()?;
    for socket in &table.sockets {
        println!(
            "{} {} {:?} {:?}",
            socket.protocol, socket.state, socket.local, socket.peer
        );
    }
    let outcome = Assertion::new(Quantity::AtLeast(1), filter).check(&table);
    println!("{}", outcome.sentence);
    for verdict in verdict::verdicts(&table, None) {
        println!(
            "{}: {}\n  hint: {}",
            verdict.severity.word(),
            verdict.sentence,
            verdict.hint
        );
    }
    Ok(if outcome.holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
