//! The declarations of elements, attributes, entities and notations, word for word.

use super::super::attributes::collapse;
use super::super::entities::{Budget, Entities, Entity, expand_value, no_char, reference};
use super::scan::Scan;
use super::{Defaults, Fault, names};

/// An element: what it may contain is checked to be said right, and not used.
pub(super) fn element<'a>(scan: &mut Scan<'a>) -> Result<&'a str, Fault> {
    let name = scan.name()?;
    scan.need_blank()?;
    if !scan.eat("EMPTY") && !scan.eat("ANY") {
        scan.need("(", "neither EMPTY, nor ANY, nor \"(\" is here")?;
        scan.blank();
        if scan.eat("#PCDATA") {
            mixed(scan)?;
        } else {
            children(scan)?;
        }
    }
    scan.end()?;
    Ok(name)
}

/// `#PCDATA | a | b)*`
fn mixed(scan: &mut Scan<'_>) -> Result<(), Fault> {
    let mut has_names = false;
    loop {
        scan.blank();
        if scan.eat(")") {
            break;
        }
        scan.need("|", "neither \"|\" nor \")\" is here")?;
        scan.blank();
        scan.name()?;
        has_names = true;
    }
    if !scan.eat("*") && has_names {
        return Err(scan.fault("\"*\" is missing after a list of text and elements"));
    }
    Ok(())
}

/// `a, (b | c)*, d+)`, the first parenthesis is behind us.
fn children(scan: &mut Scan<'_>) -> Result<(), Fault> {
    // For each open parenthesis, what stands between its parts.
    let mut open: Vec<Option<char>> = vec![None];
    while let Some(separator) = open.last_mut() {
        scan.blank();
        if scan.eat("(") {
            open.push(None);
            continue;
        }
        scan.name()?;
        quantifier(scan);
        let mut separator = Some(separator);
        while let Some(known) = separator {
            scan.blank();
            if scan.eat(")") {
                quantifier(scan);
                open.pop();
                separator = open.last_mut();
                continue;
            }
            let found = scan.rest().chars().next().unwrap_or_default();
            if !matches!(found, '|' | ',') || known.is_some_and(|known| known != found) {
                return Err(
                    scan.fault("a list of elements goes on in neither \"|\", \",\" nor \")\"")
                );
            }
            *known = Some(found);
            scan.at += 1;
            break;
        }
    }
    Ok(())
}

fn quantifier(scan: &mut Scan<'_>) {
    if !scan.eat("?") && !scan.eat("*") {
        scan.eat("+");
    }
}

/// One attribute of a list.
pub(super) fn attribute(
    scan: &mut Scan<'_>,
    entities: &Entities,
    budget: &mut Budget,
) -> Result<Defaults, Fault> {
    let name = scan.name()?;
    scan.need_blank()?;
    let tokens = attribute_type(scan)?;
    scan.need_blank()?;
    let value = if scan.eat("#REQUIRED") || scan.eat("#IMPLIED") {
        None
    } else {
        if scan.eat("#FIXED") {
            scan.need_blank()?;
        }
        let from = scan.at + 1;
        let literal = scan.literal()?;
        if literal.contains('<') {
            return Err(Fault::new(from, "\"<\" within the value of an attribute"));
        }
        let mut value = String::new();
        expand_value(literal, from, &mut value, entities, budget)?;
        Some(if tokens { collapse(&value) } else { value })
    };
    Ok(Defaults {
        name: name.to_owned(),
        tokens,
        value,
    })
}

/// Whether the values of this type are tokens.
fn attribute_type(scan: &mut Scan<'_>) -> Result<bool, Fault> {
    if scan.eat("CDATA") {
        return Ok(false);
    }
    // Longer words first.
    let words = [
        "IDREFS", "IDREF", "ID", "ENTITIES", "ENTITY", "NMTOKENS", "NMTOKEN",
    ];
    if words.iter().any(|word| scan.eat(word)) {
        return Ok(true);
    }
    let are_names = scan.eat("NOTATION");
    if are_names {
        scan.need_blank()?;
    }
    scan.need("(", "the type of an attribute is not known")?;
    loop {
        scan.blank();
        if are_names {
            scan.name()?;
        } else {
            scan.token()?;
        }
        scan.blank();
        if scan.eat(")") {
            return Ok(true);
        }
        scan.need("|", "neither \"|\" nor \")\" is here")?;
    }
}

/// What an entity stands for, up to the end of the declaration.
pub(super) fn entity(
    scan: &mut Scan<'_>,
    is_parameter: bool,
    checks_names: bool,
) -> Result<Entity, Fault> {
    if scan.is_at("\"") || scan.is_at("'") {
        let from = scan.at + 1;
        let literal = scan.literal()?;
        let text = replacement(literal, checks_names).map_err(|fault| fault.plus(from))?;
        scan.end()?;
        return Ok(Entity::Internal(text.into()));
    }
    let address = scan.external_id()?;
    let blank = scan.blank();
    if !is_parameter && scan.is_at("NDATA") {
        if !blank {
            return Err(scan.fault("a blank is missing before NDATA"));
        }
        scan.eat("NDATA");
        scan.need_blank()?;
        scan.name()?;
        scan.end()?;
        return Ok(Entity::Unparsed);
    }
    scan.end()?;
    Ok(Entity::External(address.into()))
}

/// The replacement text: characters that are referred to are in it, entities are not (section 4.5).
fn replacement(literal: &str, checks_names: bool) -> Result<String, Fault> {
    let mut text = String::with_capacity(literal.len());
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'&', b'%', &literal.as_bytes()[at..]) {
        let place = at + found;
        text.push_str(&literal[at..place]);
        if literal.as_bytes()[place] == b'%' {
            let why = "\"%\" in the value of an entity; the internal subset has parameter entities only between declarations";
            return Err(Fault::new(place, why).with_hint("write &#37; for the character itself"));
        }
        let name = reference(literal, place)?;
        if name.starts_with('#') {
            text.push(names::referenced_char(name).ok_or_else(|| no_char(name, place))?);
        } else if checks_names && name.contains(':') {
            return Err(Fault::new(place, format!("the name {name:?} has a colon")));
        } else {
            text.push_str(&literal[place..place + name.len() + 2]);
        }
        at = place + name.len() + 2;
    }
    text.push_str(&literal[at..]);
    Ok(text)
}

/// A notation; its name.
pub(super) fn notation<'a>(scan: &mut Scan<'a>) -> Result<&'a str, Fault> {
    let name = scan.name()?;
    scan.need_blank()?;
    if scan.eat("PUBLIC") {
        scan.need_blank()?;
        scan.public_literal()?;
        let blank = scan.blank();
        if !scan.is_at(">") {
            if !blank {
                return Err(scan.fault("a blank is missing between two texts"));
            }
            scan.literal()?;
        }
    } else {
        scan.external_id()?;
    }
    scan.end()?;
    Ok(name)
}
