//! `sockeye convert` with YAML, TOML, CBOR and MessagePack.

use sockeye_testkit::{Output, within};

use crate::sockeye;

fn convert(args: &[&str], input: impl AsRef<[u8]>) -> Output {
    let mut program = sockeye(["convert"].iter().chain(args));
    program.write(input);
    program.finish()
}

fn converted(args: &[&str], input: impl AsRef<[u8]>) -> Vec<u8> {
    let output = convert(args, input);
    assert_eq!(output.code, Some(0), "{}", output.stderr_text());
    output.stdout
}

fn text(args: &[&str], input: impl AsRef<[u8]>) -> String {
    String::from_utf8(converted(args, input)).unwrap()
}

#[test]
fn convert_reads_documents_of_yaml_as_records() {
    within(|| {
        let yaml = "a: &x [no, 1.10]\n---\n<<: {b: 1}\nc: !t 0x1F\n";
        let json = "{\"a\":[\"no\",1.10]}\n{\"b\":1,\"c\":31}\n";
        assert_eq!(text(&["-f", "yaml", "-t", "ndjson"], yaml), json);
        let kept = text(
            &["-f", "yaml", "-t", "ndjson", "--tags", "--no-merge"],
            yaml,
        );
        assert!(
            kept.ends_with("{\"<<\":{\"b\":1},\"c\":{\"!t\":31}}\n"),
            "{kept}"
        );
    });
}

#[test]
fn convert_writes_yaml_that_is_read_as_the_same() {
    within(|| {
        let json = r#"{"w":["no","1e3","~"," x","a: b","---","l\n"],"a":{"m":1e3,"e":[]}}"#;
        let yaml = text(&["-f", "json", "-t", "yaml"], json);
        assert_eq!(
            yaml,
            "w:\n  - \"no\"\n  - \"1e3\"\n  - \"~\"\n  - \" x\"\n  - \"a: b\"\n  - \"---\"\n  - |\n    l\na:\n  m: 1.0e+3\n  e: []\n"
        );
        let again = text(&["-f", "yaml", "-t", "ndjson"], &yaml);
        assert_eq!(again, format!("{}\n", json.replace("1e3,", "1.0e+3,")));
        let sorted = text(&["-f", "json", "-t", "yaml", "-S"], json);
        assert!(sorted.starts_with("a:\n  e: []\n  m: "), "{sorted}");
        let many = text(&["-f", "ndjson", "-t", "yaml"], "1\n2\n");
        assert_eq!(many, "1\n---\n2\n");
    });
}

#[test]
fn convert_keeps_dates_of_toml_on_demand() {
    within(|| {
        let toml = "day = 1979-05-27\n";
        assert_eq!(
            text(&["-f", "toml", "-t", "ndjson"], toml),
            "{\"day\":\"1979-05-27\"}\n"
        );
        let tagged = text(&["-f", "toml", "-t", "ndjson", "--tags"], toml);
        assert_eq!(tagged, "{\"day\":{\"!date-local\":\"1979-05-27\"}}\n");
        assert_eq!(
            text(&["-f", "ndjson", "-t", "toml", "--tags"], &tagged),
            toml
        );
    });
}

#[test]
fn convert_names_the_path_of_what_toml_does_not_have() {
    within(|| {
        let json = r#"{"a":[1,{"b":null}]}"#;
        let refused = convert(&["-f", "json", "-t", "toml"], json);
        assert_ne!(refused.code, Some(0));
        let said = refused.stderr_text();
        assert!(said.contains("null at .a[1].b"), "{said}");
        assert_eq!(
            text(&["-f", "json", "-t", "toml", "--drop-nulls"], json),
            "a = [1, {}]\n"
        );
        let list = convert(&["-f", "json", "-t", "toml"], "[1]").stderr_text();
        assert!(list.contains("in TOML it is an object"), "{list}");
    });
}

#[test]
fn convert_reads_and_writes_cbor_and_messagepack() {
    within(|| {
        for format in ["cbor", "msgpack"] {
            let json = "{\"bb\":[1,-300,1.5,\"x\",null,true],\"a\":{}}\ntrue\n";
            let binary = converted(&["-f", "ndjson", "-t", format], json);
            assert_eq!(text(&["-f", format, "-t", "ndjson"], &binary), json);
            let sorted = converted(&["-f", "ndjson", "-t", format, "-S"], json);
            let sorted = text(&["-f", format, "-t", "ndjson"], &sorted);
            assert!(sorted.starts_with("{\"a\":{},\"bb\""), "{sorted}");
            let cut = convert(&["-f", format, "-t", "ndjson"], &binary[..5]);
            assert_ne!(cut.code, Some(0));
            let said = cut.stderr_text();
            assert!(said.contains("ends within a value"), "{said}");
        }
        let tagged = text(
            &["-f", "cbor", "-t", "ndjson", "--tags"],
            b"\xc1\x01\x41\xff",
        );
        assert_eq!(tagged, "{\"!1\":1}\n\"/w==\"\n");
    });
}

#[test]
fn convert_settles_keys_that_stand_twice_in_yaml() {
    within(|| {
        let yaml = "{a: 1, a: 2}";
        let refused = convert(&["-f", "yaml", "-t", "ndjson"], yaml).stderr_text();
        assert!(refused.contains("\"a\" stands twice"), "{refused}");
        let last = text(
            &["-f", "yaml", "-t", "ndjson", "--duplicates", "last"],
            yaml,
        );
        assert_eq!(last, "{\"a\":2}\n");
        let all = convert(&["-f", "yaml", "-t", "ndjson", "--duplicates", "all"], yaml);
        assert_ne!(all.code, Some(0));
    });
}

#[test]
fn convert_bounds_what_aliases_cost() {
    within(|| {
        let bomb = "a: &a [x, x, x]\nb: [*a, *a, *a]\n";
        assert!(text(&["-f", "yaml", "-t", "ndjson"], bomb).ends_with("]]}\n"));
        let refused = convert(
            &["-f", "yaml", "-t", "ndjson", "--max-expansion", "10"],
            bomb,
        );
        assert_ne!(refused.code, Some(0));
        let said = refused.stderr_text();
        assert!(said.contains("more than 10 values"), "{said}");
    });
}
