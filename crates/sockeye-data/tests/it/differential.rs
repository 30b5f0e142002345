//! Against h11 and llhttp, over a corpus written by hand and seeded mutations of it.

use std::fmt::Write as _;
use std::path::Path;

use sockeye_data::escape::escape;
use sockeye_data::http1::{
    BodyDecoder, BodyLimits, Error, Framing, Limits, Parsed, RequestParser, ResponseParser,
    is_tunnel, request_body, response_body,
};
use sockeye_testkit::{Program, peers, within};

use crate::corpus::{REQUESTS, RESPONSES};

/// Mutations of each message.
const MUTATIONS: usize = 60;
/// The methods of our corpus that llhttp knows; it refuses all others, which is its users' wish and no rule.
const KNOWN: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "PROPFIND", "M-SEARCH",
];
const SEED: u64 = 0x5eed_0a11;

/// The body of the first message in these bytes, if all of it is there and good.
fn ours(is_request: bool, bytes: &[u8]) -> Option<Vec<u8>> {
    let (framing, consumed) = if is_request {
        match RequestParser::new(Limits::default()).parse(bytes).ok()? {
            Parsed::Complete { head, consumed, .. } => (request_body(&head).ok()?, consumed),
            Parsed::Incomplete => return None,
        }
    } else {
        match ResponseParser::new(Limits::default()).parse(bytes).ok()? {
            // Nobody has asked for another protocol.
            Parsed::Complete { head, .. } if is_tunnel(&head, b"GET") => return None,
            Parsed::Complete { head, consumed, .. } => {
                (response_body(&head, b"GET").ok()?, consumed)
            }
            Parsed::Incomplete => return None,
        }
    };
    body(framing, &bytes[consumed..]).ok()
}

fn body(framing: Framing, mut rest: &[u8]) -> Result<Vec<u8>, Error> {
    let mut decoder = BodyDecoder::new(framing, BodyLimits::default());
    let mut data = Vec::new();
    while !decoder.is_done() && !rest.is_empty() {
        let step = decoder.decode(rest)?;
        data.extend_from_slice(step.data);
        rest = &rest[step.consumed..];
    }
    decoder.end()?;
    Ok(data)
}

fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state % 1_000_003).unwrap()
}

fn mutated(bytes: &[u8], state: &mut u64) -> Vec<u8> {
    const PIECES: [&[u8]; 16] = [
        b"\r",
        b"\n",
        b"\r\n",
        b" ",
        b"\t",
        b"\0",
        b":",
        b",",
        b";",
        b"0",
        b"chunked",
        b"+",
        b"\x80",
        b"x",
        b"\x0b",
        b"Content-Length: 1\r\n",
    ];
    let mut bytes = bytes.to_vec();
    for _ in 0..=next(state) % 2 {
        let at = next(state) % (bytes.len() + 1);
        match next(state) % 4 {
            0 => drop(bytes.splice(at..at, PIECES[next(state) % PIECES.len()].iter().copied())),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 if at < bytes.len() => bytes[at] ^= 1 << (next(state) % 8),
            _ => {
                let end = (at + 1 + next(state) % 12).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, piece));
            }
        }
    }
    bytes
}

#[test]
fn we_accept_only_what_h11_and_llhttp_accept() {
    let Some(python) = peers::python_with(&["h11", "httptools"]) else {
        return;
    };
    within(move || {
        let mut state = SEED;
        let mut cases = Vec::new();
        for (is_request, texts) in [(true, REQUESTS), (false, RESPONSES)] {
            for text in texts {
                cases.push((is_request, text.as_bytes().to_vec()));
                for _ in 0..MUTATIONS {
                    cases.push((is_request, mutated(text.as_bytes(), &mut state)));
                }
            }
        }
        let answers = ask(&python, &cases);
        assert_eq!(answers.len(), cases.len());
        let (mut accepted, mut wrong) = (0, String::new());
        for ((is_request, bytes), answer) in cases.iter().zip(&answers) {
            let Some(body) = ours(*is_request, bytes) else {
                continue;
            };
            accepted += 1;
            let body = body
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>();
            let word = format!("yes:{body}");
            let method = bytes.split(|&byte| byte == b' ').next().unwrap_or_default();
            let is_known = KNOWN.iter().any(|known| known.as_bytes() == method);
            let both = format!("{word} {word}");
            let h11_alone = *is_request && !is_known && *answer == format!("{word} no");
            if *answer != both && !h11_alone {
                writeln!(
                    wrong,
                    "{}\n  ours {word}, h11 and llhttp {answer}",
                    escape(bytes)
                )
                .unwrap();
            }
        }
        assert!(
            wrong.is_empty(),
            "seed {SEED:#x}; accepted by us and not by both:\n{wrong}"
        );
        assert!(
            accepted > REQUESTS.len() / 4,
            "only {accepted} were accepted: is the corpus read at all?"
        );
    });
}

fn ask(python: &Path, cases: &[(bool, Vec<u8>)]) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/oracles.py");
    let mut lines = String::new();
    for (is_request, bytes) in cases {
        let kind = if *is_request { "request" } else { "response" };
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(lines, "{kind} {hex}").unwrap();
    }
    let mut program = Program::start(python, [script]);
    let mut stdin = program.take_stdin().unwrap();
    // Answers come back while questions still go out.
    let writer =
        std::thread::spawn(move || std::io::Write::write_all(&mut stdin, lines.as_bytes()));
    let output = program.finish();
    writer.join().unwrap().unwrap();
    assert!(output.stderr_text().is_empty(), "{}", output.stderr_text());
    output.stdout_text().lines().map(str::to_owned).collect()
}
