//! What is said of pages as members have them.

use super::*;

const TAG: &str = "<script async src=\"https://bars.example/b/7m2k9x4qtz.js\"></script>";
const GTM: &str = "<script>(function(w,d,s,l,i){…j.src='https://www.googletagmanager.com/gtm.js?id='+i+dl;…})(window,document,'script','dataLayer','GTM-ABC123');</script>";

fn bar() -> Subject {
    Subject {
        key: "7m2k9x4qtz".parse().unwrap(),
        legacy_id: Some("53a149b780df1a843f68e6d3".parse().unwrap()),
        published: true,
        paused: false,
        allowed_hosts: Vec::new(),
        embed_url: "https://bars.example/".parse().unwrap(),
    }
}

fn page(html: &str) -> Seen {
    Seen {
        url: "https://shop.example/".parse().unwrap(),
        status: 200,
        content_type: Some("text/html; charset=utf-8".into()),
        policies: Vec::new(),
        body: html.as_bytes().to_vec(),
        truncated: false,
    }
}

fn said(html: &str) -> Vec<Finding> {
    examine(&bar(), &page(html))
}

fn came_to(html: &str) -> Outcome {
    outcome(&said(html))
}

fn blocked(directive: &str, what: Blocked) -> Finding {
    Finding::BlockedByCsp {
        directive: directive.into(),
        in_meta: false,
        needs_nonce: false,
        what,
    }
}

fn under(policies: &[&str], html: &str) -> Vec<Finding> {
    let policies = policies.iter().map(ToString::to_string).collect();
    let seen = Seen {
        policies,
        ..page(html)
    };
    examine(&bar(), &seen)
}

#[test]
fn a_page_with_the_snippet_works() {
    for html in [
        TAG.to_owned(),
        format!("<!doctype html><head>{TAG}</head>"),
        TAG.replace(".js", ".js?ver=6.5"),
        TAG.replace("https:", ""),
    ] {
        assert_eq!(said(&html), [Finding::Installed(Way::Snippet)], "{html}");
        assert_eq!(came_to(&html), Outcome::Works);
    }
}

#[test]
fn a_page_without_it_misses_it() {
    assert_eq!(said("<p>Hello"), [Finding::Missing]);
    assert_eq!(came_to("<p>Hello"), Outcome::Missing);
    assert_eq!(said(""), [Finding::Missing]);
}

#[test]
fn twice_is_said_and_does_no_harm() {
    let twice = format!("{TAG}<p>{TAG}");
    assert_eq!(
        said(&twice),
        [Finding::Installed(Way::Snippet), Finding::Twice(2)]
    );
    assert_eq!(came_to(&twice), Outcome::Works);
}

#[test]
fn a_pinned_version_is_the_bar_too() {
    let pinned = TAG.replace(".js", "/5f0c2ab98d0e6a51.js");
    assert_eq!(said(&pinned), [Finding::Installed(Way::Pinned)]);
}

#[test]
fn another_bar_is_named() {
    let other = TAG.replace("7m2k9x4qtz", "0000000000");
    assert_eq!(
        said(&other),
        [Finding::Missing, Finding::OtherBar("0000000000".into())]
    );
    assert_eq!(came_to(&other), Outcome::Missing);
    assert_eq!(came_to(&format!("{other}{TAG}{other}")), Outcome::Works);
    assert_eq!(said(&format!("{other}{TAG}{other}")).len(), 2);
}

#[test]
fn a_snippet_from_elsewhere_is_told_where_from() {
    for address in [
        "https://old.example",
        "http://bars.example",
        "https://bars.example:8443",
    ] {
        let html = TAG.replace("https://bars.example", address);
        assert_eq!(
            said(&html),
            [Finding::Missing, Finding::WrongHost(address.into())]
        );
        assert_eq!(came_to(&html), Outcome::Missing);
    }
    assert_eq!(
        said("<script src=https://cdn.example/b/lib.js></script>"),
        [Finding::Missing]
    );
}

