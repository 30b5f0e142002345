//! `relay --explain`: what both endpoints mean and how bytes would be moved. Nothing is opened.

use std::fmt;

use serde::Serialize;
use sockeye::Endpoint;
use sockeye::endpoint::Carrier;

use super::Args;
use crate::output::Output;

/// What a relay would do.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "explained")]
struct Explained {
    listen: Meaning,
    target: Meaning,
    /// How bytes of clients would move.
    upstream: String,
    /// How bytes of the target would move.
    downstream: String,
}

/// What an endpoint means.
#[derive(Debug, Serialize)]
struct Meaning {
    endpoint: String,
    carrier: &'static str,
    /// From the outermost to the innermost.
    layers: Vec<&'static str>,
    options: Vec<String>,
}

impl Meaning {
    fn of(endpoint: &Endpoint) -> Self {
        let full = endpoint.to_string();
        // In the printed form a question mark of a path is percent-encoded, so the first one begins the options.
        let options = full.split_once('?').map_or("", |(_, options)| options);
        Self {
            carrier: endpoint.carrier().scheme(),
            layers: endpoint
                .layers()
                .iter()
                .rev()
                .map(|layer| layer.scheme())
                .collect(),
            options: options
                .split('&')
                .filter(|option| !option.is_empty())
                .map(str::to_owned)
                .collect(),
            endpoint: full,
        }
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  ", self.endpoint)?;
        for layer in &self.layers {
            write!(f, "{layer} over ")?;
        }
        write!(f, "{}", self.carrier)?;
        match self.options.as_slice() {
            [] => f.write_str(", default options"),
            options => write!(f, ", with {}", options.join(", ")),
        }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "listen      {}", self.listen)?;
        writeln!(f, "target      {}", self.target)?;
        writeln!(f, "upstream    {}", self.upstream)?;
        write!(f, "downstream  {}", self.downstream)
    }
}

/// Say it on standard output.
pub(super) fn print(args: &Args, listen: &Endpoint, target: &Endpoint, output: &Output) {
    let way = |from: &Endpoint, to: &Endpoint| {
        if args.copy {
            return "copying: --copy asks for it".to_owned();
        }
        if args.talking.wire.is_some() {
            return "copying: the wire view watches".to_owned();
        }
        path(from, to)
    };
    output.data(&Explained {
        listen: Meaning::of(listen),
        target: Meaning::of(target),
        upstream: way(listen, target),
        downstream: way(target, listen),
    });
}

/// What can be said before anything is open.
fn path(from: &Endpoint, to: &Endpoint) -> String {
    if [from, to].iter().any(|end| end.keeps_boundaries()) {
        return "messages, one by one".to_owned();
    }
    if let Some(layer) = [from, to].iter().find_map(|end| end.layers().first()) {
        return format!(
            "copying: {} transforms the bytes",
            layer.scheme().to_uppercase()
        );
    }
    let copied = [from, to].iter().find_map(|end| match end.carrier() {
        Carrier::Pty(_) => Some("copying: a terminal takes part"),
        Carrier::Stdio | Carrier::Fd(_) => {
            Some("splice, unless standard input or output is a terminal or open for appending")
        }
        _ => None,
    });
    copied.map_or_else(
        || "splice: the kernel moves the bytes, once a bulk of them flows".to_owned(),
        str::to_owned,
    )
}
