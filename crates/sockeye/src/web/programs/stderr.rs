//! What a program writes to its standard error: to whoever runs the server, line by line, escaped, and not without end.

use sockeye_data::escape;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::setup::{Remark, RemarkKind, Setup};

/// Bytes of one line that are told.
const LINE: usize = 2048;
/// Lines of one process that are told, if it serves one request.
pub(super) const LINES: u64 = 1000;

/// Tell what this reader says, until its end; it is read on even if nothing more is told, so that no program waits.
pub(super) async fn tell(
    mut reader: impl AsyncRead + Unpin,
    setup: Setup,
    program: String,
    pid: u32,
    most: u64,
) {
    let mut teller = Teller {
        setup,
        program,
        pid,
        left: most,
        missed: 0,
    };
    let mut line = Vec::new();
    let mut buffer = vec![0; 4096];
    while let Ok(read @ 1..) = reader.read(&mut buffer).await {
        for piece in buffer[..read].split_inclusive(|&byte| byte == b'\n') {
            let room = (LINE + 1).saturating_sub(line.len());
            line.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.ends_with(b"\n") {
                teller.line(&line);
                line.clear();
            }
        }
    }
    if !line.is_empty() {
        teller.line(&line);
    }
    teller.close();
}

struct Teller {
    setup: Setup,
    program: String,
    pid: u32,
    left: u64,
    missed: u64,
}

impl Teller {
    fn line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return;
        }
        if self.left == 0 {
            self.missed += 1;
            return;
        }
        self.left -= 1;
        self.say(&escape::escape_start(line, LINE));
    }

    fn close(&self) {
        if self.missed > 0 {
            self.say(&format!("{} further lines", self.missed));
        }
    }

    fn say(&self, text: &str) {
        self.setup.remark(&Remark {
            program: &self.program,
            pid: Some(self.pid),
            kind: RemarkKind::Said,
            text,
        });
    }
}
