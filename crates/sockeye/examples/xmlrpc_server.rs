//! Methods for Python's `xmlrpc.client`, until Ctrl-C.
//!
//! ```text
//! cargo run -p sockeye --example xmlrpc_server -- 8000
//! python3 -c 'from xmlrpc.client import ServerProxy; print(ServerProxy("http://localhost:8000").add(2, 3))'
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use sockeye::Net;
use sockeye::rpc::xmlrpc::{Service, WriteOptions};
use sockeye::rpc::{Fault, Methods, Params};
use sockeye::web::{Server, guard::Guard};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let methods = Methods::new()
        .add("echo", async |params: Params| {
            let first = params
                .into_value()
                .and_then(|all| all.as_array()?.first().cloned());
            first.ok_or_else(|| Fault::new(-32602, "one value is wanted"))
        })
        .help("echo", "gives back what it is given")
        .typed("add", async |(a, b): (i64, i64)| Ok(a + b))
        .help("add", "adds two numbers")
        .typed("divide", async |(a, b): (f64, f64)| match b {
            0.0 => Err(Fault::new(1, "division by zero")),
            _ => Ok(a / b),
        });
    let service = Service::new(methods).write(WriteOptions {
        nil: true,
        ..WriteOptions::default()
    });

    let at = std::env::args().nth(1).unwrap_or_else(|| "0".into());
    let listener = Net::new().listen(&at.parse()?).await?;
    println!("listening on {}", listener.local());
    let stop = CancellationToken::new();
    let on_ctrl_c = stop.clone();
    tokio::spawn(async move {
        // Without a signal handler Ctrl-C ends the process anyway.
        let _ = tokio::signal::ctrl_c().await;
        on_ctrl_c.cancel();
    });
    // Pages of other sites shall not call anything.
    Server::new(Guard::new(service))
        .serve(listener, stop)
        .await?;
    Ok(())
}
