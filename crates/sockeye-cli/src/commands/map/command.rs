//! The command of a job: which program with which arguments an input makes.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use super::spec::{Spec, What};
use super::template::{Filling, Rules, Template, quote};

/// The shell of `--shell`.
const SHELL: &str = "/bin/sh";

/// Makes commands from inputs.
#[derive(Debug)]
pub(crate) struct Command {
    template: Template,
    shell: bool,
    stdin: bool,
    /// Stands before the words in what is shown: the name of a probe.
    name: Option<String>,
}

impl Command {
    /// The command of these jobs.
    pub(crate) fn new(spec: &Spec) -> Self {
        let rules = Rules::from(spec);
        match &spec.what {
            What::Program {
                words,
                shell,
                stdin,
            } => {
                let template = Template::new(words, &rules);
                Self {
                    template: match stdin {
                        true => template,
                        false => template.with_place(),
                    },
                    shell: *shell,
                    stdin: *stdin,
                    name: None,
                }
            }
            What::Probe { name, words } => Self {
                template: Template::new(words, &rules),
                shell: false,
                stdin: false,
                name: Some(format!("@{name}")),
            },
        }
    }

    /// Whether the input goes to standard input.
    pub(crate) fn feeds_stdin(&self) -> bool {
        self.stdin
    }

    /// The program, if it is the same for all inputs.
    pub(crate) fn fixed_program(&self) -> Option<OsString> {
        match self.shell {
            true => Some(SHELL.into()),
            false => self.template.fixed(0),
        }
    }

    /// The program and its arguments.
    ///
    /// # Errors
    ///
    /// In words, what the input has not.
    pub(crate) fn argv(&self, index: u64, input: &[u8]) -> Result<Vec<OsString>, String> {
        let filling = Filling { index, input };
        if self.shell {
            let line = self.template.fill_line(filling)?;
            return Ok(vec![SHELL.into(), "-c".into(), line]);
        }
        let mut words = self.template.fill(filling)?;
        if let Some(name) = &self.name {
            words.insert(0, name.into());
        }
        Ok(words)
    }

    /// The same as a line that a shell would understand.
    pub(crate) fn line(&self, index: u64, input: &[u8]) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        for word in self.argv(index, input)? {
            if !line.is_empty() {
                line.push(b' ');
            }
            quote(OsStr::as_bytes(&word), &mut line);
        }
        Ok(line)
    }
}
