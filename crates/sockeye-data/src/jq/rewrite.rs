//! The parsed program, made to mean on jaq's engine what jq means by it: the order of many outputs, folds whose step yields many or none, updates of paths that are no plain ones, `?//`, and the guard of the stack.

use std::collections::HashSet;

use jaq_core::load::Arena;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{self, BinaryOp};
use jaq_core::path::{Opt, Part, Path};

use super::guards::{GUARD, LAST};
use super::outputs::{self, Outputs};

pub(super) type Term<'s> = parse::Term<&'s str>;
pub(super) type Pattern<'s> = parse::Pattern<&'s str>;
pub(super) type Def<'s> = parse::Def<&'s str>;

/// The key under which [`super::tokens`] hides the alternatives of `?//`.
pub(super) const ALTERNATIVES: &str = "?//";

/// What a program refers to.
#[derive(Default)]
pub(super) struct Uses<'s> {
    /// Names of functions with how many arguments they get.
    pub(super) calls: HashSet<(&'s str, usize)>,
    /// Names of variables, with `$`.
    pub(super) variables: HashSet<&'s str>,
    /// Names that the program gives a meaning of its own.
    pub(super) defined: HashSet<&'s str>,
}

/// Finds what a name means that no definition around it gives a meaning.
pub(super) trait Names<'s> {
    /// The name under which the function is compiled, and whether the definition that is being rewritten is meant itself.
    fn function(&mut self, name: &'s str, arguments: usize) -> Option<(&'s str, bool)>;
    /// The name under which the variable is compiled.
    fn variable(&mut self, name: &'s str) -> Option<&'s str>;
    /// The file in which the text is, as `$__loc__` shows it.
    fn file(&self) -> &'s str;
    /// The line of a piece of the text.
    fn line(&self, piece: &str) -> usize;
}

/// A name that has a meaning here.
struct Local<'s> {
    name: &'s str,
    arguments: usize,
    /// The variable that it stands for: an argument `$x` may be called as `x`.
    variable: Option<&'s str>,
    /// Whether it was called.
    called: bool,
}

/// Rewrites the terms of one text.
pub(super) struct Rewriter<'s, 'r> {
    pub(super) arena: &'s Arena,
    pub(super) names: &'r mut dyn Names<'s>,
    pub(super) uses: &'r mut Uses<'s>,
    scope: Vec<Local<'s>>,
    /// Whether the definition at the top calls itself.
    recursive: bool,
}

fn boxed(term: Term<'_>) -> Box<Term<'_>> {
    Box::new(term)
}

pub(super) fn call<'s>(name: &'s str, arguments: Vec<Term<'s>>) -> Term<'s> {
    parse::Term::Call(name, arguments)
}

pub(super) fn pipe<'s>(left: Term<'s>, right: Term<'s>) -> Term<'s> {
    parse::Term::BinOp(boxed(left), BinaryOp::Pipe(None), boxed(right))
}

/// `left as $name | right`.
fn bind<'s>(left: Term<'s>, name: &'s str, right: Term<'s>) -> Term<'s> {
    let pattern = parse::Pattern::Var(name);
    parse::Term::BinOp(boxed(left), BinaryOp::Pipe(Some(pattern)), boxed(right))
}

fn operate<'s>(left: Term<'s>, op: BinaryOp<&'s str>, right: Term<'s>) -> Term<'s> {
    parse::Term::BinOp(boxed(left), op, boxed(right))
}

impl<'s, 'r> Rewriter<'s, 'r> {
    pub(super) fn new(
        arena: &'s Arena,
        names: &'r mut dyn Names<'s>,
        uses: &'r mut Uses<'s>,
    ) -> Self {
        Self {
            arena,
            names,
            uses,
            scope: Vec::new(),
            recursive: false,
        }
    }

    fn outputs(&self, term: &Term<'s>) -> Outputs {
        outputs::of(term, &self.uses.defined)
    }

