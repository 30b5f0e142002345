#![allow(clippy::unwrap_used)]

use super::*;
use crate::web::{Trail, answer_with};

/// A handler that says its name and what the router told it.
fn says(name: &'static str) -> impl Handler {
    answer_with(move |request: Request| {
        let params: Vec<String> = ["id", "rest", "user"]
            .iter()
            .filter_map(|key| Some(format!(" {key}={}", request.param(key)?)))
            .collect();
        Response::text(format!(
            "{name}{} base={} rest={}",
            params.concat(),
            request.base(),
            request.rest()
        ))
    })
}

async fn ask(router: &Router, method: &str, target: &str) -> (u16, String) {
    let mut response = router
        .handle(Request::made(method, target))
        .response()
        .await;
    let body = response.body.bytes(1 << 20).await.unwrap();
    (response.status(), String::from_utf8(body.to_vec()).unwrap())
}

async fn body(router: &Router, target: &str) -> String {
    ask(router, "GET", target).await.1
}

#[tokio::test]
async fn the_most_precise_pattern_answers() {
    let router = Routes::new()
        .get("/a/b", says("text"))
        .get("/a/{id}", says("param"))
        .get("/a/{*rest}", says("rest"))
        .get("/a/{id}/c", says("deeper"))
        .mount("/m", says("mounted"))
        .get("/m/{id}/{*rest}", says("within"))
        .mount("/", says("mount"))
        .build()
        .unwrap();
    for (path, answer) in [
        ("/a/b", "text base= rest=/a/b"),
        ("/a/%62", "text base= rest=/a/%62"),
        ("/a/x%2Fy", "param id=x/y base= rest=/a/x%2Fy"),
        ("/a/b/c", "deeper id=b base= rest=/a/b/c"),
        ("/a/b/d", "rest rest=b/d base= rest=/a/b/d"),
        ("/a/", "rest rest= base= rest=/a/"),
        ("/m/x", "mounted base=/m rest=/x"),
        ("/m", "mounted base=/m rest="),
        ("/m/x/y", "within id=x rest=y base= rest=/m/x/y"),
        ("/b", "mount base= rest=/b"),
        ("/", "mount base= rest=/"),
        ("//a", "mount base= rest=//a"),
    ] {
        assert_eq!(body(&router, path).await, answer, "{path}");
    }
}

#[tokio::test]
async fn a_router_can_be_mounted_in_another_one() {
    let inner = Routes::new()
        .get("/{id}", says("note"))
        .get("/", says("notes"))
        .build()
        .unwrap();
    let outer = Routes::new()
        .mount("/u/{user}/notes", inner)
        .build()
        .unwrap();
    let base = "base=/u/jo%20e/notes";
    assert_eq!(
        body(&outer, "/u/jo%20e/notes/7").await,
        format!("note id=7 user=jo e {base} rest=/7")
    );
    assert_eq!(
        body(&outer, "/u/jo%20e/notes/").await,
        format!("notes user=jo e {base} rest=/")
    );
    let moved = outer
        .handle(Request::made("GET", "/u/joe/notes?a=b"))
        .response()
        .await;
    assert_eq!(
        (moved.status(), moved.get_str("location")),
        (308, Some("/u/joe/notes/?a=b"))
    );
}

#[tokio::test]
async fn methods_that_nobody_answers_are_told_which_ones_are() {
    let router = Routes::new()
        .get("/n", says("get"))
        .put("/n", says("put"))
        .any("/all", says("all"))
        .get("/all", says("get"))
        .build()
        .unwrap();
    for (method, status, allow) in [
        ("HEAD", 200, None),
        ("DELETE", 405, Some("GET, HEAD, OPTIONS, PUT")),
        ("OPTIONS", 204, Some("GET, HEAD, OPTIONS, PUT")),
        ("get", 405, Some("GET, HEAD, OPTIONS, PUT")),
    ] {
        let response = router.handle(Request::made(method, "/n")).response().await;
        assert_eq!(
            (response.status(), response.get_str("allow")),
            (status, allow),
            "{method}"
        );
    }
    assert!(ask(&router, "BREW", "/all").await.1.starts_with("all"));
    assert!(ask(&router, "GET", "/all").await.1.starts_with("get"));
    assert_eq!(ask(&router, "OPTIONS", "*").await.0, 204);
}

