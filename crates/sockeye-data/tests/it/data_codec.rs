//! `codec`, `charset` and `compress` beside Python's standard library and the programs gzip, zstd, xz and bzip2.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use sockeye_data::charset::{self, Charset, OnInvalid, Unmappable};
use sockeye_data::codec::{Codec, Options, decode, encode};
use sockeye_data::compress::{self, Compression};
use sockeye_data::record::Limits;
use sockeye_testkit::{Program, bulk, peers, within};

/// What is asked of Python: the name of the question, the bytes, our answer.
struct Case {
    name: String,
    input: Vec<u8>,
    ours: Option<Vec<u8>>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All questions to one process.
fn ask(python: &Path, cases: &[Case]) -> Vec<Option<Vec<u8>>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/codec_oracle.py");
    let mut lines = String::new();
    for case in cases {
        writeln!(lines, "{} {}", case.name, hex(&case.input)).unwrap();
    }
    let mut program = Program::start(python, [script]);
    let mut stdin = program.take_stdin().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = program.finish();
    writer.join().unwrap().unwrap();
    assert!(output.stderr_text().is_empty(), "{}", output.stderr_text());
    let text = output.stdout_text();
    let answers = text.lines().map(|line| match line {
        "no" => None,
        _ => Some(decode(Codec::Hex, line.as_bytes(), &Options::default()).unwrap()),
    });
    answers.collect()
}

