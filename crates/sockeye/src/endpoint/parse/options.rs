//! The options behind the question mark, checked against the table and against each other.

use crate::endpoint::carrier::Carrier;
use crate::endpoint::layer::Layer;
use crate::endpoint::options::{COMING, Draft, OPTIONS, OptionRow};
use crate::endpoint::refusal::{Fail, Piece, quoted};
use crate::endpoint::{Endpoint, schemes};

use super::OPTION_LIMIT;

/// Puts an endpoint together; `options` is what stands behind the question mark, if there is one.
pub(super) fn apply(
    carrier: Carrier,
    layers: &[Layer],
    options: Option<Piece<'_>>,
) -> Result<Endpoint, Fail> {
    let mut draft = Draft::default();
    if let Some(options) = options {
        read(&mut draft, &carrier, layers, options)?;
    }
    let mut endpoint = Endpoint::new(carrier).with_options(draft.options);
    for layer in layers {
        endpoint = endpoint.with_layer(match layer {
            Layer::Tls(_) => Layer::Tls(draft.tls.clone()),
            Layer::Python(_) => Layer::Python(draft.python.clone()),
        });
    }
    Ok(endpoint)
}

fn read(
    draft: &mut Draft,
    carrier: &Carrier,
    layers: &[Layer],
    options: Piece<'_>,
) -> Result<(), Fail> {
    let mut seen: Vec<(&str, Piece<'_>)> = Vec::new();
    for (i, option) in options.split('&').enumerate() {
        if i >= OPTION_LIMIT {
            return Err(option.fail(format!("more than {OPTION_LIMIT} options")));
        }
        if option.text.is_empty() {
            let sign = if i == 0 { '?' } else { '&' };
            return Err(with_command_hint(
                carrier,
                option.fail(format!("no option behind the `{sign}`")),
            ));
        }
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        let row = row(carrier, layers, name, value)?;
        if !row.applies(carrier, layers) {
            return Err(does_not_apply(row, carrier, name));
        }
        if !row.repeatable && seen.iter().any(|(before, _)| *before == row.name) {
            return Err(name.fail(format!("{} a second time", quoted(row.name))));
        }
        seen.push((row.name, name));
        let value = value.ok_or_else(|| {
            let fail = option.fail_at_end(format!("no value for {}", quoted(row.name)));
            fail.hint(format!("as in {}={}", row.name, row.placeholder))
        })?;
        (row.read)(draft, value)?;
    }
    agree(draft, &seen)
}

fn row(
    carrier: &Carrier,
    layers: &[Layer],
    name: Piece<'_>,
    value: Option<Piece<'_>>,
) -> Result<&'static OptionRow, Fail> {
    if let Some(row) = OPTIONS.iter().find(|row| row.name == name.text) {
        return Ok(row);
    }
    if COMING.contains(&name.text) {
        return Err(name
            .fail(format!("{} is not built in yet", quoted(name.text)))
            .unsupported());
    }
    let fail = name.fail(format!("unknown option {}", quoted(name.text)));
    let near = schemes::nearest(name.text, OPTIONS.iter().map(|row| row.name));
    let short = value.filter(|value| value.text.len() < 40);
    Err(match (near, short) {
        (Some(near), Some(value)) => fail.hint(format!("did you mean {near}={} ?", value.text)),
        (Some(near), None) => fail.hint(format!("did you mean {near} ?")),
        _ => with_command_hint(carrier, fail.hint(known_options(carrier, layers))),
    })
}

fn known_options(carrier: &Carrier, layers: &[Layer]) -> String {
    let rows = OPTIONS.iter().filter(|row| row.applies(carrier, layers));
    let names: Vec<_> = rows.map(|row| row.name).collect();
    if names.is_empty() {
        return format!("{} has no options", carrier.scheme());
    }
    format!("the options here are {}", names.join(", "))
}

/// In a command a question mark is more likely the command's own.
fn with_command_hint(carrier: &Carrier, fail: Fail) -> Fail {
    match carrier {
        Carrier::Exec(_) | Carrier::Pty(_) => {
            fail.hint("a question mark of the command itself is quoted, as in '?', or written %3F")
        }
        Carrier::File(_) | Carrier::Fifo(_) | Carrier::Unix(_) => {
            fail.hint("a question mark that belongs to the path is written %3F")
        }
        _ => fail,
    }
}

fn does_not_apply(row: &OptionRow, carrier: &Carrier, name: Piece<'_>) -> Fail {
    if row.applies_to.contains(&carrier.scheme()) {
        return name.fail(format!(
            "{} does not apply to an abstract socket, which has no file",
            quoted(row.name)
        ));
    }
    let scheme = carrier.scheme();
    let reason = format!("{} does not apply to {scheme}", quoted(row.name));
    name.fail(reason)
        .hint(format!("it applies to {}", row.applies_to.join(", ")))
}

/// Refuses options that contradict each other.
fn agree(draft: &Draft, seen: &[(&str, Piece<'_>)]) -> Result<(), Fail> {
    let place = |name: &str| {
        seen.iter()
            .find(|(seen, _)| *seen == name)
            .map(|(_, piece)| *piece)
    };
    if let Some(key) = place("key").filter(|_| draft.tls.cert.is_none()) {
        return Err(key
            .fail("a key without a certificate")
            .hint("add cert=FILE"));
    }
    if let Some(max) = place("tls-max").filter(|_| draft.tls.max < draft.tls.min) {
        return Err(max.fail("tls-max below tls-min"));
    }
    let keys = ["authkey", "authkey-file", "authkey-env"];
    if let [_, second, ..] = keys
        .iter()
        .filter_map(|name| place(name))
        .collect::<Vec<_>>()[..]
    {
        return Err(second
            .fail("a second key")
            .hint("one of authkey, authkey-file and authkey-env is enough"));
    }
    Ok(())
}
