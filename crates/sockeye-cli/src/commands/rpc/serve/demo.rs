//! Methods to try things with.

use std::time::Duration;

use sockeye::data::value::{Number, Value};
use sockeye::rpc::{Answer, Fault, Methods, Params};

/// The longest sleep.
const LONGEST: f64 = 60.0;

/// These methods too.
pub(super) fn add(methods: Methods) -> Methods {
    methods
        .add("echo", async |params: Params| echo(params))
        .help(
            "echo",
            "gives back its parameter; of several, the list or the object",
        )
        .add("sum", async |params: Params| sum(params))
        .help("sum", "adds numbers")
        .add("sleep", sleep)
        .help("sleep", "waits for so many seconds, 60 at most")
        .add("fail", async |params: Params| fail(params))
        .help("fail", "says no, with this code and this message")
}

fn echo(params: Params) -> Answer {
    match params {
        Params::List(mut values) if values.len() == 1 => Ok(values.pop().unwrap_or_default()),
        other => Ok(other.into_value().unwrap_or_default()),
    }
}

fn sum(params: Params) -> Answer {
    let refused = || Fault::new(-32_602, "Invalid params: numbers are wanted");
    let terms = match params {
        Params::None => Vec::new(),
        Params::List(values) => values,
        Params::Named(_) => return Err(refused()),
    };
    let mut sum = Number::Int(0);
    for term in terms {
        let Value::Number(term) = term else {
            return Err(refused());
        };
        sum = sum.plus(&term);
    }
    Ok(sum.into())
}

async fn sleep(params: Params) -> Answer {
    let seconds = match &params {
        Params::List(values) => match &values[..] {
            [Value::Number(seconds)] => Some(seconds.as_f64()),
            _ => None,
        },
        _ => None,
    };
    match seconds {
        Some(seconds @ 0.0..=LONGEST) => {
            tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
            Ok(Value::Bool(true))
        }
        _ => Err(Fault::new(
            -32_602,
            "Invalid params: seconds are wanted, 60 at most",
        )),
    }
}

fn fail(params: Params) -> Answer {
    let (mut code, mut message) = (1, "failed, as was asked for".to_owned());
    if let Params::List(values) = &params {
        code = values.first().and_then(Value::as_i64).unwrap_or(code);
        message = values
            .get(1)
            .and_then(Value::as_str)
            .map_or(message, str::to_owned);
    }
    Err(Fault::new(code, message))
}
