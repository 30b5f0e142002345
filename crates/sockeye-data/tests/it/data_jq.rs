//! jq programs: jq's own tests, and the program `jq` beside ours.
//!
//! The files in `data/jq` are jq's (version 1.8, <https://github.com/jqlang/jq>), under its MIT licence, which is beside them.
//! `known.txt` lists those of its cases that we do not meet, each with the reason.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use sockeye_data::jq::{Import, Imported, Inputs, Program, Settings};
use sockeye_data::value::{Object, Value};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/data/jq")
}

/// One case: it gives these outputs, or it is no program.
struct Case {
    file: &'static str,
    program: String,
    input: String,
    outputs: Vec<String>,
    is_program: bool,
}

fn cases(file: &'static str) -> Vec<Case> {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    let mut cases = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let is_program = !line.starts_with("%%FAIL");
        let program = if is_program {
            line.to_owned()
        } else {
            lines.next().unwrap().to_owned()
        };
        let mut rest = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.trim().is_empty()) {
            if !line.starts_with('#') {
                rest.push(line.trim().to_owned());
            }
        }
        let (input, outputs) = match rest.split_first() {
            Some((input, outputs)) if is_program => (input.clone(), outputs.to_vec()),
            _ => (String::new(), Vec::new()),
        };
        cases.push(Case {
            file,
            program,
            input,
            outputs,
            is_program,
        });
    }
    cases
}

fn values(json: &str) -> Vec<Value> {
    static READ: LazyLock<Program> =
        LazyLock::new(|| Program::compile("fromjson", &Settings::default()).unwrap());
    let json = json.trim_start_matches('\u{feff}');
    READ.run(json.into(), &Inputs::none())
        .map(|value| value.unwrap_or_else(|why| format!("{why}").into()))
        .collect()
}

fn load(import: Import<'_>) -> Result<Imported, String> {
    let from = import.from.map(Path::new).and_then(Path::parent);
    let mut folders: Vec<PathBuf> = import
        .search
        .iter()
        .map(|folder| from.unwrap_or(Path::new("")).join(folder))
        .collect();
    folders.push(folder().join("modules"));
    let ending = if import.data { "json" } else { "jq" };
    let last = Path::new(import.path).file_name().unwrap();
    for folder in folders {
        let plain = folder.join(import.path).with_extension(ending);
        let within = folder.join(import.path).join(last).with_extension(ending);
        for path in [plain, within] {
            if let Ok(text) = std::fs::read_to_string(&path) {
                let values = || values(&text);
                return Ok(match import.data {
                    true => Imported::Data(values()),
                    false => Imported::Module {
                        name: path.display().to_string(),
                        text,
                    },
                });
            }
        }
    }
    Err("there is no such file".into())
}

/// Why the case is not met.
fn fault(case: &Case) -> Option<String> {
    let mut environment = Object::new();
    environment.insert("PAGER".into(), "less".into());
    let settings = Settings::default()
        .environment(environment)
        .loader(load)
        .stack(256 << 20);
    let program = match Program::compile(&case.program, &settings) {
        Ok(_) if !case.is_program => return Some("it is a program".into()),
        Err(_) if !case.is_program => return None,
        Ok(program) => program,
        Err(error) => return Some(error.to_string()),
    };
    let input = values(&case.input).remove(0);
    let inputs = Inputs::none();
    let mut found = Vec::new();
    for output in program.run(input, &inputs).take(case.outputs.len() + 1) {
        match output {
            Ok(value) => found.push(value),
            Err(failure) if found.len() < case.outputs.len() => return Some(failure.to_string()),
            Err(_) => {}
        }
    }
    let wanted: Vec<Value> = case.outputs.iter().flat_map(|line| values(line)).collect();
    let same = found.len() == wanted.len()
        && found
            .iter()
            .zip(&wanted)
            .all(|(found, wanted)| found == wanted || found.to_string() == wanted.to_string());
    let found: Vec<String> = found.iter().map(Value::to_string).collect();
    (!same).then(|| format!("it gives {}", found.join(" ")))
}

#[test]
fn jq_tests_of_itself() {
    std::thread::Builder::new()
        .stack_size(512 << 20)
        .spawn(own_tests)
        .unwrap()
        .join()
        .unwrap();
}

