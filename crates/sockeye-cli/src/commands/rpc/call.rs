//! `sockeye rpc call`: one method, or several.

mod probe;

use std::time::Instant;

use clap::Args as ClapArgs;
use sockeye::data::json;
use sockeye::data::jsonrpc::{Answers, Limits, Said, read_answers};
use sockeye::data::tagged::Tags;
use sockeye::data::value::{Object, Value};
use sockeye::rpc::{Call, CallError, Fault, Params};
use sockeye::{Error, Kind, Operation, Result};

pub(crate) use self::probe::Probe;
use super::caller::{Caller, XmlOptions, bytes, said_no};
use super::carry::Carrier;
use super::reach::ReachArgs;
use super::show::{Event, ShowArgs};
use super::target::{Protocol, Target};
use super::{batch, words};
use crate::args::TalkingArgs;
use crate::exit::{self, Outcome};
use crate::output::{Level, Output};
use crate::signals;

/// Call a method: sockeye rpc call URL METHOD ARGS
///
/// Arguments are JSON if they read as JSON (3, true, null, [1,2], {"a":1}), else strings. name=VALUE is a string and
/// name:=JSON a value with a name (@FILE behind either reads it). Numbers go out as they were typed.
///
/// XML-RPC also takes values with their type: '{"!base64":"aGk="}', '{"!dateTime.iso8601":"20261127T10:30:00"}',
/// '{"!i8":1}', '{"!nil":null}'.
///
/// The result is JSON on standard output. If the peer says no: exit code 1, and its words on standard error.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sockeye rpc call http://localhost:8000/ sum 1 2\n  \
    sockeye rpc call localhost:8000/RPC2 system.listMethods\n  \
    sockeye rpc call tcp://localhost:4000 add_user name=Jo age:=42\n  \
    sockeye rpc call unix:/run/app.sock status -r\n  \
    sockeye rpc call 'exec:my-server --stdio' initialize --params @init.json\n  \
    printf 'sum 1 2\\nsum 3 4\\n' | sockeye rpc call http://localhost:8000/ --batch -")]
pub(crate) struct Args {
    /// Whom to call: http(s)://, ws(s)://, tcp://, tls://, unix:, exec:; xmlrpc+http:// for XML-RPC
    #[arg(value_name = "URL")]
    url: String,
    /// The method
    #[arg(
        value_name = "METHOD",
        required_unless_present = "batch",
        conflicts_with = "batch"
    )]
    method: Option<String>,
    /// Its parameters; -3 is a number, and behind -- every word is a parameter
    #[arg(value_name = "ARG", allow_negative_numbers = true)]
    words: Vec<String>,
    /// The protocol [default: XML-RPC if the path ends with /RPC2, else JSON-RPC]
    #[arg(
        long,
        value_enum,
        value_name = "json|xml",
        hide_possible_values = true,
        help_heading = "Calling"
    )]
    protocol: Option<Protocol>,
    /// Each ARG is a string, exactly as it stands
    #[arg(short = 's', long, help_heading = "Calling")]
    string: bool,
    /// All parameters as JSON, an array or an object; @FILE reads them, - standard input
    #[arg(long, value_name = "JSON", conflicts_with_all = ["words", "string", "batch"], allow_hyphen_values = true,
        help_heading = "Calling")]
    params: Option<String>,
    /// Call without waiting for an answer, which never comes (JSON-RPC)
    #[arg(long, conflicts_with_all = ["batch", "id"], help_heading = "Calling")]
    notify: bool,
    /// The id of the call, as JSON, or a string (JSON-RPC) [default: 1, 2, ...]
    #[arg(
        long,
        value_name = "ID",
        conflicts_with = "batch",
        allow_hyphen_values = true,
        help_heading = "Calling"
    )]
    id: Option<String>,
    /// Many calls at once, one on each line: METHOD ARGS..., or {"method":...,"params":...}; - is standard input. XML-RPC
    /// has system.multicall for this
    #[arg(long, value_name = "FILE|-", help_heading = "Calling")]
    batch: Option<String>,
    /// Send null, which not every server knows (XML-RPC)
    #[arg(long, help_heading = "Calling")]
    nil: bool,
    /// Send whole numbers beyond 32 bits as i8, which not every server knows (XML-RPC)
    #[arg(long, help_heading = "Calling")]
    i8: bool,
    /// Show the types of dates and decimals in results: {"!dateTime.iso8601":"20261127T10:30:00"} (XML-RPC)
    #[arg(long, help_heading = "Calling")]
    types: bool,
    #[command(flatten)]
    show: ShowArgs,
    #[command(flatten)]
    reach: ReachArgs,
    #[command(flatten)]
    talking: TalkingArgs,
}

