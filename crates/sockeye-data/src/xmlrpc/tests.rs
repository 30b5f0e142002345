//! Documents in, values out, and back; every type, every refusal.

use proptest::prelude::*;

use super::{
    ReadOptions, WriteOptions, measure, parse_answer, parse_call, write_answer, write_call,
    write_fault,
};
use crate::record::{ErrorKind, Limits};
use crate::tagged::Tags;
use crate::value::{Number, Object, Value};

fn document(value: &str) -> String {
    format!("<methodResponse><params><param>{value}</param></params></methodResponse>")
}

fn read(value: &str) -> Value {
    let answer = parse_answer(document(value).as_bytes(), &ReadOptions::default());
    answer
        .unwrap_or_else(|error| panic!("{value}: {error}"))
        .unwrap()
}

fn json(value: &Value) -> String {
    crate::json::to_string(value)
}

/// What reading says of a value.
fn refusal(value: &str) -> String {
    match parse_answer(document(value).as_bytes(), &ReadOptions::default()) {
        Ok(answer) => panic!("{value} is read as {answer:?}"),
        Err(error) => error.to_string(),
    }
}

fn kept(value: &str) -> Value {
    let options = ReadOptions {
        tags: Tags::Keep,
        ..ReadOptions::default()
    };
    parse_answer(document(value).as_bytes(), &options)
        .unwrap()
        .unwrap()
}

/// The value's element as it is written.
fn written(value: &Value) -> String {
    let bytes = write_answer(value, &WriteOptions::default()).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (_, inner) = text.split_once("<param>\n").unwrap();
    inner.split_once("</param>").unwrap().0.to_owned()
}

fn unwritable(value: &Value) -> String {
    let error = write_call("m", std::slice::from_ref(value), &WriteOptions::default());
    error.unwrap_err().to_string()
}

fn object(members: &[(&str, Value)]) -> Value {
    let members = members
        .iter()
        .map(|(name, value)| ((*name).into(), value.clone()));
    Value::from(members.collect::<Object>())
}

#[test]
fn every_type_of_python_is_read() {
    for (value, expected) in [
        ("<value><int>7</int></value>", "7"),
        ("<value><i1>-7</i1></value>", "-7"),
        ("<value><i2> +7\n</i2></value>", "7"),
        ("<value><i4>0007</i4></value>", "7"),
        (
            "<value><i8>9223372036854775807</i8></value>",
            "9223372036854775807",
        ),
        ("<value><int>-0</int></value>", "0"),
        (
            "<value><biginteger>12345678901234567890123</biginteger></value>",
            "12345678901234567890123",
        ),
        ("<value><double>-12.214</double></value>", "-12.214"),
        ("<value><double>1</double></value>", "1.0"),
        ("<value><float>1e+16</float></value>", "1e+16"),
        ("<value><double>.5</double></value>", "0.5"),
        ("<value><bigdecimal>1.10</bigdecimal></value>", "1.10"),
        ("<value><bigdecimal>+007.</bigdecimal></value>", "7"),
        ("<value><boolean>1</boolean></value>", "true"),
        ("<value><boolean>0</boolean></value>", "false"),
        ("<value><string> a &amp; b </string></value>", "\" a & b \""),
        ("<value><string/></value>", "\"\""),
        ("<value> a\n b </value>", "\" a\\n b \""),
        ("<value/>", "\"\""),
        (
            "<value>a<![CDATA[<b>]]><!-- c -->&#233;</value>",
            "\"a<b>é\"",
        ),
        (
            "<value>\n <dateTime.iso8601> 19980717T14:08:55 </dateTime.iso8601>\n</value>",
            "\"19980717T14:08:55\"",
        ),
        ("<value><base64>\nYW\n J j\n</base64></value>", "\"YWJj\""),
        ("<value><nil/></value>", "null"),
        ("<value><ex:nil/></value>", "null"),
        ("<value><ex:i8>5000000000</ex:i8></value>", "5000000000"),
        (
            "<v:value xmlns:v='u'><v:array><v:data><v:value>x</v:value></v:data></v:array></v:value>",
            "[\"x\"]",
        ),
        ("<value><array><data/></array></value>", "[]"),
        ("<value><struct/></value>", "{}"),
        (
            "<value><struct><member><name>a</name><value><int>1</int></value></member>
             <member><name> b</name><value/></member>
             <member><name>a</name><value><int>2</int></value></member></struct></value>",
            "{\"a\":2,\" b\":\"\"}",
        ),
    ] {
        assert_eq!(json(&read(value)), expected, "{value}");
    }
    assert!(matches!(read("<value><double>-Infinity</double></value>"),
        Value::Number(Number::Float(float)) if float == f64::NEG_INFINITY));
    assert!(matches!(read("<value><double>nan</double></value>"),
        Value::Number(Number::Float(float)) if float.is_nan()));
}

