//! The texts of a program: it and the modules that it asks for, parsed and rewritten, each name resolved.

use std::collections::HashMap;

use jaq_core::load::lex::{Lexer, Token};
use jaq_core::load::{Arena, Parser};

use super::fault::CompileError;
use super::rewrite::{Def, Names, Rewriter, Term, Uses};
use super::settings::{Import, Imported, Settings};
use super::tokens;
use crate::value::Value;

/// As many modules a program may have.
const MOST_MODULES: usize = 1_000;

/// What a text may refer to.
#[derive(Default)]
struct Scope<'s> {
    /// Own definitions so far, under which names they are compiled.
    own: HashMap<(&'s str, usize), &'s str>,
    /// Modules by their names, as numbers.
    imports: Vec<(&'s str, usize)>,
    /// Modules whose definitions are there without a name.
    includes: Vec<usize>,
    /// Data by its names, with `$`.
    data: HashMap<&'s str, &'s str>,
}

/// A program with its modules.
pub(super) struct Sources<'s, 'c> {
    arena: &'s Arena,
    settings: &'c Settings,
    /// The definitions of modules, each after those that it needs.
    pub(super) definitions: Vec<Def<'s>>,
    /// Data that is imported, under the names of its variables.
    pub(super) data: Vec<(&'s str, Value)>,
    pub(super) uses: Uses<'s>,
    /// All texts with their names.
    pub(super) texts: Vec<(Option<String>, &'s str)>,
    exports: Vec<HashMap<(&'s str, usize), &'s str>>,
    known: HashMap<String, usize>,
    open: Vec<String>,
}

impl<'s, 'c> Sources<'s, 'c> {
    pub(super) fn new(arena: &'s Arena, settings: &'c Settings) -> Self {
        Self {
            arena,
            settings,
            definitions: Vec::new(),
            data: Vec::new(),
            uses: Uses::default(),
            texts: Vec::new(),
            exports: Vec::new(),
            known: HashMap::new(),
            open: Vec::new(),
        }
    }

    /// The program itself, rewritten.
    pub(super) fn program(&mut self, text: &str) -> Result<Term<'s>, CompileError> {
        let text: &'s str = self.arena.alloc(text.to_owned());
        self.texts.push((None, text));
        let (scope, tokens) = self.open_text(text, None)?;
        let term = parse_term(text, &tokens)?;
        defined(&term, &mut self.uses);
        let arena = self.arena;
        let mut names = Resolver::new(self, scope, text, None);
        let mut uses = names.take_uses();
        let term = Rewriter::new(arena, &mut names, &mut uses).term(term);
        names.give_uses(uses)?;
        Ok(term)
    }

    /// Lex a text and load what its header asks for.
    fn open_text(
        &mut self,
        text: &'s str,
        file: Option<&str>,
    ) -> Result<(Scope<'s>, Vec<Token<&'s str>>), CompileError> {
        self.check_depth(text, tokens::brackets(text), 4096, file)?;
        let lexed = Lexer::new(text).lex();
        let mut tokens = lexed.map_err(|errors| {
            let error = errors.first().map(|error| CompileError::lexed(text, error));
            error
                .unwrap_or_else(|| CompileError::new("not a program"))
                .in_file(file)
        })?;
        self.check_depth(text, tokens::depth(&tokens), 2048, file)?;
        let header = tokens::header(&mut tokens).map_err(|(expected, found)| {
            CompileError::unexpected(text, expected, found.unwrap_or_default()).in_file(file)
        })?;
        let mut scope = Scope::default();
        for dependency in &header {
            self.depend(dependency, &mut scope, file).map_err(|error| {
                if error.line > 0 {
                    error
                } else {
                    error.at(text, dependency.path).in_file(file)
                }
            })?;
        }
        tokens::known_words(text, &mut tokens);
        Ok((scope, tokens))
    }

    /// What is nested so deep needs so much stack, a level.
    fn check_depth(
        &self,
        text: &str,
        depth: usize,
        a_level: usize,
        file: Option<&str>,
    ) -> Result<(), CompileError> {
        if depth <= 128 || depth * a_level <= self.settings.stack {
            return Ok(());
        }
        let why = "the program is nested too deeply for the stack that it may use";
        Err(CompileError::new(why).at(text, text).in_file(file))
    }

    fn depend(
        &mut self,
        dependency: &tokens::Dependency<'s>,
        scope: &mut Scope<'s>,
        from: Option<&str>,
    ) -> Result<(), CompileError> {
        let data = dependency.name.is_some_and(|name| name.starts_with('$'));
        let import = Import {
            path: dependency.path,
            data,
            search: &dependency.search,
            from,
        };
        let Some(loader) = &self.settings.loader else {
            return Err(CompileError::new("modules cannot be read here"));
        };
        let imported = loader(import).map_err(|why| {
            CompileError::new(format!("{:?} cannot be imported: {why}", dependency.path))
        })?;
        match (imported, dependency.name) {
            (Imported::Data(values), Some(name)) if data => {
                let number = self.data.len();
                let variable: &'s str = self.arena.alloc(format!("{name} {number}"));
                self.data.push((variable, Value::array(values)));
                let full: &'s str = self.arena.alloc(format!("{name}::{}", &name[1..]));
                scope.data.insert(name, variable);
                scope.data.insert(full, variable);
            }
            (Imported::Module { name, text }, alias) if !data => {
                let module = self.module(name, text)?;
                match alias {
                    Some(alias) => scope.imports.push((alias, module)),
                    None => scope.includes.push(module),
                }
            }
            _ => {
                let why = format!(
                    "{:?} is of another kind than the import asks for",
                    dependency.path
                );
                return Err(CompileError::new(why));
            }
        }
        Ok(())
    }

    fn module(&mut self, name: String, text: String) -> Result<usize, CompileError> {
        if let Some(known) = self.known.get(&name) {
            return Ok(*known);
        }
        if self.open.contains(&name) {
            return Err(CompileError::new(format!("{name:?} imports itself")));
        }
        if self.open.len() >= 64 || self.exports.len() >= MOST_MODULES {
            return Err(CompileError::new("there are too many modules"));
        }
        let text: &'s str = self.arena.alloc(text);
        self.texts.push((Some(name.clone()), text));
        self.open.push(name.clone());
        let (scope, tokens) = self.open_text(text, Some(&name))?;
        self.open.pop();
        let parsed = Parser::new(&tokens).parse(|parser| parser.defs());
        let definitions = parsed.map_err(|errors| first(text, &errors).in_file(Some(&name)))?;
        for definition in &definitions {
            self.uses.defined.insert(definition.name);
            self.uses.defined.extend(definition.args.iter().copied());
            defined(&definition.body, &mut self.uses);
        }
        let number = self.exports.len();
        let arena = self.arena;
        let file: &'s str = arena.alloc(name.clone());
        let mut names = Resolver::new(self, scope, text, Some(file));
        let mut uses = names.take_uses();
        let mut rewritten = Vec::new();
        for definition in definitions {
            let key = (definition.name, definition.args.len());
            let compiled: &'s str = arena.alloc(format!("{} @{number}", definition.name));
            names.scope.own.insert(key, compiled);
            names.current = Some(compiled);
            let mut rewriter = Rewriter::new(arena, &mut names, &mut uses);
            rewritten.push(rewriter.definition(definition, compiled));
        }
        let exports = std::mem::take(&mut names.scope.own);
        names.give_uses(uses)?;
        self.definitions.extend(rewritten);
        self.exports.push(exports);
        self.known.insert(name, number);
        Ok(number)
    }
}

/// Parse a program: one without a term but with definitions, or without anything, is `.`.
fn parse_term<'s>(text: &'s str, tokens: &[Token<&'s str>]) -> Result<Term<'s>, CompileError> {
    if tokens.is_empty() {
        return Ok(Term::Id);
    }
    let parsed = Parser::new(tokens).parse(|parser| parser.term());
    parsed.or_else(
        |errors| match Parser::new(tokens).parse(|parser| parser.defs()) {
            Ok(definitions) if !definitions.is_empty() => {
                Ok(Term::Def(definitions, Box::new(Term::Id)))
            }
            _ => Err(first(text, &errors)),
        },
    )
}

fn first(text: &str, errors: &[jaq_core::load::parse::TError<'_, &str>]) -> CompileError {
    match errors.first() {
        Some((expected, found)) => {
            let found = Token::opt_as_str(*found, text);
            CompileError::parsed(text, expected, found)
        }
        None => CompileError::new("not a program"),
    }
}

/// Note all names that a term defines.
fn defined<'s>(term: &Term<'s>, uses: &mut Uses<'s>) {
    super::walk::terms(term, &mut |term| {
        if let Term::Def(definitions, _) = term {
            for definition in definitions {
                uses.defined.insert(definition.name);
                let args = definition
                    .args
                    .iter()
                    .map(|arg| arg.trim_start_matches('$'));
                uses.defined.extend(args);
            }
        }
    });
}

/// Resolves the names of one text.
struct Resolver<'s, 'c, 'a> {
    sources: &'a mut Sources<'s, 'c>,
    scope: Scope<'s>,
    text: &'s str,
    file: Option<&'s str>,
    /// The definition that is rewritten now, under its compiled name.
    current: Option<&'s str>,
    fault: Option<CompileError>,
}

impl<'s, 'c, 'a> Resolver<'s, 'c, 'a> {
    fn new(
        sources: &'a mut Sources<'s, 'c>,
        scope: Scope<'s>,
        text: &'s str,
        file: Option<&'s str>,
    ) -> Self {
        Self {
            sources,
            scope,
            text,
            file,
            current: None,
            fault: None,
        }
    }

    fn take_uses(&mut self) -> Uses<'s> {
        std::mem::take(&mut self.sources.uses)
    }

    fn give_uses(&mut self, uses: Uses<'s>) -> Result<(), CompileError> {
        self.sources.uses = uses;
        self.fault.take().map_or(Ok(()), Err)
    }

    fn fault(&mut self, why: String, at: &str) {
        let error = CompileError::new(why).at(self.text, at).in_file(self.file);
        self.fault.get_or_insert(error);
    }
}

impl<'s> Names<'s> for Resolver<'s, '_, '_> {
    fn function(&mut self, name: &'s str, arguments: usize) -> Option<(&'s str, bool)> {
        if let Some((module, function)) = name.split_once("::") {
            let named = self.scope.imports.iter().rev();
            let mut named = named.filter(|(alias, _)| *alias == module).peekable();
            if named.peek().is_none() {
                self.fault(format!("there is no module {module}"), name);
                return None;
            }
            let exports = |number: usize| &self.sources.exports[number];
            let found = named.find_map(|(_, number)| exports(*number).get(&(function, arguments)));
            let found = found.copied();
            if found.is_none() {
                self.fault(
                    format!("{module} has no function {function}/{arguments}"),
                    name,
                );
            }
            return found.map(|found| (found, false));
        }
        if let Some(own) = self.scope.own.get(&(name, arguments)) {
            return Some((own, self.current == Some(own)));
        }
        let mut includes = self.scope.includes.iter().rev();
        let found =
            includes.find_map(|number| self.sources.exports[*number].get(&(name, arguments)));
        found.map(|found| (*found, false))
    }

    fn variable(&mut self, name: &'s str) -> Option<&'s str> {
        self.scope.data.get(name).copied()
    }

    fn file(&self) -> &'s str {
        self.file.unwrap_or("<top-level>")
    }

    fn line(&self, piece: &str) -> usize {
        CompileError::new("").at(self.text, piece).line
    }
}