/// Compare all answers; `expects` tells whether a difference is known and right.
fn compare(cases: &[Case], python: &Path, expects: impl Fn(&Case, Option<&[u8]>) -> bool) {
    let answers = ask(python, cases);
    assert_eq!(answers.len(), cases.len());
    let mut wrong = String::new();
    for (case, answer) in cases.iter().zip(&answers) {
        if case.ours != *answer && !expects(case, answer.as_deref()) {
            let show =
                |bytes: Option<&[u8]>| bytes.map(String::from_utf8_lossy).map(|it| it.into_owned());
            let (input, ours) = (show(Some(&case.input)), show(case.ours.as_deref()));
            let theirs = show(answer.as_deref());
            writeln!(
                wrong,
                "{}: {input:?}\n  ours   {ours:?}\n  theirs {theirs:?}",
                case.name
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn codec(name: &str) -> Codec {
    name.parse().unwrap()
}

/// Bytes of many kinds, the same ones each time.
fn samples() -> Vec<Vec<u8>> {
    let mut samples: Vec<Vec<u8>> = (0..40)
        .map(|length| bulk::pattern(length as u64, length))
        .collect();
    samples.extend((0..8).map(|zeros| vec![0; zeros]));
    samples.extend([
        b"plain text with blanks \t and tabs\t\nlines \r\n and = signs &<>\"'".to_vec(),
        "gr\u{fc}\u{df}e \u{20ac} \u{1f41f} \u{0}\u{1f}\u{7f}"
            .as_bytes()
            .to_vec(),
        b"trailing blank ".to_vec(),
        b"a".repeat(200),
        b"=".repeat(100),
        vec![0xff; 77],
        bulk::pattern(9, 5000),
    ]);
    samples
}

#[test]
fn we_encode_as_python_does() {
    let Some(python) = peers::python_with(&["base64"]) else {
        return;
    };
    within(move || {
        let mut cases = Vec::new();
        let frame = Options {
            frame: true,
            ..Options::default()
        };
        for input in samples() {
            let mut add = |question: &str, name: &str, options: &Options| {
                cases.push(Case {
                    name: format!("{question}+"),
                    ours: encode(codec(name), &input, options).ok(),
                    input: input.clone(),
                });
            };
            for name in [
                "base64",
                "base64url",
                "base32",
                "base32hex",
                "hex",
                "ascii85",
                "base85",
                "percent",
                "form",
                "uuencode",
            ] {
                add(name, name, &Options::default());
            }
            add("ascii85frame", "ascii85", &frame);
            if std::str::from_utf8(&input).is_ok() {
                add("html", "html", &Options::default());
                add("json", "json", &Options::default());
                if !input.contains(&b'\n') && !input.is_empty() {
                    add("punycode", "punycode", &Options::default());
                }
            }
        }
        for name in [
            "b\u{fc}cher.example",
            "fa\u{df}.de.",
            "\u{4f8b}\u{3048}.jp",
            "Plain.Example",
        ] {
            cases.push(Case {
                name: "idna+".to_owned(),
                input: name.as_bytes().to_vec(),
                ours: encode(Codec::Idna, name.as_bytes(), &Options::default()).ok(),
            });
        }
        // Python's IDNA is that of 2003: a sharp s becomes two letters, and capitals of ASCII stay.
        compare(&cases, &python, |case, theirs| {
            let theirs = theirs.unwrap_or_default().to_ascii_lowercase();
            case.name == "idna+"
                && (case.ours.as_deref() == Some(&theirs) || case.input.starts_with(b"fa"))
        });
    });
}

#[test]
fn we_decode_as_python_does() {
    let Some(python) = peers::python_with(&["base64"]) else {
        return;
    };
    within(move || {
        let mut cases = Vec::new();
        let lenient = Options {
            lenient: true,
            ..Options::default()
        };
        let mut add = |question: String, name: &str, input: Vec<u8>, options: &Options| {
            cases.push(Case {
                name: question,
                ours: decode(codec(name), &input, options).ok(),
                input,
            });
        };
        for input in samples() {
            for name in [
                "base64",
                "base32",
                "hex",
                "ascii85",
                "base85",
                "uuencode",
                "quoted-printable",
            ] {
                let text = encode(codec(name), &input, &Options::default()).unwrap();
                add(format!("{name}-"), name, text, &Options::default());
            }
            for name in ["percent", "form"] {
                add(format!("{name}~"), name, input.clone(), &lenient);
            }
        }
        for (name, text) in DECODED {
            let options = if name.ends_with('~') {
                &lenient
            } else {
                &Options::default()
            };
            let ours = name.trim_end_matches(['-', '~']);
            add((*name).to_owned(), ours, text.as_bytes().to_vec(), options);
        }
        // Where they part: Python's strict base64 takes padding that has bits set, and no line ends.
        compare(&cases, &python, |case, theirs| {
            let has_lines = case.input.contains(&b'\n');
            match case.name.as_str() {
                "base64-" => case.ours.is_none() && theirs.is_some() || has_lines,
                "base32-" => case.ours.is_none() && theirs.is_some() || has_lines,
                // It takes one digit at the end for nothing.
                "ascii85-" => case.ours.is_none(),
                // Blanks are no error with us.
                "base85-" => case.ours.is_none() || case.input.contains(&b' '),
                // It drops what the standard calls an error and keeps: U+0001.
                "html-" => {
                    let ours = String::from_utf8_lossy(case.ours.as_deref().unwrap_or_default());
                    Some(ours.replace('\u{1}', "").as_bytes()) == theirs
                }
                _ => false,
            }
        });
    });
}

/// Texts that are no encoder's: what is asked, and the text.
const DECODED: &[(&str, &str)] = &[
    ("base64-", "Zg"),
    ("base64-", "Zg="),
    ("base64-", "Zg=="),
    ("base64-", "Zh=="),
    ("base64-", "Zg==="),
    ("base64-", "Z"),
    ("base64-", "Zm9v!"),
    ("base64-", "Zm-_"),
    ("base64-", "=Zg="),
    ("base32-", "MZXW6==="),
    ("base32-", "MZXW6"),
    ("base32-", "mzxw6==="),
    ("base32-", "MZXW6YTBOI======"),
    ("base32-", "M======="),
    ("hex-", "6"),
    ("hex-", "6G"),
    ("hex-", "aAfF"),
    ("ascii85-", "z!!"),
    ("ascii85-", "87cUR\nD]i,\"Ebo80"),
    ("ascii85-", "uuuuu"),
    ("ascii85-", "s8W-!"),
    ("ascii85-", "s8W-\""),
    ("ascii85-", "!z"),
    ("base85-", "~~~~~"),
    ("base85-", "|NsC0"),
    ("base85-", "|NsC1"),
    ("base85-", "a b"),
    ("percent~", "%zz%4%41%e4%"),
    ("form~", "a+b%2B%20%"),
    ("quoted-printable-", "a=\nb=3D=20\n"),
    ("quoted-printable-", "a=\r\nb\r\n"),
    ("quoted-printable-", "=c3=BC"),
    (
        "html-",
        "&notin; &notit; &#x80; &#0; &amp &ampx &lt;&Lt; &NotEqualTilde; &unknown; &#x110000; & &; &#; &#x; &#65 x",
    ),
    (
        "html-",
        "&#128; &#150; &#xd800; &#13; &#1; &CounterClockwiseContourIntegral; &fjlig;",
    ),
    ("json-", "\"\\u00fc\\ud83d\\udc1f\\n\\/\\b\""),
    ("json-", "\"\\x\""),
    ("json-", "\"a"),
    ("json-", " \"a\" "),
    ("json-", "\"a\nb\""),
    ("punycode-", "bcher-kva"),
    ("punycode-", "egbpdaj6bu4bxfgehfvwxn"),
    ("punycode-", "abc-"),
];

#[test]
fn python_reads_the_quoted_printable_that_we_write() {
    let Some(python) = peers::python_with(&["quopri"]) else {
        return;
    };
    within(move || {
        let mut cases = Vec::new();
        for input in samples() {
            for binary in [false, true] {
                // Python knows no CR that stands alone.
                if !binary && input.contains(&b'\r') {
                    continue;
                }
                let options = Options {
                    binary,
                    ..Options::default()
                };
                cases.push(Case {
                    name: "quoted-printable-".to_owned(),
                    input: encode(Codec::QuotedPrintable, &input, &options).unwrap(),
                    ours: Some(input.clone()),
                });
            }
        }
        compare(&cases, &python, |_, _| false);
    });
}

#[test]
fn python_has_the_same_charsets() {
    let Some(python) = peers::python_with(&["codecs"]) else {
        return;
    };
    within(move || {
        let text = "Gr\u{fc}\u{df}e, na\u{ef}ve caf\u{e9}";
        let (cyrillic, greek) = (
            "\u{421}\u{44a}\u{435}\u{448}\u{44c}",
            "\u{3b1}\u{3b2}\u{3b3}",
        );
        let (japanese, chinese) = (
            "\u{65e5}\u{672c}\u{8a9e} \u{30c6}\u{30b9}\u{30c8}",
            "\u{4e2d}\u{6587}",
        );
        let korean = "\u{d55c}\u{ad6d}\u{c5b4}";
        let mut cases = Vec::new();
        for (name, text) in [
            ("windows-1252", text),
            ("iso-8859-2", "\u{141}\u{f3}d\u{17a}"),
            ("iso-8859-15", "5 \u{20ac}"),
            ("windows-1250", "\u{141}\u{f3}d\u{17a}"),
            ("windows-1251", cyrillic),
            ("koi8-r", cyrillic),
            ("iso-8859-5", cyrillic),
            ("windows-1253", greek),
            ("iso-8859-7", greek),
            ("shift_jis", japanese),
            ("euc-jp", japanese),
            ("iso-2022-jp", japanese),
            ("gbk", chinese),
            ("gb18030", "\u{4e2d}\u{6587} \u{1f41f} \u{20ac}"),
            ("big5", chinese),
            ("euc-kr", korean),
            ("utf-16-le", "\u{1f41f} \u{e9}"),
            ("utf-16-be", "\u{1f41f} \u{e9}"),
            ("utf-32-le", "\u{1f41f} \u{e9}"),
            ("utf-32-be", "\u{1f41f} \u{e9}"),
        ] {
            let label = name.replace("-le", "le").replace("-be", "be");
            let charset: Charset = label.parse().unwrap();
            let bytes = charset::encode(text, charset, Unmappable::Refuse).unwrap();
            cases.push(Case {
                name: format!("to:{name}"),
                input: text.as_bytes().to_vec(),
                ours: Some(bytes.clone()),
            });
            let mut back = Vec::new();
            charset::reader(Some(charset), &bytes[..], OnInvalid::Refuse)
                .read_to_end(&mut back)
                .unwrap();
            cases.push(Case {
                name: format!("from:{name}"),
                input: bytes,
                ours: Some(back),
            });
        }
        compare(&cases, &python, |_, _| false);
    });
}

fn pack(compression: Compression, plain: &[u8]) -> Vec<u8> {
    let mut writer = compress::writer(compression, None, Vec::new()).unwrap();
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

fn unpack(compression: Compression, packed: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    compress::reader(compression, packed, &Limits::default())
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

#[test]
fn python_reads_what_we_compress_and_we_read_what_it_does() {
    let Some(python) = peers::python_with(&["zlib"]) else {
        return;
    };
    within(move || {
        let mut cases = Vec::new();
        for input in samples() {
            for compression in [
                Compression::Gzip,
                Compression::Deflate,
                Compression::DeflateRaw,
            ] {
                cases.push(Case {
                    name: format!("{compression}-"),
                    input: pack(compression, &input),
                    ours: Some(input.clone()),
                });
            }
        }
        compare(&cases, &python, |_, _| false);
        let cases: Vec<Case> = samples()
            .into_iter()
            .map(|input| Case {
                name: "deflate+".to_owned(),
                input,
                ours: None,
            })
            .collect();
        for (case, packed) in cases.iter().zip(ask(&python, &cases)) {
            assert_eq!(unpack(Compression::Deflate, &packed.unwrap()), case.input);
        }
    });
}

/// What a program makes of this standard input.
fn piped(program: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(args);
    let mut program = Program::start_command(command);
    let mut stdin = program.take_stdin().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = program.finish();
    writer.join().unwrap().unwrap();
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    output.stdout
}

/// Programs that most machines have; where one is missing, its part of the test is.
fn found(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

#[test]
fn the_programs_of_compression_and_we_understand_each_other() {
    within(|| {
        let plain = [bulk::pattern(3, 400_000), vec![7; 400_000]].concat();
        for compression in [
            Compression::Gzip,
            Compression::Zstd,
            Compression::Xz,
            Compression::Bzip2,
        ] {
            let Some(program) = found(compression.name()) else {
                continue;
            };
            for level in ["-1", "-9"] {
                let packed = piped(&program, &[level, "-c"], &plain);
                assert_eq!(compress::recognise(&packed), Some(compression));
                assert_eq!(unpack(compression, &packed), plain, "{compression} {level}");
                // Several behind each other.
                let twice = [&packed[..], &packed].concat();
                assert_eq!(unpack(compression, &twice).len(), 2 * plain.len());
                // Cut off, damaged, followed by something else: an error each, and no byte that is wrong.
                let cut = packed[..packed.len() - 3].to_vec();
                let mut damaged = packed.clone();
                damaged[packed.len() / 2] ^= 0x10;
                let garbage = [&packed[..], b"garbage"].concat();
                for bytes in [cut, damaged, garbage] {
                    let mut got = Vec::new();
                    compress::reader(compression, &bytes[..], &Limits::default())
                        .read_to_end(&mut got)
                        .unwrap_err();
                    assert!(got.len() <= plain.len());
                }
            }
            if matches!(compression, Compression::Gzip | Compression::Zstd) {
                let packed = pack(compression, &plain);
                assert_eq!(piped(&program, &["-dc"], &packed), plain, "{compression}");
            }
        }
    });
}

#[test]
fn dumps_are_those_of_xxd() {
    within(|| {
        let Some(xxd) = found("xxd") else {
            return;
        };
        for length in [1, 2, 15, 16, 17, 1000] {
            let plain = bulk::pattern(length as u64, length);
            let dump = piped(&xxd, &[], &plain);
            let ours = encode(Codec::Hexdump, &plain, &Options::default()).unwrap();
            assert_eq!(String::from_utf8(ours), String::from_utf8(dump.clone()));
            let back = decode(Codec::Hexdump, &dump, &Options::default());
            assert_eq!(back.unwrap(), plain);
        }
    });
}
