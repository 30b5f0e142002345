//! `sockeye tour`: the stages of network programming, played live on loopback with this very binary.
//!
//! A stage is a module with a list of steps; a new one is a line in [`STAGES`]. A step plays a [`Scene`] and checks what it
//! claims. What is shown is what happened: nothing here talks to the network itself.

mod clients;
mod data;
mod fundamentals;
mod introduction;
mod page;
mod program;
mod scene;
mod together;
mod transcript;
mod web;

#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};

use clap::Args as ClapArgs;
use serde::Serialize;
use sockeye::{Error, Operation, Result};

use crate::exit::Outcome;
use crate::output::{Level, Output};
use crate::signals;
use page::Page;
use scene::{Broken, Playing, Scene};
use transcript::Transcript;

/// All stages, in the order in which they are played.
const STAGES: &[Stage] = &[
    introduction::STAGE,
    fundamentals::STAGE,
    clients::STAGE,
    data::STAGE,
    web::STAGE,
    together::STAGE,
];

/// A chapter of the tour.
#[derive(Debug)]
struct Stage {
    /// Its Roman numeral.
    numeral: &'static str,
    title: &'static str,
    /// What it is about.
    about: &'static str,
    steps: &'static [Step],
}

/// One thing to see.
#[derive(Debug)]
struct Step {
    title: &'static str,
    /// What to look out for, said before.
    before: &'static str,
    /// Do it, and check that it happened.
    play: for<'a> fn(&'a mut Scene) -> Playing<'a>,
    /// What it means, said after.
    after: &'static str,
}

/// See network programming happen: live, on this machine, in small steps
///
/// Each step shows the commands that a person would type, the bytes that crossed, and what that means. Everything runs on
/// loopback, needs nothing but this program and leaves nothing behind. The exit code is 1 if a step did not do what it says.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:\n  \
    sockeye tour\n  \
    sockeye tour --step\n  \
    sockeye tour --list\n  \
    sockeye tour --json | jq .title")]
pub(crate) struct Args {
    /// Wait for Enter after each step
    #[arg(long, conflicts_with = "list")]
    step: bool,
    /// Only list the steps
    #[arg(long)]
    list: bool,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    if args.list {
        list(STAGES, &output);
        return Ok(Outcome::Done);
    }
    let stop = signals::stop_on_signals();
    // Dropping the tour ends its programs and removes its files.
    match stop
        .run_until_cancelled(play(STAGES, args.step, &output))
        .await
    {
        Some(outcome) => outcome,
        None => Ok(Outcome::Interrupted),
    }
}

/// One step, as a JSON line.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "step")]
struct StepReport<'a> {
    stage: &'a str,
    number: usize,
    title: &'a str,
    commands: Vec<String>,
    output: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<&'a str>,
}

/// One step that could be played, as a JSON line.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "listed-step")]
struct ListedStep<'a> {
    stage: &'a str,
    number: usize,
    title: &'a str,
}

/// The steps with their stages, numbered through.
fn numbered(
    stages: &'static [Stage],
) -> impl Iterator<Item = (usize, &'static Stage, &'static Step)> {
    stages
        .iter()
        .flat_map(|stage| stage.steps.iter().map(move |step| (stage, step)))
        .enumerate()
        .map(|(index, (stage, step))| (index + 1, stage, step))
}

fn list(stages: &'static [Stage], output: &Output) {
    let page = Page::new(output.text_color());
    for (number, stage, step) in numbered(stages) {
        if output.json() {
            output.json_line(&ListedStep {
                stage: stage.numeral,
                number,
                title: step.title,
            });
            continue;
        }
        let heading = std::ptr::eq(step, &raw const stage.steps[0])
            .then(|| page.listed_stage(stage, number > 1));
        let line = page.listed_step(number, step);
        if !output.text(&format!("{}{line}", heading.unwrap_or_default())) {
            return;
        }
    }
}

/// Play all steps, also those after one that failed.
async fn play(stages: &'static [Stage], wait: bool, output: &Output) -> Result<Outcome> {
    let page = Page::new(output.text_color());
    let count = numbered(stages).count();
    let mut broken = Vec::new();
    if !tell(output, || page.welcome(count)) {
        return Ok(Outcome::Done);
    }
    for (number, stage, step) in numbered(stages) {
        let first = std::ptr::eq(step, &raw const stage.steps[0]);
        let opening = || {
            let heading = if first {
                page.stage(stage)
            } else {
                String::new()
            };
            heading + &page.before(number, step)
        };
        if !tell(output, opening) {
            return Ok(Outcome::Done);
        }
        let mut scene = Scene::new().map_err(|e| Error::from_io(Operation::Open, e))?;
        let outcome = (step.play)(&mut scene).await;
        let transcript = scene.close().await;
        if outcome.is_err() {
            broken.push(number);
        }
        report(&page, (number, stage, step), &transcript, &outcome, output);
        if !tell(output, || page.after(&transcript, step, &outcome)) {
            return Ok(Outcome::Done);
        }
        if wait && number < count && !enter(output).await {
            return Ok(if broken.is_empty() {
                Outcome::Done
            } else {
                Outcome::No
            });
        }
    }
    tell(output, || page.farewell(count, &broken));
    Ok(if broken.is_empty() {
        Outcome::Done
    } else {
        Outcome::No
    })
}

/// Text for people, unless JSON was asked for. False when nobody reads any more.
fn tell(output: &Output, text: impl FnOnce() -> String) -> bool {
    output.json() || output.text(&text())
}

fn report(
    page: &Page,
    (number, stage, step): (usize, &Stage, &Step),
    transcript: &Transcript,
    outcome: &std::result::Result<(), Broken>,
    output: &Output,
) {
    if !output.json() {
        return;
    }
    let broken = outcome.as_ref().err();
    output.json_line(&StepReport {
        stage: stage.numeral,
        number,
        title: step.title,
        commands: transcript.commands(),
        output: page.plain(transcript),
        ok: broken.is_none(),
        expected: broken.map(|broken| broken.expected.as_str()),
        seen: broken.map(|broken| broken.seen.as_str()),
    });
}

/// Wait for a line. False when the reader wants to leave: `q`, or the end of input.
async fn enter(output: &Output) -> bool {
    if io::stdin().is_terminal() {
        output.say(Level::Normal, "\nEnter goes on, q and Enter leaves.");
    }
    // On a thread of its own, which does not keep an interrupted tour from ending.
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|count| (count, line))
    });
    match read.await {
        Ok(Ok((count, line))) => count > 0 && !line.trim().eq_ignore_ascii_case("q"),
        _ => false,
    }
}