/// Do it.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let target = Target::read(&args.url, args.protocol)?;
    args.check(target.protocol)?;
    super::say_protocol(&target, &output);
    let stop = signals::stop_on_signals();
    let work = super::within(args.talking.timeout, do_it(&args, &target, &output));
    match stop.run_until_cancelled(work).await {
        Some(outcome) => outcome,
        None => Ok(Outcome::Interrupted),
    }
}

async fn do_it(args: &Args, target: &Target, output: &Output) -> Result<Outcome> {
    let show = Showing { args, output };
    if let Some(file) = &args.batch {
        let calls = batch::read(&words::file(file)?, args.string)?;
        let caller = args.open(target, output).await?;
        let outcome = several(&caller, calls, &show).await?;
        drop(caller.close().await);
        return Ok(outcome);
    }
    let method = args.method.clone().unwrap_or_default();
    let call = Call::of(method.clone(), args.parameters()?);
    if let Some(id) = &args.id {
        let began = Instant::now();
        let answer = with_id(args, target, call, id, output).await;
        return show.one(&method, began, answer);
    }
    let caller = args.open(target, output).await?;
    if args.notify {
        caller.notify(call).await.map_err(said_no)?;
        if output.json() {
            Event::new("notified").with("method", method).print(output);
        }
        caller.close().await?;
        return Ok(Outcome::Done);
    }
    let began = Instant::now();
    let outcome = show.one(&method, began, caller.call(call).await)?;
    // What was answered counts, however the server takes its leave.
    drop(caller.close().await);
    Ok(outcome)
}

/// All calls of a batch.
async fn several(caller: &Caller, calls: Vec<Call>, show: &Showing<'_>) -> Result<Outcome> {
    let names: Vec<String> = calls.iter().map(|call| call.method.clone()).collect();
    let began = Instant::now();
    let answers = caller.batch(calls).await.map_err(said_no)?;
    let mut outcome = Outcome::Done;
    for (at, (method, answer)) in std::iter::zip(&names, answers).enumerate() {
        let event = |kind| {
            Event::new(kind)
                .with("call", at as i64 + 1)
                .with("method", method.as_str())
        };
        match answer {
            Ok(value) => {
                if !show.result(event("result"), began, &value)? {
                    break;
                }
            }
            Err(fault) => {
                outcome = Outcome::No;
                show.fault(
                    event("fault"),
                    &fault,
                    &format!("call {}, {method}: ", at + 1),
                );
            }
        }
    }
    Ok(outcome)
}

/// A call with an id of one's own, as raw JSON.
async fn with_id(
    args: &Args,
    target: &Target,
    call: Call,
    id: &str,
    output: &Output,
) -> Result<Value, CallError> {
    let id = id_of(id)?;
    let mut request = Object::from_iter([
        ("jsonrpc".into(), "2.0".into()),
        ("method".into(), call.method.into()),
    ]);
    if let Some(params) = call.params.into_value() {
        request.insert("params".into(), params);
    }
    request.insert("id".into(), id.clone());
    let sent = json::to_string(&request.into());
    let carrier = Carrier::open(target, &args.reach, &args.talking, output)?;
    let reply = carrier
        .exchange(sent.as_bytes(), false, args.reach.patience())
        .await?;
    let broken = |kind, why: String| Error::new(kind, Operation::Call, why).about(target);
    if let Some(why) = reply.broken {
        return Err(broken(Kind::Lost, why).into());
    }
    if let Some(status) = reply
        .status
        .filter(|status| *status != 200 && reply.body.is_empty())
    {
        return Err(broken(Kind::Rejected, format!("the server answers {status}")).into());
    }
    let mut limits = Limits::default();
    limits.bytes = bytes(args.reach.max_answer);
    let answer = match read_answers(&reply.body, &limits) {
        Ok(Answers::One(Said::Answer(answer))) => answer,
        Ok(_) => {
            return Err(broken(Kind::Protocol, "this is no answer to one call".to_owned()).into());
        }
        Err(error) => return Err(broken(Kind::Protocol, error.to_string()).into()),
    };
    let (got, wanted) = (answer.id.as_json(), json::to_string(&id));
    let is_lost = answer.id.is_null() && answer.outcome.is_err();
    match got == wanted || is_lost {
        true => Ok(answer.outcome.map_err(Fault::from)?),
        false => Err(broken(
            Kind::Protocol,
            format!("the answer has the id {got}, not {wanted}"),
        )
        .into()),
    }
}