#[test]
fn what_no_type_has_is_refused() {
    for (value, why) in [
        (
            "<value><boolean> 1</boolean></value>",
            "\" 1\" is not 0 or 1",
        ),
        ("<value><boolean>true</boolean></value>", "not 0 or 1"),
        ("<value><int/></value>", "not a whole number"),
        ("<value><int>1.0</int></value>", "not a whole number"),
        ("<value><int>1_000</int></value>", "not a whole number"),
        ("<value><double>one</double></value>", "not a number"),
        (
            "<value><bigdecimal>.</bigdecimal></value>",
            "not a decimal number",
        ),
        ("<value><base64>YWJ</base64></value>", "not base64"),
        ("<value><base64>Y*Jj</base64></value>", "not base64"),
        (
            "<value><dateTime.iso8601>today</dateTime.iso8601></value>",
            "not a date and a time",
        ),
        ("<value><nil>x</nil></value>", "not empty"),
        ("<value><date/></value>", "\"date\" is no type"),
        ("<value>x<int>1</int></value>", "text beside elements"),
        ("<value><int>1</int>x</value>", "text beside elements"),
        (
            "<value><int>1</int><int>2</int></value>",
            "\"int\" behind a value's type",
        ),
        (
            "<value><int>1<int>2</int></int></value>",
            "text beside elements",
        ),
        ("<value><array/></value>", "an array without its \"data\""),
        (
            "<value><array><value/></array></value>",
            "\"value\" in \"array\"",
        ),
        (
            "<value><struct><member><value/></member></struct></value>",
            "before the name of a member",
        ),
        (
            "<value><struct><member><name>a</name></member></struct></value>",
            "a member without a value",
        ),
        ("<value/><value/>", "\"value\" in \"param\""),
        ("", "a \"param\" without a value"),
    ] {
        let said = refusal(value);
        assert!(said.contains(why), "{value}: {said}");
    }
}

#[test]
fn what_is_no_message_is_refused() {
    for (document, why) in [
        ("<a/>", "neither \"methodCall\" nor \"methodResponse\""),
        ("<methodResponse/>", "an answer without value and fault"),
        (
            "<methodResponse><params/></methodResponse>",
            "an answer has one value, not 0",
        ),
        (
            "<methodResponse><params><param><value/></param><param><value/></param></params></methodResponse>",
            "an answer has one value, not 2",
        ),
        (
            "<methodResponse><fault><value>no</value></fault></methodResponse>",
            "a fault is a struct",
        ),
        (
            "<methodCall><methodName>a</methodName></methodCall>",
            "a call where an answer should be",
        ),
        ("<methodResponse>", "ends within"),
        ("not XML", "text outside"),
        ("", "no root element"),
        (
            "<!DOCTYPE a><methodResponse><params><param><value/></param></params></methodResponse>",
            "a DTD, which XML-RPC does not have",
        ),
        (
            "<!DOCTYPE a [<!ENTITY e 'x'>]><methodResponse><params><param><value>&e;</value></param></params></methodResponse>",
            "a DTD, which XML-RPC does not have",
        ),
        (
            "<methodResponse><params><param><value>&e;</value></param></params></methodResponse>",
            "the entity \"e\" is not declared",
        ),
        (
            "<methodResponse><params><param><value>\u{1}</value></param></params></methodResponse>",
            "U+0001",
        ),
    ] {
        let error = parse_answer(document.as_bytes(), &ReadOptions::default()).unwrap_err();
        assert!(error.to_string().contains(why), "{document}: {error}");
    }
    for (document, why) in [
        ("<methodCall/>", "a call without a \"methodName\""),
        (
            "<methodCall><params/></methodCall>",
            "\"params\" before \"methodName\"",
        ),
        (
            "<methodCall><methodName> </methodName></methodCall>",
            "is empty",
        ),
        (
            "<methodCall><methodName>a</methodName><params/><params/></methodCall>",
            "in \"methodCall\"",
        ),
        (
            "<methodResponse><fault/></methodResponse>",
            "a fault is a struct",
        ),
    ] {
        let error = parse_call(document.as_bytes(), &ReadOptions::default()).unwrap_err();
        assert!(error.to_string().contains(why), "{document}: {error}");
    }
}