#[test]
fn what_does_not_run_does_not_count() {
    for html in [
        format!("<!-- {TAG} -->"),
        format!("<template>{TAG}</template>"),
        format!("<noscript>{TAG}</noscript>"),
        TAG.replace('<', "&lt;"),
    ] {
        assert_eq!(said(&html), [Finding::Missing, Finding::Inert], "{html}");
        assert_eq!(came_to(&html), Outcome::Missing);
    }
    assert_eq!(
        said(&format!("<!-- {TAG} -->{TAG}")),
        [Finding::Installed(Way::Snippet)]
    );
}

#[test]
fn a_tag_that_waits_for_a_consent_manager_is_seen() {
    let waiting = TAG.replace("async", "type=\"text/plain\" data-category=\"marketing\"");
    assert_eq!(
        said(&waiting),
        [Finding::Missing, Finding::Waits("text/plain".into())]
    );
    assert_eq!(came_to(&waiting), Outcome::Unknown);
    let lazy = TAG.replace("src=", "data-src=");
    assert_eq!(said(&lazy), [Finding::Missing, Finding::Waits("data-src".into())]);
}

#[test]
fn a_manual_bar_is_said_to_wait_for_its_start() {
    let manual = TAG.replace("async", "async data-manual");
    assert_eq!(said(&manual), [Finding::Installed(Way::Snippet), Finding::Manual]);
    assert_eq!(came_to(&manual), Outcome::Works);
}

#[test]
fn what_other_scripts_may_load_is_left_to_a_browser() {
    assert_eq!(
        said(GTM),
        [Finding::Missing, Finding::TagManager("Google Tag Manager")]
    );
    assert_eq!(came_to(GTM), Outcome::Unknown);
    let own = "<script type=module>load({key: '7m2k9x4qtz', host: 'https://bars.example'})</script>";
    assert_eq!(said(own), [Finding::Missing, Finding::NamedByScript]);
    assert_eq!(came_to(own), Outcome::Unknown);
    assert_eq!(
        said(&format!("{GTM}{TAG}")),
        [Finding::Installed(Way::Snippet)],
        "no guessing where it is seen"
    );
}

fn old(id: &str, endpoint: &str) -> String {
    format!(
        "<script>(function(){{ window._EP = \"{endpoint}\"; window.__bID = \"{id}\"; \
         document.body.appendChild(document.createElement(\"script\")).src = window._EP + \
         \"/assets/js/manycontacts.min.js\"; }})();</script>"
    )
}

#[test]
fn an_old_snippet_is_told_by_its_id() {
    let (id, endpoint) = ("53a149b780df1a843f68e6d3", "https://www.manycontacts.com");
    assert_eq!(
        said(&old(id, "https://bars.example")),
        [Finding::Installed(Way::Old)]
    );
    let ours = Finding::OldSnippet {
        id: id.into(),
        ours: true,
    };
    assert_eq!(said(&old(id, endpoint)), [Finding::Missing, ours]);
    assert_eq!(came_to(&old(id, endpoint)), Outcome::Unknown);
    let foreign = Finding::OldSnippet {
        id: "a1".into(),
        ours: false,
    };
    assert_eq!(said(&old("a1", endpoint)), [Finding::Missing, foreign]);
    assert_eq!(came_to(&old("a1", endpoint)), Outcome::Missing);
    let both = format!("{}{TAG}", old(id, "https://bars.example"));
    assert_eq!(said(&both), [Finding::Installed(Way::Snippet), Finding::Twice(2)]);
    assert_eq!(
        said(&TAG.replace("7m2k9x4qtz", id)),
        [Finding::Installed(Way::Old)],
        "its id in today's address"
    );
}

#[test]
fn the_page_s_host_must_be_allowed() {
    let bar = Subject {
        allowed_hosts: vec!["www.shop.example".parse().unwrap()],
        ..bar()
    };
    let findings = examine(&bar, &page(TAG));
    assert_eq!(findings[1], Finding::HostNotAllowed("shop.example".into()));
    assert_eq!(outcome(&findings), Outcome::Blocked);
}