#[tokio::test]
async fn a_slash_at_the_end_counts_and_only_known_places_are_told() {
    let router = Routes::new()
        .get("/folder/", says("folder"))
        .get("/file", says("file"))
        .get("/{id}/", says("host"))
        .build()
        .unwrap();
    for (path, status, location) in [
        ("/folder", 308, Some("/folder/")),
        ("/file/?q", 200, None),
        ("//evil.example", 404, None),
        ("/file//", 308, Some("/file/")),
        ("/evil.example", 308, Some("/evil.example/")),
    ] {
        let response = router.handle(Request::made("GET", path)).response().await;
        assert_eq!(
            (response.status(), response.get_str("location")),
            (status, location),
            "{path}"
        );
    }
}

#[tokio::test]
async fn paths_that_mean_two_things_are_refused() {
    let router = Routes::new()
        .get("/a/{*rest}", says("rest"))
        .get("/b/{id}", says("id"))
        .build()
        .unwrap();
    for path in [
        "/a/../b",
        "/a/%2e%2E/b",
        "/a/.",
        "/a/x%2fy",
        "/a/%00",
        "/a/%",
        "/a/%f",
        "/b/%ff",
    ] {
        assert_eq!(ask(&router, "GET", path).await.0, 400, "{path}");
    }
    assert_eq!(ask(&router, "GET", "/c").await.0, 404);
}

#[test]
fn what_does_not_fit_together_is_refused_when_it_is_built() {
    let fault = |routes: Routes| routes.build().unwrap_err().to_string();
    let get = |pattern: &str| Routes::new().get(pattern, says(""));
    for (routes, why) in [
        (get("a"), "`a` is no route: it begins with `/`"),
        (get("/a//b"), "`/a//b` is no route: it has an empty segment"),
        (
            get("/a{b}"),
            "`/a{b}` is no route: `{name}` stands for a whole segment",
        ),
        (
            get("/{}"),
            "`/{}` is no route: a name has letters, digits and `_`",
        ),
        (
            get("/{*a}/b"),
            "`/{*a}/b` is no route: nothing follows `{*name}`",
        ),
        (
            get("/{a}/{a}"),
            "`/{a}/{a}` is no route: a name stands in it twice",
        ),
        (
            get("/a?b"),
            "`/a?b` is no route: it is a path, without query and fragment",
        ),
        (
            get("/a/../b"),
            "`/a/../b` is no route: the path has a `.` or `..` in it",
        ),
        (get("/a").get("/a", says("")), "GET /a has two handlers"),
        (
            get("/a").get("/%61", says("")),
            "GET /%61 has two handlers, the other as /a",
        ),
        (
            get("/{a}").post("/{b}", says("")),
            "/{a} and /{b} are the same place under different names",
        ),
        (
            Routes::new().mount("/a", says("")).mount("/a/", says("")),
            "/a has two mounts, the other is /a",
        ),
        (
            Routes::new().mount("/{*a}", says("")),
            "`/{*a}` is no route: a mount has all that is left anyway",
        ),
        (Routes::new().on("A B", "/", says("")), "`A B` is no method"),
        (
            Routes::new().fallback(says("")).fallback(says("")),
            "there are two fallbacks",
        ),
    ] {
        assert!(fault(routes).ends_with(why), "{why}");
    }
}

#[tokio::test]
async fn notes_tell_which_route_answered() {
    let router = Routes::new().get("/n/{id}", says("")).build().unwrap();
    let trail = Trail::new();
    let mut request = Request::made("GET", "/n/a%0Ab");
    request.set_trail(trail.clone());
    router.handle(request).response().await;
    assert_eq!(trail.notes()[0].rule, "route");
    assert_eq!(trail.notes()[0].text, r"GET /n/{id}; id = a\nb");
}

#[test]
fn a_path_of_many_segments_is_looked_up_in_no_time() {
    let mut routes = Routes::new();
    for depth in 0..20 {
        let path = "/x".repeat(depth);
        routes = routes.get(&format!("{path}/{{a}}/y"), says(""));
        routes = routes.get(&format!("{path}/x/y"), says(""));
    }
    let router = routes.get("/{*rest}", says("")).build().unwrap();
    let path = "/x".repeat(10_000);
    let reply = router.handle(Request::made("GET", &path));
    assert!(matches!(reply, Reply::Now(response) if response.status() == 200));
}
