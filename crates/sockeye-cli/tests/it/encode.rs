//! `sockeye encode` and `sockeye decode`.

use std::io::Write as _;

use sockeye_testkit::{Output, bulk, within};

use crate::terminal::Screen;
use crate::{json_lines, shell, sockeye};

/// Run with this standard input, to the end.
fn coded(args: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut program = sockeye(args);
    program.write(input);
    program.finish()
}

#[track_caller]
fn done(args: &[&str], input: impl AsRef<[u8]>) -> Vec<u8> {
    let output = coded(args, input);
    assert_eq!(output.code, Some(0), "{args:?}: {}", output.stderr_text());
    assert_eq!(output.stderr_text(), "", "{args:?}");
    output.stdout
}

#[test]
fn bytes_become_a_code_and_come_back() {
    within(|| {
        for (codec, text, code) in [
            (&["base64"][..], "red salmon", "cmVkIHNhbG1vbg=="),
            (&["base64", "--url", "--no-padding"], "~~~~", "fn5-fg"),
            (&["hex"], "salmon", "73616c6d6f6e"),
            (&["percent"], "a b&c", "a%20b%26c"),
            (&["form"], "a b&c", "a+b%26c"),
            (&["quoted-printable"], "caf\u{e9} =", "caf=C3=A9 =3D"),
            (&["json"], "say \"hi\"\n", "\"say \\\"hi\\\"\\n\""),
            (&["punycode"], "b\u{fc}cher", "bcher-kva"),
            (&["idna"], "b\u{fc}cher.example", "xn--bcher-kva.example"),
            (&["hex", "base64"], "fish", "NjY2OTczNjg="),
        ] {
            let encoded = done(&[&["encode"], codec].concat(), text);
            assert_eq!(String::from_utf8(encoded).unwrap(), code);
            let mut back: Vec<&str> = codec
                .iter()
                .copied()
                .filter(|arg| !arg.starts_with('-'))
                .collect();
            back.reverse();
            back.extend(codec.iter().filter(|arg| arg.starts_with('-')));
            let decoded = done(&[&["decode"][..], &back].concat(), code);
            assert_eq!(String::from_utf8(decoded).unwrap(), text);
        }
        assert_eq!(done(&["encode", "html"], "<b>&"), b"&lt;b&gt;&amp;");
        assert_eq!(
            done(&["encode", "base64", "-w", "4"], "salmon"),
            b"c2Fs\nbW9u\n"
        );
    });
}

#[test]
fn the_end_of_the_last_line_is_a_byte_like_others() {
    within(|| {
        assert_eq!(done(&["encode", "base64"], "a\n"), b"YQo=");
        assert_eq!(done(&["decode", "base64"], "YQo=\n"), b"a\n");
        assert_eq!(done(&["encode", "hex", "--text", "a"], ""), b"61");
    });
}

#[test]
fn compressions_and_charsets_are_codecs() {
    within(|| {
        let plain = bulk::pattern(7, 300_000);
        for codec in ["gzip", "deflate", "brotli", "zstd"] {
            let packed = done(&["encode", codec, "--level", "1"], &plain);
            assert_eq!(done(&["decode", codec], packed), plain);
        }
        assert_eq!(done(&["encode", "utf-16be", "--bom"], "a"), b"\xfe\xff\0a");
        assert_eq!(
            done(&["decode", "windows-1252"], b"\x80"),
            "\u{20ac}".as_bytes()
        );
        assert_eq!(
            done(
                &["encode", "latin1", "--unmappable", "reference"],
                "\u{142}"
            ),
            b"&#322;"
        );
        let output = coded(&["encode", "latin1"], "x \u{142}");
        assert_eq!((output.code, output.stdout), (Some(1), b"x ".to_vec()));
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "sockeye: windows-1252: there is no \u{142} (U+0142) in this charset at byte 2\n\
             hint: --unmappable question or --unmappable reference write something else in its place\n"
        );
    });
}

#[test]
fn bad_input_ends_with_its_place_after_the_data_before_it() {
    within(|| {
        let output = coded(&["decode", "base64"], "c2FsbW9u*mlzaA==");
        assert_eq!(
            (output.code, output.stdout_text()),
            (Some(1), "salmon".to_owned())
        );
        assert_eq!(
            output.stderr_text(),
            "sockeye: base64: `*` does not belong here at byte 8\n\
             hint: --lenient passes over what does not belong\n"
        );
        let output = coded(&["decode", "base64"], "c2FsbW9uZg");
        assert_eq!(output.code, Some(1));
        assert!(
            output.stderr_text().contains("--no-padding"),
            "{}",
            output.stderr_text()
        );
        assert_eq!(
            done(&["decode", "base64", "--lenient"], "c2Fs*bW9u"),
            b"salmon"
        );
    });
}

#[test]
fn an_error_is_of_the_codec_that_has_it() {
    within(|| {
        let output = coded(&["decode", "base64", "gzip"], "c2FsbW9uIGFyZSBmaXNo");
        assert_eq!(output.code, Some(1));
        assert_eq!(
            output.stderr_text(),
            "sockeye: gzip: this does not begin as gzip does at byte 0\n"
        );
    });
}

