//! What becomes of bodies before they are written.

use clap::Args;

const HEADING: &str = "Convert";

/// What becomes of bodies before they are written.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct ConvertArgs {
    /// Write bodies as this format, whatever they come as: json, ndjson, csv, yaml, table ... as in sockeye convert
    #[arg(long = "as", value_name = "FORMAT", help_heading = HEADING)]
    format: Option<String>,
    /// Run this jq program on the records of bodies
    #[arg(long, value_name = "PROGRAM", help_heading = HEADING)]
    jq: Option<String>,
    /// More flags of sockeye convert in one text, quoted as in a shell: '--css a --get href'
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true, help_heading = HEADING)]
    convert: Option<sockeye::endpoint::Argv>,
}

impl ConvertArgs {
    /// Whether bodies are converted.
    pub(in crate::commands::fetch) fn is_given(&self) -> bool {
        self.format.is_some() || self.jq.is_some() || self.convert.is_some()
    }

    /// The flags of `convert` that these mean.
    pub(in crate::commands::fetch) fn flags(&self) -> Vec<std::ffi::OsString> {
        let mut flags = Vec::new();
        let mut flag = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                // One word: a value may begin with a dash.
                flags.push(format!("{name}={value}").into());
            }
        };
        flag("--to", &self.format);
        flag("--jq", &self.jq);
        // The text is taken apart as a command would be; here its first word is a flag as well.
        if let Some(words) = &self.convert {
            flags.push(words.program.clone());
            flags.extend(words.args.iter().cloned());
        }
        flags
    }
}
