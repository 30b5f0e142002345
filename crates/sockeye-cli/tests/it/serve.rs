//! `serve`: its help, its first line, how it ends.

use std::fs;
use std::net::TcpListener;

use sockeye_testkit::{Program, temporary_dir, within};

use crate::serving::{ask, client};

const REQUEST: &str = "GET /a.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[test]
fn help_is_in_groups_and_has_no_flag_twice() {
    within(|| {
        let help = Program::start(crate::SOCKEYE, ["serve", "--help"]).finish();
        assert_eq!(help.code, Some(0), "{}", help.stderr_text());
        let text = help.stdout_text();
        let groups: Vec<&str> = text
            .lines()
            .filter(|line| line.ends_with(':') && !line.starts_with(' '))
            .collect();
        for group in ["Where:", "Sight:", "Bounds:", "Watching:", "General:"] {
            assert!(groups.contains(&group), "{group} is not in {groups:?}");
        }
        let mut flags: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("  "))
            .filter_map(|line| line.trim_start().split_once("--"))
            .filter(|(before, _)| before.is_empty() || before.ends_with(", "))
            .map(|(_, after)| after.split([' ', '=', '[', '<']).next().unwrap())
            .collect();
        flags.sort_unstable();
        let count = flags.len();
        flags.dedup();
        assert_eq!(flags.len(), count);
    });
}

#[test]
fn the_first_line_says_where_and_serving_begins_in_the_current_folder() {
    within(|| {
        let dir = temporary_dir();
        fs::write(dir.path().join("a.txt"), "hello\n").unwrap();
        let mut command = std::process::Command::new(crate::SOCKEYE);
        command
            .args(["serve", "--port", "0"])
            .current_dir(dir.path());
        let server = Program::start_command(command);
        let first = String::from_utf8(server.stdout_until("\n")).unwrap();
        let place = first.strip_prefix("listening on http://").unwrap();
        let answer = ask(
            client(place.trim_end().trim_end_matches('/').parse().unwrap()),
            REQUEST,
        );
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello\n"),
            "{answer}"
        );
        server.interrupt();
        let output = server.wait();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        assert_eq!(output.stdout_text(), first);
    });
}

#[test]
fn a_port_that_is_taken_and_a_folder_that_is_not_there_are_told() {
    within(|| {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port().to_string();
        let dir = temporary_dir();
        let folder = dir.path().to_str().unwrap();
        let output = crate::sockeye(["serve", folder, "--port", &port]).finish();
        assert_eq!(output.code, Some(8), "{output:?}");
        assert!(
            output.stderr_text().contains("already"),
            "{}",
            output.stderr_text()
        );

        let output = crate::sockeye(["serve", &format!("{folder}/none"), "--port", "0"]).finish();
        assert_eq!(output.code, Some(8), "{output:?}");
        assert!(
            output.stderr_text().contains("/none"),
            "{}",
            output.stderr_text()
        );

        let output = crate::sockeye(["serve", "--no-such-flag"]).finish();
        assert_eq!(output.code, Some(2));
    });
}