/// An id as it was typed: JSON, or a string.
fn id_of(typed: &str) -> Result<Value> {
    match json::parse(typed.as_bytes()) {
        Ok(id @ (Value::String(_) | Value::Number(_) | Value::Null)) => Ok(id),
        Ok(other) => {
            let why = format!("--id: a {} is no id", other.kind());
            let error = Error::new(Kind::Usage, Operation::Parse, why);
            Err(error.with_hint("ids are strings, numbers or null"))
        }
        Err(_) => Ok(Value::from(typed)),
    }
}

impl Args {
    /// Refuse what the protocol does not have.
    fn check(&self, protocol: Protocol) -> Result<()> {
        let given: &[(bool, &str)] = match protocol {
            Protocol::Json => &[
                (self.nil, "--nil"),
                (self.i8, "--i8"),
                (self.types, "--types"),
            ],
            Protocol::Xml => &[(self.notify, "--notify"), (self.id.is_some(), "--id")],
        };
        match given.iter().find(|(is_given, _)| *is_given) {
            Some((_, flag)) => {
                let why = format!("{flag} is nothing that {} has", protocol.name());
                Err(Error::new(Kind::Usage, Operation::Parse, why)
                    .with_hint(format!("leave out {flag}, or say --protocol")))
            }
            None => Ok(()),
        }
    }

    fn parameters(&self) -> Result<Params> {
        match &self.params {
            Some(text) => words::params(&words::text_of(text)?),
            None => words::read(&self.words, self.string),
        }
    }

    async fn open(&self, target: &Target, output: &Output) -> Result<Caller> {
        let mut xml = XmlOptions::default();
        (xml.write.nil, xml.write.i8) = (self.nil, self.i8);
        if self.types {
            xml.read.tags = Tags::Keep;
        }
        Caller::open(target, &xml, &self.reach, &self.talking, output).await
    }
}

/// How results and faults are told.
struct Showing<'a> {
    args: &'a Args,
    output: &'a Output,
}

impl Showing<'_> {
    fn one(
        &self,
        method: &str,
        began: Instant,
        answer: Result<Value, CallError>,
    ) -> Result<Outcome> {
        match answer {
            Ok(value) => {
                self.result(Event::new("result").with("method", method), began, &value)?;
                Ok(Outcome::Done)
            }
            Err(CallError::Fault(fault)) => {
                self.fault(Event::new("fault").with("method", method), &fault, "");
                Ok(Outcome::Code(exit::code(Kind::Rejected)))
            }
            Err(error) => Err(said_no(error)),
        }
    }

    fn result(&self, event: Event, began: Instant, value: &Value) -> Result<bool> {
        let took = began.elapsed();
        self.output.say(
            Level::Verbose,
            format_args!("answered in {}", crate::report::short(took)),
        );
        match self.output.json() {
            true => Ok(event
                .with("result", value.clone())
                .with("seconds", crate::report::seconds(took))
                .print(self.output)),
            false => self.args.show.result(value, self.output),
        }
    }

    fn fault(&self, event: Event, fault: &Fault, place: &str) {
        if self.output.json() {
            event.with_fault(fault).print(self.output);
        }
        let error = said_no(CallError::Fault(fault.clone()));
        self.output.complain(format_args!("{place}{error}"));
    }
}
