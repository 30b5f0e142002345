//! What a name means to programs here, what the DNS says, and why the two differ.
//!
//! ```text
//! $ cargo run --example explain_name -- localhost
//! localhost: ::1 127.0.0.1 (localhost)
//!   localhost: said Localhost { lines: [HostsLine { number: 1, address: 127.0.0.1 }] }
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use sockeye::Net;
use sockeye::net::resolve::query::{self, Options, Question, RecordKind, Server};
use sockeye::net::resolve::special_use;

#[tokio::main(flavor = "current_thread")]
async fn main() -> sockeye::Result<()> {
    let name = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "localhost".into());
    let net = Net::new();
    let explained = net.explain(&name, None).await;
    match &explained.found {
        Ok(found) => {
            let addresses: Vec<String> = found.addresses.iter().map(ToString::to_string).collect();
            println!("{name}: {} ({})", addresses.join(" "), found.source);
        }
        Err(error) => println!("{name}: {error}"),
    }
    for step in &explained.steps {
        println!("  {}: said {:?}", step.service, step.said);
    }
    if special_use(&name).is_some() {
        return Ok(());
    }
    let Some(server) = Server::system(&net).await.into_iter().next() else {
        return Ok(());
    };
    let mut responses = Vec::new();
    for kind in [RecordKind::A, RecordKind::AAAA] {
        let question = Question::new(name.parse()?, kind);
        match query::ask(&net, &server, &question, &Options::default()).await {
            Ok(response) => {
                println!("  {server} says of {kind}: {}", response.outcome);
                responses.push(Some(response));
            }
            Err(error) => {
                println!("  {error}");
                responses.push(None);
            }
        }
    }
    let responses: Vec<_> = responses.iter().map(Option::as_ref).collect();
    match explained.difference(&responses) {
        Some(difference) => println!("  differs: {difference}"),
        None => println!("  same answer"),
    }
    Ok(())
}
