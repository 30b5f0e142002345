//! `sockeye engine check`: is a broker fit for sharing out work?

use serde::Serialize;
use sockeye::work::nats::{Broker, Finding, Leftover, RunState, Verdict};
use sockeye::{Kind, Result};

use super::monitor;
use crate::args::BrokerArgs;
use crate::exit::Outcome;
use crate::output::Output;
use crate::sheet::{Column, Layout, Sheet, Tint};

/// Look whether a broker is fit for sharing out work: version, TLS, users, durability, room, speed, clock, leftovers of runs
///
/// A stream of a megabyte is made and removed again, to see that this is allowed and how long a message takes to be stored.
///
/// Exit codes: 0 fit, 1 unfit, else as everywhere: 4 nobody there, 6 TLS.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    sockeye engine check nats://127.0.0.1\n  \
    sockeye engine check tls://broker.example --broker-ca root.pem --broker-user env:BROKER\n  \
    sockeye engine check nats://127.0.0.1 --clean")]
pub(crate) struct Args {
    /// The NATS server: nats://host, tls://host
    #[arg(value_name = "URL")]
    url: String,
    /// Remove what runs have left that are over; jobs that were given up stay
    #[arg(long)]
    clean: bool,
    /// Remove jobs that were given up too
    #[arg(long, requires = "clean")]
    clean_dead: bool,
    /// Its monitoring port, which alone tells when it writes to disk [default: http://HOST:8222, if it answers]
    #[arg(long, value_name = "URL")]
    monitor: Option<String>,
    #[command(flatten)]
    broker: BrokerArgs,
}

/// Do it.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let mut access = args.broker.access(&args.url)?;
    access.name = "sockeye engine check".to_owned();
    let broker = match access.connect().await {
        Ok(broker) => broker,
        Err(error) if error.kind() == Kind::Unsupported => {
            let advice = error.hint().unwrap_or_default();
            let finding = Finding::new("jetstream", Verdict::Unfit, error.why()).advise(advice);
            return Ok(told(&[finding], &output));
        }
        Err(error) => return Err(error),
    };
    let syncs = monitor::syncs(&broker, &args.url, args.monitor.as_deref()).await?;
    let findings = broker.check(syncs).await?;
    let outcome = told(&findings, &output);
    let leftovers = match broker.leftovers().await {
        // Why nothing can be stored there was said.
        Err(_) if outcome == Outcome::No => return Ok(outcome),
        leftovers => leftovers?,
    };
    list(&leftovers, &output);
    if args.clean {
        clean(&broker, &leftovers, args.clean_dead, &output).await?;
    }
    broker.close().await;
    Ok(outcome)
}

/// Say what was found; whether it is fit.
fn told(findings: &[Finding], output: &Output) -> Outcome {
    let worst = findings.iter().map(|finding| finding.verdict).max();
    let worst = worst.unwrap_or(Verdict::Unknown);
    if output.json() {
        findings
            .iter()
            .for_each(|finding| output.json_line(&FindingEvent::new(finding)));
        output.json_line(&VerdictEvent {
            verdict: worst.code(),
            fit: worst != Verdict::Unfit,
        });
    } else {
        output.text(&table(findings, output));
    }
    match worst {
        Verdict::Unfit => Outcome::No,
        _ => Outcome::Done,
    }
}

fn tint(verdict: Verdict) -> Tint {
    match verdict {
        Verdict::Good => Tint::Good,
        Verdict::Warning => Tint::Passing,
        Verdict::Unfit => Tint::Bad,
        _ => Tint::Faint,
    }
}

