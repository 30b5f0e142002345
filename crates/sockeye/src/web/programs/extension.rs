//! Programs among the files of a site, told apart by the endings of their names.

use crate::web::handler::{Handler, Reply, Shared};
use crate::web::request::Request;

use super::cgi::Cgi;
use super::script::Named;

/// A site, some of whose files are programs.
///
/// A file with such an ending is run, or refused if it may not be executed; its text is never an answer.
#[derive(Debug)]
pub struct ByExtension {
    programs: Cgi,
    site: Shared,
}

impl ByExtension {
    /// Run files of `programs` whose names have one of these endings (`.cgi`, in any case); all else is for the site.
    pub fn new<S: Into<String>>(
        programs: Cgi,
        endings: impl IntoIterator<Item = S>,
        site: impl Handler,
    ) -> Self {
        let endings = endings.into_iter().map(Into::into).collect();
        Self {
            programs: programs.endings(endings),
            site: Shared::new(site),
        }
    }
}

impl Handler for ByExtension {
    fn handle(&self, request: Request) -> Reply {
        match self.programs.find(request.rest()) {
            Named::Nothing => self.site.handle(request),
            named => self.programs.answer(named, request),
        }
    }
}
