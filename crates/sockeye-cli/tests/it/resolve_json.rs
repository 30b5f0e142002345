//! `resolve --json` against the published schema.

use serde_json::{Value, json};
use sockeye_testkit::{Output, within};

use crate::resolve::{example, resolve_on};
use crate::resolve_server::{Etc, TXT, Table, text};
use crate::sockets_json::check;

/// Each line of standard output, checked against the schema.
pub(crate) fn lines(output: &Output) -> Vec<Value> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/resolve.schema.json"
    );
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let lines = crate::json_lines(&output.stdout);
    for line in &lines {
        let kind = line["type"].as_str().unwrap();
        let top = json!({ "$ref": format!("#/$defs/{kind}") });
        assert!(schema["oneOf"].as_array().unwrap().contains(&top), "{kind}");
        check(&schema, &schema["$defs"][kind], line, kind).unwrap();
    }
    lines
}

fn types(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect()
}

#[test]
fn both_views_and_their_comparison_are_lines_of_their_own() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("# one\n127.0.0.99 only.example\n", server.address);
        let output = resolve_on(&etc, &["only.example", "www.example", "--json"]);
        let all = lines(&output);
        let one = ["system", "answer", "answer", "comparison"];
        assert_eq!(types(&all), [one, one].concat());
        assert_eq!(all[0]["addresses"], json!(["127.0.0.99"]));
        assert_eq!(
            all[0]["steps"][0]["lines"],
            json!([{"line": 2, "address": "127.0.0.99"}])
        );
        assert_eq!(all[0]["unasked"], json!(["dns"]));
        assert_eq!(all[1]["outcome"], "no-name");
        assert_eq!(all[3]["same"], false);
        assert_eq!(all[3]["differences"][0]["cause"], "hosts-file");
        assert_eq!(all[4]["steps"][1]["asked"][0]["name"], "www.example");
        assert_eq!(all[4]["order"][0]["rule"], "precedence");
        assert_eq!(all[7]["same"], true);
    });
}

#[test]
fn every_kind_of_failure_obeys_the_schema() {
    within(|| {
        let server = example().serve();
        let etc = Etc::new("127.0.0.1 localhost\n", server.address).file(
            "nsswitch.conf",
            "hosts: resolve mymachines files myhostname dns\n",
        );
        let names = [
            "localhost",
            "127.0.0.1",
            "127.0.0.66",
            "broken.example",
            "silent.example",
            "example",
            "a b",
            "x.onion",
            "192.0.2.1",
        ];
        let flags = ["--json", "--connect-timeout", "800ms"];
        let args: Vec<&str> = names.iter().chain(&flags).copied().collect();
        let output = resolve_on(&etc, &args);
        let all = lines(&output);
        let kinds = types(&all);
        for kind in [
            "system",
            "hosts-names",
            "answer",
            "unanswered",
            "comparison",
            "error",
        ] {
            assert!(kinds.contains(&kind), "{kind}: {}", output.stdout_text());
        }
        let silent = all
            .iter()
            .find(|line| line["type"] == "unanswered")
            .unwrap();
        assert_eq!(silent["code"], "timed-out");
        assert_eq!(silent["question"]["name"], "silent.example.");
    });
}

#[test]
fn text_from_outside_is_exact() {
    within(|| {
        let hostile = b"\x1b[2J\xff\"\\";
        let server = Table::default()
            .records("evil.example", [(TXT, text(hostile))])
            .serve();
        let etc = Etc::new("", server.address);
        let all = lines(&resolve_on(&etc, &["evil.example", "TXT", "--json"]));
        let fields = all[0]["answers"][0]["fields"].as_object().unwrap();
        let value = fields.values().next().unwrap();
        let base64 = value.pointer("/0/base64").or(value.pointer("/base64"));
        let bytes = data_encoding::BASE64.decode(base64.unwrap().as_str().unwrap().as_bytes());
        assert_eq!(bytes.unwrap(), hostile);
    });
}
