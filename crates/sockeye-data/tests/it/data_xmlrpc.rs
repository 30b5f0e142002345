//! XML-RPC beside Python's `xmlrpc.client`: what we accept, it accepts too, and reads the same; what we write, it writes the same
//! way, byte for byte. All in one Python process.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use sockeye_data::json;
use sockeye_data::tagged::Tags;
use sockeye_data::value::{Number, Object, Value};
use sockeye_data::xmlrpc::{
    ReadOptions, WriteOptions, parse_answer, parse_call, write_answer, write_call, write_fault,
};
use sockeye_testkit::{Program, peers, within};

/// Where we are stricter than Python: what our errors say then.
const STRICTER: &[&str] = &[
    "is not a whole number",
    "is not a number",
    "is not a decimal number",
    "is not base64",
    "is not a date and a time",
    "is not empty",
    "text beside elements",
    "is no type",
    "behind a value's type",
    "in a type that has no elements",
    "an array without its \"data\"",
    "in \"array\"",
    "in \"data\"",
    "in \"struct\"",
    "in \"member\"",
    "in \"param\"",
    "in \"params\"",
    "in \"methodResponse\"",
    "in \"methodCall\"",
    "a member without a name",
    "a member without a value",
    "before the name of a member",
    "a \"param\" without a value",
    "an answer has one value",
    "an answer without value and fault",
    "a fault is a struct",
    "the name of the method is empty",
    "a DTD",
];

fn base64(bytes: &[u8]) -> Value {
    data_encoding::BASE64.encode(bytes).into()
}

fn object(members: &[(&str, Value)]) -> Value {
    let members = members
        .iter()
        .map(|(name, value)| ((*name).into(), value.clone()));
    Value::from(members.collect::<Object>())
}

/// A value in the form that the judge compares with.
fn canonical(value: &Value) -> Value {
    let pair = |kind: &str, what: Value| Value::array(vec![kind.into(), what]);
    match value {
        Value::Null => pair("nil", Value::Null),
        Value::Bool(bool) => pair("bool", (*bool).into()),
        Value::Number(number) => {
            let text = number.to_string();
            match text.contains(['.', 'e', 'E']) || matches!(number, Number::Float(_)) {
                true => pair("double", text.into()),
                false => pair("int", text.into()),
            }
        }
        Value::String(text) => pair("string", text.as_str().into()),
        Value::Bytes(bytes) => pair("bytes", base64(bytes)),
        Value::Array(items) => pair("array", Value::array(items.iter().map(canonical).collect())),
        Value::Object(object) => {
            for (tag, kind) in [
                ("!dateTime.iso8601", "date"),
                ("!bigdecimal", "decimal"),
                ("!double", "double"),
            ] {
                if let (1, Some(inner)) = (object.len(), object.get(tag)) {
                    return pair(kind, inner.clone());
                }
            }
            let members = object.iter();
            let members = members
                .map(|(name, value)| Value::array(vec![name.clone().into(), canonical(value)]));
            pair("struct", Value::array(members.collect()))
        }
    }
}

/// What we read in a document; else why not.
fn ours(document: &[u8], is_call: bool) -> Result<Value, String> {
    let options = ReadOptions {
        tags: Tags::Keep,
        ..ReadOptions::default()
    };
    let (method, params) = if is_call {
        let call = parse_call(document, &options).map_err(|error| error.to_string())?;
        (call.method.into(), call.params)
    } else {
        let answer = parse_answer(document, &options).map_err(|error| error.to_string())?;
        let value = answer
            .unwrap_or_else(|fault| Value::array(vec![fault.code.into(), fault.message.into()]));
        (Value::Null, vec![value])
    };
    let params = Value::array(params.iter().map(canonical).collect());
    Ok(object(&[("method", method), ("params", params)]))
}

