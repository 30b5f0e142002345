//! The cases of JSON-RPC 2.0: those of its specification (section 7), and those at which servers are known to fail.
//!
//! A server is asked for methods that it does not have, so that nothing happens there; `--method` adds cases with one it has.

use sockeye::data::json;
use sockeye::data::value::Value;

use super::verdict::{Case, Verdict};
use crate::commands::rpc::carry::Reply;

/// A method that nobody has.
const METHOD: &str = "sockeye_check_no_such_method";

/// What has to come back.
enum Want {
    /// Nothing at all.
    Nothing,
    /// One error object: one of these codes, one of these ids (as JSON).
    Error(&'static [i64], &'static [&'static str]),
    /// The same, but a server may refuse it with this code: then the case says nothing.
    ErrorUnless(&'static [i64], &'static [&'static str], i64, &'static str),
    /// An array of error objects, in any order.
    Errors(&'static [(i64, &'static str)]),
    /// Any error; a status of HTTP that says no is one.
    AnyError,
    /// A result with this id.
    Result(&'static str),
    /// Two results with these ids, in any order.
    Results(&'static str, &'static str),
    /// An error, unless the server speaks JSON-RPC 1.0 too.
    NotOld(&'static [&'static str]),
}

/// A case as it is written below.
type Row = (&'static str, &'static str, &'static str, Want);

/// `M` stands for the method that nobody has.
fn rows() -> Vec<Row> {
    use Want::{AnyError, Error, ErrorUnless, Errors, NotOld, Nothing};
    const NO_METHOD: &[i64] = &[-32_601];
    const INVALID: &[i64] = &[-32_600];
    const BROKEN: &[i64] = &[-32_700];
    const NULL: &[&str] = &["null"];
    const ONE: &[&str] = &["1"];
    const NULL_OR_ONE: &[&str] = &["null", "1"];
    vec![
        (
            "unknown-method",
            "5.1",
            r#"{"jsonrpc":"2.0","method":"M","id":1}"#,
            Error(NO_METHOD, ONE),
        ),
        (
            "params-by-position",
            "4.2",
            r#"{"jsonrpc":"2.0","method":"M","params":[42,"x"],"id":1}"#,
            Error(NO_METHOD, ONE),
        ),
        (
            "params-by-name",
            "4.2",
            r#"{"jsonrpc":"2.0","method":"M","params":{"a":42},"id":1}"#,
            Error(NO_METHOD, ONE),
        ),
        (
            "id-string",
            "5",
            r#"{"jsonrpc":"2.0","method":"M","id":"1"}"#,
            Error(NO_METHOD, &["\"1\""]),
        ),
        (
            "id-string-escaped",
            "5",
            r#"{"jsonrpc":"2.0","method":"M","id":"\u00f6\"\\"}"#,
            Error(NO_METHOD, &[r#""ö\"\\""#]),
        ),
        (
            "id-zero",
            "5",
            r#"{"jsonrpc":"2.0","method":"M","id":0}"#,
            Error(NO_METHOD, &["0"]),
        ),
        (
            "id-negative",
            "5",
            r#"{"jsonrpc":"2.0","method":"M","id":-7}"#,
            Error(NO_METHOD, &["-7"]),
        ),
        (
            "id-20-digits",
            "5",
            r#"{"jsonrpc":"2.0","method":"M","id":12345678901234567890}"#,
            Error(NO_METHOD, &["12345678901234567890"]),
        ),
        (
            "id-fraction",
            "4",
            r#"{"jsonrpc":"2.0","method":"M","id":1.0}"#,
            ErrorUnless(
                NO_METHOD,
                &["1.0"],
                -32_600,
                "ids should have no fraction, and this one was refused",
            ),
        ),
        (
            "id-null-is-a-call",
            "4.1",
            r#"{"jsonrpc":"2.0","method":"M","id":null}"#,
            Error(NO_METHOD, NULL),
        ),
        (
            "id-object",
            "4",
            r#"{"jsonrpc":"2.0","method":"M","id":{}}"#,
            Error(INVALID, NULL),
        ),
        (
            "id-array",
            "4",
            r#"{"jsonrpc":"2.0","method":"M","id":[1]}"#,
            Error(INVALID, NULL),
        ),
        (
            "id-boolean",
            "4",
            r#"{"jsonrpc":"2.0","method":"M","id":true}"#,
            Error(INVALID, NULL),
        ),
        (
            "notification",
            "4.1",
            r#"{"jsonrpc":"2.0","method":"M","params":[1]}"#,
            Nothing,
        ),
        (
            "no-json",
            "5.1",
            r#"{"jsonrpc":"2.0","method":"M,"params":"bar","baz]"#,
            Error(BROKEN, NULL),
        ),
        (
            "method-number",
            "5.1",
            r#"{"jsonrpc":"2.0","method":1,"params":"bar"}"#,
            Error(INVALID, NULL),
        ),
        (
            "method-null",
            "4",
            r#"{"jsonrpc":"2.0","method":null,"id":1}"#,
            Error(INVALID, NULL_OR_ONE),
        ),
        (
            "method-missing",
            "4",
            r#"{"jsonrpc":"2.0","id":1}"#,
            Error(INVALID, NULL_OR_ONE),
        ),
        ("request-is-a-string", "4", r#""M""#, Error(INVALID, NULL)),
        ("request-is-null", "4", "null", Error(INVALID, NULL)),
        (
            "params-string",
            "4.2",
            r#"{"jsonrpc":"2.0","method":"M","params":"x","id":1}"#,
            Error(&[-32_600, -32_602], NULL_OR_ONE),
        ),
        (
            "params-number",
            "4.2",
            r#"{"jsonrpc":"2.0","method":"M","params":7,"id":1}"#,
            Error(&[-32_600, -32_602], NULL_OR_ONE),
        ),
        (
            "version-missing",
            "4",
            r#"{"method":"M","params":[],"id":1}"#,
            NotOld(NULL_OR_ONE),
        ),
        (
            "version-1.0",
            "4",
            r#"{"jsonrpc":"1.0","method":"M","params":[],"id":1}"#,
            NotOld(NULL_OR_ONE),
        ),
        (
            "version-number",
            "4",
            r#"{"jsonrpc":2.0,"method":"M","id":1}"#,
            Error(INVALID, NULL_OR_ONE),
        ),
        (
            "reserved-name",
            "4",
            r#"{"jsonrpc":"2.0","method":"rpc.M","id":1}"#,
            Error(NO_METHOD, ONE),
        ),
        (
            "unknown-member",
            "-",
            r#"{"jsonrpc":"2.0","method":"M","id":1,"extra":[true]}"#,
            ErrorUnless(
                NO_METHOD,
                ONE,
                -32_600,
                "the specification does not speak of further members",
            ),
        ),
        (
            "white-space",
            "-",
            "  {\"jsonrpc\" : \"2.0\" ,\t\"method\":\"M\" , \"id\" :1 } ",
            Error(NO_METHOD, ONE),
        ),
        ("batch-empty", "6", "[]", Error(INVALID, NULL)),
        (
            "batch-of-nonsense",
            "6",
            "[1]",
            Errors(&[(-32_600, "null")]),
        ),
        (
            "batch-of-more-nonsense",
            "6",
            "[1,2,3]",
            Errors(&[(-32_600, "null"), (-32_600, "null"), (-32_600, "null")]),
        ),
        (
            "batch-no-json",
            "6",
            r#"[{"jsonrpc":"2.0","method":"M","id":"1"},{"jsonrpc":"2.0","method"]"#,
            Error(BROKEN, NULL),
        ),
        (
            "batch-mixed",
            "6",
            r#"[{"jsonrpc":"2.0","method":"M","params":[1],"id":"1"},{"jsonrpc":"2.0","method":"M"},{"foo":"boo"},{"jsonrpc":"2.0","method":"M","id":9}]"#,
            Errors(&[(-32_601, "\"1\""), (-32_600, "null"), (-32_601, "9")]),
        ),
        (
            "batch-of-notifications",
            "6",
            r#"[{"jsonrpc":"2.0","method":"M"},{"jsonrpc":"2.0","method":"M","params":[7]}]"#,
            Nothing,
        ),
        (
            "batch-same-id-twice",
            "6",
            r#"[{"jsonrpc":"2.0","method":"M","id":1},{"jsonrpc":"2.0","method":"M","id":1}]"#,
            Errors(&[(-32_601, "1"), (-32_601, "1")]),
        ),
        (
            "batch-in-a-batch",
            "6",
            r#"[[{"jsonrpc":"2.0","method":"M","id":1}]]"#,
            Errors(&[(-32_600, "null")]),
        ),
        ("nested-1000-deep", "-", "DEEP", AnyError),
        (
            "answers-after-all-that",
            "-",
            r#"{"jsonrpc":"2.0","method":"M","id":1}"#,
            Error(NO_METHOD, ONE),
        ),
    ]
}

/// All cases; with a method and its parameters, those with it too.
pub(super) fn cases(method: Option<(&str, Option<&Value>)>) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (name, section, text, want) in rows() {
        let sent = match text {
            "DEEP" => deep(),
            text => text
                .replace("\"M", &format!("\"{METHOD}"))
                .replace("rpc.M", &format!("rpc.{METHOD}")),
        };
        cases.push(case(name, section, sent, want));
    }
    if let Some((method, params)) = method {
        cases.extend(positive(method, params));
    }
    cases
}

/// Cases with a method that the server has.
fn positive(method: &str, params: Option<&Value>) -> Vec<Case> {
    let call = |id: &str| {
        let method = json::to_string(&Value::from(method));
        let params = params.map_or(String::new(), |params| {
            format!(",\"params\":{}", json::to_string(params))
        });
        let id = match id {
            "" => String::new(),
            id => format!(",\"id\":{id}"),
        };
        format!("{{\"jsonrpc\":\"2.0\",\"method\":{method}{params}{id}}}")
    };
    vec![
        case("method-result", "5", call("1"), Want::Result("1")),
        case(
            "method-id-string",
            "5",
            call("\"a\""),
            Want::Result("\"a\""),
        ),
        case("method-id-null", "4.1", call("null"), Want::Result("null")),
        case("method-notification", "4.1", call(""), Want::Nothing),
        case(
            "method-batch",
            "6",
            format!("[{},{},{}]", call("1"), call(""), call("\"1\"")),
            Want::Results("1", "\"1\""),
        ),
    ]
}

/// A call with a parameter that is nested 1,000 deep.
fn deep() -> String {
    let (open, close) = ("[".repeat(1_000), "]".repeat(1_000));
    format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{METHOD}\",\"params\":{open}{close},\"id\":1}}")
}

fn case(name: &'static str, section: &'static str, sent: String, want: Want) -> Case {
    Case {
        name,
        section,
        sent: sent.into_bytes(),
        expected: want.words(),
        silent: matches!(want, Want::Nothing),
        judge: Box::new(move |reply| want.judge(reply).unwrap_or_else(Verdict::Violation)),
    }
}

impl Want {
    fn words(&self) -> String {
        let codes = |codes: &[i64]| {
            codes
                .iter()
                .map(i64::to_string)
                .collect::<Vec<_>>()
                .join(" or ")
        };
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Error(wanted, ids) | Self::ErrorUnless(wanted, ids, ..) => {
                format!("error {}, id {}", codes(wanted), ids.join(" or "))
            }
            Self::NotOld(ids) => format!("error -32600, id {}", ids.join(" or ")),
            Self::Errors(wanted) => {
                let each: Vec<String> = wanted
                    .iter()
                    .map(|(code, id)| format!("error {code}, id {id}"))
                    .collect();
                format!("[{}]", each.join("; "))
            }
            Self::AnyError => "any error".to_owned(),
            Self::Result(id) => format!("result, id {id}"),
            Self::Results(one, other) => format!("[result, id {one}; result, id {other}]"),
        }
    }

    /// An error is what is wrong.
    fn judge(&self, reply: &Reply) -> Result<Verdict, String> {
        if let Self::Nothing = self {
            return match reply.body.trim_ascii().is_empty() {
                true => Ok(Verdict::Ok),
                false => Err("a notification was answered".to_owned()),
            };
        }
        let refused = reply.status.filter(|status| *status >= 400);
        if let (Self::AnyError, Some(status)) = (self, refused) {
            return Ok(Verdict::Noted(format!("refused with status {status}")));
        }
        if reply.body.trim_ascii().is_empty() {
            return Err(match refused {
                Some(status) => format!("status {status} and no answer"),
                None => "there is no answer".to_owned(),
            });
        }
        let value =
            json::parse(&reply.body).map_err(|error| format!("the answer is no JSON: {error}"))?;
        self.judge_value(&value)
    }

    fn judge_value(&self, value: &Value) -> Result<Verdict, String> {
        match self {
            Self::Nothing => Ok(Verdict::Ok),
            Self::Error(codes, ids) => error(value, codes, ids),
            Self::ErrorUnless(codes, ids, other, why) => match code_of(value) {
                Some(code) if code == *other => Ok(Verdict::NotApplicable((*why).to_owned())),
                _ => error(value, codes, ids),
            },
            Self::NotOld(ids) => match is_old(value) {
                true => Ok(Verdict::NotApplicable(
                    "the server speaks JSON-RPC 1.0 too".to_owned(),
                )),
                false => error(value, &[-32_600], ids),
            },
            Self::AnyError => {
                enveloped(value)?;
                match code_of(value) {
                    Some(_) => Ok(Verdict::Ok),
                    None => Err("it was not refused".to_owned()),
                }
            }
            Self::Errors(wanted) => {
                let items = items(value, wanted.len())?;
                each(wanted, items, |(code, id), item| {
                    error(item, &[*code], &[id])
                })
            }
            Self::Result(id) => result(value, id),
            Self::Results(one, other) => {
                let items = items(value, 2)?;
                each(&[*one, *other], items, |id, item| result(item, id))
            }
        }
    }
}

/// The items of a batch's answer.
fn items(value: &Value, count: usize) -> Result<&[Value], String> {
    let items = value
        .as_array()
        .ok_or("the answer to a batch is no array")?;
    match items.len() == count {
        true => Ok(items),
        false => Err(format!("there are {} answers, not {count}", items.len())),
    }
}

/// Each wanted one is there once, in any order.
fn each<W>(
    wanted: &[W],
    items: &[Value],
    judge: impl Fn(&W, &Value) -> Result<Verdict, String>,
) -> Result<Verdict, String> {
    let mut left: Vec<&Value> = items.iter().collect();
    let mut verdict = Verdict::Ok;
    for one in wanted {
        let judged = left.iter().map(|item| judge(one, item)).collect::<Vec<_>>();
        let Some(at) = judged.iter().position(Result::is_ok) else {
            // What is wrong with the first that is left says most.
            return judged
                .into_iter()
                .next()
                .unwrap_or_else(|| Err("an answer is missing".to_owned()));
        };
        left.remove(at);
        if let Some(Ok(noted @ Verdict::Noted(_))) = judged.into_iter().nth(at) {
            verdict = noted;
        }
    }
    Ok(verdict)
}

/// An answer of JSON-RPC 2.0 (section 5): the version, an id, and either a result or an error.
fn enveloped(value: &Value) -> Result<(), String> {
    let object = value
        .as_object()
        .ok_or_else(|| format!("the answer is a {}, not an object", value.kind()))?;
    match object.get("jsonrpc") {
        Some(version) if version.as_str() == Some("2.0") => {}
        Some(version) => {
            return Err(format!(
                "jsonrpc is {}, not \"2.0\"",
                json::to_string(version)
            ));
        }
        None => return Err("jsonrpc is missing".to_owned()),
    }
    if object.get("id").is_none() {
        return Err("id is missing".to_owned());
    }
    match (object.get("result"), object.get("error")) {
        (Some(_), Some(_)) => return Err("there are a result and an error".to_owned()),
        (None, None) => return Err("there is neither a result nor an error".to_owned()),
        (_, Some(error)) => {
            if code_of(value).is_none() {
                return Err("the code of the error is no integer".to_owned());
            }
            if error.get("message").and_then(Value::as_str).is_none() {
                return Err("the message of the error is no string".to_owned());
            }
        }
        _ => {}
    }
    Ok(())
}

fn error(value: &Value, codes: &[i64], ids: &[&str]) -> Result<Verdict, String> {
    enveloped(value)?;
    let Some(code) = code_of(value) else {
        return Err("there is a result".to_owned());
    };
    if !codes.contains(&code) {
        return Err(format!("the code is {code}"));
    }
    identified(value, ids)
}

fn result(value: &Value, id: &str) -> Result<Verdict, String> {
    enveloped(value)?;
    if let Some(code) = code_of(value) {
        return Err(format!("there is an error, {code}"));
    }
    identified(value, &[id])
}

/// The id is one of these; a number that is written in another way is the same one.
fn identified(value: &Value, ids: &[&str]) -> Result<Verdict, String> {
    let id = value.get("id").map_or_else(String::new, json::to_string);
    if ids.contains(&&*id) {
        return Ok(Verdict::Ok);
    }
    let got = value.get("id");
    let is_same = |sent: &&&str| {
        let sent = json::parse(sent.as_bytes()).ok();
        matches!((sent, got), (Some(Value::Number(sent)), Some(Value::Number(got)))
            if sent.total_cmp(got) == std::cmp::Ordering::Equal)
    };
    match ids.iter().find(is_same) {
        Some(sent) => Ok(Verdict::Noted(format!("the id {sent} came back as {id}"))),
        None => Err(format!("the id is {id}")),
    }
}

fn code_of(value: &Value) -> Option<i64> {
    value.get("error")?.get("code")?.as_i64()
}

/// As JSON-RPC 1.0 answers: without a version, with a result and an error.
fn is_old(value: &Value) -> bool {
    let has = |name| value.get(name).is_some();
    has("result") && has("error") && !has("jsonrpc")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn judged(want: &Want, body: &str) -> Verdict {
        let reply = Reply {
            body: body.as_bytes().to_vec(),
            ..Reply::default()
        };
        want.judge(&reply).unwrap_or_else(Verdict::Violation)
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = cases(Some(("m", None)))
            .iter()
            .map(|case| case.name)
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn what_keeps_to_the_rules_is_ok() {
        let unknown = Want::Error(&[-32_601], &["1"]);
        let good = r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"no"},"id":1}"#;
        assert_eq!(judged(&unknown, good), Verdict::Ok);
        assert_eq!(judged(&Want::Nothing, " \n"), Verdict::Ok);
        let other = r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"no"},"id":1.0}"#;
        assert!(matches!(judged(&unknown, other), Verdict::Noted(_)));
        let two = Want::Errors(&[(-32_601, "1"), (-32_600, "null")]);
        let turned = r#"[{"jsonrpc":"2.0","error":{"code":-32600,"message":""},"id":null},
            {"jsonrpc":"2.0","error":{"code":-32601,"message":""},"id":1}]"#;
        assert_eq!(judged(&two, turned), Verdict::Ok);
        let result = r#"{"jsonrpc":"2.0","result":null,"id":"a"}"#;
        assert_eq!(judged(&Want::Result("\"a\""), result), Verdict::Ok);
        let old = r#"{"result":null,"error":{"code":1},"id":1}"#;
        assert!(matches!(
            judged(&Want::NotOld(&["1"]), old),
            Verdict::NotApplicable(_)
        ));
    }

    #[test]
    fn what_breaks_them_is_told() {
        let unknown = Want::Error(&[-32_601], &["1"]);
        for (body, why) in [
            ("", "no answer"),
            ("{", "no JSON"),
            ("7", "not an object"),
            (
                r#"{"error":{"code":-32601,"message":""},"id":1}"#,
                "jsonrpc is missing",
            ),
            (
                r#"{"jsonrpc":2.0,"error":{"code":-32601,"message":""},"id":1}"#,
                "not \"2.0\"",
            ),
            (
                r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":""}}"#,
                "id is missing",
            ),
            (
                r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":""},"id":"1"}"#,
                "the id is \"1\"",
            ),
            (
                r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":""},"id":1}"#,
                "code is -32600",
            ),
            (
                r#"{"jsonrpc":"2.0","error":{"code":"x","message":""},"id":1}"#,
                "no integer",
            ),
            (
                r#"{"jsonrpc":"2.0","error":{"code":-32601},"id":1}"#,
                "no string",
            ),
            (
                r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":""},"result":1,"id":1}"#,
                "a result and an error",
            ),
            (r#"{"jsonrpc":"2.0","id":1}"#, "neither"),
            (
                r#"{"jsonrpc":"2.0","result":1,"id":1}"#,
                "there is a result",
            ),
        ] {
            let verdict = judged(&unknown, body);
            assert!(
                matches!(&verdict, Verdict::Violation(said) if said.contains(why)),
                "{body}: {verdict:?}"
            );
        }
        assert!(matches!(
            judged(&Want::Nothing, "{}"),
            Verdict::Violation(_)
        ));
        assert!(matches!(
            judged(&Want::Errors(&[(-32_600, "null")]), "{}"),
            Verdict::Violation(_)
        ));
        assert!(matches!(
            judged(&Want::Errors(&[(-32_600, "null")]), "[]"),
            Verdict::Violation(_)
        ));
        let wrong = r#"[{"jsonrpc":"2.0","result":1,"id":1},{"jsonrpc":"2.0","result":1,"id":1}]"#;
        assert!(matches!(
            judged(&Want::Results("1", "\"1\""), wrong),
            Verdict::Violation(_)
        ));
    }
}
