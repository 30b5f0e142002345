//! What is done before a program is parsed: the header of a module is taken off, what the parser does not know of patterns is put in
//! other words, and a program that is nested too deep for the stack is refused.

use jaq_core::load::lex::{StrPart, Tok, Token};

use super::rewrite::ALTERNATIVES;

/// Put what the parser does not know into words that it knows: `{$a: pattern}` becomes `{$a, a: pattern}`, `p ?// q` a pattern that
/// it takes for one of an object, the source of a fold is put in brackets; `.5` and `$a::b` become one token.
pub(super) fn known_words<'s>(text: &'s str, tokens: &mut Vec<Token<&'s str>>) {
    let mut at = 0;
    while at < tokens.len() {
        join(text, tokens, at);
        inner(text, &mut tokens[at].1);
        match tokens[at].0 {
            "as" if at + 1 < tokens.len() => {
                inner(text, &mut tokens[at + 1].1);
                pattern(&mut tokens[at + 1]);
                alternatives(tokens, at + 1);
                at += 1;
            }
            "reduce" | "foreach" => source(tokens, at),
            _ => {}
        }
        at += 1;
    }
}

fn inner<'s>(text: &'s str, token: &mut Tok<&'s str>) {
    match token {
        Tok::Block(tokens) => known_words(text, tokens),
        Tok::Str(parts) => parts.iter_mut().for_each(|part| {
            if let StrPart::Term(Token(_, Tok::Block(tokens))) = part {
                known_words(text, tokens);
            }
        }),
        _ => {}
    }
}

/// Put what `reduce` and `foreach` run over in brackets, up to their `as`.
fn source(tokens: &mut Vec<Token<&str>>, fold: usize) {
    let mut open = 1_usize;
    let end = tokens.iter().enumerate().skip(fold + 1).find(|(_, token)| {
        match token.0 {
            "reduce" | "foreach" => open += 1,
            "as" => open -= 1,
            _ => {}
        }
        open == 0
    });
    match end {
        Some((end, _)) if end > fold + 2 => {
            let mut inner: Vec<_> = tokens.drain(fold + 1..end).collect();
            inner.push(Token(")", Tok::Sym));
            tokens.insert(fold + 1, Token("(", Tok::Block(inner)));
        }
        _ => {}
    }
}

/// Make one token of what stands together: `.5`, and `$a::b`.
fn join<'s>(text: &'s str, tokens: &mut Vec<Token<&'s str>>, at: usize) {
    let whole = |tokens: &[Token<&'s str>], count: usize| {
        let (first, last) = (tokens.get(at)?.0, tokens.get(at + count - 1)?.0);
        let start = super::fault::offset(text, first)?;
        let end = super::fault::offset(text, last)? + last.len();
        let length: usize = tokens[at..at + count]
            .iter()
            .map(|token| token.0.len())
            .sum();
        (end == start + length).then(|| &text[start..end])
    };
    let kind = |ahead: usize| tokens.get(at + ahead).map(|token| &token.1);
    let word = |ahead: usize| tokens.get(at + ahead).map(|token| token.0);
    if word(0) == Some(".")
        && matches!(kind(1), Some(Tok::Num))
        && let Some(number) = whole(tokens, 2)
    {
        tokens.splice(at..at + 2, [Token(number, Tok::Num)]);
    } else if matches!(kind(0), Some(Tok::Var))
        && (word(1), word(2)) == (Some(":"), Some(":"))
        && matches!(kind(3), Some(Tok::Word))
        && let Some(name) = whole(tokens, 4)
    {
        tokens.splice(at..at + 4, [Token(name, Tok::Var)]);
    }
}

/// A variable in braces that is destructured too.
fn pattern(token: &mut Token<&str>) {
    let Token(text, Tok::Block(tokens)) = token else {
        return;
    };
    let braces = text.starts_with('{');
    let mut at = 0;
    while at < tokens.len() {
        pattern(&mut tokens[at]);
        let next_is_colon = tokens.get(at + 1).is_some_and(|next| next.0 == ":");
        if braces && next_is_colon && matches!(tokens[at].1, Tok::Var) {
            let name = &tokens[at].0[1..];
            tokens.insert(at + 1, Token(",", Tok::Sym));
            tokens.insert(at + 2, Token(name, Tok::Word));
            at += 2;
        }
        at += 1;
    }
}

/// `p ?// q ?// r`, beginning at `first`.
fn alternatives(tokens: &mut Vec<Token<&str>>, first: usize) {
    let mut end = first + 1;
    while end + 2 < tokens.len() && tokens[end].0 == "?" && tokens[end + 1].0 == "//" {
        pattern(&mut tokens[end + 2]);
        end += 3;
    }
    if end == first + 1 {
        return;
    }
    let mut list: Vec<Token<&str>> = Vec::new();
    for token in tokens.drain(first..end) {
        if matches!(token.1, Tok::Var | Tok::Block(_)) {
            if !list.is_empty() {
                list.push(Token(",", Tok::Sym));
            }
            list.push(token);
        }
    }
    list.push(Token("]", Tok::Sym));
    let key = Tok::Str(vec![StrPart::Str(ALTERNATIVES)]);
    let object = vec![
        Token("\"", key),
        Token(":", Tok::Sym),
        Token("[", Tok::Block(list)),
        Token("}", Tok::Sym),
    ];
    tokens.insert(first, Token("{", Tok::Block(object)));
}