#[test]
fn a_bar_that_shows_nothing_is_told_on_every_page() {
    let off = Subject {
        published: false,
        paused: true,
        ..bar()
    };
    let findings = examine(&off, &page(TAG));
    assert_eq!(
        findings,
        [
            Finding::Installed(Way::Snippet),
            Finding::NotPublished,
            Finding::Paused
        ]
    );
    assert_eq!(outcome(&findings), Outcome::Blocked);
    assert!(
        examine(
            &off,
            &Seen {
                status: 404,
                ..page("")
            }
        )
        .contains(&Finding::Paused)
    );
}

#[test]
fn what_is_no_page_is_not_looked_at() {
    for status in [404, 403, 500, 304] {
        let findings = examine(&bar(), &Seen { status, ..page(TAG) });
        assert_eq!(findings, [Finding::Status(status)]);
        assert_eq!(outcome(&findings), Outcome::Unknown);
    }
    let kind = |kind: Option<&str>| {
        let content_type = kind.map(str::to_owned);
        examine(
            &bar(),
            &Seen {
                content_type,
                ..page(TAG)
            },
        )
    };
    assert_eq!(
        kind(Some("application/pdf")),
        [Finding::NotHtml("application/pdf".into())]
    );
    for html in [
        None,
        Some("TEXT/HTML"),
        Some("application/xhtml+xml;charset=utf-8"),
    ] {
        assert_eq!(kind(html), [Finding::Installed(Way::Snippet)]);
    }
}

#[test]
fn a_page_that_was_cut_off_may_have_it_further_down() {
    let cut = |html: &str| {
        examine(
            &bar(),
            &Seen {
                truncated: true,
                ..page(html)
            },
        )
    };
    assert_eq!(cut("<p>"), [Finding::Missing, Finding::TooLarge]);
    assert_eq!(outcome(&cut("<p>")), Outcome::Unknown);
    assert_eq!(outcome(&cut(TAG)), Outcome::Works);
}

#[test]
fn a_policy_is_told_by_the_directive_that_is_in_the_way() {
    let installed = Finding::Installed(Way::Snippet);
    let script = blocked("script-src", Blocked::Script);
    let requests = blocked("connect-src", Blocked::Requests);
    for (policies, expected) in [
        (
            vec!["default-src 'none'; script-src bars.example; connect-src bars.example"],
            vec![],
        ),
        (vec!["img-src 'self'"], vec![]),
        (vec!["script-src 'self'; connect-src *"], vec![script.clone()]),
        (vec!["script-src *; connect-src 'self'"], vec![requests.clone()]),
        (
            vec!["script-src *; connect-src bars.example/e"],
            vec![requests.clone()],
        ),
        (
            vec!["default-src 'self'"],
            vec![
                blocked("default-src", Blocked::Script),
                blocked("default-src", Blocked::Requests),
            ],
        ),
        (
            vec!["script-src *", "script-src 'self'; connect-src 'none'"],
            vec![script.clone(), requests.clone()],
        ),
        (
            vec!["script-src *, script-src 'self'", "script-src 'self'"],
            vec![script.clone()],
        ),
        (
            vec!["sandbox allow-forms"],
            vec![blocked("sandbox", Blocked::Everything)],
        ),
    ] {
        let findings = under(&policies, TAG);
        let expected: Vec<_> = [installed.clone()].into_iter().chain(expected).collect();
        assert_eq!(findings, expected, "{policies:?}");
        let works = findings.len() == 1;
        assert_eq!(
            outcome(&findings),
            if works { Outcome::Works } else { Outcome::Blocked }
        );
    }
}

