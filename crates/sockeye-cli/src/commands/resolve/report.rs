//! How everything is told: each name as soon as it is known, in rows, as JSON, or as values alone.

use sockeye::Result;
use sockeye::net::Race;
use sockeye::net::resolve::query::{DomainName, Question, Server, TraceOptions};
use sockeye::net::resolve::{Explanation, Meaning};

use super::dns::{
    self, AnswerEvent, ComparisonEvent, DifferenceEvent, HostsNamesEvent, Said, UnansweredEvent,
};
use super::plan::{Looked, Plan, Queue, Servers, System, ended};
use super::race::{self, RaceEvent};
use super::rows::{self, Row, Style, width};
use super::system::{self, SystemEvent};
use super::words::Target;
use super::{Args, trace};
use crate::output::{Level, Output};
use crate::report::ErrorEvent;

/// How wide the names of zones are in a trace, which is told before all of them are known.
const ZONE_WIDTH: usize = 20;

/// How everything is told.
pub(super) struct Report {
    output: Output,
    style: Style,
    verbose: bool,
    short: bool,
    /// Whether several servers are compared, so that each has its label.
    compares: bool,
}

impl Report {
    pub(super) fn new(plan: &Plan, targets: &[Target], args: &Args, output: &Output) -> Self {
        let labels = match &plan.servers {
            Servers::Given(servers) => servers.iter().map(|it| width(&says(it))).max(),
            Servers::System(_) => None,
        };
        let own = if plan.views.system {
            width(system::LABEL)
        } else {
            width("DNS says")
        };
        let ports = targets.iter().filter_map(|target| target.port.as_ref());
        let ports = ports.chain(&plan.race);
        let race = ports.map(|port| width(&race::label(port))).max();
        let label = match args.trace {
            true => ZONE_WIDTH,
            false => own.max(labels.unwrap_or(0)).max(race.unwrap_or(0)),
        };
        Self {
            style: Style {
                label,
                color: output.text_color(),
            },
            verbose: output.reports(Level::Verbose) && !output.json(),
            short: args.short,
            compares: matches!(plan.servers, Servers::Given(_)),
            output: output.clone(),
        }
    }

    /// Look everything up, or trace it; the worst exit code.
    pub(super) async fn work(self, plan: Plan, targets: Vec<Target>, trace: bool) -> Result<u8> {
        if trace {
            self.traces(&plan, &targets).await
        } else {
            self.all(Queue::new(plan, targets)).await
        }
    }

    /// Trace one name after the other, for each step is told when it is made; the worst exit code.
    async fn traces(&self, plan: &Plan, targets: &[Target]) -> Result<u8> {
        let options = trace::options(plan)?;
        let mut worst = 0;
        for target in targets {
            for question in trace::questions(plan, target)? {
                let code = self.trace(plan, target, &question, options.clone()).await;
                worst = worst.max(code);
            }
        }
        Ok(worst)
    }

    async fn trace(
        &self,
        plan: &Plan,
        target: &Target,
        question: &Question,
        options: TraceOptions,
    ) -> u8 {
        let name = &*target.text;
        self.heading(&format!("{} {}", question.name, question.kind));
        let traced = trace::follow(plan, question, options, |step| {
            self.rows(&[trace::row(step)]);
            if self.output.json() {
                self.output.json_line(&trace::StepEvent { name, step });
            }
        });
        let traced = traced.await;
        if let Some(said) = &traced.answer {
            self.rows(&dns::rows("answer", said, self.verbose));
        }
        if let Some(error) = &traced.error {
            self.rows(&rows::sentence("no answer", error.why()));
            if self.output.json() {
                self.output.json_line(&ErrorEvent::from(error));
            }
        }
        if self.short {
            self.values(name, None, traced.answer.as_slice());
        }
        traced.code()
    }

    /// Tell of every name as soon as it is known; the worst exit code.
    async fn all(self, mut queue: Queue) -> Result<u8> {
        let mut worst = 0;
        while let Some(looked) = queue.next()? {
            worst = worst.max(self.one(looked).await);
        }
        Ok(worst)
    }

    async fn one(&self, looked: Looked) -> u8 {
        let name = looked.target.text.clone();
        self.heading(&name);
        let system = match looked.system {
            Some(task) => Some(ended(task.await)),
            None => None,
        };
        if let Some(system) = &system {
            self.system(&name, system);
        }
        if let Some(why) = &looked.unasked {
            self.rows(&rows::sentence("DNS", why));
        }
        let mut all: Vec<Said> = Vec::with_capacity(looked.dns.len());
        for task in looked.dns {
            let said = ended(task.await);
            self.dns(&name, &said);
            all.push(said);
        }
        self.comparison(&name, system.as_ref(), &all);
        let mut code = code_of(system.as_ref(), &all);
        if let Some((port, task)) = looked.race {
            let race = ended(task.await);
            code = code.max(self.race(&name, &port, &race));
        }
        if self.short {
            self.values(&name, system.as_ref(), &all);
        }
        code
    }

    fn rows(&self, rows: &[Row]) {
        if !self.output.json() && !self.short {
            self.output.text(&self.style.rows(rows));
        }
    }

    fn heading(&self, name: &str) {
        if self.output.json() || self.short {
            return;
        }
        let text = match name.parse::<DomainName>() {
            Ok(domain) => both_forms(name, &domain),
            Err(_) => name.to_owned(),
        };
        self.output.text(&self.style.heading(&text));
    }

    fn system(&self, name: &str, system: &System) {
        match system {
            System::Name(explained) => {
                if self.output.json() {
                    self.output.json_line(&SystemEvent::from(&**explained));
                }
                self.rows(&system::rows(explained, self.verbose));
            }
            System::Address(names, took) => {
                if self.output.json() {
                    self.output
                        .json_line(&HostsNamesEvent::new(name, names, *took));
                }
                self.rows(&system::names(names));
            }
        }
    }

