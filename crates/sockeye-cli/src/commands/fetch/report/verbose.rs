//! `-v`: what was asked and answered, hop by hop, while it happens.
//!
//! `*` is what happened, `>` what was asked, `<` what was answered. Nothing of it can move a terminal.

use sockeye::client::http::{Hop, Masking, Phase, Stage, Why};
use sockeye::data::escape::escape;
use sockeye::data::http1::Headers;
use sockeye::net::{Attempt, Ending};

use crate::timeline::took;

/// The lines about a hop that has come this far.
pub(super) fn text(stage: Stage, hop: &Hop, masking: &Masking, color: bool) -> String {
    let mut lines = Lines {
        text: String::new(),
        masking,
        color,
    };
    match stage {
        Stage::Sending => {
            lines.connection(hop);
            lines.request(hop);
        }
        Stage::Answered => lines.answer(hop),
        _ => lines.end(hop),
    }
    lines.text
}

struct Lines<'m> {
    text: String,
    masking: &'m Masking,
    color: bool,
}

impl Lines<'_> {
    fn push(&mut self, mark: char, line: &str) {
        match self.color {
            true if mark == '*' => self.text += &format!("\x1b[2m* {line}\x1b[0m\n"),
            true => self.text += &format!("\x1b[1m{mark}\x1b[0m {line}\n"),
            false => self.text += &format!("{}\n", format!("{mark} {line}").trim_end()),
        }
    }

    fn happened(&mut self, line: impl AsRef<str>) {
        self.push('*', line.as_ref());
    }

    /// How the connection came about, or that there was one.
    fn connection(&mut self, hop: &Hop) {
        if hop.number > 0 {
            self.happened(why(hop.why));
        }
        if let Some(opening) = &hop.timing.opening {
            for lookup in &opening.lookups {
                self.happened(match lookup.ended {
                    Some(ended) => {
                        let addresses = lookup.addresses.iter().map(|it| it.ip().to_string());
                        let addresses: Vec<String> = addresses.collect();
                        format!(
                            "{} is {} ({}, {})",
                            escape(lookup.name.as_bytes()),
                            addresses.join(", "),
                            lookup.source,
                            took(ended.saturating_sub(lookup.began))
                        )
                    }
                    None => format!("{} was not found", escape(lookup.name.as_bytes())),
                });
            }
            for attempt in &opening.attempts {
                self.happened(tried(attempt));
            }
            for layer in &opening.layers {
                self.happened(format!(
                    "{}: {}",
                    layer.layer,
                    escape(layer.words.as_bytes())
                ));
            }
        }
        let Some(connection) = &hop.connection else {
            return;
        };
        let peer = connection.peer.as_ref().unwrap_or(&connection.endpoint);
        let from = connection.local.as_ref();
        let from = from.map_or_else(String::new, |local| format!(" from {local}"));
        let again = if connection.reused {
            ", used again"
        } else {
            ""
        };
        self.happened(format!(
            "connection {} to {peer}{from}{again}",
            connection.id
        ));
    }

    fn request(&mut self, hop: &Hop) {
        let line = format!(
            "{} {} {}",
            hop.method,
            escape(hop.target.as_bytes()),
            hop.version
        );
        self.push('>', &line);
        self.headers('>', &hop.request);
    }

    fn answer(&mut self, hop: &Hop) {
        for (status, headers) in &hop.interim {
            self.push('<', &format!("{} {status}", hop.version));
            self.headers('<', headers);
        }
        let reason = escape(&hop.reason);
        let line = format!("{} {} {reason}", hop.version, hop.status);
        self.push('<', line.trim_end());
        self.headers('<', &hop.headers);
        for forgiven in &hop.forgiven {
            self.happened(format!("forgiven: {}", escape(forgiven.as_bytes())));
        }
    }

    fn headers(&mut self, mark: char, headers: &Headers) {
        for field in headers.iter() {
            let value = escape(&self.masking.value(&field));
            let line = format!("{}: {value}", field.name);
            self.push(mark, line.trim_end());
        }
        self.push(mark, "");
    }

    fn end(&mut self, hop: &Hop) {
        if hop.connection.is_none() {
            // Nothing was told of it yet.
            self.connection(hop);
        }
        for note in &hop.notes {
            self.happened(escape(note.as_bytes()));
        }
        let total = took(hop.timing.total().unwrap_or_default());
        if let Some(error) = &hop.error {
            self.happened(format!(
                "failed after {total}: {}",
                escape(error.as_bytes())
            ));
            return;
        }
        let mut line = format!("{} received", bytes(hop.received));
        if hop.decoded != hop.received && hop.headers.contains("content-encoding") {
            line += &format!(", {} decoded", bytes(hop.decoded));
        }
        if hop.sent > 0 {
            line += &format!(", {} sent", bytes(hop.sent));
        }
        let waited = hop.timing.of(Phase::Waiting).unwrap_or_default();
        self.happened(format!("{line} in {total}, {} of it waiting", took(waited)));
    }
}

fn bytes(count: u64) -> String {
    match count {
        1 => "1 byte".to_owned(),
        count => format!("{count} bytes"),
    }
}

fn why(why: Why) -> &'static str {
    match why {
        Why::Redirected => "the server sends us on",
        Why::Authenticated => "the server wants to know who asks",
        Why::WithoutExpect => "once more, without Expect",
        Why::Reconnected => "once more, on a new connection",
        Why::Retried => "once more, for it failed",
        _ => "asked",
    }
}

/// `tried 127.0.0.1:80 for 0.1 ms: connected`
fn tried(attempt: &Attempt) -> String {
    let ending = match &attempt.ending {
        Ending::Won => "connected",
        Ending::Canceled => "given up, another was faster",
        Ending::Failed { why, .. } => why,
        _ => "",
    };
    let span = took(attempt.ended.saturating_sub(attempt.began));
    format!("tried {} for {span}: {ending}", attempt.address)
}
