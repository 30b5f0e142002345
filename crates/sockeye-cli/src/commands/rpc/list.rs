//! `sockeye rpc list`: what a server can do.

use clap::Args as ClapArgs;
use sockeye::data::escape::escape_str;
use sockeye::data::value::Value;
use sockeye::rpc::{Call, CallError, Fault};
use sockeye::{Error, Kind, Operation, Result};

use super::caller::{Caller, XmlOptions, said_no};
use super::reach::ReachArgs;
use super::show::Event;
use super::target::{Protocol, Target};
use crate::args::TalkingArgs;
use crate::exit::Outcome;
use crate::output::{Level, Output};
use crate::sheet::{Column, Layout, Sheet, Tint};
use crate::signals;

/// List the methods of a server
///
/// XML-RPC servers are asked by system.listMethods and its like; those of JSON-RPC by rpc.discover (OpenRPC), and if they do
/// not know that, by system.listMethods too.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sockeye rpc list http://localhost:8000/\n  \
    sockeye rpc list localhost:8000/RPC2 --json")]
pub(crate) struct Args {
    /// Whom to ask: http(s)://, ws(s)://, tcp://, tls://, unix:, exec:; xmlrpc+http:// for XML-RPC
    #[arg(value_name = "URL")]
    url: String,
    /// The protocol [default: XML-RPC if the path ends with /RPC2, else JSON-RPC]
    #[arg(long, value_enum, value_name = "json|xml", hide_possible_values = true)]
    protocol: Option<Protocol>,
    #[command(flatten)]
    reach: ReachArgs,
    #[command(flatten)]
    talking: TalkingArgs,
}

/// A method as its server tells of it.
#[derive(Debug, Default)]
struct Told {
    name: String,
    /// Result first, then parameters; for each way in which it can be called.
    signatures: Vec<Vec<String>>,
    /// The names of its parameters.
    params: Option<Vec<String>>,
    help: String,
    /// All that OpenRPC tells.
    definition: Option<Value>,
}

/// Do it.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let target = Target::read(&args.url, args.protocol)?;
    super::say_protocol(&target, &output);
    let stop = signals::stop_on_signals();
    let work = super::within(args.talking.timeout, ask(&args, &target, &output));
    let Some(told) = stop.run_until_cancelled(work).await else {
        return Ok(Outcome::Interrupted);
    };
    print(&told?, &output);
    Ok(Outcome::Done)
}

async fn ask(args: &Args, target: &Target, output: &Output) -> Result<Vec<Told>> {
    let xml = XmlOptions::default();
    let caller = Caller::open(target, &xml, &args.reach, &args.talking, output).await?;
    let told = match target.protocol {
        Protocol::Xml => by_name(&caller).await,
        Protocol::Json => match discovered(&caller).await {
            Err(CallError::Fault(fault)) => {
                say_asking(&fault, output);
                by_name(&caller).await
            }
            told => told,
        },
    };
    let told = told.map_err(|error| match error {
        CallError::Fault(fault) => {
            let why = format!("the server does not tell its methods: {} (fault {})", escape_str(&fault.message), fault.code);
            let asked = match target.protocol {
                Protocol::Json => "it was asked by rpc.discover and system.listMethods; its documentation has to tell",
                Protocol::Xml => "it was asked by system.listMethods; Python's has it by register_introspection_functions()",
            };
            Error::new(Kind::Rejected, Operation::Call, why).with_hint(asked)
        }
        other => said_no(other),
    });
    // What was told counts, however the server takes its leave.
    drop(caller.close().await);
    told
}

fn say_asking(fault: &Fault, output: &Output) {
    let line = format_args!("rpc.discover: {fault}; asking system.listMethods");
    output.say(Level::Verbose, line);
}

/// By `rpc.discover`.
async fn discovered(caller: &Caller) -> Result<Vec<Told>, CallError> {
    let document = caller.call(Call::of("rpc.discover", ())).await?;
    let methods = document.get("methods").and_then(Value::as_array);
    let Some(methods) = methods else {
        let why = "rpc.discover answers something else than a document of OpenRPC";
        return Err(Error::new(Kind::Protocol, Operation::Call, why).into());
    };
    Ok(methods.iter().filter_map(definition).collect())
}

/// One method of a document of OpenRPC.
fn definition(method: &Value) -> Option<Told> {
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let params = method.get("params").and_then(Value::as_array);
    let params = params.filter(|params| !params.is_empty());
    Some(Told {
        name: text(method, "name")?,
        signatures: Vec::new(),
        params: params.map(|params| {
            params
                .iter()
                .filter_map(|param| text(param, "name"))
                .collect()
        }),
        help: text(method, "summary")
            .or_else(|| text(method, "description"))
            .unwrap_or_default(),
        definition: Some(method.clone()),
    })
}

