//! Server-sent events (HTML standard, section 9.2): an answer that goes on, one event after the other.

mod hub;
mod stream;

use std::time::Duration;

pub use hub::{EventHub, Slow};
pub use stream::Events;

/// An event for an `EventSource`.
///
/// # Examples
///
/// ```
/// use sockeye::web::Event;
///
/// let event = Event::new("two\nlines").named("note").with_id("7");
/// assert_eq!(event.to_string(), "event: note\nid: 7\ndata: two\ndata: lines\n\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    name: Option<String>,
    id: Option<String>,
    data: Option<String>,
    retry: Option<Duration>,
}

impl Event {
    /// An event with this data; each line break in it, of whatever kind, arrives as `\n`.
    pub fn new(data: impl Into<String>) -> Self {
        Self {
            data: Some(data.into()),
            ..Self::default()
        }
    }

    /// An event with this value as JSON; one that JSON cannot carry becomes `null`.
    pub fn json(value: &impl serde::Serialize) -> Self {
        Self::new(serde_json::to_string(value).unwrap_or_else(|_| "null".into()))
    }

    /// The client does nothing but wait for so long, in milliseconds, before it comes back when a connection is lost.
    pub fn retry(time: Duration) -> Self {
        Self {
            retry: Some(time),
            ..Self::default()
        }
    }

    /// The same event under a name, which listeners in the client ask for; without one it is a `message`. Line breaks and
    /// NUL, which a name cannot have, become blanks.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(one_line(name.into()));
        self
    }

    /// The same event with an id, which the client says when it comes back (`Last-Event-ID`). Line breaks and NUL, which an id
    /// cannot have, become blanks.
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(one_line(id.into()));
        self
    }

    /// The id, if it has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }
}

/// The event as it is sent.
impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(name) = &self.name {
            writeln!(f, "event: {name}")?;
        }
        if let Some(id) = &self.id {
            writeln!(f, "id: {id}")?;
        }
        if let Some(retry) = self.retry {
            writeln!(f, "retry: {}", retry.as_millis())?;
        }
        if let Some(data) = &self.data {
            // Else a line break in the data could begin a field of its own.
            let data = data.replace("\r\n", "\n").replace('\r', "\n");
            for line in data.split('\n') {
                writeln!(f, "data: {line}")?;
            }
        }
        f.write_str("\n")
    }
}

fn one_line(text: String) -> String {
    match text.contains(['\r', '\n', '\0']) {
        true => text.replace(['\r', '\n', '\0'], " "),
        false => text,
    }
}

#[cfg(test)]
mod tests;