fn table(findings: &[Finding], output: &Output) -> String {
    let columns = vec![Column::new(""), Column::new(""), Column::new("")];
    let mut sheet = Sheet::new(columns, findings.len());
    for finding in findings {
        let mut text = finding.text.clone();
        if let (Some(advice), true) = (&finding.advice, finding.verdict != Verdict::Good) {
            text.push_str(" (");
            text.push_str(advice);
            text.push(')');
        }
        let cells = [
            (finding.verdict.code(), tint(finding.verdict)),
            (finding.what, Tint::Plain),
            (&*text, Tint::Plain),
        ];
        for (cell, tint) in cells {
            sheet.text().push_str(cell);
            sheet.end_cell(tint);
        }
    }
    let mut text = String::new();
    sheet.write(layout(output, false), &mut text);
    text
}

fn layout(output: &Output, header: bool) -> Layout {
    Layout {
        width: output.text_width(),
        color: output.text_color(),
        header,
    }
}

/// A word for where a run is.
fn word(state: Option<RunState>) -> &'static str {
    match state {
        Some(RunState::Running) => "running",
        Some(RunState::Canceled) => "canceled",
        Some(RunState::Done) => "done",
        _ => "unknown",
    }
}

/// What runs have in the broker.
fn list(leftovers: &[Leftover], output: &Output) {
    if output.json() {
        leftovers
            .iter()
            .for_each(|left| output.json_line(&LeftoverEvent::new(left)));
        return;
    }
    if leftovers.is_empty() {
        output.text("\nno run has left anything\n");
        return;
    }
    let number = |title| Column {
        right: true,
        ..Column::new(title)
    };
    let columns = vec![
        Column::new("RUN"),
        Column::new("STATE"),
        number("JOBS"),
        number("RESULTS"),
        number("DEAD"),
        number("OBJECTS"),
        number("BYTES"),
    ];
    let mut sheet = Sheet::new(columns, leftovers.len());
    for left in leftovers {
        let numbers = [
            left.jobs,
            left.results,
            left.dead,
            left.objects,
            left.object_bytes,
        ];
        let cells = [left.run.clone(), word(left.state).to_owned()];
        let cells = cells.into_iter().chain(numbers.map(|it| it.to_string()));
        for cell in cells {
            sheet.text().push_str(&cell);
            sheet.end_cell(Tint::Plain);
        }
    }
    let mut text = "\n".to_owned();
    sheet.write(layout(output, true), &mut text);
    output.text(&text);
}

/// Remove what nobody wants any more.
async fn clean(
    broker: &Broker,
    leftovers: &[Leftover],
    with_dead: bool,
    output: &Output,
) -> Result<()> {
    for left in leftovers.iter().filter(|left| left.is_over()) {
        broker.clean(left, with_dead).await?;
        let dead = if with_dead { left.dead } else { 0 };
        output.data(&RemovedEvent {
            run: &left.run,
            messages: left.jobs + left.results + dead,
            objects: left.objects,
        });
    }
    Ok(())
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "finding")]
struct FindingEvent<'a> {
    what: &'static str,
    verdict: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'a str>,
}

impl<'a> FindingEvent<'a> {
    fn new(finding: &'a Finding) -> Self {
        Self {
            what: finding.what,
            verdict: finding.verdict.code(),
            text: &finding.text,
            advice: finding.advice.as_deref(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "verdict")]
struct VerdictEvent {
    verdict: &'static str,
    fit: bool,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "leftover")]
struct LeftoverEvent<'a> {
    run: &'a str,
    state: &'static str,
    jobs: u64,
    results: u64,
    dead: u64,
    objects: u64,
    bytes: u64,
}

impl<'a> LeftoverEvent<'a> {
    fn new(left: &'a Leftover) -> Self {
        Self {
            run: &left.run,
            state: word(left.state),
            jobs: left.jobs,
            results: left.results,
            dead: left.dead,
            objects: left.objects,
            bytes: left.object_bytes,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "removed")]
struct RemovedEvent<'a> {
    run: &'a str,
    messages: u64,
    objects: u64,
}

impl std::fmt::Display for RemovedEvent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            run,
            messages,
            objects,
        } = self;
        write!(f, "removed {run}: {messages} messages, {objects} objects")
    }
}
