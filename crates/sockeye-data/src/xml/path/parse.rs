//! Reads paths.

use super::super::names;
use super::{Comparison, NameTest, Path, PathError, Predicate, Step, Test};

/// How many steps a path has at most: a set of steps is one machine word.
const STEPS: usize = 60;

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

pub(super) fn path(text: &str) -> Result<Path, PathError> {
    let mut scan = Scan { text, at: 0 };
    let mut steps: Vec<Step> = Vec::new();
    scan.blank();
    let mut any_depth = match (scan.eat("//"), steps.is_empty()) {
        (true, _) => true,
        (false, _) => {
            scan.eat("/");
            false
        }
    };
    loop {
        steps.push(scan.step(any_depth)?);
        scan.blank();
        if scan.is_done() {
            break;
        }
        if !matches!(
            steps.last(),
            Some(Step {
                test: Test::Element(_),
                ..
            })
        ) {
            return Err(scan.wrong("attributes and text() are the end of a path"));
        }
        if steps.len() == STEPS {
            return Err(scan.wrong(format!("a path has at most {STEPS} steps")));
        }
        any_depth = scan.eat("//");
        if !any_depth && !scan.eat("/") {
            return Err(scan.wrong("\"/\", \"//\" or \"[\" is expected"));
        }
    }
    Ok(Path {
        steps,
        text: text.to_owned(),
    })
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn is_done(&self) -> bool {
        self.at == self.text.len()
    }

    fn wrong(&self, why: impl Into<String>) -> PathError {
        PathError {
            position: self.text[..self.at].chars().count() + 1,
            why: why.into(),
        }
    }

    fn blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, word: &str) -> bool {
        let is_there = self.rest().starts_with(word);
        if is_there {
            self.at += word.len();
        }
        is_there
    }

    /// A word, blanks before it and behind it.
    fn need(&mut self, word: &str) -> Result<(), PathError> {
        self.blank();
        if !self.eat(word) {
            return Err(self.wrong(format!("{word:?} is expected")));
        }
        self.blank();
        Ok(())
    }

    fn step(&mut self, any_depth: bool) -> Result<Step, PathError> {
        self.blank();
        let test = if self.eat("@") {
            Test::Attribute(self.name_test()?)
        } else if self.eat("text()") {
            Test::Text
        } else {
            Test::Element(self.name_test()?)
        };
        let mut predicates = Vec::new();
        self.blank();
        while self.rest().starts_with('[') {
            if !matches!(test, Test::Element(_)) {
                return Err(self.wrong("only elements have predicates here"));
            }
            self.eat("[");
            self.blank();
            predicates.push(self.predicate()?);
            self.need("]")?;
        }
        Ok(Step {
            any_depth,
            test,
            predicates,
        })
    }

    fn name_test(&mut self) -> Result<NameTest, PathError> {
        if self.eat("*:") {
            return Ok(NameTest::Local(self.name()?.to_owned()));
        }
        if self.eat("*") {
            return Ok(NameTest::Any);
        }
        let name = self.name()?;
        if name.ends_with(':') && self.eat("*") {
            return Ok(NameTest::Prefix(name.to_owned()));
        }
        if self.rest().starts_with('(') || name.contains("::") {
            self.at -= name.len();
            let why =
                format!("{name:?} is XPath that cannot be followed while a document streams by");
            return Err(self.wrong(why));
        }
        Ok(NameTest::Name(name.to_owned()))
    }

    fn name(&mut self) -> Result<&'a str, PathError> {
        let len = names::name_len(self.rest());
        if len == 0 {
            return Err(self.wrong("a name, \"*\", \"@\" or \"text()\" is expected"));
        }
        let name = &self.rest()[..len];
        self.at += len;
        Ok(name)
    }

    fn predicate(&mut self) -> Result<Predicate, PathError> {
        if self.rest().starts_with(|char: char| char.is_ascii_digit()) {
            return Ok(Predicate::Position(Comparison::Equal, self.number()?));
        }
        if self.eat("position()") {
            self.blank();
            let comparison = self.comparison()?;
            self.blank();
            return Ok(Predicate::Position(comparison, self.number()?));
        }
        if self.eat("not(") {
            self.need("@")?;
            let test = self.name_test()?;
            self.need(")")?;
            return Ok(Predicate::Lacks(test));
        }
        if !self.eat("@") {
            let why = "a predicate is a number, position() or an attribute; others need the whole document";
            return Err(self.wrong(why));
        }
        let test = self.name_test()?;
        self.blank();
        if self.eat("!=") {
            return Ok(Predicate::Differs(test, self.literal()?));
        }
        if self.eat("=") {
            return Ok(Predicate::Equals(test, self.literal()?));
        }
        Ok(Predicate::Has(test))
    }

    fn comparison(&mut self) -> Result<Comparison, PathError> {
        // Longer ones first.
        let words = [
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("=", Comparison::Equal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let found = words.into_iter().find(|(word, _)| self.eat(word));
        found
            .map(|(_, comparison)| comparison)
            .ok_or_else(|| self.wrong("a comparison is expected"))
    }

    fn number(&mut self) -> Result<u64, PathError> {
        let rest = self.rest();
        let digits = rest.len()
            - rest
                .trim_start_matches(|char: char| char.is_ascii_digit())
                .len();
        let number = rest[..digits].parse();
        let number = number.map_err(|_| self.wrong("a number is expected"))?;
        self.at += digits;
        Ok(number)
    }

    fn literal(&mut self) -> Result<String, PathError> {
        self.blank();
        let rest = self.rest();
        let quote = rest
            .chars()
            .next()
            .filter(|char| matches!(char, '"' | '\''));
        let inner = quote.and_then(|quote| Some(rest[1..].split_once(quote)?.0));
        let inner = inner.ok_or_else(|| self.wrong("a text in quotes is expected"))?;
        self.at += inner.len() + 2;
        Ok(inner.to_owned())
    }
}
