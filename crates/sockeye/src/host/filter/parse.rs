//! Text to tree: `or` below `and` below `not`, brackets, and terms side by side, which mean `and`.

use super::expr::{Compare, Expr, Field, Term};
use super::lex::{Lexer, Operator, Value};
use super::names::Names;
use super::pattern::Text;
use super::refusal::{Fail, quoted};
use super::values;
use super::words::{self, Flag, Name};
use super::{DEPTH_LIMIT, LENGTH_LIMIT};
use crate::host::socket::States;

/// Words of a sentence that say nothing, in assertions only: `none listening on non-loopback`.
const NOISE: &[&str] = &[
    "a", "an", "are", "in", "is", "of", "on", "socket", "sockets", "that", "the", "which", "with",
];

/// Reads a whole filter.
pub(super) fn filter(text: &str, names: &Names) -> Result<Expr, Fail> {
    parse(text, 0, names, false)
}

/// Reads the filter at the end of a sentence, from this byte on.
pub(super) fn sentence(text: &str, from: usize, names: &Names) -> Result<Expr, Fail> {
    parse(text, from, names, true)
}

fn parse(text: &str, from: usize, names: &Names, noise: bool) -> Result<Expr, Fail> {
    if text.len() > LENGTH_LIMIT {
        let reason = format!("it is longer than {LENGTH_LIMIT} bytes");
        return Err(Fail::new(LENGTH_LIMIT..text.len(), reason));
    }
    let mut lexer = Lexer::new(text);
    lexer.take(&(from..from));
    let mut parser = Parser {
        lexer,
        names,
        noise,
        depth: 0,
    };
    if parser.at_end() {
        return Ok(Expr::All);
    }
    let expr = parser.any()?;
    if !parser.at_end() {
        return Err(parser.unexpected());
    }
    // Lists and prefixes become brackets when printed: what is printed shall be within the limit too.
    if expr.depth() > DEPTH_LIMIT {
        return Err(too_deep(0..text.len()));
    }
    Ok(expr)
}

fn too_deep(span: std::ops::Range<usize>) -> Fail {
    Fail::new(span, format!("it nests more than {DEPTH_LIMIT} deep"))
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    names: &'a Names,
    noise: bool,
    depth: usize,
}