#[test]
fn a_bomb_stops_at_its_bounds() {
    within(|| {
        let packed = done(&["encode", "zstd"], vec![0; 40 << 20]);
        let output = coded(&["decode", "zstd"], &packed);
        assert_eq!(output.code, Some(1));
        assert!(
            output.stderr_text().contains("more than 1000 times"),
            "{}",
            output.stderr_text()
        );
        let output = coded(&["decode", "zstd", "--max-output", "1MiB"], &packed);
        assert_eq!((output.code, output.stdout.len()), (Some(1), 1 << 20));
        assert!(
            output.stderr_text().contains("--no-limit"),
            "{}",
            output.stderr_text()
        );
        assert_eq!(
            done(&["decode", "zstd", "--no-limit"], &packed).len(),
            40 << 20
        );
        assert_eq!(
            done(&["decode", "zstd", "--max-ratio", "1000000"], &packed).len(),
            40 << 20
        );
    });
}

#[test]
fn what_means_nothing_is_refused() {
    within(|| {
        for (args, why) in [
            (
                &["encode", "rot13"][..],
                "rot13 is neither a codec nor a charset",
            ),
            (
                &["encode", "percent", "--wrap", "9"],
                "--wrap means nothing to what is to encode",
            ),
            (
                &["decode", "hex", "--no-limit"],
                "--no-limit means nothing to what is to decode",
            ),
            (
                &["encode", "hex", "--url"],
                "--url means nothing without base64",
            ),
            (
                &["encode", "hex", "--separator", "a"],
                "--separator takes ASCII that is no hexadecimal digit",
            ),
            (
                &["encode", "gzip", "--level", "10"],
                "gzip has no level 10; there are 0 to 9",
            ),
            (&["encode", "xz"], "xz is read, but not written"),
            (
                &["encode", "hex", "--json"],
                "--json has no place beside the data",
            ),
        ] {
            let output = coded(args, "");
            assert_eq!(output.code, Some(2), "{args:?}");
            assert!(
                output.stderr_text().contains(why),
                "{}",
                output.stderr_text()
            );
        }
        assert_eq!(coded(&["encode"], "").code, Some(2));
    });
}

#[test]
fn the_list_names_every_codec() {
    within(|| {
        let text = String::from_utf8(done(&["encode", "--list"], "")).unwrap();
        assert!(text.contains("base64, b64 "), "{text}");
        assert!(text.contains("Shift_JIS"), "{text}");
        let lines = json_lines(&done(&["decode", "--list", "--json"], ""));
        assert!(lines.iter().any(|line| line["name"] == "quoted-printable"));
        assert!(
            lines
                .iter()
                .any(|line| line["type"] == "charset" && line["name"] == "gb18030")
        );
    });
}

#[test]
fn files_are_read_and_written() {
    within(|| {
        let dir = tempfile::tempdir().unwrap();
        let (plain, coded_file) = (dir.path().join("plain"), dir.path().join("coded"));
        std::fs::write(&plain, "salmon").unwrap();
        let (from, to) = (plain.to_str().unwrap(), coded_file.to_str().unwrap());
        let output = coded(&["encode", "base64", "-f", from, "-o", to, "--json"], "");
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        let line = &json_lines(&output.stdout)[0];
        assert_eq!((&line["read"], &line["written"]), (&6.into(), &8.into()));
        assert_eq!(std::fs::read(&coded_file).unwrap(), b"c2FsbW9u");
        let output = coded(&["decode", "hex", "-f", to], "");
        assert_eq!(
            output.stderr_text().lines().next().unwrap(),
            format!("sockeye: {to}: hex: `s` does not belong here at byte 3")
        );
        let output = coded(&["decode", "hex", "-f", "/no/such"], "");
        assert_eq!(output.code, Some(8));
        assert!(
            output.stderr_text().contains("cannot open /no/such"),
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn a_terminal_sees_text_and_a_whole_line() {
    within(|| {
        let screen = Screen::start(&["encode", "base64", "--text", "salmon"]);
        screen.until("c2FsbW9u", "\n");
        let screen = Screen::start(&["decode", "hex", "--text", "1b5b326a41"]);
        screen.until("\\x1b[2jA", "\n");
        let screen = Screen::start(&["encode", "gzip", "--text", "salmon"]);
        screen.until("compressed bytes are nothing for a terminal", "\n");
    });
}

#[test]
fn nobody_reading_is_a_quiet_end() {
    within(|| {
        let output = shell(
            "head -c 10000000 /dev/zero | $S encode hex | head -c 4; exit ${PIPESTATUS[1]}",
            &[],
        );
        assert_eq!(
            (output.code, output.stdout_text()),
            (Some(0), "0000".to_owned())
        );
        assert_eq!(output.stderr_text(), "");
    });
}

#[test]
fn memory_stays_flat_however_much_comes() {
    within(|| {
        for (way, codec) in [("encode", "base64"), ("decode", "hex"), ("encode", "json")] {
            let mut program = sockeye([way, codec, "-o", "/dev/null"]);
            let mut stdin = program.take_stdin().unwrap();
            let block = vec![b'a'; 1 << 20];
            for _ in 0..64 {
                stdin.write_all(&block).unwrap();
            }
            let status =
                std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
            let peak = status
                .lines()
                .find_map(|line| line.strip_prefix("VmHWM:"))
                .unwrap();
            let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
            drop(stdin);
            assert_eq!(program.finish().code, Some(0));
            assert!(peak < 48 << 10, "{way} {codec}: {peak} KiB");
        }
    });
}
