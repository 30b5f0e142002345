//! The answer for a file: which form, under which conditions, which part.

use std::sync::Arc;

use sockeye_data::fields::ContentRange;
use sockeye_data::http1::Headers;

use super::super::body::FilePart;
use super::super::handler::Reply;
use super::super::request::Request;
use super::super::response::Response;
use super::Service;
use super::coding::{self, Accepted, Coding};
use super::conditions::{self, Condition};
use super::content::Content;
use super::pack::{self, Key};
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
pub(super) fn answer(request: Request, resource: &Arc<Resource>, service: &Arc<Service>) -> Reply {
    let asked = Asked::of(request.headers());
    if !asked.codings {
        return send(
            &request,
            resource,
            &resource.plain,
            &service.settings,
            asked,
        )
        .into();
    }
    match choose(&request, resource, &service.settings, asked) {
        Choice::Form(form) => send(&request, resource, form, &service.settings, asked).into(),
        Choice::Pack(coding, always) => pack(request, resource, service, asked, coding, always),
        Choice::None => {
            request.note("variant", || "406: none that the client takes".to_owned());
            let refused = Response::error(406, "there is no form of this that the client takes");
            refused.header("Vary", "Accept-Encoding").into()
        }
    }
}

/// Answer with this form: as the conditions say, a part, or all of it.
fn send(
    request: &Request,
    resource: &Resource,
    form: &Form,
    settings: &Settings,
    asked: Asked,
) -> Response {
    if let Some(response) = refused(request, form, asked) {
        return response;
    }
    // Parts are of the file itself.
    if asked.range
        && !request.is_head()
        && settings.ranges > 0
        && std::ptr::eq(form, &raw const resource.plain)
        && let Some(response) = part(request, resource, form, settings)
    {
        return response;
    }
    Response::new(200)
        .with_shared(Arc::clone(&form.headers))
        .with_body(form.content.part(0, form.length))
}

/// The answer without the file, if a condition asks for one.
fn refused(request: &Request, form: &Form, asked: Asked) -> Option<Response> {
    if !asked.conditions {
        return None;
    }
    match conditions::judge(request.headers(), form.tag.as_ref(), form.modified, true) {
        Condition::Holds => {
            request.note("conditions", || "they hold".into());
            None
        }
        Condition::NotModified => {
            let text = || "304: the client has this version".to_owned();
            request.note("conditions", text);
            Some(Response::new(304).with_shared(Arc::clone(&form.unmodified)))
        }
        Condition::Failed => {
            let text = || "412: this is not the version that the client means".to_owned();
            request.note("conditions", text);
            let why = "this is another version than the one that was meant";
            Some(Response::error(412, why))
        }
    }
}

/// Which form a client gets.
enum Choice<'r> {
    Form(&'r Form),
    /// One that is yet to be made, and whether it is sent even if it is not smaller.
    Pack(Coding, bool),
    None,
}

