//! Several URLs in one `fetch`: lists of them, their order on standard output, how often they are tried, and what is refused.

use std::fs;

use sockeye_testkit::peers::{FtpServer, FtpTls};
use sockeye_testkit::{Gate, Output, Peer, Step, Web, temporary_dir, within};

use super::sockeye;

fn fetch(args: &[&str]) -> Output {
    sockeye(["fetch"].iter().chain(args)).finish()
}

fn answer(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

#[test]
fn twenty_servers_that_answer_backwards_are_written_in_order() {
    within(|| {
        let (gates, asked): (Vec<_>, Vec<_>) = (0..20).map(|_| (Gate::new(), Gate::new())).unzip();
        let body = |number: usize| format!("line of {number}\n").repeat(1 + number * 500);
        let peers: Vec<Peer> = (0..20)
            .map(|number| {
                let whole = answer("200 OK", &body(number));
                let (start, end) = whole.split_at(whole.len() / 2);
                let mut script = vec![
                    Step::until("\r\n\r\n"),
                    Step::Open(asked[number].clone()),
                    Step::WaitFor(gates[number].clone()),
                    Step::send(start),
                    Step::send(end),
                ];
                if number > 0 {
                    script.push(Step::Open(gates[number - 1].clone()));
                }
                Peer::tcp(script)
            })
            .collect();
        let mut args = vec!["fetch".to_owned(), "--jobs".into(), "20".into()];
        args.extend(peers.iter().map(|peer| format!("http://{}/", peer.addr())));
        let program = sockeye(args);
        // All are asked at once, and the last one answers first.
        assert!(asked.iter().all(Gate::wait));
        gates[19].open();
        let output = program.finish();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        let expected: String = (0..20).map(body).collect();
        assert!(output.stdout_text() == expected);
    });
}

#[test]
fn the_first_one_streams_and_what_breaks_ends_where_it_broke() {
    within(|| {
        let (first, second) = (Gate::new(), Gate::new());
        let slow = Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\none\n"),
            Step::WaitFor(first.clone()),
            Step::send("more\n"),
        ]);
        let short = Peer::tcp([
            Step::until("\r\n\r\n"),
            Step::send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ntwo\n"),
            Step::Open(second.clone()),
        ]);
        let no = Web::new(|_| answer("404 Not Found", "three\n"));
        let url = |peer: &Peer| format!("http://{}/", peer.addr());
        let urls = [url(&slow), url(&short), no.url("/")];
        let program = sockeye(
            ["fetch", "--jobs", "3"]
                .into_iter()
                .chain(urls.iter().map(|it| &**it)),
        );
        program.stdout_until("one\n");
        assert!(second.wait());
        first.open();
        let output = program.finish();
        assert_eq!(output.stdout_text(), "one\nmore\ntwo\nthree\n");
        assert_eq!(output.code, Some(7), "{}", output.stderr_text());
        assert!(output.stderr_text().contains("only 4 of the 9 bytes"));
    });
}

#[test]
fn urls_come_from_lists() {
    let web = Web::new(|asked| answer("200 OK", &format!("{}\n", asked.target())));
    let dir = temporary_dir();
    let list = dir.path().join("urls");
    let lines = format!("# two\n\n  {}\r\n{}", web.url("/a"), web.url("/b"));
    fs::write(&list, &lines).unwrap();
    let list = list.to_str().unwrap();
    let output = fetch(&["--input", list]);
    assert_eq!(
        (output.stdout_text(), output.code),
        ("/a\n/b\n".into(), Some(0))
    );
    let output = fetch(&[&web.url("/first"), "--jobs", "4", "--input", list]);
    assert_eq!(output.stdout_text(), "/first\n/a\n/b\n");
    let into = dir.path().join("into");
    let mut program = sockeye([
        "fetch",
        "-P",
        into.to_str().unwrap(),
        "--create-dirs",
        "--input",
        "-",
    ]);
    program.write(&lines);
    program.close_stdin();
    let output = program.finish();
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    for name in ["a", "b"] {
        assert_eq!(
            fs::read_to_string(into.join(name)).unwrap(),
            format!("/{name}\n")
        );
    }
    fs::write(list, "# nothing\n").unwrap();
    let output = fetch(&["--input", list]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr_text().contains("it lists no URL"));
    fs::write(list, "http://h/\n".repeat(100_001)).unwrap();
    let output = fetch(&["--input", list]);
    assert_eq!(output.code, Some(2));
    assert!(output.stderr_text().contains("more than 100000 URLs"));
}

#[test]
fn what_is_saved_is_tried_again_as_often_as_was_said() {
    let web = Web::new(|asked| match asked.target() {
        "/busy" => answer("503 Busy", ""),
        _ => answer("404 Not Found", ""),
    });
    let dir = temporary_dir();
    let into = dir.path().to_str().unwrap();
    let output = fetch(&[
        "-P",
        into,
        "--retry",
        "2",
        "--retry-delay",
        "1ms",
        &web.url("/busy"),
    ]);
    assert_eq!(output.code, Some(1), "{}", output.stderr_text());
    assert_eq!(web.asked().len(), 3);
    let output = fetch(&["-P", into, "--retry", "0", &web.url("/busy")]);
    assert_eq!((output.code, web.asked().len()), (Some(1), 4));
    let output = fetch(&["-P", into, &web.url("/no")]);
    assert_eq!((output.code, web.asked().len()), (Some(1), 5));
    let said = output.stderr_text();
    assert!(said.contains("the server answers 404 Not Found"), "{said}");
    assert!(!said.contains("--lenient"), "{said}");
    let output = fetch(&[
        "-P",
        into,
        "--fail-early",
        "--jobs",
        "1",
        &web.url("/1"),
        &web.url("/2"),
    ]);
    assert_eq!((output.code, web.asked().len()), (Some(1), 6));
}