fn own_tests() {
    let known = std::fs::read_to_string(folder().join("known.txt")).unwrap_or_default();
    let known: BTreeMap<&str, &str> = known
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .map(|line| line.split_once("\t# ").unwrap_or((line, "")))
        .collect();
    let mut all = 0;
    let (mut wrong, mut met) = (BTreeMap::new(), Vec::new());
    for file in [
        "jq.test",
        "man.test",
        "onig.test",
        "base64.test",
        "uri.test",
        "optional.test",
    ] {
        for case in cases(file) {
            all += 1;
            let key = format!("{}: {}", case.file, case.program);
            match fault(&case) {
                Some(why) => drop(wrong.insert(key, why)),
                None if known.contains_key(key.as_str()) => met.push(key),
                None => {}
            }
        }
    }
    #[expect(clippy::print_stdout, reason = "the score is worth knowing")]
    let () = println!("jq's own tests: {} of {all}", all - wrong.len());
    let new: Vec<String> = wrong
        .iter()
        .filter(|(key, _)| !known.contains_key(key.as_str()))
        .map(|(key, why)| format!("{key}\t# {why}"))
        .collect();
    met.retain(|key| !wrong.contains_key(key));
    assert!(
        met.is_empty(),
        "met by now, take them off the list:\n{}",
        met.join("\n")
    );
    assert!(
        new.is_empty(),
        "{} new ones:\n{}",
        new.len(),
        new.join("\n")
    );
}

/// Inputs for each program of `beside.txt`.
const INPUTS: [&str; 6] = [
    "null",
    "5",
    r#""a,b c""#,
    "[3,1,2,[1]]",
    r#"{"a":1,"b":[2,{"c":3}]}"#,
    r#"[{"key":"a","value":1},{"a":"x"}]"#,
];

/// All programs on all inputs as one program: arrays of outputs, or "error". A function for each, as jq allows none to be long.
fn all_beside(programs: &[&str]) -> String {
    let mut all = String::new();
    for (at, program) in programs.iter().enumerate() {
        let inputs = INPUTS.join(", ");
        all += &format!("def case{at}: ({inputs}) | try [{program}] catch \"error\";\n");
    }
    let calls: Vec<String> = (0..programs.len()).map(|at| format!("case{at}")).collect();
    all + &calls.join(", ")
}

/// What the program `jq` makes of a program on null, as lines.
fn of_jq(program: &str, zone: &str) -> Option<Vec<String>> {
    let jq = sockeye_testkit::peers::jq()?;
    let output = std::process::Command::new(jq)
        .args(["-nc", program])
        .env("TZ", zone)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect(),
    )
}

#[test]
fn outputs_are_those_of_jq() {
    let text = std::fs::read_to_string(folder().join("beside.txt")).unwrap();
    let programs: Vec<&str> = text.lines().collect();
    let Some(theirs) = of_jq(&all_beside(&programs), "UTC") else {
        return;
    };
    let known = std::fs::read_to_string(folder().join("beside-known.txt")).unwrap_or_default();
    let known: Vec<&str> = known
        .lines()
        .filter_map(|line| line.split("\t# ").next())
        .collect();
    let (mut wrong, mut all) = (Vec::new(), 0);
    let mut theirs = theirs.iter();
    for program in &programs {
        let ours = Program::compile(
            &format!("try [{program}] catch \"error\""),
            &Settings::default(),
        );
        let ours = ours.unwrap_or_else(|error| panic!("{program}: {error}"));
        for input in INPUTS {
            let input = values(input).remove(0);
            let ours = ours
                .run(input.clone(), &Inputs::none())
                .next()
                .unwrap()
                .unwrap();
            let theirs = values(theirs.next().unwrap()).remove(0);
            all += 1;
            let case = format!("{input} | {program}");
            if ours.to_string() != theirs.to_string()
                && ours != theirs
                && !known.contains(&case.as_str())
            {
                wrong.push(format!("{case}\t# ours {ours}, theirs {theirs}"));
            }
        }
    }
    println!("beside jq: {} of {all}", all - wrong.len() - known.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
