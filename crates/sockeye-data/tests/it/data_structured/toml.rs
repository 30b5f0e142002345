//! Python's `tomllib`, the reader of TOML in its standard library.

use sockeye_data::toml::{parse, to_string};
use sockeye_data::value::{Object, Value};
use sockeye_testkit::{peers, within};

use super::{Random, canonical, hex, python};

/// What tomllib makes of a document, dates as their text; `no` where it refuses it.
const READER: &str = r"
import tomllib, datetime
def plain(value):
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat().replace('+00:00', 'Z')
    return value
for line in sys.stdin:
    try:
        print(canonical(plain(tomllib.loads(bytes.fromhex(line.strip()).decode()))))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        print('no')
";

/// Null is what TOML does not have.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Null => Value::from("null"),
        Value::Array(_) => {
            let items = value.as_array().unwrap().iter();
            Value::array(items.map(without_nulls).collect())
        }
        Value::Object(object) => {
            let members = object.iter();
            let object: Object = members
                .map(|(name, value)| (name.clone(), without_nulls(value)))
                .collect();
            Value::from(object)
        }
        value => value.clone(),
    }
}

#[test]
fn tomllib_reads_what_we_write() {
    let Some(path) = peers::python_with(&["tomllib"]) else {
        return;
    };
    within(move || {
        let mut random = Random(0x5eed_70b1);
        let values: Vec<Value> = (0..300).map(|_| without_nulls(&random.object(4))).collect();
        let texts: Vec<String> = values
            .iter()
            .map(|value| to_string(value).unwrap())
            .collect();
        let lines: Vec<String> = texts.iter().map(|text| hex(text.as_bytes())).collect();
        let answers = python(&path, READER, &lines);
        assert_eq!(answers.len(), values.len());
        for ((value, text), answer) in values.iter().zip(&texts).zip(&answers) {
            assert_eq!(*answer, canonical(value), "{text}");
            assert_eq!(parse(text).unwrap(), *value, "{text}");
        }
    });
}

/// Lines of TOML, right and wrong, of which documents are made.
const LINES: &[&str] = &[
    "a = 1",
    "b = 'x\\y'",
    "c = \"\\u00e4\\n\\U0001d11e\"",
    "d = 1979-05-27T07:32:00Z",
    "e = 1979-05-27T00:32:00.999999-07:00",
    "f = 1979-05-27",
    "g = 07:32:00",
    "h = [1, 'a', [2.5], {x = 1}]",
    "[t]",
    "[t.u]",
    "[[l]]",
    "[[l.m]]",
    "[l.n]",
    "i.j.k = true",
    "i.j.l = false",
    "\"quoted key\" = 0xDEADBEEF",
    "'lit' = 0o755",
    "n = 0b1101",
    "o = 1_000_000",
    "p = 6.626e-34",
    "q = -1E6",
    "r = inf",
    "s = -nan",
    "t = \"\"\"\nx\\\n   y\"\"\"",
    "u = '''\n'a'''",
    "v = {}",
    "w = [ # c\n 1,\n]",
    "x = 012",
    "y = 1__0",
    "z = .5",
    "a = 5.",
    "bad",
    "= 1",
    "k = \"\\q\"",
    "[a]",
    "[]",
    "[a",
    "m = 1979-13-01",
    "# comment",
    "",
    "n = {a = 1, a = 2}",
    "t.u = 1",
    "i.j = 2",
    "-_ = +0",
    "o = -0",
    "p = +0.0",
    "q = 9223372036854775808",
    "r = \"tab\there\"",
    "s = 'x\u{1}'",
    "\u{fc} = 1",
];

#[test]
fn we_take_and_refuse_documents_as_tomllib_does() {
    let Some(path) = peers::python_with(&["tomllib"]) else {
        return;
    };
    within(move || {
        let mut random = Random(0x0a11_70b1);
        let texts: Vec<String> = (0..1_500)
            .map(|_| {
                let count = 1 + random.below(4);
                let lines: Vec<&str> = (0..count)
                    .map(|_| LINES[random.below(LINES.len())])
                    .collect();
                lines.join("\n") + "\n"
            })
            .chain(LINES.iter().map(|line| format!("{line}\n")))
            .collect();
        let lines: Vec<String> = texts.iter().map(|text| hex(text.as_bytes())).collect();
        let answers = python(&path, READER, &lines);
        assert_eq!(answers.len(), texts.len());
        let mut taken = 0;
        for (text, answer) in texts.iter().zip(&answers) {
            let ours = parse(text).map_or_else(|_| "no".to_owned(), |value| canonical(&value));
            assert_eq!(ours, *answer, "{text:?}");
            taken += usize::from(ours != "no");
        }
        assert!(taken > 200, "only {taken} of {} are TOML", texts.len());
    });
}