#[test]
fn calls_keep_names_and_need_no_params() {
    let call = |text: &str| parse_call(text.as_bytes(), &ReadOptions::default()).unwrap();
    let bare =
        call("<?xml version='1.0'?><methodCall> <methodName>a.b:c/d </methodName> </methodCall>\n");
    assert_eq!((bare.method.as_str(), bare.params.len()), ("a.b:c/d ", 0));
    let two = call(
        "<methodCall><methodName>a</methodName><params><param><value>1</value></param>
         <param><value><int>2</int></value></param></params></methodCall>",
    );
    assert_eq!(json(&Value::array(two.params)), "[\"1\",2]");
}

#[test]
fn faults_are_read_with_whatever_else_they_have() {
    let document = "<methodResponse><fault><value><struct>
        <member><name>faultString</name><value>no</value></member>
        <member><name>more</name><value><nil/></value></member>
        <member><name>faultCode</name><value><i8>-32601</i8></value></member>
        </struct></value></fault></methodResponse>";
    let fault = parse_answer(document.as_bytes(), &ReadOptions::default())
        .unwrap()
        .unwrap_err();
    assert_eq!((fault.code, fault.message.as_str()), (-32601, "no"));
}

#[test]
fn encodings_of_python_are_read() {
    let latin = b"<?xml version='1.0' encoding='iso-8859-1'?><methodResponse><params><param><value>\xe9\x85</value></param></params></methodResponse>";
    let value = parse_answer(latin, &ReadOptions::default())
        .unwrap()
        .unwrap();
    assert_eq!(value.as_str(), Some("é\u{85}"));
    let wide = format!(
        "<?xml version='1.0' encoding='utf-16'?>{}",
        document("<value>é</value>")
    );
    let wide: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(wide.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let value = parse_answer(&wide, &ReadOptions::default())
        .unwrap()
        .unwrap();
    assert_eq!(value.as_str(), Some("é"));
    for (encoding, why) in [
        ("ebcdic-x", "not known"),
        ("utf-16", "UTF-16"),
        ("us-ascii", ""),
    ] {
        let text = format!(
            "<?xml version='1.0' encoding='{encoding}'?>{}",
            document("<value>é</value>")
        );
        let error = parse_answer(text.as_bytes(), &ReadOptions::default()).unwrap_err();
        assert!(error.to_string().contains(why), "{encoding}: {error}");
    }
}

#[test]
fn what_is_written_is_what_python_writes() {
    for (value, expected) in [
        (Value::from(-7), "<value><int>-7</int></value>\n"),
        (true.into(), "<value><boolean>1</boolean></value>\n"),
        (1.0.into(), "<value><double>1.0</double></value>\n"),
        (1e16.into(), "<value><double>1e+16</double></value>\n"),
        (1.5e-5.into(), "<value><double>1.5e-05</double></value>\n"),
        (1e-4.into(), "<value><double>0.0001</double></value>\n"),
        (
            123_456_789_012_345_680.0.into(),
            "<value><double>1.2345678901234568e+17</double></value>\n",
        ),
        (
            f64::INFINITY.into(),
            "<value><double>inf</double></value>\n",
        ),
        (f64::NAN.into(), "<value><double>nan</double></value>\n"),
        (
            "a<b>&\"é\r\n".into(),
            "<value><string>a&lt;b&gt;&amp;\"é&#13;\n</string></value>\n",
        ),
        (
            Value::bytes(vec![0; 58]),
            "<value><base64>\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAA==\n</base64></value>\n",
        ),
        (
            Value::array(vec![]),
            "<value><array><data>\n</data></array></value>\n",
        ),
        (
            object(&[("a&", Value::array(vec![1.into()])), ("b", object(&[]))]),
            "<value><struct>\n<member>\n<name>a&amp;</name>\n<value><array><data>\n<value><int>1</int></value>\n</data></array></value>\n</member>\n<member>\n<name>b</name>\n<value><struct>\n</struct></value>\n</member>\n</struct></value>\n",
        ),
        (
            object(&[("!dateTime.iso8601", "19980717T14:08:55".into())]),
            "<value><dateTime.iso8601>19980717T14:08:55</dateTime.iso8601></value>\n",
        ),
        (
            object(&[("!base64", "aGk=".into())]),
            "<value><base64>\naGk=\n</base64></value>\n",
        ),
        (
            object(&[("!double", 3.into())]),
            "<value><double>3</double></value>\n",
        ),
        (
            object(&[("!double", "-inf".into())]),
            "<value><double>-inf</double></value>\n",
        ),
        (object(&[("!i8", 3.into())]), "<value><i8>3</i8></value>\n"),
        (
            object(&[("!biginteger", "123456789012345678901".into())]),
            "<value><biginteger>123456789012345678901</biginteger></value>\n",
        ),
        (
            object(&[("!bigdecimal", "1.10".into())]),
            "<value><bigdecimal>1.10</bigdecimal></value>\n",
        ),
        (object(&[("!nil", Value::Null)]), "<value><nil/></value>"),
    ] {
        assert_eq!(written(&value), expected);
    }
}

#[test]
fn extensions_are_sent_only_when_asked_for() {
    let large = Value::from(1_i64 << 31);
    let nested = object(&[("a", Value::array(vec![1.into(), Value::Null]))]);
    assert_eq!(
        unwritable(&large),
        "xmlrpc: 2147483648 at [0], which is beyond 32 bits and needs the extension <i8>"
    );
    assert_eq!(
        unwritable(&nested),
        "xmlrpc: null at [0].a[1], which needs the extension <nil/>"
    );
    let extended = WriteOptions {
        nil: true,
        i8: true,
        ..WriteOptions::default()
    };
    let text = |value| String::from_utf8(write_answer(value, &extended).unwrap()).unwrap();
    assert!(text(&large).contains("<value><i8>2147483648</i8></value>\n"));
    assert!(text(&nested).contains("<value><nil/></value></data>"));
    let larger = Value::from(Number::from_json_text("9223372036854775808").unwrap());
    let error = write_answer(&larger, &extended).unwrap_err();
    assert_eq!(
        error.to_string(),
        "xmlrpc: 9223372036854775808, which is beyond 64 bits"
    );
}

#[test]
fn what_xml_has_no_place_for_is_refused_before_it_is_sent() {
    assert_eq!(
        unwritable(&"a\0".into()),
        "xmlrpc: a string at [0]: XML has no character U+0000"
    );
    let named = object(&[("a\u{1}", 1.into())]);
    assert!(unwritable(&named).contains("XML has no character U+0001"));
    assert!(unwritable(&object(&[("!date", "x".into())])).contains("\"!date\""));
    assert!(
        unwritable(&object(&[("!dateTime.iso8601", "now".into())]))
            .contains("\"now\" at [0], which is no dateTime.iso8601")
    );
    assert!(
        unwritable(&object(&[("!i8", "9223372036854775808".into())])).contains("which is no i8")
    );
    assert!(unwritable(&object(&[("!nil", 1.into())])).contains("which is no nil"));
    assert!(unwritable(&object(&[("!double", Value::array(vec![]))])).contains("which it is not"));
    for method in ["", " ", "a\u{b}"] {
        assert!(write_call(method, &[], &WriteOptions::default()).is_err());
    }
}

#[test]
fn a_fault_can_always_be_written() {
    let document = write_fault(1 << 40, "a\0<b>\u{ffff}");
    let fault = parse_answer(&document, &ReadOptions::default())
        .unwrap()
        .unwrap_err();
    assert_eq!(
        (fault.code, fault.message.as_str()),
        (i64::from(i32::MAX), "a\u{fffd}<b>\u{fffd}")
    );
}

#[test]
fn bounds_hold() {
    let deep = |levels: usize| {
        let open = "<value><array><data>".repeat(levels);
        let close = "</data></array></value>".repeat(levels);
        document(&format!("{open}{close}"))
    };
    let structs = |levels: usize| {
        let open = "<value><struct><member><name/>".repeat(levels);
        let close = "</member></struct></value>".repeat(levels);
        document(&format!("{open}<value/>{close}"))
    };
    let mut options = ReadOptions::default();
    options.limits.depth = 20;
    for make in [&deep as &dyn Fn(usize) -> String, &structs] {
        assert!(parse_answer(make(20).as_bytes(), &options).is_ok());
        let error = parse_answer(make(21).as_bytes(), &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        let error = parse_answer(make(50_000).as_bytes(), &ReadOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
    }
    let many = |values: usize| {
        document(&format!(
            "<value><array><data>{}</data></array></value>",
            "<value/>".repeat(values)
        ))
    };
    let few = ReadOptions {
        values: 10,
        ..ReadOptions::default()
    };
    assert!(parse_answer(many(9).as_bytes(), &few).is_ok());
    let error = parse_answer(many(10).as_bytes(), &few).unwrap_err();
    assert!(error.to_string().contains("more than 10 values"), "{error}");
    let small = ReadOptions {
        limits: Limits {
            record: 100,
            ..Limits::default()
        },
        ..ReadOptions::default()
    };
    let error = parse_answer(many(9).as_bytes(), &small).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);

    let mut value = Value::Null;
    for _ in 0..1_001 {
        value = Value::array(vec![value]);
    }
    let nil = WriteOptions {
        nil: true,
        ..WriteOptions::default()
    };
    let error = measure(&value, &nil).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(measure(&value.as_array().unwrap()[0], &nil).is_ok());
}

/// Anything that XML-RPC can say.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[\\t\\n\\r -~¡-\u{d7ff}\u{10000}-\u{10ffff}]{0,20}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..100).prop_map(Value::bytes),
        "[0-9]{8}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
            .prop_map(|date| object(&[("!dateTime.iso8601", date.into())])),
        "-?[1-9][0-9]{0,30}\\.[0-9]{1,20}".prop_map(|text| object(&[("!bigdecimal", text.into())])),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::array),
            prop::collection::vec(("[a-z &<\r]{0,5}", inner), 0..6).prop_map(|members| {
                let members = members
                    .into_iter()
                    .map(|(name, value)| (name.into(), value));
                Value::from(members.collect::<Object>())
            }),
        ]
    })
}

