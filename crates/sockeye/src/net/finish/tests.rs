//! Programs of this system, run to their end.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStringExt as _;
use std::time::Instant;

use super::*;

fn sh(line: &str) -> Invocation {
    invocation("/bin/sh", &["-c", line])
}

fn invocation(program: &str, args: &[&str]) -> Invocation {
    Invocation {
        program: program.into(),
        args: args.iter().map(OsString::from).collect(),
        env: Arc::new([]),
        dir: None,
        input: None,
        timeout: None,
        grace: Duration::from_secs(2),
        most_output: u64::MAX,
    }
}

/// Run it, within ten seconds.
async fn finish(what: Invocation) -> Finished<Vec<u8>> {
    finish_until(what, &CancellationToken::new()).await
}

async fn finish_until(what: Invocation, stop: &CancellationToken) -> Finished<Vec<u8>> {
    let programs = Programs::new();
    let finished = programs.finish(what, Vec::new(), Vec::new(), stop);
    let finished = tokio::time::timeout(Duration::from_secs(10), finished);
    finished.await.expect("in time").expect("a thread")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[tokio::test]
async fn outputs_are_kept_apart_and_the_status_is_known() {
    let done = finish(sh("echo out; echo err >&2; exit 7")).await;
    assert_eq!(done.end, End::Exited(7));
    assert_eq!((text(&done.stdout), text(&done.stderr)), ("out\n", "err\n"));
    assert_eq!(finish(sh("kill -9 $$")).await.end, End::Killed(9));
    assert_eq!(
        finish(invocation("/bin/true", &[])).await.end,
        End::Exited(0)
    );
}

#[tokio::test]
async fn a_program_sees_its_input_and_nothing_else() {
    let done = finish(sh(
        "cat; ls /proc/self/fd | tr '\\n' ' '; readlink /proc/$$/fd/0",
    ))
    .await;
    // ls opens the folder itself.
    assert_eq!(text(&done.stdout), "0 1 2 3 /dev/null\n");

    let mut what = sh("wc -c");
    what.input = Some(vec![b'x'; 1_000_000].into());
    assert_eq!(text(&finish(what).await.stdout).trim(), "1000000");

    let mut careless = sh("exit 3");
    careless.input = Some(vec![b'x'; 1_000_000].into());
    assert_eq!(finish(careless).await.end, End::Exited(3));

    let mut named = sh("echo $A $PWD");
    named.env = Arc::new([("A".into(), "b c".into())]);
    named.dir = Some(Arc::new("/".into()));
    assert_eq!(text(&finish(named).await.stdout), "b c /\n");
}

#[tokio::test]
async fn much_output_on_both_sides_does_not_stand_still() {
    let line = "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero";
    let done = finish(sh(line)).await;
    assert_eq!((done.stdout.len(), done.stderr.len()), (600_000, 300_000));
}

#[tokio::test]
async fn out_of_time_the_whole_tree_is_ended() {
    // Who holds the pipe lives: the reader sees its end only when all are gone.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut what = sh("sleep 99 & sleep 98 >/dev/null 2>&1 & echo begun; sleep 97");
    what.timeout = Some(Duration::from_millis(50));
    let done = finish(what).await;
    drop((reader, writer));
    assert_eq!((done.end, text(&done.stdout)), (End::TimedOut, "begun\n"));
    assert!(done.took < Duration::from_secs(2), "{:?}", done.took);
}

#[tokio::test]
async fn what_does_not_heed_is_killed_after_its_grace() {
    let mut what = sh("trap '' TERM; while :; do sleep 99; done");
    what.timeout = Some(Duration::from_millis(50));
    what.grace = Duration::from_millis(50);
    let done = finish(what).await;
    assert_eq!(done.end, End::TimedOut);
    assert!(done.took < Duration::from_secs(3), "{:?}", done.took);
}

#[tokio::test]
async fn what_cleans_up_has_its_grace() {
    let mut what = sh("trap 'echo bye; exit 0' TERM; echo up; sleep 99 & wait");
    what.timeout = Some(Duration::from_millis(200));
    let done = finish(what).await;
    assert_eq!((done.end, text(&done.stdout)), (End::TimedOut, "up\nbye\n"));
}

#[tokio::test]
async fn stop_ends_it() {
    let stop = CancellationToken::new();
    stop.cancel();
    let done = finish_until(sh("echo never"), &stop).await;
    assert_eq!((done.end, text(&done.stdout)), (End::Canceled, ""));

    let stop = CancellationToken::new();
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let programs = Programs::new();
    let job = programs.finish(
        sh("echo up; sleep 99"),
        Tell(said.clone()),
        Tell(said),
        &stop,
    );
    let stopped = async {
        assert_eq!(heard.recv().await.as_deref(), Some(&b"up\n"[..]));
        stop.cancel();
    };
    let (done, ()) = tokio::join!(job, stopped);
    assert_eq!(done.expect("a thread").end, End::Canceled);
}

#[tokio::test]
async fn what_runs_in_the_background_is_not_waited_for() {
    let begun = Instant::now();
    let done = finish(sh("sleep 20 & echo $!")).await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(done.end, End::Exited(0));
    let left = text(&done.stdout)
        .trim()
        .parse()
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let left = left.expect("its number");
    rustix::process::kill_process(left, rustix::process::Signal::KILL).expect("it is let be");
}

#[tokio::test]
async fn what_cannot_be_started_says_why() {
    let not_there = finish(invocation("/nosuch/program", &[])).await.end;
    assert_eq!(
        not_there,
        End::NotFound("there is no program `/nosuch/program`".into())
    );
    let no_program = finish(invocation("/etc/passwd", &[])).await.end;
    assert_eq!(
        no_program,
        End::NotStarted("`/etc/passwd` may not be executed".into())
    );
    let folder = finish(invocation("/etc", &[])).await.end;
    assert!(matches!(folder, End::NotStarted(_)), "{folder:?}");

    let mut long = invocation("/bin/true", &[]);
    long.args.push("x".repeat(MOST_ARGUMENT).into());
    assert_eq!(finish(long.clone()).await.end, End::Exited(0));
    long.args.push("x".repeat(MOST_ARGUMENT + 1).into());
    let End::NotStarted(why) = finish(long).await.end else {
        panic!("it is too long")
    };
    assert!(
        why.contains("131072") && why.contains("131071") && why.contains("--stdin"),
        "{why}"
    );

    let mut many = invocation("/bin/true", &[]);
    many.args = vec!["x".repeat(MOST_ARGUMENT).into(); 100];
    let End::NotStarted(why) = finish(many).await.end else {
        panic!("they are too long")
    };
    assert!(why.contains("together"), "{why}");

    let mut nul = invocation("/bin/true", &[]);
    nul.args.push(OsString::from_vec(b"a\0b".to_vec()));
    let End::NotStarted(why) = finish(nul).await.end else {
        panic!("no argument holds NUL")
    };
    assert!(why.contains("NUL"), "{why}");
}

#[tokio::test]
async fn who_says_too_much_is_ended() {
    let mut what = sh("yes");
    what.most_output = 100_000;
    let done = finish(what).await;
    let why = "it says more than 100000 bytes on standard output".to_owned();
    assert_eq!((done.end, done.stdout.len()), (End::Failed(why), 100_000));
}

#[tokio::test]
async fn many_run_at_once() {
    let programs = Programs::new();
    let stop = CancellationToken::new();
    let mut jobs = tokio::task::JoinSet::new();
    for number in 0..40 {
        let (programs, stop) = (programs.clone(), stop.clone());
        jobs.spawn(async move {
            let what = sh(&format!("echo {number}; exit {number}"));
            let done = programs
                .finish(what, Vec::new(), Vec::new(), &stop)
                .await
                .expect("threads");
            assert_eq!(done.end, End::Exited(number));
            assert_eq!(text(&done.stdout), format!("{number}\n"));
        });
    }
    while let Some(done) = jobs.join_next().await {
        done.expect("as it should");
    }
}

#[test]
fn programs_are_found_as_the_shell_finds_them() {
    let path = |text: &'static str| Some(OsStr::new(text));
    assert_eq!(
        locate("sh".as_ref(), path("/nosuch:/bin")),
        Ok("/bin/sh".into())
    );
    assert_eq!(locate("./x".as_ref(), path("/bin")), Ok("./x".into()));
    assert!(matches!(
        locate("sh".as_ref(), path("/nosuch")),
        Err(End::NotFound(_))
    ));
    assert!(matches!(
        locate("passwd".as_ref(), path("/etc")),
        Err(End::NotStarted(_))
    ));
    assert!(matches!(locate("".as_ref(), None), Err(End::NotFound(_))));
}

/// Hands on what is written.
struct Tell(tokio::sync::mpsc::UnboundedSender<Vec<u8>>);

impl Write for Tell {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        drop(self.0.send(bytes.to_vec()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_has_ended_is_not_waited_for_though_its_parent_does_not_hear_of_it() {
    // The parent of the second sleep leaves the group, and becomes a program that takes no status of a child.
    let line = "(sleep 60 & exec setsid sleep 60) >/dev/null 2>&1 & echo $!; sleep 60";
    let mut what = sh(line);
    what.timeout = Some(Duration::from_secs(1));
    what.grace = Duration::from_secs(60);
    let done = finish(what).await;
    assert_eq!(done.end, End::TimedOut);
    let parent = text(&done.stdout).trim().parse().ok();
    let parent = parent.and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(parent.expect("a pid"), rustix::process::Signal::KILL)
        .expect("it lives, apart from the group");
}
