//! `sockeye convert --table` and `--plot`.

use std::fs;

use sockeye_testkit::{Output, temporary_dir, within};

use super::sockeye;

fn convert(flags: &[&str], input: &str) -> Output {
    let mut program = sockeye(["convert"].iter().chain(flags));
    program.write(input);
    program.finish()
}

#[test]
fn convert_shows_a_table() {
    within(|| {
        for flags in [&["--table"][..], &["-t", "table"]] {
            let output = convert(flags, "name,n\nAda,7\nBob,1200\n");
            assert_eq!(output.stdout_text(), "name     n\nAda      7\nBob   1200\n");
            assert_eq!(output.code, Some(0));
        }
    });
}

#[test]
fn convert_draws_charts() {
    within(|| {
        let csv = "day,sales\n2026-01-01,10\n2026-01-02,30\n2026-01-03,20\n";
        let chart = convert(&["--plot", "day,sales"], csv).stdout_text();
        assert_eq!(chart.lines().count(), 24, "{chart}");
        assert!(
            chart.starts_with("30") && chart.contains("01-01"),
            "{chart}"
        );

        let dir = temporary_dir();
        let path = dir.path().join("chart.svg");
        let drawn = convert(&["--plot", "day,sales", "-o", path.to_str().unwrap()], csv);
        assert_eq!(drawn.code, Some(0), "{}", drawn.stderr_text());
        assert!(fs::read_to_string(&path).unwrap().starts_with("<svg"));

        let refused = convert(&["--plot", "day,sold"], csv);
        assert_eq!(refused.code, Some(1));
        let said = refused.stderr_text();
        assert!(
            said.contains("record 1: there is no column sold; there are day, sales"),
            "{said}"
        );
    });
}
