//! The DOCTYPE: its internal subset is read strictly, for the entities and the default values that it declares (XML 1.0, sections
//! 2.8, 3.2, 3.3, 4.2 and 4.7). Documents are not validated, and nothing outside of the document is ever fetched.

mod declarations;
mod scan;

use std::collections::HashMap;
use std::sync::Arc;

use super::entities::{Budget, Entities, Entity, recursive};
use super::{Fault, names};

use self::scan::Scan;

/// What is declared about one attribute of an element.
#[derive(Debug)]
pub(super) struct Defaults {
    pub(super) name: String,
    /// Whether its values are tokens, in which blanks count less.
    pub(super) tokens: bool,
    /// What it has where it is not written.
    pub(super) value: Option<String>,
}

/// What a DOCTYPE says.
#[derive(Debug, Default)]
pub(super) struct Dtd {
    pub(super) entities: Entities,
    attributes: HashMap<String, Vec<Defaults>, foldhash::fast::RandomState>,
    parameters: HashMap<String, Entity, foldhash::fast::RandomState>,
    /// After a reference to declarations that nobody read, what follows may not be what counts.
    stopped: bool,
    standalone: bool,
    checks_names: bool,
}

/// A parameter entity that is being read, or the subset itself.
struct Open {
    name: Option<String>,
    text: Arc<str>,
    at: usize,
}

impl Dtd {
    /// `checks_names` is for namespaces, in which some names have no colon.
    pub(super) fn new(standalone: bool, checks_names: bool) -> Self {
        Self {
            standalone,
            checks_names,
            ..Self::default()
        }
    }

    /// What is declared about the attributes of an element.
    pub(super) fn defaults(&self, element: &str) -> Option<&[Defaults]> {
        if self.attributes.is_empty() {
            return None;
        }
        self.attributes.get(element).map(Vec::as_slice)
    }

    /// Take in what is between `<!DOCTYPE` and `>`.
    pub(super) fn parse(&mut self, doctype: &str, budget: &mut Budget) -> Result<(), Fault> {
        let mut scan = Scan::new(doctype, 0);
        scan.need_blank()?;
        let root = scan.name()?;
        self.check_qname(root, &scan)?;
        let blank = scan.blank();
        if !scan.is_done() && !scan.is_at("[") {
            if !blank {
                return Err(scan.fault("a blank is missing after the name of the root element"));
            }
            scan.external_id()?;
            self.entities.unread = true;
            scan.blank();
        }
        if scan.eat("[") {
            let from = scan.at;
            let len = self
                .subset(&doctype[from..], budget)
                .map_err(|fault| fault.plus(from))?;
            scan.at = from + len;
            if !scan.eat("]") {
                return Err(scan.fault("the internal subset of the DOCTYPE does not end in \"]\""));
            }
            scan.blank();
        }
        if scan.is_done() {
            return Ok(());
        }
        Err(scan.fault("the DOCTYPE has more than a name, an address and an internal subset"))
    }

    /// Declarations up to a `]`, whose place is given back.
    fn subset(&mut self, text: &str, budget: &mut Budget) -> Result<usize, Fault> {
        let mut open = vec![Open {
            name: None,
            text: text.into(),
            at: 0,
        }];
        loop {
            let base = open[0].at;
            let depth = open.len();
            let Some(top) = open.last_mut() else {
                return Ok(base);
            };
            let entity = top.name.clone();
            let within = |fault: Fault| match &entity {
                Some(name) => fault.within(name, base),
                None => fault,
            };
            let text = top.text.clone();
            let mut scan = Scan::new(&text, top.at);
            scan.blank();
            if depth == 1 && (scan.is_at("]") || scan.is_done()) {
                return Ok(scan.at);
            }
            if scan.is_done() {
                open.pop();
                continue;
            }
            let parameter = self.declaration(&mut scan, budget).map_err(within)?;
            top.at = scan.at;
            let Some(name) = parameter else { continue };
            if open.iter().any(|known| known.name.as_ref() == Some(&name)) {
                return Err(recursive(&name, base));
            }
            match self.parameters.get(&name) {
                Some(Entity::Internal(text)) => {
                    budget.spend(text.len(), base)?;
                    open.push(Open {
                        name: Some(name),
                        text: text.clone(),
                        at: 0,
                    });
                }
                Some(_) => self.leave_unread(),
                None if self.entities.unread && !self.standalone => self.leave_unread(),
                None => {
                    let why = format!("the parameter entity {name:?} is not declared");
                    return Err(Fault::new(base, why));
                }
            }
        }
    }