/// By `system.listMethods`, and for each what else there is to know.
async fn by_name(caller: &Caller) -> Result<Vec<Told>, CallError> {
    let names = caller.call(Call::of("system.listMethods", ())).await?;
    let names: Option<Vec<&str>> = names
        .as_array()
        .and_then(|names| names.iter().map(Value::as_str).collect());
    let Some(names) = names else {
        let why = "system.listMethods answers something else than names";
        return Err(Error::new(Kind::Protocol, Operation::Call, why).into());
    };
    let mut told = Vec::with_capacity(names.len());
    for name in names {
        let about = |method: &str| caller.call(Call::new(method, vec![name.into()]));
        let help = about_or_nothing(about("system.methodHelp").await)?;
        let signature = about_or_nothing(about("system.methodSignature").await)?;
        told.push(Told {
            name: name.to_owned(),
            signatures: signatures(&signature),
            help: help.as_str().unwrap_or_default().to_owned(),
            ..Told::default()
        });
    }
    Ok(told)
}

/// A server that does not tell more says no; that is all right.
fn about_or_nothing(answer: Result<Value, CallError>) -> Result<Value, CallError> {
    match answer {
        Err(CallError::Fault(_)) => Ok(Value::Null),
        other => other,
    }
}

/// Lists of types; Python's servers answer a text instead.
fn signatures(value: &Value) -> Vec<Vec<String>> {
    let one = |types: &Value| -> Option<Vec<String>> {
        let types = types.as_array()?.iter();
        types.map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let all = value
        .as_array()
        .map(|all| all.iter().filter_map(one).collect());
    all.unwrap_or_default()
}

impl Told {
    /// `(int, int) -> int`, or the names of the parameters.
    fn signature(&self) -> String {
        if let Some(params) = &self.params {
            return format!("({})", params.join(", "));
        }
        let one = |types: &Vec<String>| match types.split_first() {
            Some((result, params)) => format!("({}) -> {result}", params.join(", ")),
            None => String::new(),
        };
        let all: Vec<String> = self.signatures.iter().map(one).collect();
        all.join(" or ")
    }

    fn event(&self) -> Event {
        let texts = |texts: &[String]| {
            Value::array(texts.iter().map(|text| text.as_str().into()).collect())
        };
        let mut event = Event::new("method").with("name", self.name.as_str());
        if !self.signatures.is_empty() {
            let all = self.signatures.iter().map(|one| texts(one)).collect();
            event = event.with("signatures", Value::array(all));
        }
        if let Some(params) = &self.params {
            event = event.with("params", texts(params));
        }
        event = event.with("help", self.help.as_str());
        match &self.definition {
            Some(definition) => event.with("definition", definition.clone()),
            None => event,
        }
    }
}

fn print(told: &[Told], output: &Output) {
    if output.json() {
        for method in told {
            method.event().print(output);
        }
        return;
    }
    if told.is_empty() {
        output.say(Level::Normal, "the server has no methods that it tells of");
        return;
    }
    let mut columns = ["METHOD", "SIGNATURE", "WHAT"].map(Column::new);
    columns[1].missable = 1;
    let mut sheet = Sheet::new(columns.to_vec(), told.len());
    for method in told {
        let help = method.help.split_whitespace().collect::<Vec<_>>().join(" ");
        for cell in [&method.name, &method.signature(), &help] {
            sheet.text().push_str(&escape_str(cell));
            sheet.end_cell(Tint::Plain);
        }
    }
    let layout = Layout {
        width: output.text_width(),
        color: output.text_color(),
        header: true,
    };
    let mut out = String::new();
    sheet.write(layout, &mut out);
    output.text(&out);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use sockeye::data::json;

    use super::*;

    #[test]
    fn signatures_are_told_in_words() {
        let told = |text: &str| Told {
            signatures: signatures(&json::parse(text.as_bytes()).unwrap()),
            ..Told::default()
        };
        assert_eq!(
            told(r#"[["int","int","int"]]"#).signature(),
            "(int, int) -> int"
        );
        assert_eq!(
            told(r#"[["string"],["int","x"]]"#).signature(),
            "() -> string or (x) -> int"
        );
        assert_eq!(told(r#""signatures not supported""#).signature(), "");
        let method =
            json::parse(br#"{"name":"m","params":[{"name":"a"},{"name":"b"}],"summary":"s"}"#)
                .unwrap();
        let told = definition(&method).unwrap();
        assert_eq!((told.signature(), &*told.help), ("(a, b)".to_owned(), "s"));
        assert!(definition(&Value::Null).is_none());
    }
}
