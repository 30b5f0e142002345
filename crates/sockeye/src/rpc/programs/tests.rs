#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use sockeye_data::json;
use sockeye_data::value::{Object, Value};
use sockeye_testkit::temporary_dir;

use super::*;
use crate::rpc::call::Call;

const LIMIT: Duration = Duration::from_secs(10);

fn of(program: Program) -> Methods {
    bounded(program, &ProgramLimits::default())
}

fn bounded(program: Program, limits: &ProgramLimits) -> Methods {
    Programs::new(limits).add(Methods::new(), "m", program)
}

async fn call(methods: &Methods, params: Params) -> Answer {
    let call = Call {
        method: "m".into(),
        params,
    };
    tokio::time::timeout(LIMIT, methods.call(call))
        .await
        .unwrap()
}

fn list(text: &str) -> Params {
    let value = json::parse(text.as_bytes()).unwrap();
    Params::List(value.as_array().unwrap().to_vec())
}

async fn shell(line: &str, params: Params) -> Answer {
    call(&of(Program::shell(line)), params).await
}

fn words(line: &str) -> Methods {
    let mut program = Program::shell(line);
    program.given = Given::Words;
    of(program)
}

#[tokio::test]
async fn parameters_come_as_json_and_numbers_stay_as_they_are() {
    let text = r#"[9007199254740993,1e400,1.10,"ö",null]"#;
    let answer = shell("cat", list(text)).await.unwrap();
    assert_eq!(json::to_string(&answer), text);
    let mut named = Object::new();
    named.insert("a".into(), 1.into());
    let answer = shell("cat", Params::Named(named)).await.unwrap();
    assert_eq!(json::to_string(&answer), r#"{"a":1}"#);
    let answer = shell("cat", Params::None).await.unwrap();
    assert_eq!(json::to_string(&answer), "[]");
}

#[tokio::test]
async fn parameters_come_as_words_and_no_shell_reads_them() {
    let methods = words(r#"printf '<%s>' "$@""#);
    let params = list(r#"["$(id)","-n","",1.0,null,{"a":[1]}]"#);
    let answer = call(&methods, params).await.unwrap();
    assert_eq!(
        answer.as_str(),
        Some(r#"<$(id)><-n><><1.0><null><{"a":[1]}>"#)
    );
    let fault = call(&methods, Params::Named(Object::new()))
        .await
        .unwrap_err();
    assert_eq!(fault.code, -32_602);
    let fault = call(&methods, list(r#"["a\u0000b"]"#)).await.unwrap_err();
    assert_eq!(fault.code, -32_602);
    let answer = call(&words("cat; echo $#"), list("[1,2]")).await.unwrap();
    assert_eq!(answer.as_i64(), Some(2), "standard input is empty");
}

#[tokio::test]
async fn output_is_json_or_text_or_bytes() {
    for (line, answer) in [
        ("echo 7", "7"),
        ("echo seven", r#""seven""#),
        (r"printf 'two\nlines\r\n'", r#""two\nlines""#),
        ("true", r#""""#),
        ("echo '[1] 2'", r#""[1] 2""#),
        (r"printf '\377'", r#""/w==""#),
        ("printf '%s' $SOCKEYE_METHOD", r#""m""#),
    ] {
        let got = shell(line, Params::None).await.unwrap();
        assert_eq!(json::to_string(&got), answer, "{line}");
    }
    assert!(matches!(
        shell(r"printf '\377'", Params::None).await.unwrap(),
        Value::Bytes(_)
    ));
    let mut program = Program::shell("echo 7");
    program.said = Said::Text;
    let answer = call(&of(program), Params::None).await.unwrap();
    assert_eq!(answer.as_str(), Some("7"));
    let mut program = Program::shell("echo seven");
    program.said = Said::Json;
    let fault = call(&of(program), Params::None).await.unwrap_err();
    assert_eq!(fault.code, -32_603);
    assert!(fault.message.contains("no JSON"), "{fault}");
}

#[tokio::test]
async fn a_status_is_a_fault_with_the_last_words() {
    let fault = shell("echo no such thing >&2; exit 3", Params::None).await;
    let fault = fault.unwrap_err();
    assert_eq!((fault.code, &*fault.message), (3, "no such thing"));
    assert_eq!(json::to_string(&fault.data.unwrap()), r#"{"status":3}"#);
    let fault = shell("kill -KILL $$", Params::None).await.unwrap_err();
    assert_eq!(fault.code, 137);
    assert_eq!(json::to_string(&fault.data.unwrap()), r#"{"signal":9}"#);
    let fault = call(
        &of(Program::new("./not-there".parse().unwrap())),
        Params::None,
    )
    .await;
    let fault = fault.unwrap_err();
    assert_eq!(fault.code, -32_603);
    assert!(fault.message.contains("not-there"), "{fault}");
    // Of many words the last are told.
    let mut limits = ProgramLimits::default();
    limits.said = 5;
    let program = Program::shell("head -c 100000 /dev/zero >&2; echo last >&2; exit 1");
    let fault = call(&bounded(program, &limits), Params::None)
        .await
        .unwrap_err();
    assert_eq!(fault.message, "last");
}

#[tokio::test]
async fn what_takes_too_long_ends_with_all_that_it_started() {
    let dir = temporary_dir();
    let file = dir.path().join("pid");
    let mut limits = ProgramLimits::default();
    limits.time = Duration::from_millis(300);
    let line = format!("sleep 98 & echo $! > {}; sleep 99", file.display());
    let started = Instant::now();
    let fault = call(&bounded(Program::shell(line), &limits), Params::None)
        .await
        .unwrap_err();
    assert_eq!(fault.code, TOO_LONG);
    assert!(started.elapsed() < Duration::from_secs(5));
    gone(&file).await;
}

#[tokio::test]
async fn what_is_given_up_ends_too() {
    let dir = temporary_dir();
    let file = dir.path().join("pid");
    let line = format!(
        "sleep 98 & echo $! > {0}.new; mv {0}.new {0}; wait",
        file.display()
    );
    let methods = of(Program::shell(line));
    tokio::select! {
        _ = call(&methods, Params::None) => panic!("it cannot end"),
        () = there(&file) => {}
    }
    gone(&file).await;
}

async fn there(file: &Path) {
    while !file.exists() {
        tokio::task::yield_now().await;
    }
}

/// Wait until the process whose number is in this file is no more.
async fn gone(file: &Path) {
    let pid = std::fs::read_to_string(file).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    let lives = || std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z "));
    let started = Instant::now();
    while lives() {
        assert!(started.elapsed() < LIMIT, "{pid} lives");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn output_is_bounded_however_much_the_program_has_to_read() {
    let mut limits = ProgramLimits::default();
    limits.output = 10;
    let program = Program::shell("exec yes");
    let long = Value::from("x".repeat(1 << 20));
    let fault = call(&bounded(program, &limits), Params::List(vec![long])).await;
    assert_eq!(fault.unwrap_err().code, TOO_MUCH);
    let exact = call(
        &bounded(Program::shell("printf 1234567890"), &limits),
        Params::None,
    )
    .await;
    assert_eq!(exact.unwrap().as_i64(), Some(1_234_567_890));
}

#[tokio::test]
async fn beyond_the_queue_calls_are_refused_at_once() {
    let dir = temporary_dir();
    let file = dir.path().join("go");
    let mut limits = ProgramLimits::default();
    (limits.at_once, limits.queue) = (1, 2);
    let line = format!(
        "while ! [ -e {} ]; do sleep 0.01; done; echo 1",
        file.display()
    );
    let methods = bounded(Program::shell(line), &limits);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let methods = methods.clone();
        calls.spawn(async move { call(&methods, Params::None).await });
    }
    // Seven are refused while one runs and two wait.
    for _ in 0..7 {
        let fault = calls.join_next().await.unwrap().unwrap().unwrap_err();
        assert_eq!(fault.code, BUSY);
        assert_eq!(json::to_string(&fault.data.unwrap()), r#"{"retry":true}"#);
    }
    std::fs::write(&file, "").unwrap();
    for _ in 0..3 {
        assert_eq!(
            calls.join_next().await.unwrap().unwrap().unwrap().as_i64(),
            Some(1)
        );
    }
    // Who gave up has left the queue.
    assert!(call(&methods, Params::None).await.is_ok());
}