    fn leave_unread(&mut self) {
        self.entities.unread = true;
        self.stopped |= !self.standalone;
    }

    /// One declaration, comment or instruction; the name, if it is a reference to a parameter entity.
    fn declaration(
        &mut self,
        scan: &mut Scan<'_>,
        budget: &mut Budget,
    ) -> Result<Option<String>, Fault> {
        if scan.eat("%") {
            let name = scan.name()?.to_owned();
            scan.need(";", "\";\" is missing after the name of a parameter entity")?;
            return Ok(Some(name));
        }
        if scan.eat("<!--") {
            scan.comment()?;
        } else if scan.eat("<?") {
            scan.instruction()?;
        } else if scan.eat("<!ELEMENT") {
            scan.need_blank()?;
            let name = declarations::element(scan)?;
            self.check_qname(name, scan)?;
        } else if scan.eat("<!ATTLIST") {
            scan.need_blank()?;
            self.attributes_declared(scan, budget)?;
        } else if scan.eat("<!ENTITY") {
            scan.need_blank()?;
            self.entity_declared(scan)?;
        } else if scan.eat("<!NOTATION") {
            scan.need_blank()?;
            let name = declarations::notation(scan)?;
            self.check_name(name, scan)?;
        } else {
            return Err(scan.fault("the DOCTYPE has something that is no declaration"));
        }
        Ok(None)
    }

    fn check_name(&self, name: &str, scan: &Scan<'_>) -> Result<(), Fault> {
        if self.checks_names && name.contains(':') {
            return Err(scan.fault(format!("the name {name:?} has a colon")));
        }
        Ok(())
    }

    fn check_qname(&self, name: &str, scan: &Scan<'_>) -> Result<(), Fault> {
        if self.checks_names && !names::is_qname(name) {
            return Err(scan.fault(format!("{name:?} is no name with a prefix")));
        }
        Ok(())
    }

    fn entity_declared(&mut self, scan: &mut Scan<'_>) -> Result<(), Fault> {
        let is_parameter = scan.eat("%");
        if is_parameter {
            scan.need_blank()?;
        }
        let name = scan.name()?;
        self.check_name(name, scan)?;
        scan.need_blank()?;
        let entity = declarations::entity(scan, is_parameter, self.checks_names)?;
        if self.stopped {
            return Ok(());
        }
        if is_parameter {
            self.parameters.entry(name.to_owned()).or_insert(entity);
        } else {
            self.entities.declare(name, entity);
        }
        Ok(())
    }

    fn attributes_declared(
        &mut self,
        scan: &mut Scan<'_>,
        budget: &mut Budget,
    ) -> Result<(), Fault> {
        let element = scan.name()?;
        self.check_qname(element, scan)?;
        let mut declared = Vec::new();
        loop {
            let blank = scan.blank();
            if scan.eat(">") {
                break;
            }
            if !blank {
                return Err(scan.fault("a blank is missing before the name of an attribute"));
            }
            let one = declarations::attribute(scan, &self.entities, budget)?;
            self.check_qname(&one.name, scan)?;
            declared.push(one);
        }
        if self.stopped || declared.is_empty() {
            return Ok(());
        }
        let known = self.attributes.entry(element.to_owned()).or_default();
        for one in declared {
            if !known.iter().any(|other| other.name == one.name) {
                known.push(one);
            }
        }
        Ok(())
    }
}
