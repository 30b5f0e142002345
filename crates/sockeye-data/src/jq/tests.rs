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

#[test]
fn programs_that_iterate_stream() {
    for (program, path, input, outputs) in [
        (".[]", ".[]", "1", &["1"] as &[_]),
        (".[] | .a", ".[]", r#"{"a":2}"#, &["2"]),
        (".a.b[] | select(. > 1)", ".a.b[]", "2", &["2"]),
        (".a[].b[]", ".a[].b[]", "3", &["3"]),
        (".a | .[] | .b.c", ".a[]", r#"{"b":{"c":4}}"#, &["4"]),
        (".[].a[0]", ".[]", r#"{"a":[5]}"#, &["5"]),
        (".[].a?", ".[]", "6", &[]),
        ("def f: . + 1; .[] | f", ".[]", "6", &["7"]),
        (".\"x y\"[]", ".\"x y\"[]", "8", &["8"]),
    ] {
        let program = Program::compile(program, &Settings::default()).unwrap();
        let Streaming::Each {
            path: found,
            program: each,
        } = program.streaming()
        else {
            panic!("{:?}", program.streaming());
        };
        assert_eq!(found.to_string(), path);
        let inputs = Inputs::none();
        let found = each.run(from_json::parse(input).unwrap(), &inputs);
        let found: Vec<_> = found.map(|value| value.unwrap().to_string()).collect();
        assert_eq!(found, outputs);
    }
    for (program, output) in [
        ("reduce .[] as $x (0; . + $x)", "6"),
        ("reduce .[] as $x (0; . + $x) | . * 2", "12"),
        ("first(.[] | select(. > 1))", "2"),
        ("limit(1; .[] | . * 2)", "2"),
        ("[limit(2; foreach .[] as $x (0; . + $x))]", ""),
        ("any(. > 2)", "true"),
        ("all(.[]; . > 2)", "false"),
        ("add", "6"),
        ("isempty(.[])", "false"),
    ] {
        let program = Program::compile(program, &Settings::default()).unwrap();
        match program.streaming() {
            Streaming::Once { program, .. } => {
                let inputs = Inputs::of_values(vec![1.into(), 2.into(), 3.into()]);
                let found = program.run(Default::default(), &inputs).next().unwrap();
                assert_eq!(found.unwrap().to_string(), output);
            }
            other => assert_eq!(output, "", "{other:?}"),
        }
    }
}

#[test]
fn what_is_built_whole_has_a_reason() {
    for (program, reason) in [
        (".", "`.` is all of it"),
        (".foo | length", "`length` needs all of it"),
        ("map(.a)", "`map` needs all of it"),
        (".[] |= 1", "an update such as `|=` gives all of it back"),
        (".a, .b", "`,` goes over it more than once"),
        (
            ".foo",
            "nothing iterates: a path without a plain `[]` picks one value",
        ),
        ("[.[] | .a]", "an array `[…]` is made from all of it"),
        (
            "reduce .[] as $x (.; 1)",
            "the start of `reduce`, or what it goes over, needs all of it",
        ),
        (".[] | input", "`input` counts in values, not in elements"),
        (".[] as $x | .", "behind `as`, `.` is all of it"),
    ] {
        let program = Program::compile(program, &Settings::default()).unwrap();
        match program.streaming() {
            Streaming::Whole { why } => assert_eq!(why, reason),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_read_is_known_where_it_is_certain() {
    for (program, names) in [
        ("select(.a == 1) | .b", Some(&["a", "b"] as &[_])),
        ("{a, b: .c.d, \"e\": \"\\(.f)\"}", Some(&["a", "c", "f"])),
        ("[.a, .b[0], .[\"c\"]] | @csv", Some(&["a", "b", "c"])),
        ("if .a then .b else .c end", Some(&["a", "b", "c"])),
        ("if .a then .b end", None),
        ("select(.a)", None),
        (".", None),
        ("keys", None),
        (". as $x | $x.a", None),
        (".a as $x | .b | . + $x", Some(&["a", "b"])),
        (
            "select(.a) | select(.b) | .c | length",
            Some(&["a", "b", "c"]),
        ),
        (".[.a]", None),
        ("del(.a)", None),
        ("def f: .a; f", None),
        ("select(has(\"a\")) | .b // .c", Some(&["a", "b", "c"])),
    ] {
        let compiled = Program::compile(program, &Settings::default()).unwrap();
        let found = compiled
            .reads()
            .map(|names| names.iter().map(AsRef::as_ref).collect::<Vec<&str>>());
        assert_eq!(found.as_deref(), names, "{program}");
    }
    for (program, stateless) in [
        (".a", true),
        ("def f: input; .a", false),
        ("debug", false),
        ("error", true),
        ("halt_error", false),
        ("[inputs]", false),
        ("now", true),
    ] {
        let program = Program::compile(program, &Settings::default()).unwrap();
        assert_eq!(program.is_stateless().is_ok(), stateless);
    }
}
