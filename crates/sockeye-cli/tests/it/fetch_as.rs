//! `sockeye fetch --as` and what is piped on.

use std::fs;

use sockeye_testkit::{Peer, Step, Web, temporary_dir, within};

use crate::sockeye;

/// A server that answers every request with this body, of this media type.
fn serve(media_type: &'static str, body: &'static str) -> Web {
    Web::new(move |_| {
        let length = body.len();
        let head = "HTTP/1.1 200 OK\r\nContent-Type:";
        format!("{head} {media_type}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
    })
}

const PEOPLE: &str = "[{\"name\":\"Ann\",\"age\":36},{\"name\":\"Ben, the second\",\"age\":28}]\n";

#[test]
fn a_body_is_picked_from_and_becomes_another_format() {
    within(|| {
        let web = serve("application/json", PEOPLE);
        let args = ["fetch", "--as", "csv", "--jq", ".[] | select(.age < 30)"];
        let output = sockeye([&args[..], &[&web.url("/")]].concat()).finish();
        let seen = (output.code, output.stdout_text(), output.stderr_text());
        let rows = "name,age\n\"Ben, the second\",28\n".to_owned();
        assert_eq!(seen, (Some(0), rows, String::new()));
    });
}

#[test]
fn the_content_type_decides_then_the_name_then_the_bytes() {
    within(|| {
        let row = "{\"a\":\"1\",\"b\":\"2\"}\n";
        let wide = "[\n  {\n    \"a\": \"1\"\n  }\n]\n";
        for (media_type, path, body, expected) in [
            ("text/csv", "/rows", "a,b\n1,2\n", row),
            ("text/plain", "/rows.csv", "a,b\n1,2\n", row),
            (
                "application/octet-stream",
                "/rows",
                "[{\"a\":\"1\",\"b\":\"2\"}]",
                row,
            ),
            ("text/csv; charset=utf-16le", "/", "a\0\n\x001\0", wide),
        ] {
            let web = serve(media_type, body);
            let to = if expected == row { "ndjson" } else { "json" };
            let output = sockeye(["fetch", "--as", to, &web.url(path)]).finish();
            assert_eq!(
                output.stdout_text(),
                expected,
                "{media_type}: {}",
                output.stderr_text()
            );
        }
    });
}

#[test]
fn more_flags_of_convert_and_a_file() {
    within(|| {
        let dir = temporary_dir();
        let file = dir.path().join("names.txt");
        let web = serve("application/json", PEOPLE);
        let name = file.to_str().unwrap();
        let args = ["fetch", "--jq", ".[].name", "--convert", "-r", "-o", name];
        let output = sockeye([&args[..], &[&web.url("/")]].concat()).finish();
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(0), ""),
            "{}",
            output.stderr_text()
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), "Ann\nBen, the second\n");
    });
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_asked() {
    within(|| {
        let web = serve("application/json", PEOPLE);
        for (flags, why) in [
            (&["--as", "cvs"][..], "cvs"),
            (&["--jq", ".[", "--as", "json"], "the [ has no ]"),
            (
                &["--as", "csv", "-O"],
                "-O means nothing where bodies are converted",
            ),
            (
                &["--as", "csv", "--convert", "-i"],
                "the body is what is converted",
            ),
            (&["--as", "csv", "--json"], "--json means nothing"),
        ] {
            let output = sockeye([&["fetch"], flags, &[&web.url("/")]].concat()).finish();
            assert_eq!(output.code, Some(2), "{flags:?}: {}", output.stderr_text());
            let said = output.stderr_text() + &output.stdout_text();
            assert!(said.contains(why), "{flags:?}: {said}");
        }
        assert_eq!(web.asked().len(), 0);
    });
}

#[test]
fn a_body_that_breaks_off_leaves_no_file_that_looks_whole() {
    within(|| {
        let dir = temporary_dir();
        let file = dir.path().join("rows.ndjson");
        let peer = Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::send(
                "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 100\r\n\r\na\n1\n",
            ),
        ]);
        let url = format!("http://{}/", peer.addr());
        let name = file.to_str().unwrap();
        let output = sockeye(["fetch", "--as", "ndjson", "-o", name, &url]).finish();
        assert_ne!(output.code, Some(0));
        assert!(!file.exists(), "{}", output.stderr_text());
    });
}

#[test]
fn data_that_is_wrong_is_an_answer_that_is_no() {
    within(|| {
        let web = serve("application/json", "[1,2,,3]");
        let output = sockeye(["fetch", "--jq", ".[]", &web.url("/")]).finish();
        assert_eq!(
            (output.code, output.stdout_text().as_str()),
            (Some(1), "1\n2\n")
        );
        assert!(
            output.stderr_text().contains("column 6"),
            "{}",
            output.stderr_text()
        );
    });
}
