//! What is told of downloads: as a line, or as JSON.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use sockeye::client::download::{Event, Failed, Saved};
use sockeye::data::escape::{escape, escape_str};
use sockeye::data::url::Url;

use crate::output::Level;
use crate::report::{rate, seconds, short};

/// One event of one download.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    /// The number of the download, counted from 1.
    download: usize,
    /// Its URL, without secrets.
    url: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum What {
    Started {
        path: String,
        length: Option<u64>,
        resumed: u64,
    },
    Progress {
        received: u64,
        length: Option<u64>,
    },
    SegmentOpened {
        segment: u32,
        first: u64,
        end: Option<u64>,
        cause: &'static str,
        #[serde(skip)]
        why: String,
    },
    SegmentClosed {
        segment: u32,
        cause: &'static str,
        #[serde(skip)]
        why: String,
    },
    Retrying {
        seconds: f64,
        why: String,
        tries: u32,
    },
    StartedOver {
        why: String,
    },
    Saved(Box<Kept>),
    Failed {
        message: String,
        status: Option<u16>,
        kept: Option<String>,
    },
}

#[derive(Debug, Serialize)]
struct Kept {
    path: String,
    length: u64,
    received: u64,
    segments: u32,
    skipped: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip)]
    elapsed: Option<Duration>,
}

/// The path of a file, as text.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl Shown {
    fn new(number: usize, url: &Url, what: What) -> Self {
        Self {
            download: number + 1,
            url: url.without_secrets().to_string(),
            what,
        }
    }

    /// What is told of this event, if it is known here.
    pub(super) fn of(number: usize, url: &Url, event: &Event) -> Option<Self> {
        let what = match event {
            Event::Started {
                path,
                length,
                resumed,
            } => What::Started {
                path: text(path),
                length: *length,
                resumed: *resumed,
            },
            Event::Progress { received, length } => What::Progress {
                received: *received,
                length: *length,
            },
            Event::Opened {
                segment,
                first,
                end,
                cause,
            } => What::SegmentOpened {
                segment: *segment,
                first: *first,
                end: *end,
                cause: cause.code(),
                why: cause.to_string(),
            },
            Event::Closed { segment, cause } => What::SegmentClosed {
                segment: *segment,
                cause: cause.code(),
                why: cause.to_string(),
            },
            Event::Retrying { after, why, tries } => What::Retrying {
                seconds: seconds(*after),
                why: why.clone(),
                tries: *tries,
            },
            Event::StartedOver { why } => What::StartedOver { why: why.clone() },
            _ => return None,
        };
        Some(Self::new(number, url, what))
    }

    pub(super) fn saved(
        number: usize,
        url: &Url,
        saved: &Saved,
        elapsed: Option<Duration>,
    ) -> Self {
        let kept = Kept {
            path: text(&saved.path),
            length: saved.length,
            received: saved.received,
            segments: saved.segments,
            skipped: saved.skipped,
            checksums: saved.checksums.iter().map(ToString::to_string).collect(),
            seconds: elapsed.map(seconds),
            elapsed,
        };
        Self::new(number, url, What::Saved(Box::new(kept)))
    }

    pub(super) fn failed(number: usize, url: &Url, failed: &Failed) -> Self {
        let what = What::Failed {
            message: failed.error.to_string(),
            status: failed.status,
            kept: failed.kept.as_deref().map(text),
        };
        Self::new(number, url, what)
    }

    /// Who wants to hear of it.
    pub(super) fn level(&self) -> Level {
        match self.what {
            What::Retrying { .. } | What::StartedOver { .. } | What::Saved(_) => Level::Normal,
            What::Started { resumed, .. } if resumed > 0 => Level::Normal,
            _ => Level::Verbose,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = escape_str(&self.url);
        match &self.what {
            What::Started {
                path, resumed: 0, ..
            } => write!(f, "{url} goes to {}", shown(path)),
            What::Started { path, resumed, .. } => {
                write!(
                    f,
                    "{}: {resumed} bytes are there, fetching the rest",
                    shown(path)
                )
            }
            What::Progress { received, .. } => write!(f, "{url}: {received} bytes"),
            What::SegmentOpened {
                segment,
                first,
                end: Some(end),
                why,
                ..
            } => {
                write!(
                    f,
                    "{url}: connection {segment} fetches bytes {first} to {end}: {why}"
                )
            }
            What::SegmentOpened {
                segment,
                first,
                why,
                ..
            } => {
                write!(
                    f,
                    "{url}: connection {segment} fetches from byte {first} on: {why}"
                )
            }
            What::SegmentClosed { segment, why, .. } => {
                write!(f, "{url}: connection {segment} ends: {why}")
            }
            What::Retrying { seconds, why, .. } => {
                write!(f, "{}; going on in {seconds:.1} s", escape_str(why))
            }
            What::StartedOver { why } => write!(f, "{url}: from the start: {}", escape_str(why)),
            What::Saved(kept) => kept.fmt(f),
            What::Failed { message, .. } => f.write_str(&escape_str(message)),
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = shown(&self.path);
        if self.skipped {
            return write!(f, "{path} is there already");
        }
        write!(f, "saved {path}, {} bytes", self.length)?;
        if self.received < self.length {
            write!(f, " ({} of them new)", self.received)?;
        }
        if let Some(elapsed) = self.elapsed.filter(|_| self.received > 0) {
            write!(f, ", {}/s", rate(self.received, elapsed))?;
        }
        if self.segments > 1 {
            write!(f, " over {} connections", self.segments)?;
        }
        self.checksums
            .iter()
            .try_for_each(|checksum| write!(f, "\n{checksum}"))
    }
}

fn shown(path: &str) -> String {
    escape(path.as_bytes())
}

/// All downloads together.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "total")]
pub(super) struct Total {
    files: u64,
    bytes: u64,
    seconds: f64,
    #[serde(skip)]
    elapsed: Duration,
}

pub(super) fn total(files: u64, bytes: u64, elapsed: Duration) -> Total {
    Total {
        files,
        bytes,
        seconds: seconds(elapsed),
        elapsed,
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (files, bytes) = (self.files, self.bytes);
        write!(
            f,
            "{files} {}, {bytes} bytes in {}, {}/s",
            if files == 1 { "file" } else { "files" },
            short(self.elapsed),
            rate(bytes, self.elapsed)
        )
    }
}
