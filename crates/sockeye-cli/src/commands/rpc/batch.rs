//! Several calls from a file: one on each line, as words or as JSON.

use sockeye::data::json;
use sockeye::data::value::Value;
use sockeye::endpoint::Argv;
use sockeye::rpc::{Call, Params};
use sockeye::{Error, Kind, Operation, Result};

use super::words;

/// The calls of a text. Lines that are empty, and those that begin with `#`, are passed by.
///
/// # Errors
///
/// [`Kind::Usage`], with the number of the line.
pub(super) fn read(text: &[u8], exact: bool) -> Result<Vec<Call>> {
    let text = std::str::from_utf8(text).map_err(|_| usage(0, "the calls are no UTF-8"))?;
    let lines = text.lines().map(str::trim).enumerate();
    let calls = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    calls
        .map(|(at, line)| call(line, exact).map_err(|why| usage(at + 1, &why)))
        .collect()
}

fn call(line: &str, exact: bool) -> Result<Call, String> {
    if line.starts_with('{') {
        return object(line);
    }
    // Quotes and backslashes as in a shell.
    let argv: Argv = line
        .parse()
        .map_err(|error: sockeye::endpoint::ParseError| error.to_string())?;
    let word = |word: std::ffi::OsString| {
        word.into_string()
            .map_err(|_| "a word is no UTF-8".to_owned())
    };
    let method = word(argv.program)?;
    let params: Vec<String> = argv.args.into_iter().map(word).collect::<Result<_, _>>()?;
    let params = words::read(&params, exact).map_err(|error| error.to_string())?;
    Ok(Call::of(method, params))
}

/// `{"method": "sum", "params": [1, 2]}`.
fn object(line: &str) -> Result<Call, String> {
    let value = json::parse(line.as_bytes()).map_err(|error| error.to_string())?;
    let Some(method) = value.get("method").and_then(Value::as_str) else {
        return Err("a call in JSON has a method, a string".to_owned());
    };
    let params = match value.get("params") {
        None => Params::None,
        Some(Value::Array(items)) => Params::List(items.to_vec()),
        Some(Value::Object(members)) => Params::Named((**members).clone()),
        Some(other) => {
            return Err(format!(
                "params are an array or an object, not a {}",
                other.kind()
            ));
        }
    };
    Ok(Call::of(method, params))
}

fn usage(line: usize, why: &str) -> Error {
    let error = Error::new(Kind::Usage, Operation::Parse, format!("line {line}: {why}"));
    error.with_hint("a line is METHOD ARGS..., or {\"method\":\"sum\",\"params\":[1,2]}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lines_are_words_or_json() {
        let text = b"sum 1 2\n\n# a remark\n  echo 'two words' '{\"a\":1}'\n{\"method\":\"m\",\"params\":{\"x\":1e400}}\nnone\nn a=b\n";
        let calls = read(text, false).unwrap();
        let shown: Vec<String> = calls
            .into_iter()
            .map(|call| {
                let params = call
                    .params
                    .into_value()
                    .map_or(String::new(), |value| json::to_string(&value));
                format!("{} {params}", call.method)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "sum [1,2]",
                r#"echo ["two words",{"a":1}]"#,
                r#"m {"x":1e400}"#,
                "none ",
                r#"n {"a":"b"}"#
            ]
        );
    }

    #[test]
    fn what_is_wrong_has_a_line() {
        for text in [
            "ok\nsum '1",
            "ok\n{\"params\":[]}",
            "ok\n{\"method\":\"m\",\"params\":3}",
            "ok\nsum a=1 2",
        ] {
            let refused = read(text.as_bytes(), false).unwrap_err();
            assert!(refused.to_string().starts_with("line 2: "), "{refused}");
        }
    }
}