/// How deep brackets stand within each other, strings and what is in them included. This is asked before anything recursive runs.
pub(super) fn brackets(text: &str) -> usize {
    let (mut depth, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => {
                depth += 1;
                most = most.max(depth);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// How deep the tree of these tokens can be at most: all that joins or opens, down to the deepest bracket. A definition ends at its
/// semicolon.
pub(super) fn depth(tokens: &[Token<&str>]) -> usize {
    let (mut most, mut here, mut below) = (0, 0_usize, 0);
    for Token(text, kind) in tokens {
        match kind {
            Tok::Block(tokens) => below = below.max(depth(tokens)),
            Tok::Str(parts) => {
                here += parts.len();
                for part in parts {
                    if let StrPart::Term(Token(_, Tok::Block(tokens))) = part {
                        below = below.max(depth(tokens));
                    }
                }
            }
            Tok::Sym if *text == ";" => {
                most = most.max(here + below);
                (here, below) = (0, 0);
            }
            Tok::Sym => here += 1,
            Tok::Word => {
                here += usize::from(matches!(
                    *text,
                    "def"
                        | "if"
                        | "elif"
                        | "try"
                        | "reduce"
                        | "foreach"
                        | "label"
                        | "as"
                        | "and"
                        | "or"
                        | "catch"
                ));
            }
            _ => {}
        }
    }
    1 + most.max(here + below)
}

/// A line of the header of a module: `import "path" as name;`, `include "path";`, each with or without what is known of it.
pub(super) struct Dependency<'s> {
    pub(super) path: &'s str,
    /// The name, with `$` for data; none for `include`.
    pub(super) name: Option<&'s str>,
    /// What stands behind, as text.
    pub(super) search: Vec<&'s str>,
}

/// Take the header of a module off its tokens. What is wrong with it, and the token at which that was seen.
pub(super) fn header<'s>(
    tokens: &mut Vec<Token<&'s str>>,
) -> Result<Vec<Dependency<'s>>, (&'static str, Option<&'s str>)> {
    let mut dependencies = Vec::new();
    loop {
        let first = tokens.first().map(|token| token.0);
        if !matches!(first, Some("module" | "import" | "include")) {
            return Ok(dependencies);
        }
        let Some(end) = tokens.iter().position(|token| token.0 == ";") else {
            return Err(("a semicolon", None));
        };
        let line: Vec<_> = tokens.drain(..=end).collect();
        let metadata = |at: usize| match line.get(at) {
            Some(Token(text, Tok::Block(_))) if text.starts_with('{') => Ok(()),
            Some(Token(";", _)) | None => Ok(()),
            Some(found) => Err(("a constant object", Some(found.0))),
        };
        if line[0].0 == "module" {
            metadata(1)?;
            continue;
        }
        let path = match &line[1].1 {
            Tok::Str(parts) => match &parts[..] {
                [StrPart::Str(path)] => *path,
                _ => return Err(("a plain string", Some(line[1].0))),
            },
            _ => return Err(("a string", Some(line[1].0))),
        };
        let named = line[0].0 == "import";
        let name = match (named, line.get(2), line.get(3)) {
            (false, _, _) => None,
            (true, Some(Token("as", _)), Some(Token(name, Tok::Word | Tok::Var))) => Some(*name),
            (true, found, _) => return Err(("as and a name", found.map(|token| token.0))),
        };
        let rest = if named { 4 } else { 2 };
        metadata(rest)?;
        let rest = &line[rest..];
        dependencies.push(Dependency {
            path,
            name,
            search: rest.first().map(search).unwrap_or_default(),
        });
    }
}

/// The folders of `{search: "…"}` or `{search: ["…"]}`.
fn search<'s>(token: &Token<&'s str>) -> Vec<&'s str> {
    let Tok::Block(tokens) = &token.1 else {
        return Vec::new();
    };
    let is_search = |token: &Token<&'s str>| token.0 == "search" || token.0 == "\"search\"";
    let Some(at) = tokens.iter().position(is_search) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    match tokens.get(at + 2).map(|token| &token.1) {
        Some(Tok::Str(parts)) => found.extend(plain(parts)),
        Some(Tok::Block(items)) => {
            for item in items {
                if let Tok::Str(parts) = &item.1 {
                    found.extend(plain(parts));
                }
            }
        }
        _ => {}
    }
    found
}

fn plain<'s>(parts: &[StrPart<&'s str, Token<&'s str>>]) -> Option<&'s str> {
    match parts {
        [StrPart::Str(text)] => Some(text),
        _ => None,
    }
}
