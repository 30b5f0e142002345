//! yaml-test-suite, PyYAML (YAML 1.1) and ruamel.yaml (YAML 1.2).

use sockeye_data::record::{Error, ReadRecords, WriteRecords};
use sockeye_data::value::Value;
use sockeye_data::yaml::{ReadOptions, Reader, Writer, to_string};
use sockeye_testkit::{Program, peers, within};

use super::{Random, canonical, hex, python, unhex};

/// Cases of the suite that we do not pass, and why. The parser itself passes all of them.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("2JQS", "the empty key stands twice, which YAML forbids"),
    ("565N", "!!binary is bytes here, its text in base64 there"),
    ("X38W", "the key [a, b] stands twice, which YAML forbids"),
];
const SUITE: &str = include_str!("suite.mjs");

fn read(text: &[u8]) -> Result<Vec<Value>, Error> {
    Reader::new(text, &ReadOptions::default())
        .records()
        .collect()
}

#[test]
fn the_yaml_test_suite_is_read_as_it_says() {
    let (Some(node), Some(suite)) = (peers::node(), peers::suite("yaml-test-suite")) else {
        return;
    };
    within(move || {
        let suite = suite.canonicalize().unwrap();
        let mut command = std::process::Command::new(node);
        command
            .args(["--input-type=module", "-e", SUITE])
            .arg(&suite);
        let output = Program::start_command(command).finish();
        assert_eq!(output.code, Some(0), "{}", output.stderr_text());
        let (mut cases, mut wrong) = (0, Vec::new());
        for line in output.stdout_text().lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, outcome, text, wanted] = fields[..] else {
                panic!("four fields: {line:?}");
            };
            cases += 1;
            let text = unhex(text);
            let fault = match (read(&text), outcome) {
                (Err(_), "fail") => None,
                (Ok(_), "fail") => Some("is read".to_owned()),
                (Err(error), _) => Some(error.to_string()),
                (Ok(_), _) if wanted == "-" => None,
                (Ok(values), _) => {
                    let ours: Vec<String> = values.iter().map(canonical).collect();
                    (ours.join(" ") != wanted).then(|| format!("{} {wanted}", ours.join(" ")))
                }
            };
            if let Some(fault) = fault {
                wrong.push((name.to_owned(), fault, String::from_utf8(text).unwrap()));
            }
        }
        assert!(cases >= 402, "{cases} cases");
        let names: Vec<&str> = wrong.iter().map(|(name, ..)| name.as_str()).collect();
        let known: Vec<&str> = EXCEPTIONS.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, known, "{wrong:#?}");
    });
}

/// What PyYAML and ruamel.yaml make of what we write.
const READERS: &str = r"
import yaml, ruamel.yaml
for line in sys.stdin:
    text = bytes.fromhex(line).decode()
    ours = [canonical(yaml.load(text, Loader=yaml.SafeLoader))]
    ours.append(canonical(ruamel.yaml.YAML(typ='safe', pure=True).load(text)))
    print(' '.join(ours))
";

#[test]
fn pyyaml_and_ruamel_read_what_we_write() {
    let Some(path) = peers::python_with(&["yaml", "ruamel.yaml"]) else {
        return;
    };
    within(move || {
        let mut random = Random(0x5eed_7a31);
        let values: Vec<Value> = (0..250).map(|_| random.value(4)).collect();
        let texts: Vec<String> = values
            .iter()
            .map(|value| to_string(value).unwrap())
            .collect();
        let lines: Vec<String> = texts.iter().map(|text| hex(text.as_bytes())).collect();
        let answers = python(&path, READERS, &lines);
        assert_eq!(answers.len(), values.len());
        for ((value, text), answer) in values.iter().zip(&texts).zip(&answers) {
            let wanted = canonical(value);
            assert_eq!(*answer, format!("{wanted} {wanted}"), "{text}\n{value:?}");
            let read = read(text.as_bytes()).unwrap();
            assert_eq!(read, std::slice::from_ref(value), "{text}");
        }
    });
}

/// What ruamel.yaml writes of what we write: in its own styles, flow and block.
const WRITERS: &str = r"
import io, ruamel.yaml
for place, line in enumerate(sys.stdin):
    text = bytes.fromhex(line).decode()
    data = list(ruamel.yaml.YAML(typ='safe', pure=True).load_all(text))
    engine = ruamel.yaml.YAML(typ='safe', pure=True)
    engine.default_flow_style = [False, True, None][place % 3]
    engine.width = [20, 80][place % 2]
    engine.allow_unicode = place % 4 < 2
    out = io.BytesIO()
    engine.dump_all(data, out)
    print(out.getvalue().hex(), ' '.join(canonical(value) for value in data))
";

#[test]
fn we_read_what_ruamel_writes() {
    let Some(path) = peers::python_with(&["ruamel.yaml"]) else {
        return;
    };
    within(move || {
        let mut random = Random(0x0a11_5eed);
        let mut lines = Vec::new();
        for _ in 0..150 {
            let (mut writer, mut out) = (Writer::default(), Vec::new());
            for _ in 0..=random.below(2) {
                let value = random.value(4);
                // ruamel.yaml folds at line breaks of YAML 1.1 in a way that it does not read again itself.
                let text = canonical(&value);
                if !text.contains("e280a9") && !text.contains("c285") {
                    writer.write_record(&value, &mut out).unwrap();
                }
            }
            writer.finish(&mut out).unwrap();
            lines.push(hex(&out));
        }
        let answers = python(&path, WRITERS, &lines);
        assert_eq!(answers.len(), lines.len());
        for answer in answers {
            let (text, wanted) = answer.split_once(' ').unwrap();
            let text = unhex(text);
            let shown = String::from_utf8_lossy(&text).into_owned();
            let values = read(&text).unwrap_or_else(|error| panic!("{error}\n{shown:?}"));
            let ours: Vec<String> = values.iter().map(canonical).collect();
            assert_eq!(ours.join(" "), wanted, "{shown:?}");
        }
    });
}