#[test]
fn files_and_data_are_saved_like_anything_else() {
    let dir = temporary_dir();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("from"), "hello").unwrap();
    let url = format!("file://{}", path("from"));
    for (args, name) in [
        (vec![&*url, "-o", &path("to")], "to"),
        (vec![&*url, "-o", &path("to")], "to (1)"),
        (vec![&*url, "-P", &path("new"), "--create-dirs"], "new/from"),
        (vec!["data:,hello", "-o", &path("data")], "data"),
    ] {
        let output = fetch(&args);
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        assert!(output.stdout.is_empty());
        assert_eq!(fs::read_to_string(path(name)).unwrap(), "hello", "{name}");
    }
    fs::write(path("to"), "older").unwrap();
    assert_eq!(
        fetch(&[&url, "-o", &path("to"), "--no-clobber"]).code,
        Some(0)
    );
    assert_eq!(fs::read_to_string(path("to")).unwrap(), "older");
    assert_eq!(
        fetch(&[&url, "-o", &path("to"), "--overwrite"]).code,
        Some(0)
    );
    assert_eq!(fs::read_to_string(path("to")).unwrap(), "hello");
    assert!(!fs::exists(path("to.part")).unwrap());
    for (args, flag) in [
        (vec![&*url, "-C", "-o", &path("to")], "--continue"),
        (
            vec![&*url, "-o", &path("x"), "--checksum", "md5"],
            "--checksum",
        ),
        (vec![&*url, "--limit-rate", "1k"], "--limit-rate"),
        (vec![&*url, "--no-mtime"], "--no-mtime"),
        (vec!["data:,x", "-O"], "no name"),
        (vec!["ftp://127.0.0.1:1/dir/", "-o", &path("x")], "--output"),
        (
            vec!["ftp://127.0.0.1:1/x", "-O", "--segments", "3"],
            "--segments",
        ),
        (vec!["ftp://127.0.0.1:1/x", "--retry", "3"], "--retry"),
        (
            vec!["ftp://127.0.0.1:1/x", "-T", &path("to"), "--overwrite"],
            "--overwrite",
        ),
        (
            vec!["http://127.0.0.1:1/x", "--per-host", "3"],
            "--per-host",
        ),
        (vec!["http://127.0.0.1:1/x", "-i", "-O"], "--include"),
        (
            vec!["http://127.0.0.1:1/x", "-C", "-T", &path("to")],
            "--continue",
        ),
    ] {
        let output = fetch(&args);
        let said = output.stderr_text();
        assert_eq!(output.code, Some(2), "{args:?}: {said}");
        assert!(said.contains(flag), "{args:?}: {said}");
    }
}

#[test]
fn an_old_protocol_is_shown_on_its_wire_and_saved() {
    let dir = temporary_dir();
    let to = dir.path().join("index.html");
    let web = Web::new(|_| b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nhello".to_vec());
    let url = web.url("/index.html");
    let output = fetch(&["--http1.0", "--wire", &url, "-o", to.to_str().unwrap()]);
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    assert_eq!(fs::read_to_string(&to).unwrap(), "hello");
    let said = output.stderr_text();
    assert!(said.contains("GET /index.html HTTP/1.0"), "{said}");
    assert!(said.contains("hello"), "{said}");
}

#[test]
fn an_upload_over_ftp_goes_on_where_the_server_has_its_start() {
    within(|| {
        let Some(server) = FtpServer::vsftpd(FtpTls::None, "") else {
            return;
        };
        let dir = temporary_dir();
        let from = dir.path().join("x");
        let content = sockeye_testkit::pattern(1, 300_000);
        fs::write(&from, &content).unwrap();
        let from = from.to_str().unwrap();
        server.put("other", vec![1; 1000]);
        let start = dir.path().join("start");
        fs::write(&start, &content[..100_000]).unwrap();
        let url = |name: &str| format!("ftp://{}/pub/{name}", server.addr());
        let output = fetch(&["-T", start.to_str().unwrap(), &url("x")]);
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        let output = fetch(&["-v", "-C", "-T", from, &url("x")]);
        let said = output.stderr_text();
        assert_eq!(output.code, Some(0), "{said}");
        assert!(said.contains("200000 more bytes are there"), "{said}");
        let output = fetch(&["--limit-rate", "1G", &url("x")]);
        assert!(output.stdout == content, "{}", output.stderr_text());
        let output = fetch(&["-C", "-T", from, &url("other")]);
        assert_eq!(output.code, Some(8), "{}", output.stderr_text());
    });
}