/// The verdict on each case.
fn judge(cases: &[Value]) -> Option<Vec<String>> {
    let python = peers::python3()?;
    let script = include_str!("data_xmlrpc/judge.py");
    let mut program = Program::start(python, ["-u", "-c", script]);
    let lines: String = cases
        .iter()
        .map(|case| json::to_string(case) + "\n")
        .collect();
    let mut stdin = program.take_stdin().unwrap();
    let writing = std::thread::spawn(move || {
        std::io::Write::write_all(&mut stdin, lines.as_bytes()).unwrap();
    });
    let output = program.wait();
    writing.join().unwrap();
    let verdicts: Vec<String> = output.stdout_text().lines().map(str::to_owned).collect();
    assert_eq!(verdicts.len(), cases.len(), "{}", output.stderr_text());
    Some(verdicts)
}

/// What elements contain, good and bad.
const TEXTS: &[&str] = &[
    "",
    " ",
    "1",
    "0",
    " 7 ",
    "+1",
    "-1",
    "-0",
    "007",
    "1_0",
    "1.",
    ".5",
    "1.5",
    "-1.50",
    "1e5",
    "1E400",
    "1e-400",
    "inf",
    "-Infinity",
    "nan",
    "NaN",
    "0x1",
    "true",
    "٣",
    "9223372036854775808",
    "-99999999999999999999",
    "123456789.123456789123456789",
    "YWJj",
    "Y\nW J\tj",
    "YWJ",
    "YQ==",
    "Y*Jj",
    "19980717T14:08:55",
    " 19980717T14:08:55\n",
    "1998-07-17T14:08:55Z",
    "now",
    "é",
    "&#233;",
    "&#x1F41F;",
    "a&amp;b&lt;",
    "<![CDATA[<b>]]>",
    "a<!-- c -->b",
    "a<?p i?>b",
    "\r\n",
    "\u{85}",
    "&e;",
    "&#0;",
    "&",
    "]]>",
];

const TYPES: &[&str] = &[
    "int",
    "i1",
    "i2",
    "i4",
    "i8",
    "biginteger",
    "double",
    "float",
    "bigdecimal",
    "boolean",
    "string",
    "dateTime.iso8601",
    "base64",
    "nil",
    "ex:int",
    "a:b:i8",
    "ex:nil",
    "Int",
    "date",
    "name",
    "value",
];

/// A value's element, mostly right.
fn elements() -> impl Strategy<Value = String> {
    let text = || prop::sample::select(TEXTS);
    let typed = (
        prop::sample::select(TYPES),
        text(),
        prop::sample::select(&["", "", "", " ", "x"][..]),
    )
        .prop_map(|(name, text, beside)| {
            format!("<value>{beside}<{name}>{text}</{name}>{beside}</value>")
        });
    let leaf = prop_oneof![
        4 => typed,
        1 => text().prop_map(|text| format!("<value>{text}</value>")),
        1 => Just("<value/>".to_owned()),
        1 => Just("<value><nil/></value>".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 4, move |inner| {
        let member = (prop::sample::select(&["a", "b", " a", "é&amp;", ""][..]), inner.clone())
            .prop_map(|(name, value)| format!("<member><name>{name}</name>\n{value}</member>"));
        prop_oneof![
            4 => prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("<value><array>\n<data>{}</data></array></value>", items.concat())),
            4 => prop::collection::vec(member, 0..4)
                .prop_map(|members| format!("<value>\n<struct>{}</struct></value>", members.concat())),
            1 => inner.clone().prop_map(|item| format!("<value><ex:array>{item}</ex:array></value>")),
            1 => inner.prop_map(|item| format!("<value><struct><member>{item}<name>a</name></member></struct></value>")),
        ]
    })
}