/// The form that the client wants most of those that can be had.
fn choose<'r>(
    request: &Request,
    resource: &'r Resource,
    settings: &Settings,
    asked: Asked,
) -> Choice<'r> {
    let is_worth_it = resource.can_pack && resource.plain.length >= pack::LEAST;
    let has_forms = !resource.siblings.is_empty() || (is_worth_it && !settings.compress.is_empty());
    if !has_forms && !coding::may_refuse_plain(request.headers()) {
        request.note("variant", || "as it is: there is no other form".to_owned());
        return Choice::Form(&resource.plain);
    }
    let accepted = Accepted::of(request.headers());
    let takes_plain = accepted.takes_plain();
    if asked.range && !request.is_head() && takes_plain {
        let text = || "as it is: parts are of the file itself".to_owned();
        request.note("variant", text);
        return Choice::Form(&resource.plain);
    }
    let made = Coding::ALL
        .into_iter()
        .filter(|coding| resource.sibling(*coding).is_some());
    let can_be_made: &[Coding] = match () {
        () if resource.plain.version.is_none() => &[],
        // Whoever takes nothing as it is gets what we can make, asked for by the owner or not.
        () if !takes_plain => &Coding::ALL,
        () if is_worth_it => &settings.compress,
        () => &[],
    };
    let best = accepted.best(made.chain(can_be_made.iter().copied()));
    match (best, best.and_then(|coding| resource.sibling(coding))) {
        (Some(coding), Some(form)) => {
            let extension = coding.extension();
            let text =
                || format!("{coding}: there is a .{extension} beside the file, not older than it");
            request.note("variant", text);
            Choice::Form(form)
        }
        (Some(coding), None) => {
            request.note("variant", || format!("{coding}: compressed on the way"));
            Choice::Pack(coding, !takes_plain)
        }
        (None, _) if takes_plain => {
            request.note("variant", || "as it is".to_owned());
            Choice::Form(&resource.plain)
        }
        (None, _) => Choice::None,
    }
}

/// Answer with a form that is made now, or was made for an earlier request.
fn pack(
    request: Request,
    resource: &Arc<Resource>,
    service: &Arc<Service>,
    asked: Asked,
    coding: Coding,
    always: bool,
) -> Reply {
    let plain = &resource.plain;
    let settings = &service.settings;
    let Some(version) = plain.version else {
        return send(&request, resource, plain, settings, asked).into();
    };
    let key = Key {
        path: resource.path.clone(),
        version,
        coding,
    };
    match service.packer.ready(&key) {
        Some(Some(form)) => {
            request.note("variant", || "it was compressed before".into());
            return send(&request, resource, &form, settings, asked).into();
        }
        Some(None) if !always => {
            request.note("variant", || "as it is: that would not be larger".into());
            return send(&request, resource, plain, settings, asked).into();
        }
        _ => {}
    }
    let head = resource.packed_head(settings, coding);
    if let Some(response) = refused(&request, &head, asked) {
        return response.into();
    }
    let Content::File(file) = &plain.content else {
        return pack_whole(request, resource, service, asked, key, head, always);
    };
    if plain.length <= pack::WHOLE {
        return pack_whole(request, resource, service, asked, key, head, always);
    }
    let part = FilePart {
        file: Arc::clone(file),
        at: 0,
        length: plain.length,
    };
    let streamed = service
        .packer
        .stream()
        .and_then(|permit| pack::streamed(part, coding, permit).ok());
    match streamed {
        Some(body) => {
            let response = Response::new(200).with_shared(head.headers);
            response.with_body(body).into()
        }
        None if always => Response::error(503, "too much is being compressed")
            .header("Retry-After", "1")
            .into(),
        None => {
            request.note("variant", || {
                "as it is: too much is being compressed".into()
            });
            send(&request, resource, plain, settings, asked).into()
        }
    }
}

fn pack_whole(
    request: Request,
    resource: &Arc<Resource>,
    service: &Arc<Service>,
    asked: Asked,
    key: Key,
    head: Form,
    always: bool,
) -> Reply {
    let (resource, service) = (Arc::clone(resource), Arc::clone(service));
    Reply::later(async move {
        let made = service.packer.whole(key, head, always).await;
        match made {
            Ok(Some(form)) => send(&request, &resource, &form, &service.settings, asked),
            Ok(None) => {
                request.note("variant", || "as it is: that is not larger".into());
                send(
                    &request,
                    &resource,
                    &resource.plain,
                    &service.settings,
                    asked,
                )
            }
            Err(error) if always => {
                request.note("variant", || format!("500: {error}"));
                Response::error(500, "the file cannot be compressed")
            }
            Err(error) => {
                request.note("variant", || format!("as it is: {error}"));
                send(
                    &request,
                    &resource,
                    &resource.plain,
                    &service.settings,
                    asked,
                )
            }
        }
    })
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
