//! `sockeye convert` with HTML.

use sockeye_testkit::{Output, within};

use crate::sockeye;

fn convert(args: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut program = sockeye(["convert", "-f", "html"].iter().chain(args));
    program.write(input);
    program.finish()
}

fn converted(args: &[&str], input: impl AsRef<[u8]>) -> String {
    let output = convert(args, input);
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    output.stdout_text()
}

const PAGE: &str = "<title>T</title><table><caption>C</caption><tr><th>a<th>b<tr><td rowspan=2>1<td><a href=x>2</a>\
    <tr><td>3<br>4</table><p>Hi <a href=/y rel=next>there</a>";

#[test]
fn convert_reads_tables_of_html() {
    within(|| {
        assert_eq!(
            converted(&["--html-table", "1", "-t", "csv"], PAGE),
            "a,b\n1,2\n1,\"3\n4\"\n"
        );
        let blank = converted(
            &["--html-table", "1", "-t", "ndjson", "--span", "blank"],
            PAGE,
        );
        assert_eq!(
            blank,
            "{\"a\":\"1\",\"b\":\"2\"}\n{\"a\":\"\",\"b\":\"3\\n4\"}\n"
        );
        let links = converted(&["--html-table", "1", "-t", "ndjson", "--links"], PAGE);
        assert!(
            links.starts_with("{\"a\":\"1\",\"b\":\"2\",\"b href\":\"x\"}\n"),
            "{links}"
        );
        let arrays = converted(&["--html-table", "1", "-c", "--table-header", "none"], PAGE);
        assert!(arrays.starts_with("[\"a\",\"b\"]\n"), "{arrays}");
        let tables = converted(&["--tables", "-t", "ndjson"], PAGE);
        assert_eq!(
            tables,
            "{\"table\":1,\"caption\":\"C\",\"columns\":[\"a\",\"b\"],\"rows\":2}\n"
        );
        let output = convert(&["--html-table", "2"], PAGE);
        assert_ne!(output.code, Some(0));
        assert!(
            output
                .stderr_text()
                .contains("there is no table 2, only table 1"),
            "{}",
            output.stderr_text()
        );
        let output = convert(&["--html-table", "1", "--max-cells", "3"], PAGE);
        assert!(
            output.stderr_text().contains("--max-cells"),
            "{}",
            output.stderr_text()
        );
    });
}

#[test]
fn convert_picks_elements_of_html() {
    within(|| {
        let hrefs = converted(
            &[
                "--css",
                "a",
                "--get",
                "href",
                "--base",
                "https://h/d/",
                "-r",
            ],
            PAGE,
        );
        assert_eq!(hrefs, "https://h/d/x\nhttps://h/y\n");
        let links = converted(&["--links", "-t", "ndjson"], PAGE);
        assert!(
            links.ends_with("{\"href\":\"/y\",\"text\":\"there\",\"rel\":\"next\"}\n"),
            "{links}"
        );
        let page = converted(&["-t", "html"], PAGE);
        assert!(
            page.starts_with("<html><head><title>T</title></head>"),
            "{page}"
        );
        let wrong = convert(&["--css", "td:nth-chld(2)"], PAGE);
        assert_eq!(wrong.code, Some(2));
        assert!(
            wrong
                .stderr_text()
                .contains("no such pseudo-class at byte 2"),
            "{}",
            wrong.stderr_text()
        );
    });
}