/// Whole documents; whether they are calls.
fn documents() -> impl Strategy<Value = (String, bool)> {
    let params = prop::collection::vec(elements(), 0..3).prop_map(|values| {
        let params = values.iter().map(|value| format!("<param>{value}</param>"));
        format!("<params>\n{}</params>", params.collect::<String>())
    });
    let answer = elements().prop_map(|value| {
        (
            format!("<methodResponse><params><param>{value}</param></params></methodResponse>"),
            false,
        )
    });
    let call = (
        prop::sample::select(&["add", "a.b", " a ", "é", ""][..]),
        params,
        prop::sample::select(&["", "<?xml version='1.0'?>\n"][..]),
    )
        .prop_map(|(name, params, start)| {
            (
                format!("{start}<methodCall><methodName>{name}</methodName>{params}</methodCall>"),
                true,
            )
        });
    let fault = (prop::sample::select(TEXTS), prop::sample::select(TEXTS)).prop_map(|(code, text)| {
        let member = |name: &str, value: &str| format!("<member><name>{name}</name><value>{value}</value></member>");
        let members = member("faultCode", &format!("<int>{code}</int>")) + &member("faultString", text);
        (format!("<methodResponse><fault><value><struct>{members}</struct></value></fault></methodResponse>"), false)
    });
    prop_oneof![4 => answer, 2 => call, 1 => fault]
}

/// Values that both write in one way only.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-20..20_i32, 0..1_000_u32)
            .prop_map(|(exponent, digits)| Value::from(f64::from(digits) * 10_f64.powi(exponent))),
        "[\\t\\n -~¡-\u{d7ff}\u{10000}-\u{10ffff}]{0,20}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..150).prop_map(Value::bytes),
        "[0-9]{8}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
            .prop_map(|date| object(&[("!dateTime.iso8601", date.into())])),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::array),
            prop::collection::vec(("[a-zé &<>]{0,5}", inner), 0..5).prop_map(|members| {
                let members = members
                    .into_iter()
                    .map(|(name, value)| (name.into(), value));
                Value::from(members.collect::<Object>())
            }),
        ]
    })
}

/// So many of these, the same each time.
fn drawn<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

#[test]
fn what_we_read_python_reads_too() {
    within(|| {
        let documents = drawn(&documents(), 4_000);
        let read: Vec<_> = documents
            .iter()
            .map(|(document, is_call)| ours(document.as_bytes(), *is_call))
            .collect();
        let cases: Vec<Value> = documents
            .iter()
            .zip(&read)
            .map(|((document, _), ours)| {
                let ours = ours.clone().unwrap_or_default();
                object(&[("document", base64(document.as_bytes())), ("ours", ours)])
            })
            .collect();
        let Some(verdicts) = judge(&cases) else {
            return;
        };
        let mut both = 0;
        for (((document, _), ours), verdict) in documents.iter().zip(&read).zip(&verdicts) {
            match (verdict.as_str(), ours) {
                ("same", ours) => both += usize::from(ours.is_ok()),
                ("only Python", Err(why)) => {
                    let is_known = STRICTER.iter().any(|known| why.contains(known));
                    assert!(is_known, "{document}\nPython reads this, we say: {why}");
                }
                (verdict, ours) => panic!("{document}\n{verdict}\n{ours:?}"),
            }
        }
        assert!(both > 1_000, "only {both} documents are read by both");
    });
}

#[test]
fn what_we_write_python_writes_the_same_way() {
    within(|| {
        let options = WriteOptions {
            nil: true,
            ..WriteOptions::default()
        };
        let mut written = Vec::new();
        for (place, value) in drawn(&values(), 1_500).into_iter().enumerate() {
            written.push(match place % 3 {
                0 => write_call("a.b", &[value.clone(), value], &options).unwrap(),
                1 => write_call("add", &[], &options).unwrap(),
                _ => write_answer(&value, &options).unwrap(),
            });
        }
        written.push(write_fault(-32601, "no <such> method & so on: é"));
        let cases: Vec<Value> = written
            .iter()
            .map(|document| object(&[("written", base64(document))]))
            .collect();
        let Some(verdicts) = judge(&cases) else {
            return;
        };
        for (document, verdict) in written.iter().zip(&verdicts) {
            assert_eq!(verdict, "same", "{}", String::from_utf8_lossy(document));
        }
    });
}