/// The same, floats by their bits.
fn same(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(Number::Float(float)), Value::Object(tagged)) if !float.is_finite() => {
            tagged.get("!double").is_some()
        }
        (Value::Number(Number::Float(one)), Value::Number(two)) => {
            one.to_bits() == two.as_f64().to_bits() && !matches!(two, Number::Int(_))
        }
        (Value::Number(one), Value::Number(two)) => one == two,
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two.iter()).all(|(one, two)| same(one, two))
        }
        (Value::Object(one), Value::Object(two)) => {
            let all = |(name, value): (&crate::value::Text, &Value)| {
                two.get(name).is_some_and(|other| same(value, other))
            };
            one.len() == two.len() && one.iter().all(all)
        }
        (Value::Bytes(one), Value::Bytes(two)) => one == two,
        (Value::String(one), Value::String(two)) => one == two,
        (Value::Bool(one), Value::Bool(two)) => one == two,
        (Value::Null, Value::Null) => true,
        _ => false,
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(value in values()) {
        let options = WriteOptions { nil: true, i8: true, ..WriteOptions::default() };
        let document = write_answer(&value, &options).unwrap();
        let keep = ReadOptions { tags: Tags::Keep, ..ReadOptions::default() };
        let again = parse_answer(&document, &keep).unwrap().unwrap();
        prop_assert!(same(&value, &again), "{value:?}\n{again:?}");
        // What was read is written as it came.
        prop_assert_eq!(write_answer(&again, &options).unwrap(), document);
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), value in "[<>/a-z0-9&; ]{0,60}") {
        let _ = parse_call(&bytes, &ReadOptions::default());
        let _ = parse_answer(document(&value).as_bytes(), &ReadOptions::default());
    }
}

#[test]
fn types_that_json_does_not_have_are_kept_if_asked_for() {
    let date = "<value><dateTime.iso8601>19980717T14:08:55</dateTime.iso8601></value>";
    assert_eq!(
        json(&kept(date)),
        "{\"!dateTime.iso8601\":\"19980717T14:08:55\"}"
    );
    assert_eq!(
        json(&kept("<value><double>-inf</double></value>")),
        "{\"!double\":\"-inf\"}"
    );
    assert_eq!(
        json(&kept("<value><bigdecimal>1.10</bigdecimal></value>")),
        "{\"!bigdecimal\":\"1.10\"}"
    );
    assert_eq!(json(&kept("<value><double>1.5</double></value>")), "1.5");
    assert_eq!(written(&kept(date)), format!("{date}\n"));
}