#[test]
fn a_nonce_on_the_tag_lets_it_in_and_strict_dynamic_asks_for_one() {
    let policy = ["script-src 'strict-dynamic' 'nonce-abc' bars.example"];
    let with = TAG.replace("async", "async nonce=abc");
    assert_eq!(under(&policy, &with), [Finding::Installed(Way::Snippet)]);
    let without = Finding::BlockedByCsp {
        directive: "script-src".into(),
        in_meta: false,
        needs_nonce: true,
        what: Blocked::Script,
    };
    assert_eq!(under(&policy, TAG)[1], without);
    assert_eq!(
        under(&policy, &format!("{TAG}{with}")).len(),
        2,
        "one that gets through is enough"
    );
    assert_eq!(
        under(&policy, GTM),
        [Finding::Missing, Finding::TagManager("Google Tag Manager")],
        "a trusted script may add it"
    );
}

#[test]
fn a_policy_in_the_page_binds_what_follows_it() {
    let meta = "<meta http-equiv=Content-Security-Policy content=\"script-src 'self'; connect-src *\">";
    let in_meta = Finding::BlockedByCsp {
        directive: "script-src".into(),
        in_meta: true,
        needs_nonce: false,
        what: Blocked::Script,
    };
    assert_eq!(
        said(&format!("{meta}{TAG}")),
        [Finding::Installed(Way::Snippet), in_meta]
    );
    assert_eq!(said(&format!("{TAG}{meta}")), [Finding::Installed(Way::Snippet)]);
    let sandbox = meta.replace("script-src 'self'", "sandbox");
    assert_eq!(
        said(&format!("{sandbox}{TAG}")).len(),
        1,
        "a <meta> can't sandbox"
    );
}

#[test]
fn what_would_block_it_is_said_before_it_is_there() {
    assert_eq!(
        under(&["script-src 'self'"], "<p>"),
        [Finding::Missing, blocked("script-src", Blocked::Script)]
    );
}

#[test]
fn a_host_below_a_path_is_one_too() {
    let bar = Subject {
        embed_url: "https://example.org/bars/".parse().unwrap(),
        ..bar()
    };
    let tag = TAG.replace("https://bars.example", "https://example.org/bars");
    assert_eq!(examine(&bar, &page(&tag)), [Finding::Installed(Way::Snippet)]);
}

#[test]
fn every_finding_has_words_in_every_language() {
    let away = [
        Away::Unresolved,
        Away::Private,
        Away::TooSlow,
        Away::NoConnection,
        Away::Broken,
        Away::Redirects,
    ];
    let mut all = vec![
        Finding::Installed(Way::Snippet),
        Finding::Installed(Way::Pinned),
        Finding::Installed(Way::Old),
        Finding::Missing,
        Finding::Twice(2),
        Finding::OtherBar("0000000000".into()),
        Finding::WrongHost("https://old.example".into()),
        blocked("script-src", Blocked::Script),
        blocked("connect-src", Blocked::Requests),
        blocked("default-src", Blocked::Requests),
        blocked("sandbox", Blocked::Everything),
        Finding::HostNotAllowed("shop.example".into()),
        Finding::NotPublished,
        Finding::Paused,
        Finding::Manual,
        Finding::Waits("text/plain".into()),
        Finding::Inert,
        Finding::NamedByScript,
        Finding::OldSnippet {
            id: "a1".into(),
            ours: true,
        },
        Finding::OldSnippet {
            id: "a1".into(),
            ours: false,
        },
        Finding::TagManager("Segment"),
        Finding::Status(404),
        Finding::Status(403),
        Finding::NotHtml("image/png".into()),
        Finding::TooLarge,
    ];
    all.extend(away.map(Finding::Unreachable));
    for finding in all {
        let [english, german] =
            crate::mail::Language::ALL.map(|language| message(&finding, &bar(), language));
        assert_ne!(english, german);
        // Whether the sentence is about `subject` or not, it names it.
        if let (Some(subject), false) = (finding.subject(), matches!(finding, Finding::Installed(_))) {
            assert!(
                english.contains(&subject) && german.contains(&subject),
                "{english} / {german}"
            );
        }
    }
}
