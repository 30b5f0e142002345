use super::*;

/// All outputs as JSON, or the failure.
pub(super) fn run(program: &str, input: &str) -> Vec<String> {
    run_with(program, input, &Settings::default())
}

fn run_with(program: &str, input: &str, settings: &Settings) -> Vec<String> {
    let program = match Program::compile(program, settings) {
        Ok(program) => program,
        Err(error) => return vec![error.to_string()],
    };
    let input = from_json::parse(input).unwrap();
    let inputs = Inputs::none();
    let each = program.run(input, &inputs).map(|output| match output {
        Ok(value) => value.to_string(),
        Err(failure) => format!("error: {failure}"),
    });
    each.collect()
}

#[test]
fn programs_run() {
    let mut wrong = Vec::new();
    for (program, input, outputs) in [
        (".", "[1,2.50]", &["[1,2.50]"] as &[_]),
        ("", "1", &["1"]),
        ("def f: 3;", "1", &["1"]),
        (".a.b.c = 1", "{}", &[r#"{"a":{"b":{"c":1}}}"#]),
        (".[2] = 1", "null", &["[null,null,1]"]),
        ("[(1,2)*(3,4)]", "null", &["[3,6,4,8]"]),
        ("[1,2,3] | pick(.[1])", "null", &["[null,2]"]),
        (". as [$a] ?// $a | $a", "[1]", &["1"]),
        (". as [$a] ?// $a | $a", "5", &["5"]),
        (
            "[.[] as [$a] ?// {a:$a} ?// $a | $a]",
            r#"[[1],{"a":2},3]"#,
            &["[1,2,3]"],
        ),
        (
            ".[] as {$a, $b:[$c]} | [$a,$b,$c]",
            r#"[{"a":1,"b":[2]}]"#,
            &["[1,[2],2]"],
        ),
        ("try error(\"x\") catch .", "null", &["\"x\""]),
        ("error(\"x\") // 1", "null", &["error: x"]),
        ("[.[] | .a?]", "[1,{\"a\":2}]", &["[2]"]),
        ("reduce range(5) as $x (0; . + $x, 10)", "null", &["10"]),
        (
            "[foreach range(3) as $x (0; . + $x, 10)]",
            "null",
            &["[0,10,11,10,12,10]"],
        ),
        ("first(range(1e18))", "null", &["0"]),
        ("[limit(3; repeat(1))]", "null", &["[1,1,1]"]),
        ("$__loc__", "null", &[r#"{"file":"<top-level>","line":1}"#]),
        (
            "\"\\(1,2) \\(3,4)\"",
            "null",
            &["\"1 3\"", "\"2 3\"", "\"1 4\"", "\"2 4\""],
        ),
        ("(.[1],.[2]) |= empty", "[0,1,2,3]", &["[0,3]"]),
        ("del(.[1,2])", "[0,1,2,3]", &["[0,3]"]),
        ("def f($a): a + $a; f(2)", "null", &["4"]),
        (
            "def fac: if . <= 1 then 1 else . * (. - 1 | fac) end; fac",
            "25",
            &["15511210043330985984000000"],
        ),
        ("[..]", "[[1]]", &["[[[1]],[1],1]"]),
        ("[paths]", r#"{"a":[1]}"#, &[r#"[["a"],["a",0]]"#]),
        (
            "tojson | fromjson",
            r#"{"a":[1,null]}"#,
            &[r#"{"a":[1,null]}"#],
        ),
        (
            "[match(\"(?<x>a)|b\"; \"g\") | .captures[0].name, .offset]",
            r#""éab""#,
            &[r#"["x",1,"x",2]"#],
        ),
        (
            "gsub(\"(?<l>[a-z])\"; \"<\\(.l)>\")",
            r#""ab""#,
            &[r#""<a><b>""#],
        ),
        ("[splits(\", *\")]", r#""a, b,c""#, &[r#"["a","b","c"]"#]),
        (
            "@csv, @tsv",
            r#"[1,"a\"b",null,true]"#,
            &[r#""1,\"a\"\"b\",,true""#, r#""1\ta\"b\t\ttrue""#],
        ),
        (
            "[.[] | tostring]",
            r#"[1,"1",[1]]"#,
            &[r#"["1","1","[1]"]"#],
        ),
        ("input", "null", &["error: No more inputs"]),
        (
            "1 + \"a\"",
            "null",
            &["error: number (1) and string (\"a\") cannot be added"],
        ),
        (
            "walk(if type == \"number\" then . + 1 else . end)",
            "[1,[2]]",
            &["[2,[3]]"],
        ),
        ("[.[] | ltrimstr(\"a\")]", r#"["ab"]"#, &[r#"["b"]"#]),
        ("to_entries", r#"{"a":1}"#, &[r#"[{"key":"a","value":1}]"#]),
        ("with_entries(.value += 1)", r#"{"a":1}"#, &[r#"{"a":2}"#]),
        (
            "[tostream]",
            r#"{"a":[1]}"#,
            &[r#"[[["a",0],1],[["a",0]],[["a"]]]"#],
        ),
        (
            "fromstream(tostream)",
            r#"{"a":[1,{"b":2}]}"#,
            &[r#"{"a":[1,{"b":2}]}"#],
        ),
        ("label $f | 1, break $f, 2", "null", &["1"]),
        ("limit(1; .[] |= empty)", "[1,2]", &["[]"]),
        (
            ".. |= (if type == \"number\" then . + 1 else . end)",
            "[1,[2]]",
            &["[2,[3]]"],
        ),
        ("getpath([\"a\",\"b\"]) |= 5", "null", &[r#"{"a":{"b":5}}"#]),
        ("@base32d", r#""MFRGG===""#, &["\"abc\""]),
        ("todate", "0", &["\"1970-01-01T00:00:00Z\""]),
        (
            "@html \"<\\(.)>\"",
            r#""<&'\"""#,
            &["\"<&lt;&amp;&apos;&quot;>\""],
        ),
    ] {
        let found = run(program, input);
        if found != outputs {
            wrong.push(format!("{program}: {found:?}, not {outputs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn all_functions_have_what_they_need() {
    for (name, arguments) in prelude::all_names() {
        let program = match arguments {
            0 => name.to_owned(),
            _ => format!("{name}({})", vec!["."; arguments].join("; ")),
        };
        Program::compile(&program, &Settings::default()).expect(&program);
    }
}
