//! `sockeye convert` with mail and mbox.

use sockeye_testkit::{Output, within};

use crate::sockeye;

fn convert(args: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut program = sockeye(["convert"].iter().chain(args));
    program.write(input);
    program.finish()
}

const MESSAGE: &str = "Subject: two\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n--b\n\
    Content-Type: application/x\nContent-Disposition: attachment; filename=\"../../x\"\n\none\n--b\n\
    Content-Type: application/x\nContent-Disposition: attachment; filename=x\n\ntwo\n--b--\n";

#[test]
fn convert_writes_attachments_into_a_folder_and_nowhere_else() {
    within(|| {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        let args = [
            "-f",
            "mail",
            "-c",
            "-d",
            folder.to_str().unwrap(),
            "--jq",
            "[.attachments[].file]",
        ];
        let output = convert(&args, MESSAGE);
        assert_eq!(
            output.stdout_text(),
            "[\"x\",\"x-2\"]\n",
            "{}",
            output.stderr_text()
        );
        assert_eq!(std::fs::read(folder.join("x")).unwrap(), b"one");
        assert_eq!(std::fs::read(folder.join("x-2")).unwrap(), b"two");
        // What is there is not overwritten.
        let output = convert(&args, MESSAGE);
        assert_eq!(
            output.stdout_text(),
            "[\"x-3\",\"x-4\"]\n",
            "{}",
            output.stderr_text()
        );
        assert_eq!(std::fs::read(folder.join("x")).unwrap(), b"one");
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    });
}

#[test]
fn convert_goes_from_mbox_to_json_and_back() {
    within(|| {
        let mbox = "From a Thu Jan  1 00:00:00 1970\nSubject: 1\n\n>From x\n\nFrom b Thu Jan  1 00:00:00 1970\nSubject: 2\n\ny\n\n";
        let lines = convert(&["-f", "mbox", "-t", "ndjson"], mbox).stdout_text();
        assert_eq!(lines.lines().count(), 2);
        let output = convert(&["-f", "ndjson", "-t", "mbox"], &lines);
        let again = output.stdout_text();
        assert_eq!(
            again.matches("\nFrom b ").count(),
            1,
            "{again}{}",
            output.stderr_text()
        );
        let texts = convert(&["-f", "mbox", "-r", "--jq", ".text"], &again).stdout_text();
        assert_eq!(texts, "From x\n\ny\n\n");
        let latin = convert(
            &["-f", "mail", "-r", "--jq", ".text"],
            b"Content-Type: text/plain; charset=iso-8859-1\n\ncaf\xe9",
        );
        assert_eq!(latin.stdout_text(), "café\n");
        let output = convert(&["-f", "mail", "--max-parts", "2"], MESSAGE);
        assert!(
            output.stderr_text().contains("--max-parts"),
            "{}",
            output.stderr_text()
        );
    });
}
