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

/// Run on a thread with a stack of so many MiB, of which the program may use half.
fn on_a_stack(mebibytes: usize, program: &'static str) -> Vec<String> {
    let run = move || {
        let settings = Settings::default().stack(mebibytes << 19);
        run_with(program, "0", &settings)
    };
    let thread = std::thread::Builder::new().stack_size(mebibytes << 20);
    thread.spawn(run).unwrap().join().unwrap()
}

#[test]
fn recursion_ends_before_the_stack_does() {
    for program in [
        "def f: 1 + f; f",
        "def f: (1, 2) + f; f",
        "def f: [f]; f",
        "def f: f | f; f",
        "def f(g): [g | f(g)]; f(.)",
        "def f: def g: [f]; g; f",
        "def f: try f catch error; [f]",
        "def f: reduce f as $x (0; 1); f",
        "def f: {a: f}; f",
        "def f: null | .a |= f; f",
        "def f: if f then 1 else 2 end; f",
        "def f: label $x | f | .; f",
        "def f: first(f, 1); f",
        "def f: \"\\(f)\"; f",
        "def f: f as [$a] | 1; f",
        "def f: f // 1; f",
        "def f: limit(1; f); f",
        "def f: -f; f",
        "def f($x): f($x + 1) + 1; f(0)",
    ] {
        let outputs = on_a_stack(4, program);
        let last = outputs.last().unwrap();
        assert!(last.contains("recurses too deeply"), "{program}: {last}");
    }
    let tail = "def f: if . >= 300000 then . else . + 1 | f end; f";
    assert_eq!(on_a_stack(4, tail), ["300000"]);
    // This is no tail call: each level takes about 20 KiB of the stack without optimisation.
    let deep = "def f: if . >= 5000 then . else (. + 1 | f) + 1 end; f";
    assert_eq!(on_a_stack(512, deep), ["10000"]);
}

#[test]
fn deep_values_are_no_danger() {
    for (program, output) in [
        (
            "reduce range(30000) as $i (null; [.]) | tojson | length",
            "60004",
        ),
        ("reduce range(30000) as $i (null; [.]) | . == .", "true"),
        (
            "reduce range(30000) as $i (null; [.]) | [.., 1] | length",
            "30002",
        ),
        (
            "reduce range(30000) as $i (null; {a: .}) | [., .] | unique | length",
            "1",
        ),
        (
            "reduce range(30000) as $i (null; {a: .}) | try (. * .) catch 1",
            "1",
        ),
        (
            "reduce range(30000) as $i (null; [.]) | try contains([[]]) catch \"deep\"",
            "true",
        ),
        (
            "reduce range(30000) as $i (null; [.]) | . as $x | try contains($x) catch \"deep\" | type",
            "\"string\"",
        ),
        (
            "reduce range(30000) as $i (null; [.]) | try flatten catch 1 | type",
            "\"number\"",
        ),
        (
            "reduce range(30000) as $i (null; [.]) | try walk(.) catch 1",
            "1",
        ),
        (
            "[range(30000) | 0] as $p | try (null | setpath($p; 1)) catch .",
            "\"Path too deep\"",
        ),
        (
            "[range(10000) | 0] as $p | null | setpath($p; 1) | getpath($p)",
            "1",
        ),
        (
            "[range(10000) | 0] as $p | null | setpath($p; 1) | getpath($p) |= . + 1 | getpath($p)",
            "2",
        ),
    ] {
        assert_eq!(on_a_stack(4, program), [output], "{program}");
    }
}

#[test]
fn programs_nested_too_deep_are_refused() {
    for program in [
        format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("{}1", "-".repeat(100_000)),
        format!("{}1", "1 | ".repeat(100_000)),
        format!("{}1", "1, ".repeat(100_000)),
        format!("{}1", "try ".repeat(100_000)),
        format!("{}1", "def f: ".repeat(100_000)),
        format!("1{}", "[0]".repeat(100)),
    ] {
        let error = Program::compile(&program, &Settings::default()).map(drop);
        match program.len() < 1000 {
            true => error.unwrap(),
            false => assert!(error.unwrap_err().why.contains("nested too deeply")),
        }
    }
}

