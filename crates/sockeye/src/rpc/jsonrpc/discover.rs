//! What a server can do, told to those who ask: `rpc.discover` of OpenRPC, `system.listMethods` and `system.methodHelp`.

use sockeye_data::jsonrpc::ErrorObject;
use sockeye_data::value::{Object, Value};

use crate::rpc::call::{Answer, Params};
use crate::rpc::methods::Methods;

/// The version of OpenRPC that `rpc.discover` speaks.
const OPENRPC: &str = "1.3.2";
const LIST: &str = "system.listMethods";
const HELP: &str = "system.methodHelp";

/// The answer to such a question; `None` if it is another one.
pub(super) fn answer(methods: &Methods, name: &str, params: &Params) -> Option<Answer> {
    Some(match name {
        "rpc.discover" => Ok(document(methods)),
        LIST => Ok(Value::array(
            names(methods).into_iter().map(Value::from).collect(),
        )),
        HELP => help(methods, params),
        _ => return None,
    })
}

/// All names, sorted, with our own.
fn names(methods: &Methods) -> Vec<&str> {
    let mut names: Vec<&str> = methods
        .names()
        .filter(|name| !name.starts_with("rpc."))
        .collect();
    names.extend([LIST, HELP]);
    names.sort_unstable();
    names.dedup();
    names
}

fn help(methods: &Methods, params: &Params) -> Answer {
    let name = match params {
        Params::List(items) => items.first().and_then(Value::as_str),
        Params::Named(members) => members.get("name").and_then(Value::as_str),
        Params::None => None,
    };
    match name {
        Some(LIST) => Ok("The names of all methods, sorted.".into()),
        Some(HELP) => Ok("What the method of this name is for.".into()),
        Some(name) => match methods.get(name) {
            Some(method) => Ok(method.help.as_str().into()),
            None => Err(ErrorObject::invalid_params()
                .because("there is no such method")
                .into()),
        },
        None => Err(ErrorObject::invalid_params()
            .because("the name of a method is wanted")
            .into()),
    }
}

/// The document of OpenRPC: names and what they are for. Which parameters they take is not known here.
fn document(methods: &Methods) -> Value {
    let object = |members: Vec<(&str, Value)>| -> Value {
        let members = members
            .into_iter()
            .map(|(name, value)| (name.into(), value));
        Object::from_iter(members).into()
    };
    let listed = methods
        .names()
        .filter(|name| !name.starts_with("rpc."))
        .map(|name| {
            let help = methods.get(name).map_or("", |method| &method.help);
            let result = object(vec![("name", "result".into()), ("schema", true.into())]);
            let mut members = vec![("name", name.into())];
            if !help.is_empty() {
                members.push(("summary", help.into()));
            }
            members.extend([("params", Value::array(Vec::new())), ("result", result)]);
            object(members)
        });
    let info = object(vec![
        ("title", "sockeye".into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
    ]);
    object(vec![
        ("openrpc", OPENRPC.into()),
        ("info", info),
        ("methods", Value::array(listed.collect())),
    ])
}