    fn dns(&self, name: &str, said: &Said) {
        if self.output.json() {
            self.dns_events(name, said);
        }
        let label = match (&said.server, self.compares) {
            (Some(server), true) => says(server),
            _ => "DNS says".into(),
        };
        self.rows(&dns::rows(&label, said, self.verbose));
    }

    fn dns_events(&self, name: &str, said: &Said) {
        for (question, result) in &said.results {
            match result {
                Ok(response) => self.output.json_line(&AnswerEvent { name, response }),
                Err(error) => {
                    let event = UnansweredEvent::new(name, said.server.as_ref(), question, error);
                    self.output.json_line(&event);
                }
            }
        }
        if let Some(error) = &said.refused {
            self.output.json_line(&ErrorEvent::from(error));
        }
    }

    /// Say whether all views agree, and if not, by which rule.
    fn comparison(&self, name: &str, system: Option<&System>, all: &[Said]) {
        let Some(first) = all.first().filter(|said| !said.results.is_empty()) else {
            return;
        };
        let explained = match system {
            Some(System::Name(explained)) => Some(explained),
            _ => None,
        };
        if explained.is_none() && all.len() < 2 {
            return;
        }
        let mut found = Vec::new();
        if let Some(explained) = explained {
            found.extend(
                explained
                    .difference(&first.responses())
                    .map(|it| DifferenceEvent {
                        who: "system".into(),
                        cause: Some(it.cause.code()),
                        text: it.text,
                    }),
            );
        }
        found.extend(
            dns::differences(all)
                .into_iter()
                .map(|(who, text)| DifferenceEvent {
                    who,
                    cause: None,
                    text,
                }),
        );
        let rows: Vec<Row> = match (found.is_empty(), explained) {
            (true, Some(explained)) => vec![Row::new(same(explained), "", "")],
            (true, None) => vec![Row::new("same answer", "", "")],
            (false, _) => {
                let sentences = found.iter().map(|it| rows::sentence("differs", &it.text));
                sentences.flatten().collect()
            }
        };
        self.rows(&rows);
        if self.output.json() {
            let same = found.is_empty();
            self.output.json_line(&ComparisonEvent {
                name,
                same,
                differences: found,
            });
        }
    }

    fn race(&self, name: &str, port: &str, race: &Result<Race>) -> u8 {
        match race {
            Ok(race) => {
                if self.output.json() {
                    self.output.json_line(&RaceEvent::new(name, port, race));
                }
                self.rows(&race::rows(race, port));
                race.error
                    .as_ref()
                    .map_or(0, |error| crate::exit::code(error.kind()))
            }
            Err(error) => {
                if self.output.json() {
                    self.output.json_line(&ErrorEvent::from(error));
                }
                self.rows(&[Row::new(
                    race::label(port),
                    format!("none: {}", error.why()),
                    "",
                )]);
                crate::exit::code(error.kind())
            }
        }
    }

    /// The values alone; why there are none goes to standard error.
    fn values(&self, name: &str, system: Option<&System>, all: &[Said]) {
        let values: Vec<String> = match system {
            Some(System::Name(explained)) => explained
                .addresses()
                .iter()
                .map(ToString::to_string)
                .collect(),
            Some(System::Address(names, _)) if !names.is_empty() => {
                // Programs get one name for an address, the first.
                names.iter().take(1).map(|(_, name)| name.clone()).collect()
            }
            _ => {
                let mut values: Vec<String> = Vec::new();
                for value in all.iter().flat_map(Said::values) {
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
                values
            }
        };
        if values.is_empty() {
            let rows = match system {
                Some(System::Name(explained)) => system::rows(explained, false),
                _ => all
                    .iter()
                    .flat_map(|said| dns::rows("", said, false))
                    .collect(),
            };
            let why = rows
                .first()
                .map_or("nobody to ask", |row| row.content.trim());
            self.output.say(
                Level::Normal,
                rows::shown(&format!("sockeye: {name}: {why}")),
            );
        }
        let lines: String = values
            .iter()
            .map(|value| format!("{}\n", rows::shown(value)))
            .collect();
        self.output.text(&lines);
    }
}

fn says(server: &Server) -> String {
    format!("{} says", dns::short(server))
}

/// What the views agree on, and which address is tried first.
fn same(explained: &Explanation) -> &'static str {
    match explained.meaning() {
        Meaning::Addresses => "same answer",
        _ => "both say so",
    }
}

/// A name as it was written, and in its other form if it has one.
fn both_forms(written: &str, domain: &DomainName) -> String {
    let (ascii, readable) = (domain.to_string(), domain.to_unicode());
    let bare = |text: &str| text.strip_suffix('.').unwrap_or(text).to_owned();
    if ascii == readable {
        return written.to_owned();
    }
    if written.is_ascii() {
        return format!("{written} ({})", bare(&readable));
    }
    format!("{written} ({})", bare(&ascii))
}

/// The exit code for one name: that of programs if their view is shown, else the worst of the answers.
fn code_of(system: Option<&System>, all: &[Said]) -> u8 {
    match system {
        Some(System::Name(explained)) => match explained.meaning() {
            Meaning::Addresses => 0,
            Meaning::NoAddress => 1,
            Meaning::NoName => 3,
            Meaning::Silent => 5,
            Meaning::Failed => 7,
            _ => explained
                .found
                .as_ref()
                .err()
                .map_or(0, |error| crate::exit::code(error.kind())),
        },
        Some(System::Address(names, _)) if !names.is_empty() => 0,
        _ => all.iter().map(Said::code).max().unwrap_or(0),
    }
}