impl Parser<'_> {
    /// Several, of which one has to hold.
    fn any(&mut self) -> Result<Expr, Fail> {
        let mut terms = vec![self.all()?];
        while self.word("or") || self.lexer.sign("||") || self.lexer.sign("|") {
            terms.push(self.all()?);
        }
        Ok(Expr::or(terms))
    }

    /// Several that all have to hold.
    fn all(&mut self) -> Result<Expr, Fail> {
        let mut terms = vec![self.one()?];
        loop {
            let joined = self.word("and") || self.lexer.sign("&&") || self.lexer.sign("&");
            if !joined && !self.begins_term() {
                return Ok(Expr::and(terms));
            }
            terms.push(self.one()?);
        }
    }

    fn one(&mut self) -> Result<Expr, Fail> {
        self.skip_noise();
        let from = self.lexer.at();
        if self.lexer.bang() || self.word("not") {
            return self.deeper(from, |parser| Ok(Expr::not(parser.one()?)));
        }
        if self.lexer.sign("(") {
            return self.deeper(from, |parser| {
                let inner = parser.any()?;
                parser.skip_noise();
                if !parser.lexer.sign(")") {
                    let fail = if parser.at_end() {
                        Fail::new(from..from + 1, "this bracket is not closed")
                            .hint("write ) where it ends")
                    } else {
                        parser.unexpected()
                    };
                    return Err(fail);
                }
                Ok(inner)
            });
        }
        self.term()
    }

    fn deeper(
        &mut self,
        from: usize,
        inner: impl FnOnce(&mut Self) -> Result<Expr, Fail>,
    ) -> Result<Expr, Fail> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(too_deep(from..self.lexer.at()));
        }
        let expr = inner(self)?;
        self.depth -= 1;
        Ok(expr)
    }

    fn term(&mut self) -> Result<Expr, Fail> {
        let (word, span) = self.lexer.peek_word();
        let folded = words::folded(word);
        if let Some(name) = words::lookup(words::FIELDS, &folded) {
            self.lexer.take(&span);
            if matches!(name, Name::State | Name::Exclude) {
                return self.states(name, word);
            }
            return self.comparison(name, word);
        }
        let flag = self.flag(&folded);
        if let Some(expr) = flag {
            self.lexer.take(&span);
            return Ok(expr);
        }
        Err(self.unexpected())
    }

    fn flag(&self, word: &str) -> Option<Expr> {
        if let Some(states) = words::states(word) {
            return Some(Expr::states(states));
        }
        if let Some(protocols) = words::protocols(word) {
            return Some(Expr::protocols(protocols));
        }
        Some(Expr::Term(match words::lookup(words::FLAGS, word)? {
            Flag::All => return Some(Expr::All),
            Flag::Family(family) => Term::Family(family),
            Flag::Reach(reach) => Term::Reach(reach),
            Flag::Owner(owner) => Term::Owner(owner),
            Flag::Open => Term::Open,
            Flag::Autobound => {
                let (low, high) = self.names.ports().into_inner();
                Term::Autobound(low, high)
            }
        }))
    }

    /// A run of `state X`, `exclude Y` side by side: the states of all `state`, without those of `exclude`, as in ss.
    fn states(&mut self, first: Name, word: &str) -> Result<Expr, Fail> {
        let (mut name, mut word) = (first, word.to_owned());
        let mut states: Option<States> = None;
        loop {
            let operator = self.lexer.operator();
            let without = match operator.as_ref().map(|(operator, _)| operator) {
                None | Some(Operator::Compare(Compare::Equal)) => name == Name::Exclude,
                Some(Operator::NotEqual) if name == Name::State => true,
                Some(_) => return Err(unfit(operator, &word, "`=` and `!=`")),
            };
            let value = self.value(&word, operator.as_ref())?;
            let named = values::states(&value)?;
            states = Some(if without {
                states.unwrap_or(States::ALL).and(named.not())
            } else {
                states.unwrap_or(States::NONE).or(named)
            });
            let (next, span) = self.lexer.peek_word();
            match words::lookup(words::FIELDS, &words::folded(next)) {
                Some(again @ (Name::State | Name::Exclude)) => {
                    self.lexer.take(&span);
                    (name, word) = (again, next.to_owned());
                }
                _ => return Ok(Expr::states(states.unwrap_or(States::ALL))),
            }
        }
    }

    fn comparison(&mut self, name: Name, word: &str) -> Result<Expr, Fail> {
        let operator = self.lexer.operator();
        let value = self.value(word, operator.as_ref())?;
        let symbol = operator
            .as_ref()
            .map_or(Operator::Compare(Compare::Equal), |(symbol, _)| *symbol);
        let (compare, negated) = match symbol {
            Operator::NotEqual => (Operator::Compare(Compare::Equal), true),
            Operator::HasNot => (Operator::Has, true),
            other => (other, false),
        };
        let expr = match (name, compare) {
            (Name::Text(field), Operator::Has) => has(field, &value)?,
            (Name::Namespace, Operator::Has) => has(Field::Namespace, &value)?,
            (Name::Device, Operator::Has) => has(Field::Device, &value)?,
            (_, Operator::Has) => return Err(unfit(operator, word, "`=` and `!=`")),
            (Name::Port(side), Operator::Compare(compare)) => {
                values::port(side, compare, &value, self.names)?
            }
            (Name::Number(number), Operator::Compare(compare)) => {
                values::number(number, compare, &value)?
            }
            (_, Operator::Compare(Compare::Equal)) => self.equal(name, &value)?,
            _ => return Err(unfit(operator, word, "`=` and `!=`")),
        };
        Ok(if negated { Expr::not(expr) } else { expr })
    }

    /// What has only equality: each value of a list.
    fn equal(&self, name: Name, value: &Value) -> Result<Expr, Fail> {
        if name == Name::Protocol {
            return values::protocols(value);
        }
        let one = |part: Value| -> Result<Expr, Fail> {
            Ok(match name {
                Name::Family => values::family(&part)?,
                Name::Host(side) => values::host(side, &part, self.names)?,
                Name::Text(field) => Expr::Term(Term::Text(field, Text::Is(part.pattern()))),
                Name::User => values::user(&part, self.names)?,
                Name::Device => values::device(&part)?,
                Name::Namespace => values::namespace(&part),
                Name::Mark => values::mark(&part)?,
                Name::Owner => Expr::Term(Term::Owner(values::word(
                    &part,
                    words::OWNERS,
                    "something to know of an owner",
                )?)),
                Name::Timer => values::timer(&part)?,
                // The others are done where they are read.
                Name::State | Name::Exclude | Name::Protocol | Name::Port(_) | Name::Number(_) => {
                    Expr::All
                }
            })
        };
        let parts = value.list();
        let terms = parts.into_iter().map(|part| {
            if part.bytes().is_empty() && part.span != value.span {
                return Err(Fail::new(part.span, "a value is missing beside the comma"));
            }
            one(part)
        });
        Ok(Expr::or(terms.collect::<Result<_, _>>()?))
    }

    fn value(
        &mut self,
        field: &str,
        operator: Option<&(Operator, std::ops::Range<usize>)>,
    ) -> Result<Value, Fail> {
        let value = self.lexer.value()?;
        if value.is_missing() {
            let after = operator.map_or(field, |(_, span)| self.lexer.slice(span));
            let reason = format!("a value is missing after {}", quoted(after));
            return Err(Fail::new(value.span, reason));
        }
        Ok(value)
    }

    /// Whether a term comes next, so that an `and` is meant.
    fn begins_term(&mut self) -> bool {
        if self.at_end() {
            return false;
        }
        let (word, _) = self.lexer.peek_word();
        let mut probe = self.lexer.clone();
        probe.sign("(") || probe.bang() || !(word.is_empty() || word.eq_ignore_ascii_case("or"))
    }

    /// Takes this word if it comes next.
    fn word(&mut self, wanted: &str) -> bool {
        self.skip_noise();
        let (word, span) = self.lexer.peek_word();
        let found = word.eq_ignore_ascii_case(wanted);
        if found {
            self.lexer.take(&span);
        }
        found
    }

    fn skip_noise(&mut self) {
        loop {
            let (word, span) = self.lexer.peek_word();
            let folded = words::folded(word);
            if !self.noise || !NOISE.contains(&&*folded) {
                return;
            }
            self.lexer.take(&span);
        }
    }

    fn at_end(&mut self) -> bool {
        self.skip_noise();
        self.lexer.is_at_end()
    }

    /// Why what comes next cannot stand here.
    fn unexpected(&mut self) -> Fail {
        let (word, span) = self.lexer.peek_word();
        if !word.is_empty() {
            return unknown(word, span);
        }
        let from = self.lexer.at();
        if self.at_end() {
            return Fail::new(from..from, "something is missing at the end")
                .hint("such as `listening` or `port = 443`");
        }
        let rest = self.lexer.slice(&(self.lexer.at()..usize::MAX));
        let mut signs = ["&&", "||", "==", "!=", "!~", "<=", ">="].into_iter();
        let length = match signs.find(|sign| rest.starts_with(sign)) {
            Some(sign) => sign.len(),
            None => rest.chars().next().map_or(0, char::len_utf8),
        };
        let span = self.lexer.at()..self.lexer.at() + length;
        let reason = match &rest[..length] {
            ")" if self.depth == 0 => "no bracket is open here".to_owned(),
            sign => format!("{} cannot stand here", quoted(sign)),
        };
        Fail::new(span, reason)
    }
}

