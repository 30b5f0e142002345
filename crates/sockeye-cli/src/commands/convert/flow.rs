//! How a job is done: on all cores, streamed, or whole; and how to say so.

use sockeye::data::format::Format;
use sockeye::data::json::{Elements, Step as PathStep};

use super::args::To;
use super::job::{Job, Verdict};
use super::look::Drawing;
use super::records::Records;
use super::sink::{Halt, Sink, Step};
use super::write::{self, Join, Target};
use super::{cores, engine};
use crate::output::Level;

/// What the sink is for people.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Look {
    pub(crate) has_colors: bool,
    pub(crate) width: Option<usize>,
    /// How many lines the terminal has.
    pub(crate) height: Option<u16>,
}

/// Convert all records into the sink.
pub(crate) fn convert(
    job: &Job,
    mut records: Records<'_>,
    sink: &Sink,
    look: Look,
) -> Step<Verdict> {
    // With -n, the program may never ask for an input.
    let input = match job.jq.null_input {
        true => None,
        false => records.first_format()?,
    };
    let target = target(job, input, look);
    let spreads = job.spreads(target.to);
    let elements = elements(job, &records, input, spreads);
    let why_not = match input {
        None => Some("one core: -n and -s are one run over all records"),
        Some(_) => records.with_first(|source| cores::why_not(job, source, &target)),
    };
    if job.is_explained {
        explain(job, input, &target, elements.as_ref(), why_not);
    }
    if why_not.is_none() {
        return on_cores(job, &records, &target, sink);
    }
    records.stream_elements(elements);
    let writer = write::writer(&target, &job.formats)?;
    // Elements of an array are spread already.
    let spreads = spreads && !records.streams();
    engine::run(job, &records, spreads, writer, sink)
}

/// One input after the other on all cores. Those that cannot be shared are converted by one of them.
fn on_cores(job: &Job, records: &Records<'_>, target: &Target, sink: &Sink) -> Step<Verdict> {
    let mut join = Join::new(target, &job.formats).expect("it was asked whether there is one");
    let made = pieces(job, records, target, sink, &mut join);
    match &made {
        Ok(_) => {}
        // The rows before it were kept for the sake of those behind it.
        Err(Halt::Failed(_)) if engine::keeps_rows(target.to) => {}
        Err(_) => return made,
    }
    if let Err(error) = write::finish_into(sink, |end| join.finish(&job.formats, end))? {
        job.fail(super::job::data_error(None, &error))?;
    }
    job.say_formulas(join.formulas());
    sink.flush()?;
    made
}

fn pieces(
    job: &Job,
    records: &Records<'_>,
    target: &Target,
    sink: &Sink,
    join: &mut Join,
) -> Step<Verdict> {
    let mut last = Verdict::Nothing;
    while let Some(source) = records.take_first()? {
        let verdict = match cores::why_not(job, &source, target) {
            None => cores::run(job, target, source, join, sink)?,
            Some(_) => cores::run_alone(job, target, source, join, sink)?,
        };
        if verdict != Verdict::Nothing {
            last = verdict;
        }
    }
    Ok(last)
}

fn target(job: &Job, input: Option<Format>, look: Look) -> Target {
    let to = job.target();
    Target {
        to,
        is_array: input.is_some_and(|input| job.is_array(input, to)) || job.formats.json.array,
        has_colors: look.has_colors,
        width: look.width,
        plot: Drawing {
            has_colors: look.has_colors,
            size: (
                look.width
                    .and_then(|width| u16::try_from(width).ok())
                    .unwrap_or(80),
                look.height.unwrap_or(24),
            ),
            ..job.plot.clone()
        },
    }
}

/// The elements that suffice, of JSON that may be one huge value.
fn elements(
    job: &Job,
    records: &Records<'_>,
    input: Option<Format>,
    spreads: bool,
) -> Option<Elements> {
    if input? != Format::Json || job.is_one_run() || job.files.len() > 1 {
        return None;
    }
    match &job.program {
        Some(program) => program.elements().ok().cloned(),
        // What is small is built, so that other values may stand behind the array.
        None => records.with_first(|source| {
            (spreads && source.is_large_array()).then(|| Elements::new(vec![PathStep::Items]))
        }),
    }
}

fn explain(
    job: &Job,
    input: Option<Format>,
    target: &Target,
    elements: Option<&Elements>,
    why_not: Option<&str>,
) {
    let say = |line: String| job.output.say(Level::Quiet, line);
    let to = match target.to {
        To::Format(format) => format.name(),
        To::Table => "table",
        To::Plot => "plot",
    };
    let array = if target.is_array { ", one array" } else { "" };
    match input {
        Some(input) => say(format!("explain: {input} to {to}{array}")),
        None => say(format!("explain: to {to}{array}")),
    }
    match why_not {
        None => say(match job.formats.limits.threads() {
            0 | 1 => "explain: one core: there is no other, or --threads says so".to_owned(),
            threads => format!("explain: shared among {threads} cores, in order"),
        }),
        Some(why) => say(format!("explain: {why}")),
    }
    let memory = match (elements, input) {
        _ if job.is_slurped() => "built whole: -s wants all records in one array".to_owned(),
        (Some(elements), _) => {
            format!("streamed: only the elements of {elements} are built, one at a time")
        }
        (None, Some(Format::Json)) => match &job.program {
            Some(program) => match program.elements() {
                Ok(_) => "each value is built whole: there are several inputs".to_owned(),
                Err(why) => format!("each value is built whole because {why}"),
            },
            None => "each value is built whole: there is no program that asks for less".to_owned(),
        },
        (None, Some(Format::Yaml | Format::Toml | Format::Html | Format::Mail)) => {
            "each document is built whole".to_owned()
        }
        (None, _) => "one record at a time".to_owned(),
    };
    say(format!("explain: {memory}"));
}
