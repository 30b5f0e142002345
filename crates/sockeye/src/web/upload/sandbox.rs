//! Pages and images that strangers may have made are shown so that they cannot act for the site.

use sockeye_data::fields::MediaType;

use crate::web::response::Response;

/// Types that browsers run scripts of.
const ACTIVE: [&str; 7] = [
    "text/html",
    "application/xhtml+xml",
    "image/svg+xml",
    "text/xml",
    "application/xml",
    "application/xslt+xml",
    "multipart/x-mixed-replace",
];

/// The response with a sandbox around it, if it is of such a type and has no policy of its own, as generated pages have.
pub(super) fn guarded(response: Response) -> Response {
    let media_type = response.get("content-type").and_then(MediaType::parse);
    let is_active = media_type
        .is_none_or(|it| ACTIVE.contains(&it.essence()) || it.essence().ends_with("+xml"));
    let has_content = (200..300).contains(&response.status());
    if !has_content || !is_active || response.get("content-security-policy").is_some() {
        return response;
    }
    let mut response = response.header("Content-Security-Policy", "sandbox");
    if response.get("x-content-type-options").is_none() {
        response = response.header("X-Content-Type-Options", "nosniff");
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_run_is_put_into_a_sandbox() {
        let policy = |response: Response| {
            guarded(response)
                .get_str("content-security-policy")
                .map(str::to_owned)
        };
        for active in [
            "text/html; charset=utf-8",
            "Image/SVG+XML",
            "application/atom+xml",
        ] {
            assert_eq!(
                policy(Response::typed(active, "x")).as_deref(),
                Some("sandbox"),
                "{active}"
            );
        }
        assert_eq!(policy(Response::new(200)).as_deref(), Some("sandbox"));
        assert_eq!(policy(Response::text("x")), None);
        assert_eq!(policy(Response::error(404, "x")), None);
        let own = Response::html("x").header("Content-Security-Policy", "default-src 'none'");
        assert_eq!(policy(own).as_deref(), Some("default-src 'none'"));
    }
}
