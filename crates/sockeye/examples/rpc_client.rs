//! Call a method of a JSON-RPC server, whatever carries it, and print what it gives back.
//!
//! ```text
//! cargo run -p sockeye --example rpc_client -- http://localhost:8000/ sum '[1, 2, 4]'
//! cargo run -p sockeye --example rpc_client -- ws://localhost:8000/ echo '{"digits": 9007199254740993}'
//! cargo run -p sockeye --example rpc_client -- 'exec:python3 server.py' subtract '[42, 23]'
//! ```

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example shows what it does"
)]

use std::process::ExitCode;

use sockeye::data::json;
use sockeye::data::value::{Object, Value};
use sockeye::rpc::jsonrpc::Client;
use sockeye::rpc::{CallError, Params};
use sockeye::{Error, Kind, Net, Operation};

/// The parameters that this JSON is.
fn params(text: Option<String>) -> Result<Params, Error> {
    let usage = |why: String| Error::new(Kind::Usage, Operation::Parse, why);
    let Some(text) = text else {
        return Ok(Params::None);
    };
    match json::parse(text.as_bytes()).map_err(|error| usage(error.to_string()))? {
        Value::Array(items) => Ok(items.to_vec().into()),
        Value::Object(members) => Ok(Object::clone(&members).into()),
        _ => Err(usage("parameters are an array or an object".into())),
    }
}

async fn call() -> Result<Value, CallError> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(method)) = (args.next(), args.next()) else {
        let why = "usage: rpc_client URL METHOD [PARAMETERS]";
        return Err(Error::new(Kind::Usage, Operation::Parse, why).into());
    };
    let params = params(args.next())?;
    let client = Client::connect(&Net::new(), &url).await?;
    client.call(&method, params).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match call().await {
        Ok(result) => println!("{}", json::to_string(&result)),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
