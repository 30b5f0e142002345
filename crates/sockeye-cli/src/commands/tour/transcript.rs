//! What a step looked like at the terminals: commands, what was typed, what was printed. No formatting happens here.

/// All terminals of a step, in the order in which they were opened.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    pub(super) panes: Vec<Pane>,
}

/// One terminal.
#[derive(Debug)]
pub(super) struct Pane {
    /// Who sits there: "the server".
    pub(super) who: &'static str,
    pub(super) lines: Vec<Line>,
}

/// One line of a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A command, as one would type it.
    Command(String),
    /// Input that a person types.
    Typed(String),
    /// What a program wrote to standard output: data.
    Data(String),
    /// What a program wrote to standard error: talk.
    Talk(String),
}

impl Transcript {
    /// The commands of all terminals.
    pub(super) fn commands(&self) -> Vec<String> {
        let lines = self.panes.iter().flat_map(|pane| &pane.lines);
        lines
            .filter_map(|line| match line {
                Line::Command(command) => Some(command.clone()),
                _ => None,
            })
            .collect()
    }
}