#[test]
fn outputs_are_made_as_they_are_asked_for() {
    for (program, output) in [
        ("first(range(1e18))", "0"),
        ("[limit(5; repeat(1))] | length", "5"),
        ("first(range(10; infinite) | select(. % 7 == 0))", "14"),
        (
            "label $out | foreach repeat(1) as $x (0; . + 1; if . > 1000 then ., break $out else empty end)",
            "1001",
        ),
        ("isempty(repeat(1))", "false"),
        ("any(repeat(1); . == 1)", "true"),
        ("until(. > 100000; . + 1)", "100001"),
        ("last(limit(1000; recurse(. + 1)))", "999"),
    ] {
        assert_eq!(run(program, "0"), [output], "{program}");
    }
}

#[test]
fn expressions_cost_a_bounded_time() {
    let long = format!("{}!", "a".repeat(4_000));
    for (pattern, found) in [
        ("(a+)+$", "false"),
        ("(a|a)*$", "true"),
        ("(a*)*b", "false"),
        ("^(a?){30}a{30}", "true"),
    ] {
        let program = format!("test(\"{pattern}\")");
        assert_eq!(run(&program, &format!("{long:?}")), [found], "{pattern}");
    }
    let outputs = run(
        r#"try test("(a+)+\\1b") catch "bounded""#,
        &format!("{long:?}"),
    );
    assert_eq!(outputs, ["\"bounded\""]);
    assert_eq!(run(r#"test("a{1000}{1000}{1000}")"#, "\"a\""), ["false"]);
    for pattern in [
        r"\\w{1000}{1000}",
        r"(?=\\w{1000}{1000})b",
        r"(?<x>(a\\g<x>b|\\g<x>{99}){99})",
    ] {
        let program = format!("try test(\"{pattern}\") catch \"refused\"");
        assert_eq!(run(&program, "\"a\""), ["\"refused\""], "{pattern}");
    }
    assert_eq!(
        run(
            r#"[match("(?<x>a)|(?<y>é)|"; "g") | [.offset, .length, .captures[].string]]"#,
            r#""zéa""#
        ),
        [r#"[[0,0,null,null],[1,1,null,"é"],[2,1,"a",null],[3,0,null,null]]"#]
    );
    assert_eq!(
        run(
            r#"[scan("(?i)É")], sub("(?<a>.)(?<b>.)"; "\(.b)\(.a)")"#,
            r#""éx""#
        ),
        [r#"["é"]"#, r#""xé""#]
    );
    assert_eq!(
        run(
            r#"gsub("";"-"), gsub("^";">"), gsub("\\p{L}";"L"), [splits("")]"#,
            r#""ab""#
        ),
        [r#""-a-b-""#, r#"">ab""#, r#""LL""#, r#"["","a","b",""]"#]
    );
}

#[test]
fn one_program_serves_many_threads() {
    let program = Program::compile(
        "select(.a % 2 == 1) | .b + $n",
        &Settings::default().variable("n", 1.into()),
    )
    .unwrap();
    let program = &program;
    std::thread::scope(|scope| {
        for thread in 0..4_i64 {
            scope.spawn(move || {
                let inputs = Inputs::none();
                let mut sum = 0;
                for at in 0..25_000_i64 {
                    let record = crate::value::Object::from_iter([
                        ("a".into(), at.into()),
                        ("b".into(), (at * thread).into()),
                    ]);
                    for output in program.run(record.into(), &inputs) {
                        sum += output.unwrap().as_i64().unwrap();
                    }
                }
                assert_eq!(sum, 12_500 + thread * 156_250_000);
            });
        }
    });
}

#[test]
fn ends_and_messages_come_back_as_values() {
    let run = |program: &str| {
        let mut said = Vec::new();
        let inputs = Inputs::of_values(vec![7.into(), 8.into()]).with_messages(|message| {
            said.push(match message {
                Message::Debug(value) => format!("debug {value}"),
                Message::Stderr(value) => format!("stderr {value}"),
            });
        });
        let program = Program::compile(program, &Settings::default()).unwrap();
        let outputs: Vec<_> = program.run(1.into(), &inputs).collect();
        drop(inputs);
        (outputs, said)
    };
    let halted = |code, says: Option<&str>| {
        let says = says.map(|says| from_json::parse(says).unwrap());
        Err(Failure::Halt { code, says })
    };
    assert_eq!(run("1, halt, 2").0, [Ok(1.into()), halted(0, None)]);
    assert_eq!(run("\"a\" | halt_error").0, [halted(5, Some("\"a\""))]);
    assert_eq!(run("{} | halt_error(3)").0, [halted(3, Some("{}"))]);
    assert_eq!(run("try halt_error catch 1").0, [halted(5, Some("1"))]);
    assert_eq!(
        run("error({a: 1})").0[0].clone().unwrap_err().to_string(),
        "{\"a\":1} (not a string)"
    );
    assert_eq!(
        run("error(null)").0[0].clone().unwrap_err().to_string(),
        "null (not a string)"
    );
    assert_eq!(
        run("debug, debug(\"x\", 2), stderr").1,
        ["debug 1", "debug \"x\"", "debug 2", "stderr 1"]
    );
    assert_eq!(
        run("[., input, input]").0,
        [Ok(from_json::parse("[1,7,8]").unwrap())]
    );
    assert_eq!(run("[inputs]").0, [Ok(from_json::parse("[7,8]").unwrap())]);
    assert_eq!(run("first(inputs), input").0, [Ok(7.into()), Ok(8.into())]);
    assert_eq!(
        run("env.PATH, $ENV.PATH, input_filename").0,
        [
            Ok(Default::default()),
            Ok(Default::default()),
            Ok(Default::default())
        ]
    );
}

#[test]
fn what_cannot_be_compiled_is_said_with_its_place() {
    for (program, said) in [
        (
            ".a |",
            "jq: the program ends where a term is expected at line 1, column 5",
        ),
        (
            "1 +\n  ]",
            "jq: a term or an operator is expected, not \"]\" at line 2, column 3",
        ),
        (
            "foo(1)",
            "jq: there is no function foo/1 at line 1, column 1",
        ),
        (
            "1 | lenght",
            "jq: there is no function lenght/0 at line 1, column 5",
        ),
        ("$foo", "jq: there is no variable $foo at line 1, column 1"),
        ("break $x", "jq: there is no label $x at line 1, column 7"),
        ("(1", "jq: the ( has no ) at line 1, column 3"),
        ("\"a", "jq: the \" has no \" at line 1, column 3"),
        (
            "if 1 then 2",
            "jq: the program ends where an else or end is expected at line 1, column 12",
        ),
        ("{a:1", "jq: the { has no } at line 1, column 5"),
        (
            "import \"a\" as a; 1",
            "jq: modules cannot be read here at line 1, column 9",
        ),
    ] {
        let error = Program::compile(program, &Settings::default()).unwrap_err();
        assert_eq!(error.to_string(), said, "{program}");
    }
    let hint = |program| {
        Program::compile(program, &Settings::default())
            .unwrap_err()
            .hint
    };
    assert_eq!(hint("lenght").as_deref(), Some("did you mean length/0?"));
    assert_eq!(hint("selct(.a)").as_deref(), Some("did you mean select/1?"));
    assert_eq!(
        hint("$__prog_arg").as_deref(),
        Some("did you mean $__prog_args?")
    );
}

#[test]
fn arguments_are_variables() {
    let settings = Settings::default()
        .variable("a", 1.into())
        .variable("b", "x".into())
        .positional(vec!["p".into()]);
    assert_eq!(
        run_with(
            "[$a, $b, $ARGS.named.a, $ARGS.positional[0], $__prog_args]",
            "null",
            &settings
        ),
        [r#"[1,"x",1,"p",["p"]]"#]
    );
}
