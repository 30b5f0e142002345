//! The answer for a file: which form, under which conditions, which part.

use std::sync::Arc;

use sockeye_data::fields::ContentRange;
use sockeye_data::http1::Headers;

use super::super::handler::Reply;
use super::super::request::Request;
use super::super::response::Response;
use super::coding::{Accepted, Coding};
use super::conditions::{self, Condition};
use super::ranges::{self, Selection};
use super::resource::{Form, Resource};
use super::settings::Settings;

/// What of a request's header lines has a say. One look at each line finds out.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    conditions: bool,
    range: bool,
    codings: bool,
}

impl Asked {
    fn of(headers: &Headers) -> Self {
        let mut asked = Self::default();
        for field in headers.iter() {
            let name = field.name.as_bytes();
            match (name.len(), name[0] | 0x20) {
                (5, b'r') => asked.range |= name.eq_ignore_ascii_case(b"range"),
                (15, b'a') => asked.codings |= name.eq_ignore_ascii_case(b"accept-encoding"),
                (8.., b'i') => asked.conditions |= name[..3].eq_ignore_ascii_case(b"if-"),
                _ => {}
            }
        }
        asked
    }
}

/// Answer a GET or HEAD for this file.
pub(super) fn answer(request: &Request, resource: &Arc<Resource>, settings: &Settings) -> Reply {
    let asked = Asked::of(request.headers());
    let wants_part = asked.range && !request.is_head() && settings.ranges > 0;
    let form = match choose(request, resource, asked, wants_part) {
        Ok(form) => form,
        Err(refusal) => return refusal.into(),
    };
    if asked.conditions {
        let (tag, modified) = (form.tag.as_ref(), form.modified);
        match conditions::judge(request.headers(), tag, modified, true) {
            Condition::Holds => request.note("conditions", || "they hold".into()),
            Condition::NotModified => {
                let text = || "304: the client has this version".to_owned();
                request.note("conditions", text);
                let unmodified = Arc::clone(&form.unmodified);
                return Response::new(304).with_shared(unmodified).into();
            }
            Condition::Failed => {
                let text = || "412: this is not the version that the client means".to_owned();
                request.note("conditions", text);
                return Response::error(412, "this is another version than the one that was meant")
                    .into();
            }
        }
    }
    if wants_part && let Some(response) = part(request, resource, form, settings) {
        return response.into();
    }
    note_form(request, form);
    Response::new(200)
        .with_shared(Arc::clone(&form.headers))
        .with_body(form.content.part(0, form.length))
        .into()
}

/// The form that the client wants most of those that are there.
fn choose<'r>(
    request: &Request,
    resource: &'r Resource,
    asked: Asked,
    wants_part: bool,
) -> Result<&'r Form, Response> {
    if !asked.codings {
        return Ok(&resource.plain);
    }
    let accepted = Accepted::of(request.headers());
    if wants_part && accepted.takes_plain() {
        let text = || "as it is: parts are of the file itself".to_owned();
        request.note("variant", text);
        return Ok(&resource.plain);
    }
    let made = Coding::ALL
        .into_iter()
        .filter(|coding| resource.sibling(*coding).is_some());
    if let Some(coding) = accepted.best(made)
        && let Some(form) = resource.sibling(coding)
    {
        let text = || {
            format!(
                "{coding}: there is a .{} beside the file, not older than it",
                coding.extension()
            )
        };
        request.note("variant", text);
        return Ok(form);
    }
    if !accepted.takes_plain() {
        request.note("variant", || "none that the client takes".to_owned());
        let refused = Response::error(406, "there is no form of this that the client takes");
        return Err(refused.header("Vary", "Accept-Encoding"));
    }
    request.note("variant", || "as it is".to_owned());
    Ok(&resource.plain)
}

/// The part that is asked for; `None` if that is all of it.
fn part(
    request: &Request,
    resource: &Resource,
    form: &Form,
    settings: &Settings,
) -> Option<Response> {
    // Nothing is known of the bytes of a file without a version.
    form.version?;
    if !conditions::may_send_part(request.headers(), form.tag.as_ref(), form.modified) {
        let text = || "all of it: If-Range names another version, or a weak tag".to_owned();
        request.note("range", text);
        return None;
    }
    let range = request.headers().combined("range")?;
    let shared = || Response::new(206).with_shared(Arc::clone(&form.headers));
    match ranges::select(&range, form.length, settings.ranges) {
        Selection::Whole => {
            let text = || {
                format!(
                    "all of it: no range of bytes, or more than {} parts",
                    settings.ranges
                )
            };
            request.note("range", text);
            None
        }
        Selection::Nothing => {
            let range = ContentRange::Unsatisfied(form.length).to_string();
            request.note("range", || {
                format!("416: the file has {} bytes", form.length)
            });
            let refused = Response::error(416, "the file has no such part");
            Some(refused.header("Content-Range", range))
        }
        Selection::Parts(parts) => {
            request.note("range", || format!("206: {}", listed(&parts)));
            if let [(first, last)] = *parts {
                let range = ContentRange::Part(first, last, Some(form.length)).to_string();
                let body = form.content.part(first, last - first + 1);
                return Some(shared().header("Content-Range", range).with_body(body));
            }
            let (body, media_type) =
                ranges::multipart(&form.content, &parts, &resource.media_type, form.length);
            let mut response = shared().with_body(body);
            // A boundary is made of hexadecimal digits.
            let _ = response.headers_mut().replace("Content-Type", media_type);
            Some(response)
        }
    }
}

fn listed(parts: &[(u64, u64)]) -> String {
    let parts: Vec<String> = parts
        .iter()
        .map(|(first, last)| format!("{first}-{last}"))
        .collect();
    parts.join(", ")
}

fn note_form(request: &Request, form: &Form) {
    request.note("headers", || {
        let lines = form
            .headers
            .iter()
            .map(|field| sockeye_data::escape::escape(field.line));
        lines.collect::<Vec<_>>().join(" | ")
    });
}