    fn text(&self, text: String) -> &'s str {
        self.arena.alloc(text)
    }

    #[expect(
        clippy::boxed_local,
        reason = "terms lie in boxes, and go back into one"
    )]
    fn boxed(&mut self, term: Box<Term<'s>>) -> Box<Term<'s>> {
        boxed(self.term(*term))
    }

    fn optional(&mut self, term: Option<Box<Term<'s>>>) -> Option<Box<Term<'s>>> {
        term.map(|term| self.boxed(term))
    }

    pub(super) fn term(&mut self, term: Term<'s>) -> Term<'s> {
        use parse::Term as T;
        match term {
            T::Id | T::Num(_) | T::Break(_) => term,
            T::Recurse => self.called("_recurse", Vec::new()),
            T::Str(format, parts) => self.string(format, parts),
            T::Arr(inner) => T::Arr(self.optional(inner)),
            T::Obj(members) => {
                let each = members.into_iter().map(|(key, value)| {
                    let key = match key {
                        // `{$__loc__}` is a name and a place at once.
                        T::Var(name @ "$__loc__") if value.is_none() => {
                            return (string("__loc__"), Some(self.variable(name)));
                        }
                        T::Var(name) if value.is_none() => {
                            let variable = self.variable(name);
                            return (string(&name[1..]), Some(variable));
                        }
                        key => self.term(key),
                    };
                    (key, value.map(|value| self.term(value)))
                });
                T::Obj(each.collect())
            }
            T::Neg(inner) => T::Neg(self.boxed(inner)),
            T::BinOp(left, op, right) => self.operation(*left, op, *right),
            T::Label(name, inner) => T::Label(name, self.boxed(inner)),
            T::Fold(name, source, pattern, steps) => self.fold(name, *source, pattern, steps),
            T::TryCatch(inner, catch) => {
                let inner = self.boxed(inner);
                T::TryCatch(inner, self.optional(catch))
            }
            T::IfThenElse(cases, otherwise) => {
                let cases = cases.into_iter();
                let cases = cases.map(|(test, then)| (self.term(test), self.term(then)));
                let cases = cases.collect();
                T::IfThenElse(cases, self.optional(otherwise))
            }
            T::Def(definitions, inner) => {
                let before = self.scope.len();
                let definitions = definitions.into_iter().map(|d| self.local(d)).collect();
                let inner = self.boxed(inner);
                self.scope.truncate(before);
                T::Def(definitions, inner)
            }
            T::Call(name, arguments) => {
                let arguments = arguments.into_iter().map(|a| self.term(a)).collect();
                self.called(name, arguments)
            }
            T::Var(name) => self.variable(name),
            T::Path(start, path) => {
                let start = self.boxed(start);
                T::Path(start, self.path(path))
            }
        }
    }

    fn path(&mut self, path: Path<Term<'s>>) -> Path<Term<'s>> {
        let parts = path.0.into_iter().map(|(part, opt)| {
            let part = match part {
                Part::Index(index) => Part::Index(self.term(index)),
                Part::Range(from, upto) => {
                    let from = from.map(|from| self.term(from));
                    Part::Range(from, upto.map(|upto| self.term(upto)))
                }
            };
            (part, opt)
        });
        Path(parts.collect())
    }

    fn variable(&mut self, name: &'s str) -> Term<'s> {
        if name == "$__loc__" {
            let line = self.text(self.names.line(name).to_string());
            let file = string(self.names.file());
            let members = [("file", file), ("line", parse::Term::Num(line))];
            let members = members.map(|(name, value)| (string(name), Some(value)));
            return parse::Term::Obj(members.into());
        }
        let name = self.names.variable(name).unwrap_or(name);
        self.uses.variables.insert(name);
        parse::Term::Var(name)
    }

    /// A function by its name.
    fn called(&mut self, name: &'s str, arguments: Vec<Term<'s>>) -> Term<'s> {
        let count = arguments.len();
        let meant = |local: &&mut Local<'s>| local.name == name && local.arguments == count;
        if let Some(local) = self.scope.iter_mut().rev().find(meant) {
            local.called = true;
            return match local.variable {
                Some(variable) => parse::Term::Var(variable),
                None => call(name, arguments),
            };
        }
        let (name, itself) = self.names.function(name, count).unwrap_or((name, false));
        self.recursive |= itself;
        self.uses.calls.insert((name, count));
        call(name, arguments)
    }

    /// A definition at the top of a text, which is compiled under another name.
    pub(super) fn definition(&mut self, definition: Def<'s>, name: &'s str) -> Def<'s> {
        self.recursive = false;
        let (args, body) = self.body(definition.args, definition.body);
        let body = if self.recursive { guarded(body) } else { body };
        if self.recursive {
            self.uses.calls.insert((GUARD, 0));
        }
        Def { name, args, body }
    }

    /// A definition within a term; its name stays in the scope.
    fn local(&mut self, definition: Def<'s>) -> Def<'s> {
        let Def { name, args, body } = definition;
        let place = self.scope.len();
        self.scope.push(Local {
            name,
            arguments: args.len(),
            variable: None,
            called: false,
        });
        let (args, body) = self.body(args, body);
        let recursive = std::mem::take(&mut self.scope[place].called);
        let body = if recursive { guarded(body) } else { body };
        Def { name, args, body }
    }

    fn body(&mut self, args: Vec<&'s str>, body: Term<'s>) -> (Vec<&'s str>, Term<'s>) {
        let before = self.scope.len();
        for arg in &args {
            let variable = arg.starts_with('$').then_some(*arg);
            self.scope.push(Local {
                name: arg.trim_start_matches('$'),
                arguments: 0,
                variable,
                called: false,
            });
        }
        let body = self.term(body);
        self.scope.truncate(before);
        (args, body)
    }

    /// Several parts with many outputs each: in jq, the first part changes quickest.
    fn string(
        &mut self,
        format: Option<&'s str>,
        parts: Vec<StrPart<&'s str, Term<'s>>>,
    ) -> Term<'s> {
        if let Some(format) = format {
            self.uses.calls.insert((format, 0));
        }
        let mut parts: Vec<_> = parts
            .into_iter()
            .map(|part| match part {
                StrPart::Term(term) => StrPart::Term(self.term(term)),
                StrPart::Str(text) => StrPart::Str(text),
                StrPart::Char(c) => StrPart::Char(c),
            })
            .collect();
        let many = |part: &StrPart<&'s str, Term<'s>>| match part {
            StrPart::Term(term) => !self.outputs(term).are_few(),
            _ => false,
        };
        let places: Vec<usize> = (0..parts.len()).filter(|at| many(&parts[*at])).collect();
        if places.len() < 2 {
            return parse::Term::Str(format, parts);
        }
        let mut bound = Vec::new();
        for at in places {
            let name = self.text(format!("$ part {at}"));
            let part = std::mem::replace(&mut parts[at], StrPart::Term(parse::Term::Var(name)));
            if let StrPart::Term(term) = part {
                bound.push((name, term));
            }
        }
        let text = parse::Term::Str(format, parts);
        bound
            .into_iter()
            .fold(text, |inner, (name, term)| bind(term, name, inner))
    }

    fn operation(&mut self, left: Term<'s>, op: BinaryOp<&'s str>, right: Term<'s>) -> Term<'s> {
        let left = self.term(left);
        match op {
            BinaryOp::Pipe(Some(pattern)) => self.destructure(left, pattern, right),
            BinaryOp::Math(_) | BinaryOp::Cmp(_) => {
                let right = self.term(right);
                if self.outputs(&left).are_few() || self.outputs(&right).are_few() {
                    return operate(left, op, right);
                }
                // In jq, what stands on the left changes quickest.
                let inner = operate(left, op, parse::Term::Var("$ right"));
                bind(right, "$ right", inner)
            }
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                let right = self.term(right);
                self.update(left, op, right)
            }
            BinaryOp::Pipe(None)
            | BinaryOp::Comma
            | BinaryOp::Alt
            | BinaryOp::Or
            | BinaryOp::And => {
                let right = self.term(right);
                operate(left, op, right)
            }
        }
    }

    /// Updates in place where the path is a plain one, else by the paths that it yields.
    fn update(&mut self, left: Term<'s>, op: BinaryOp<&'s str>, right: Term<'s>) -> Term<'s> {
        if starts_with_path(&left) && self.is_plain(&left) {
            return operate(left, op, right);
        }
        let current = || parse::Term::Var("$ operand");
        let (change, right) = match op {
            BinaryOp::Update => return self.builtin("_modify", vec![left, right]),
            BinaryOp::UpdateMath(math) => (
                operate(parse::Term::Id, BinaryOp::Math(math), current()),
                right,
            ),
            BinaryOp::UpdateAlt => (operate(parse::Term::Id, BinaryOp::Alt, current()), right),
            _ => return self.builtin("_assign", vec![left, right]),
        };
        let update = self.builtin("_modify", vec![left, change]);
        bind(right, "$ operand", update)
    }

    fn builtin(&mut self, name: &'static str, arguments: Vec<Term<'s>>) -> Term<'s> {
        self.uses.calls.insert((name, arguments.len()));
        call(name, arguments)
    }

    /// Whether the places of this path lie apart, and stay what they are while others are changed.
    fn is_plain(&self, path: &Term<'s>) -> bool {
        use parse::Term as T;
        match path {
            T::Id => true,
            T::Path(start, parts) => {
                self.is_plain(start)
                    && parts.0.iter().all(|(part, _)| match part {
                        Part::Index(index) => self.outputs(index).are_few(),
                        Part::Range(from, upto) => [from, upto]
                            .into_iter()
                            .flatten()
                            .all(|bound| self.outputs(bound).are_few()),
                    })
            }
            T::BinOp(left, BinaryOp::Pipe(None), right) => {
                self.is_plain(left) && self.is_plain(right)
            }
            T::Call("select", arguments) if !self.uses.defined.contains("select") => {
                arguments.len() == 1 && self.outputs(&arguments[0]).are_few()
            }
            T::Call("empty", arguments) => {
                arguments.is_empty() && !self.uses.defined.contains("empty")
            }
            _ => false,
        }
    }

    fn fold(
        &mut self,
        name: &'s str,
        source: Term<'s>,
        pattern: Pattern<'s>,
        steps: Vec<Term<'s>>,
    ) -> Term<'s> {
        let mut source = self.term(source);
        let mut pattern = pattern;
        if alternatives(&pattern).is_some() {
            let names = variables(&pattern);
            let array = names.iter().map(|name| parse::Term::Var(*name));
            let array = array.reduce(|one, two| operate(one, BinaryOp::Comma, two));
            let array = parse::Term::Arr(array.map(boxed));
            source = self.destructure_rewritten(source, pattern, array);
            pattern = parse::Pattern::Arr(names.into_iter().map(parse::Pattern::Var).collect());
        }
        let pattern = self.pattern(pattern);
        let mut steps: Vec<_> = steps.into_iter().map(|step| self.term(step)).collect();
        let one = steps.get(1).is_none_or(|step| self.outputs(step).is_one());
        if !one && name == "reduce" && steps.len() == 2 {
            let step = std::mem::take(&mut steps[1]);
            steps[1] = self.builtin(LAST, vec![step]);
        } else if !one && steps.len() <= 3 {
            steps = many_states(steps);
        }
        parse::Term::Fold(name, boxed(source), pattern, steps)
    }

    fn pattern(&mut self, pattern: Pattern<'s>) -> Pattern<'s> {
        match pattern {
            parse::Pattern::Var(_) => pattern,
            parse::Pattern::Arr(items) => {
                parse::Pattern::Arr(items.into_iter().map(|item| self.pattern(item)).collect())
            }
            parse::Pattern::Obj(members) => {
                let members = members.into_iter();
                let members = members.map(|(key, value)| (self.term(key), self.pattern(value)));
                parse::Pattern::Obj(members.collect())
            }
        }
    }

    fn destructure(&mut self, left: Term<'s>, pattern: Pattern<'s>, right: Term<'s>) -> Term<'s> {
        let right = self.term(right);
        self.destructure_rewritten(left, pattern, right)
    }

    /// `left as pattern | right`; with alternatives, each is tried where the one before it fails, and names that it does not bind
    /// are null.
    fn destructure_rewritten(
        &mut self,
        left: Term<'s>,
        pattern: Pattern<'s>,
        right: Term<'s>,
    ) -> Term<'s> {
        let all = variables(&pattern);
        let patterns = match alternatives(&pattern) {
            Some(patterns) => patterns.to_vec(),
            None => {
                let pattern = self.pattern(pattern);
                return operate(left, BinaryOp::Pipe(Some(pattern)), right);
            }
        };
        let mut chain: Option<Term<'s>> = None;
        for pattern in patterns.into_iter().rev() {
            let own = variables(&pattern);
            let pattern = self.pattern(pattern);
            let source = parse::Term::Var("$ source");
            let bound = operate(source, BinaryOp::Pipe(Some(pattern)), right.clone());
            let missing = all.iter().filter(|name| !own.contains(name));
            let bound = missing.fold(bound, |inner, name| {
                bind(call("null", Vec::new()), name, inner)
            });
            chain = Some(match chain {
                None => bound,
                Some(next) => {
                    let next = pipe(parse::Term::Var("$ input"), next);
                    parse::Term::TryCatch(boxed(bound), Some(boxed(next)))
                }
            });
        }
        self.uses.calls.insert(("null", 0));
        let chain = chain.unwrap_or_default();
        let chain = bind(parse::Term::Id, "$ input", chain);
        bind(left, "$ source", chain)
    }
}

/// The patterns between `?//`, where [`super::tokens`] put them.
fn alternatives<'p, 's>(pattern: &'p Pattern<'s>) -> Option<&'p [Pattern<'s>]> {
    let parse::Pattern::Obj(members) = pattern else {
        return None;
    };
    match &members[..] {
        [(parse::Term::Str(None, parts), parse::Pattern::Arr(patterns))] => match &parts[..] {
            [StrPart::Str(ALTERNATIVES)] => Some(patterns),
            _ => None,
        },
        _ => None,
    }
}

/// All names that a pattern binds, each once.
fn variables<'s>(pattern: &Pattern<'s>) -> Vec<&'s str> {
    let mut names = Vec::new();
    let mut pending = vec![pattern];
    while let Some(pattern) = pending.pop() {
        match pattern {
            parse::Pattern::Var(name) if !names.contains(name) => names.push(*name),
            parse::Pattern::Var(_) => {}
            parse::Pattern::Arr(items) => pending.extend(items.iter().rev()),
            parse::Pattern::Obj(members) => {
                pending.extend(members.iter().rev().map(|(_, value)| value));
            }
        }
    }
    names
}

