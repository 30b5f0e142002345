//! The wire view: which of the library's observers writes to standard error, and how.

use std::io;
use std::sync::Arc;

use sockeye::Observer;
use sockeye::wire::hexdump::HexView;
use sockeye::wire::jsonl::{JsonOptions, JsonView};
use sockeye::wire::text::{TextOptions, TextView};

use crate::args::WireFormat;
use crate::output::Output;

/// The observer for `--wire=FORMAT`. In a relay, each byte is shown once, where it arrived.
pub(crate) fn wire(format: WireFormat, output: &Output, relaying: bool) -> Arc<dyn Observer> {
    let out = Box::new(io::stderr());
    match format {
        WireFormat::Text => {
            let options = TextOptions::default().once(relaying).color(output.color());
            Arc::new(TextView::new(out, options))
        }
        WireFormat::Hex => Arc::new(HexView::new(out)),
        WireFormat::Json => Arc::new(JsonView::new(out, JsonOptions::default())),
    }
}
