//! Flags that people know from curl, wget and httpie and that are called otherwise here, or are not needed.

/// One thing to try instead of this flag.
pub(crate) fn hint_for(flag: &str) -> Option<&'static str> {
    let flag = flag.split('=').next().unwrap_or(flag);
    let found = HABITS.iter().find(|(flags, _)| flags.contains(&flag));
    found.map(|(_, hint)| *hint)
}

const HABITS: &[(&[&str], &str)] = &[
    (
        &["-f", "--fail", "--fail-with-body", "--check-status"],
        "a status of 400 and above gives exit code 1 by itself; the body is printed all the same",
    ),
    (
        &["-s", "--silent", "-S", "--show-error"],
        "-q says errors and warnings only",
    ),
    (&["--follow"], "redirects are followed by themselves"),
    (
        &["-m", "--max-time"],
        "--timeout TIME, with a unit: --timeout 30s",
    ),
    (&["--path-as-is"], "--exact sends the path as it was typed"),
    (
        &["--trace", "--trace-ascii"],
        "--wire shows every byte that crosses, --wire=hex as a hex dump",
    ),
    (
        &["--compressed"],
        "answers are asked for in gzip, deflate, br and zstd, and decoded, by themselves",
    ),
    (
        &["-J", "--remote-header-name", "--content-disposition"],
        "-O takes the name that the server gives",
    ),
    (
        &["-Z", "--parallel"],
        "several URLs are saved at once by themselves; --jobs says how many",
    ),
    (
        &["-R", "--remote-time"],
        "saved files have the server's time by themselves",
    ),
    (
        &["-D", "--dump-header"],
        "-i prints the head before the body, -I alone",
    ),
    (&["-N", "--no-buffer"], "bytes are written when they come"),
    (&["--offline"], "--dry-run prints what would be sent"),
    (
        &["--ignore-stdin"],
        "standard input is read only where - or @- names it",
    ),
    (
        &["--next"],
        "several requests are several commands; several URLs may stand in one",
    ),
];
