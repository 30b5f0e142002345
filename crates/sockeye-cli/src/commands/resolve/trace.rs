//! `resolve --trace`: from the root down, one server after the other.

use serde::Serialize;
use sockeye::endpoint::{Carrier, Family, Host, Port};
use sockeye::net::resolve::query::{
    Leads, NameServer, Question, RecordKind, Server, Step, Trace, TraceOptions, Transport,
};
use sockeye::{Error, Kind, Operation, Result};

use super::dns::Said;
use super::plan::{Plan, Servers};
use super::rows::Row;
use super::words::Target;
use crate::timeline::took;

/// One step for programs: what the library serializes.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "trace-step")]
pub(super) struct StepEvent<'a> {
    pub(super) name: &'a str,
    #[serde(flatten)]
    pub(super) step: &'a Step,
}

/// How a trace is made: from the servers that were given, else from the root.
pub(super) fn options(plan: &Plan) -> Result<TraceOptions> {
    let mut options = TraceOptions::default()
        .query(plan.options.clone())
        .family(plan.family);
    if let Servers::Given(servers) = &plan.servers {
        let mut roots = Vec::with_capacity(servers.len());
        for server in servers {
            let (root, port) = root(server)?;
            roots.push(root);
            options = options.port(port);
        }
        options = options.roots(roots);
    }
    Ok(options)
}

/// A server where a trace can begin, and its port.
fn root(server: &Server) -> Result<(NameServer, u16)> {
    if let (Transport::Udp, Carrier::Udp(at)) = (server.transport(), server.endpoint().carrier())
        && let (Host::Ip { addr, .. }, Port::Number(port)) = (&at.host, &at.port)
    {
        return Ok((NameServer::at(*addr), *port));
    }
    let why = format!("a trace cannot begin at {server}");
    Err(Error::new(Kind::Usage, Operation::Parse, why)
        .with_hint("it begins at an address, over UDP, as in @198.41.0.4"))
}

/// What is traced: the address of a name, if nothing else is said.
pub(super) fn questions(plan: &Plan, target: &Target) -> Result<Vec<Question>> {
    let mut questions = plan.questions(target)?;
    if plan.kinds.is_empty() && target.address.is_none() {
        let kind = match plan.family {
            Some(Family::V6) => RecordKind::AAAA,
            _ => RecordKind::A,
        };
        questions.retain(|question| question.kind == kind);
    }
    Ok(questions)
}

/// How a trace ended.
pub(super) struct Traced {
    /// The answer at its end, if it came to one.
    pub(super) answer: Option<Said>,
    /// Why it did not.
    pub(super) error: Option<Error>,
}

impl Traced {
    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        match (&self.answer, &self.error) {
            (Some(said), _) => said.code(),
            // Servers that send us nowhere fail, whatever the name may be.
            (None, Some(error)) if error.kind() == Kind::Name => 7,
            (None, Some(error)) => crate::exit::code(error.kind()),
            (None, None) => 7,
        }
    }
}

/// Follow referrals to the end, and tell each step as it is made.
pub(super) async fn follow(
    plan: &Plan,
    question: &Question,
    options: TraceOptions,
    mut tell: impl FnMut(&Step),
) -> Traced {
    let mut trace = Trace::new(&plan.net, question.clone(), options);
    let mut answer = None;
    while let Some(step) = trace.next().await {
        tell(&step);
        if step.leads == Leads::End && step.looking_for.is_none() {
            answer = Some(Said {
                server: None,
                results: vec![(step.question, step.result)],
                refused: None,
                any: false,
            });
        }
    }
    Traced {
        answer,
        error: trace.end().err(),
    }
}

/// One step for people: whose server was asked, and where it leads.
pub(super) fn row(step: &Step) -> Row {
    let address = step.address.to_string();
    let address = address.strip_suffix(":53").unwrap_or(&address);
    let server = match &step.server {
        Some(name) => format!("{name} {address}"),
        None => address.to_owned(),
    };
    let time = match &step.result {
        Ok(response) => format!(", {}", took(response.elapsed)),
        Err(_) => String::new(),
    };
    let leads = match &step.leads {
        Leads::Down(zone) => format!("→ {zone}"),
        Leads::Alias(name) => format!("is an alias → {name}"),
        Leads::End => "answers".into(),
        Leads::Nowhere(why) => format!("no help: {why}"),
        _ => String::new(),
    };
    let aside = match &step.looking_for {
        Some(server) => format!(" (to find {server})"),
        None => String::new(),
    };
    Row::new(
        step.zone.to_string(),
        server,
        format!("{leads}{time}{aside}"),
    )
}
