//! Calls methods of an XML-RPC server: what it has, one call, several at once.
//!
//! ```text
//! cargo run -p sockeye --example xmlrpc_client -- http://localhost:8000
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use sockeye::data::json;
use sockeye::rpc::xmlrpc::Client;
use sockeye::rpc::{Call, CallError};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), CallError> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "http://localhost:8000".into());
    let client = Client::new(&url)?;
    for name in client.list_methods().await? {
        println!("{name}: {}", client.help(&name).await?);
    }

    let sum = client.call("add", [2.into(), 3.into()]).await?;
    println!("2 + 3 = {}", json::to_string(&sum));

    let calls = [
        Call::new("add", vec![20.into(), 3.into()]),
        Call::new("divide", vec![1.0.into(), 0.0.into()]),
    ];
    for answer in client.multicall(calls).await? {
        match answer {
            Ok(value) => println!("{}", json::to_string(&value)),
            Err(fault) => println!("it said no: {fault}"),
        }
    }
    Ok(())
}