fn has(field: Field, value: &Value) -> Result<Expr, Fail> {
    if value.bytes().is_empty() {
        return Err(Fail::new(
            value.span.clone(),
            "every name has nothing in it",
        ));
    }
    let part = value.bytes().into();
    Ok(Expr::Term(Term::Text(field, Text::Has(part))))
}

fn unfit(operator: Option<(Operator, std::ops::Range<usize>)>, field: &str, known: &str) -> Fail {
    let span = operator.map_or(0..0, |(_, span)| span);
    Fail::new(span, format!("{} cannot be compared so", quoted(field)))
        .hint(format!("it knows {known}"))
}

/// A word that nobody knows, with what may have been meant.
fn unknown(word: &str, span: std::ops::Range<usize>) -> Fail {
    if ["and", "or"].contains(&&*word.to_ascii_lowercase()) {
        return Fail::new(
            span,
            format!("something is missing before {}", quoted(word)),
        );
    }
    let fail = Fail::new(span, format!("{} is not a word of filters", quoted(word)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(word.trim_start_matches(':')) {
        return fail.hint(format!("write `port = {}`", word.trim_start_matches(':')));
    }
    if values::is_address(word) {
        return fail.hint(format!("write `src = {word}` or `dst = {word}`"));
    }
    if word == "age" {
        return fail.hint("ages are known only while watching");
    }
    let nearest = words::nearest(word, words::first_words());
    if nearest.is_none() {
        return fail.hint("a process is `proc = NAME`, a path `path = /NAME`");
    }
    fail.nearest(nearest)
}