pub(super) fn string(text: &str) -> Term<'_> {
    parse::Term::Str(None, vec![StrPart::Str(text)])
}

fn guarded(body: Term<'_>) -> Term<'_> {
    pipe(call(GUARD, Vec::new()), body)
}

fn starts_with_path(term: &Term<'_>) -> bool {
    match term {
        parse::Term::Path(start, _) => {
            matches!(**start, parse::Term::Id) || starts_with_path(start)
        }
        parse::Term::BinOp(left, BinaryOp::Pipe(None), _) => starts_with_path(left),
        _ => false,
    }
}

/// A `foreach` whose step yields many values or none: the state is an array of what it yields, and the last of it goes on.
fn many_states(steps: Vec<Term<'_>>) -> Vec<Term<'_>> {
    let mut steps = steps.into_iter();
    let (Some(start), Some(step)) = (steps.next(), steps.next()) else {
        return Vec::new();
    };
    let id = || boxed(parse::Term::Id);
    let last = Part::Index(parse::Term::Neg(boxed(parse::Term::Num("1"))));
    let last = parse::Term::Path(id(), Path(vec![(last, Opt::Essential)]));
    let each = Path(vec![(Part::Range(None, None), Opt::Essential)]);
    let each = parse::Term::Path(id(), each);
    let show = match steps.next() {
        Some(show) => pipe(each, show),
        None => each,
    };
    vec![
        pipe(start, parse::Term::Arr(Some(id()))),
        parse::Term::Arr(Some(boxed(pipe(last, step)))),
        show,
    ]
}
