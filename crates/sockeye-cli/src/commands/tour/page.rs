//! How the tour looks: headings, paragraphs of 80 columns, terminals with a bar at their side. Pure; nothing is printed here.

use std::fmt::Write as _;

use super::scene::Broken;
use super::transcript::{Line, Transcript};
use super::{Stage, Step};

/// The widest line of our own text. Lines of terminals are as long as they are.
const WIDTH: usize = 80;

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

/// The looks.
#[derive(Debug)]
pub(super) struct Page {
    color: bool,
}

impl Page {
    pub(super) fn new(color: bool) -> Self {
        Self { color }
    }

    pub(super) fn welcome(&self, steps: usize) -> String {
        let title = self.paint(BOLD, "A tour of network programming");
        let text = format!(
            "{steps} small steps. Everything below happens now, on this machine: the lines behind a bar are what programs \
             really printed. You can type the commands yourself; a port that says 0 is chosen by the system, so yours \
             will differ."
        );
        format!("\n{title}\n\n{}", paragraph(&text, ""))
    }

    pub(super) fn stage(&self, stage: &Stage) -> String {
        let title = format!("Stage {}: {}", stage.numeral, stage.title);
        let line = "═".repeat(WIDTH);
        let title = self.paint(BOLD, &title);
        let line = self.paint(DIM, &line);
        format!("\n{line}\n{title}\n\n{}", paragraph(stage.about, ""))
    }

    pub(super) fn before(&self, number: usize, step: &Step) -> String {
        let title = self.paint(BOLD, &format!("{number:>2}. {}", step.title));
        format!("\n{title}\n\n{}\n", paragraph(step.before, "    "))
    }

    pub(super) fn after(
        &self,
        transcript: &Transcript,
        step: &Step,
        outcome: &Result<(), Broken>,
    ) -> String {
        let mut text = self.terminals(transcript);
        match outcome {
            Ok(()) => text.push_str(&paragraph(step.after, "    ")),
            Err(broken) => {
                let title = self.paint(RED, "This step did not do what it says.");
                let expected = paragraph(&format!("expected: {}", broken.expected), "      ");
                let seen = paragraph(&format!("seen:     {}", broken.seen), "      ");
                // Writing to a string does not fail.
                let _ = write!(text, "    {title}\n{expected}{seen}");
            }
        }
        text
    }

    pub(super) fn farewell(&self, steps: usize, broken: &[usize]) -> String {
        let line = self.paint(DIM, &"═".repeat(WIDTH));
        if broken.is_empty() {
            let done = self.paint(GREEN, &format!("All {steps} steps did what they say."));
            let next = "Now it is your turn: `sockeye listen 15000` in one terminal, `sockeye connect localhost:15000 \
                        --wire` in another. `sockeye --help` has the rest.";
            return format!("\n{line}\n{done}\n{}", paragraph(next, ""));
        }
        let numbers: Vec<String> = broken.iter().map(usize::to_string).collect();
        let text = format!(
            "{} of {steps} steps did not do what they say: {}.",
            broken.len(),
            numbers.join(", ")
        );
        format!("\n{line}\n{}\n", self.paint(RED, &text))
    }

    pub(super) fn listed_stage(&self, stage: &Stage, further: bool) -> String {
        let title = format!("Stage {}: {}", stage.numeral, stage.title);
        let space = if further { "\n" } else { "" };
        format!("{space}{}\n", self.paint(BOLD, &title))
    }

    pub(super) fn listed_step(&self, number: usize, step: &Step) -> String {
        format!("{number:>4}. {}\n", step.title)
    }

    /// All that the terminals showed beside the commands.
    pub(super) fn plain(&self, transcript: &Transcript) -> String {
        let mut text = String::new();
        for line in transcript.panes.iter().flat_map(|pane| &pane.lines) {
            match line {
                Line::Command(_) => continue,
                Line::Typed(line) | Line::Data(line) | Line::Talk(line) => text.push_str(line),
            }
            text.push('\n');
        }
        text
    }

    fn terminals(&self, transcript: &Transcript) -> String {
        let mut text = String::new();
        let bar = self.paint(DIM, "│");
        for pane in &transcript.panes {
            let _ = writeln!(text, "    {}", self.paint(DIM, pane.who));
            for line in &pane.lines {
                let shown = match line {
                    Line::Command(line) => self.paint(BOLD, &format!("$ {line}")),
                    Line::Typed(line) => {
                        let mark = self.paint(DIM, "(typed)");
                        format!("{} {mark}", self.paint(CYAN, &format!("{line:<40}")))
                    }
                    Line::Data(line) => line.clone(),
                    Line::Talk(line) => self.paint(talk_color(line), line),
                };
                let _ = writeln!(text, "    {bar} {shown}");
            }
            text.push('\n');
        }
        text
    }

    fn paint(&self, color: &str, text: &str) -> String {
        if self.color && !color.is_empty() {
            format!("{color}{text}{RESET}")
        } else {
            text.to_owned()
        }
    }
}

/// In the wire view, what was sent and what was received are told apart as the view itself does.
fn talk_color(line: &str) -> &'static str {
    let mut words = line.split(' ').skip(1);
    match words.find(|word| matches!(*word, ">" | "<" | "*")) {
        Some(">") => CYAN,
        Some("<") => GREEN,
        Some(_) => DIM,
        None => "",
    }
}

/// Words broken into lines. A line feed in the text stays one.
fn paragraph(text: &str, indent: &str) -> String {
    let mut out = String::new();
    for line in text.split('\n') {
        let mut column = 0;
        for word in line.split(' ') {
            let width = word.chars().count();
            if column > 0 && indent.len() + column + 1 + width > WIDTH {
                out.push('\n');
                column = 0;
            }
            if column == 0 {
                out.push_str(indent);
            } else {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += width;
        }
        out.push('\n');
    }
    out
}
