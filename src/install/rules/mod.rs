//! What a page says about a bar: decided from the page as it came, without asking anybody.

mod csp;
mod html;
mod old;
pub mod snippets;
mod words;

use poem_openapi::Enum;
use url::Url;

use crate::bars::{BarKey, HostPattern, LegacyId, is_allowed};
use csp::{Policy, Tag};
use html::{Html, Script, Waits};

pub use words::message;

/// What there is to know about the bar.
#[derive(Clone, Debug)]
pub struct Subject {
    pub key: BarKey,
    pub legacy_id: Option<LegacyId>,
    pub published: bool,
    pub paused: bool,
    pub allowed_hosts: Vec<HostPattern>,
    /// Where scripts are loaded from and reports go.
    pub embed_url: Url,
}

/// A page as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub url: Url,
    pub status: u16,
    pub content_type: Option<String>,
    /// The `Content-Security-Policy` fields.
    pub policies: Vec<String>,
    pub body: Vec<u8>,
    pub truncated: bool,
}

/// How the bar is embedded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By the snippet of today.
    Snippet,
    /// By a version that never changes, for a strict `integrity`.
    Pinned,
    /// By an old snippet, or its id.
    Old,
}

/// Why there is no page to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    Unresolved,
    Private,
    TooSlow,
    NoConnection,
    Broken,
    Redirects,
}

/// One thing to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Installed(Way),
    Missing,
    Twice(usize),
    /// The key (or old id) of another bar.
    OtherBar(String),
    /// The address that the snippet loads from instead of ours.
    WrongHost(String),
    BlockedByCsp {
        directive: String,
        /// In the page's `<meta>`, not in a header.
        in_meta: bool,
        /// Addresses count for nothing there: the tag needs the page's nonce.
        needs_nonce: bool,
        /// What it keeps away: the script, or its reports.
        what: Blocked,
    },
    HostNotAllowed(String),
    NotPublished,
    Paused,
    /// Shown only once `start()` is called.
    Manual,
    /// What keeps browsers from running the tag.
    Waits(String),
    /// In a comment, a template or the text.
    Inert,
    /// A script of the page names the bar, and may load it.
    NamedByScript,
    /// The id in it; is it this bar's?
    OldSnippet {
        id: String,
        ours: bool,
    },
    TagManager(&'static str),
    Unreachable(Away),
    Status(u16),
    NotHtml(String),
    TooLarge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    Script,
    Requests,
    Everything,
}

/// What a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Kind {
    /// The snippet is on the page. `subject`: `snippet`, `pinned` (a version that never changes) or `old` (a ManyContacts
    /// snippet).
    Installed,
    /// The snippet is not on the page.
    Missing,
    /// The snippet is on the page more than once, which counts as once. `subject`: how often.
    Twice,
    /// Another bar of this service is on the page. `subject`: its key.
    OtherBar,
    /// The snippet loads from another host. `subject`: its address.
    WrongHost,
    /// The page's Content-Security-Policy keeps the script or its reports away. `subject`: the directive.
    BlockedByCsp,
    /// The page's host is not among the bar's allowed hosts. `subject`: the host.
    HostNotAllowed,
    /// The bar was never published.
    NotPublished,
    /// The bar is paused.
    Paused,
    /// The tag has `data-manual`: the bar shows once `start()` is called.
    Manual,
    /// The tag is written so that browsers pass it over until another script changes it. `subject`: its type.
    Waits,
    /// The snippet is in a comment, a template or the text, where nothing runs.
    Inert,
    /// A script on the page names the bar, and may load it.
    NamedByScript,
    /// An old ManyContacts snippet is on the page. `subject`: its id.
    OldSnippet,
    /// A tag manager is on the page, and may load the bar. `subject`: which.
    TagManager,
    /// The page can't be read.
    Unreachable,
    /// The page answered with an error. `subject`: the status.
    Status,
    /// The page is not HTML. `subject`: its content type.
    NotHtml,
    /// The page has more than 2 MiB; only its beginning was read.
    TooLarge,
}

/// What a finding means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// Keeps the bar from showing or counting, or keeps us from knowing.
    Problem,
}

/// What all findings come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Outcome {
    /// The bar is on the page, and nothing was found that keeps it away.
    Works,
    /// The bar is on the page, but something keeps it away.
    Blocked,
    /// The bar is not on the page.
    Missing,
    /// It can't be told from the page's HTML: look with a browser.
    Unknown,
}

impl Finding {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Installed(_) => Kind::Installed,
            Self::Missing => Kind::Missing,
            Self::Twice(_) => Kind::Twice,
            Self::OtherBar(_) => Kind::OtherBar,
            Self::WrongHost(_) => Kind::WrongHost,
            Self::BlockedByCsp { .. } => Kind::BlockedByCsp,
            Self::HostNotAllowed(_) => Kind::HostNotAllowed,
            Self::NotPublished => Kind::NotPublished,
            Self::Paused => Kind::Paused,
            Self::Manual => Kind::Manual,
            Self::Waits(_) => Kind::Waits,
            Self::Inert => Kind::Inert,
            Self::NamedByScript => Kind::NamedByScript,
            Self::OldSnippet { .. } => Kind::OldSnippet,
            Self::TagManager(_) => Kind::TagManager,
            Self::Unreachable(_) => Kind::Unreachable,
            Self::Status(_) => Kind::Status,
            Self::NotHtml(_) => Kind::NotHtml,
            Self::TooLarge => Kind::TooLarge,
        }
    }

    pub fn level(&self) -> Level {
        match self {
            Self::Installed(_) => Level::Good,
            Self::Twice(_)
            | Self::OtherBar(_)
            | Self::Manual
            | Self::Waits(_)
            | Self::NamedByScript
            | Self::TagManager(_)
            | Self::TooLarge
            | Self::OldSnippet { .. } => Level::Note,
            Self::Missing
            | Self::WrongHost(_)
            | Self::BlockedByCsp { .. }
            | Self::HostNotAllowed(_)
            | Self::NotPublished
            | Self::Paused
            | Self::Inert
            | Self::Unreachable(_)
            | Self::Status(_)
            | Self::NotHtml(_) => Level::Problem,
        }
    }

    /// What it is about, for programs.
    pub fn subject(&self) -> Option<String> {
        match self {
            Self::Installed(Way::Snippet) => Some("snippet".to_owned()),
            Self::Installed(Way::Pinned) => Some("pinned".to_owned()),
            Self::Installed(Way::Old) => Some("old".to_owned()),
            Self::Twice(times) => Some(times.to_string()),
            Self::OtherBar(text) | Self::WrongHost(text) | Self::HostNotAllowed(text) => Some(text.clone()),
            Self::Waits(text) | Self::NotHtml(text) => Some(text.clone()),
            Self::BlockedByCsp { directive, .. } => Some(directive.clone()),
            Self::OldSnippet { id, .. } => Some(id.clone()),
            Self::TagManager(name) => Some((*name).to_owned()),
            Self::Status(status) => Some(status.to_string()),
            Self::Missing
            | Self::NotPublished
            | Self::Paused
            | Self::Manual
            | Self::Inert
            | Self::NamedByScript
            | Self::Unreachable(_)
            | Self::TooLarge => None,
        }
    }
}

/// What they come to.
pub fn outcome(findings: &[Finding]) -> Outcome {
    let any = |wanted: fn(&Finding) -> bool| findings.iter().any(wanted);
    if any(|found| {
        matches!(
            found,
            Finding::Unreachable(_) | Finding::Status(_) | Finding::NotHtml(_)
        )
    }) {
        return Outcome::Unknown;
    }
    if any(|found| matches!(found, Finding::Installed(_))) {
        let blocked = any(|found| found.level() == Level::Problem);
        return if blocked { Outcome::Blocked } else { Outcome::Works };
    }
    let perhaps = any(|found| {
        matches!(
            found,
            Finding::Waits(_)
                | Finding::NamedByScript
                | Finding::TagManager(_)
                | Finding::TooLarge
                | Finding::OldSnippet { ours: true, .. }
        )
    });
    if perhaps {
        Outcome::Unknown
    } else {
        Outcome::Missing
    }
}

/// What keeps the bar away from every page.
pub fn about_the_bar(bar: &Subject) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !bar.published {
        findings.push(Finding::NotPublished);
    }
    if bar.paused {
        findings.push(Finding::Paused);
    }
    findings
}

/// Everything that there is to say of the bar on this page, what matters most first.
pub fn examine(bar: &Subject, seen: &Seen) -> Vec<Finding> {
    if !(200..300).contains(&seen.status) {
        return with_the_bar_s(bar, vec![Finding::Status(seen.status)]);
    }
    if let Some(kind) = seen.content_type.as_deref().filter(|kind| !is_html(kind)) {
        return with_the_bar_s(bar, vec![Finding::NotHtml(kind.to_owned())]);
    }
    let html = Html::read(&seen.body, &seen.url);
    let tags = Tags::sort(bar, &html);
    let mut findings = tags.findings(bar, &html);
    let host = seen.url.host_str().unwrap_or_default();
    if !is_allowed(&bar.allowed_hosts, host) {
        findings.push(Finding::HostNotAllowed(host.to_owned()));
    }
    findings.extend(blocked_by_csp(bar, seen, &html, &tags));
    if seen.truncated {
        findings.push(Finding::TooLarge);
    }
    with_the_bar_s(bar, findings)
}

fn with_the_bar_s(bar: &Subject, mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.extend(about_the_bar(bar));
    findings
}

fn is_html(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    ["text/html", "application/xhtml+xml"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
}

/// The page's scripts, sorted by what they are to the bar.
#[derive(Debug, Default)]
struct Tags {
    /// Those that load the bar: where in the page, and how.
    running: Vec<(usize, Way)>,
    /// Those of the bar that browsers pass over.
    waiting: Vec<String>,
    other_bars: Vec<String>,
    wrong_hosts: Vec<String>,
    old: Vec<old::Snippet>,
}

/// Whose script an address is.
enum Owner {
    Ours(Way),
    Other(String),
    WrongHost(String),
    Nobody,
}

impl Tags {
    fn sort(bar: &Subject, html: &Html) -> Self {
        let mut tags = Self::default();
        for (place, script) in html.scripts.iter().enumerate() {
            match (script.src.as_ref().map(|src| owner(bar, src)), &script.waits) {
                (Some(Owner::Ours(way)), None) => tags.running.push((place, way)),
                (Some(Owner::Ours(_)), Some(waits)) => tags.waiting.push(why(waits)),
                (Some(Owner::Other(key)), None) if !tags.other_bars.contains(&key) => {
                    tags.other_bars.push(key)
                }
                (Some(Owner::WrongHost(address)), None) => tags.wrong_hosts.push(address),
                _ if script.others.iter().any(|value| names(bar, value)) => {
                    tags.waiting
                        .push(script.waits.as_ref().map_or_else(|| "data-src".to_owned(), why));
                }
                (None, None) => tags.old.extend(old::find(&script.text)),
                _ => {}
            }
        }
        tags
    }

    fn findings(&self, bar: &Subject, html: &Html) -> Vec<Finding> {
        let mut findings = Vec::new();
        let old_is_ours =
            |snippet: &&old::Snippet| bar.legacy_id.as_ref().is_some_and(|id| id.as_str() == snippet.id);
        let ours: Vec<_> = self.old.iter().filter(old_is_ours).collect();
        let old_works = ours.iter().any(|snippet| snippet.loads_from(&bar.embed_url));
        let way = match self.running.first() {
            Some((_, way)) => Some(*way),
            None => old_works.then_some(Way::Old),
        };
        if let Some(way) = way {
            findings.push(Finding::Installed(way));
            let times = self.running.len() + usize::from(old_works);
            if times > 1 {
                findings.push(Finding::Twice(times));
            }
            let manual = |(place, _): &(usize, Way)| html.scripts[*place].manual;
            if !self.running.is_empty() && self.running.iter().all(manual) {
                findings.push(Finding::Manual);
            }
        } else {
            findings.push(Finding::Missing);
            findings.extend(self.wrong_hosts.first().cloned().map(Finding::WrongHost));
            findings.extend(self.waiting.first().cloned().map(Finding::Waits));
            findings.extend(self.elsewhere(bar, html));
        }
        for snippet in &self.old {
            let ours = ours.iter().any(|known| known.id == snippet.id);
            if !(ours && old_works) {
                let id = snippet.id.clone();
                findings.push(Finding::OldSnippet { id, ours });
            }
        }
        findings.extend(self.other_bars.iter().cloned().map(Finding::OtherBar));
        findings
    }

    /// Where the bar may come from, if no tag is there.
    fn elsewhere(&self, bar: &Subject, html: &Html) -> Vec<Finding> {
        let mut findings = Vec::new();
        let named = |script: &Script| script.src.is_none() && script.text.contains(bar.key.as_str());
        if html.scripts.iter().any(named) {
            findings.push(Finding::NamedByScript);
        } else if self.waiting.is_empty() && html.inert.iter().any(|text| names(bar, text)) {
            findings.push(Finding::Inert);
        }
        findings.extend(tag_managers(html).into_iter().map(Finding::TagManager));
        findings
    }
}

fn why(waits: &Waits) -> String {
    match waits {
        Waits::Type(kind) => kind.clone(),
        Waits::NoModule => "nomodule".to_owned(),
    }
}

/// Is the address of the bar's script in this text?
fn names(bar: &Subject, text: &str) -> bool {
    text.contains(&format!("/b/{}", bar.key))
}

fn owner(bar: &Subject, src: &Url) -> Owner {
    let path = src.path();
    let here = src.origin() == bar.embed_url.origin();
    let prefix = format!("{}/b/", bar.embed_url.path().trim_end_matches('/'));
    let file = |path: &str| path.strip_suffix(".js").map(str::to_owned);
    if let Some(file) = path.strip_prefix(&prefix).filter(|_| here).and_then(file) {
        let (name, version) = match file.split_once('/') {
            Some((name, version)) => (name, Some(version)),
            None => (file.as_str(), None),
        };
        let is_old = bar.legacy_id.as_ref().is_some_and(|id| id.as_str() == name);
        return match version {
            None if name == bar.key.as_str() => Owner::Ours(Way::Snippet),
            Some(_) if name == bar.key.as_str() => Owner::Ours(Way::Pinned),
            None if is_old => Owner::Ours(Way::Old),
            _ => Owner::Other(name.to_owned()),
        };
    }
    let ends = path.ends_with(&format!("/b/{}.js", bar.key));
    if ends || (path.ends_with(".js") && path.contains(&format!("/b/{}/", bar.key))) {
        Owner::WrongHost(src.origin().ascii_serialization())
    } else {
        Owner::Nobody
    }
}

/// What the policies of the page keep away: each directive once.
fn blocked_by_csp(bar: &Subject, seen: &Seen, html: &Html, tags: &Tags) -> Vec<Finding> {
    let of_headers = seen.policies.iter().flat_map(|field| Policy::parse_list(field));
    let of_page = html.policies.iter();
    let policies = of_headers
        .map(|policy| (policy, None))
        .chain(of_page.map(|(text, place)| (Policy::parse(text), Some(*place))));
    let mut findings = Vec::new();
    for (policy, meta) in policies {
        for (directive, what) in forbidden(bar, seen, html, tags, &policy, meta) {
            let finding = Finding::BlockedByCsp {
                directive: directive.to_owned(),
                in_meta: meta.is_some(),
                needs_nonce: what == Blocked::Script && policy.is_strict_dynamic(),
                what,
            };
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings
}

/// What one policy forbids; `meta`: before which script of the page it stands.
fn forbidden<'a>(
    bar: &Subject,
    seen: &Seen,
    html: &Html,
    tags: &Tags,
    policy: &'a Policy,
    meta: Option<usize>,
) -> Vec<(&'a str, Blocked)> {
    if meta.is_none() && policy.forbids_all_scripts() {
        return vec![("sandbox", Blocked::Everything)];
    }
    let mut forbidden = Vec::new();
    let page = &seen.url;
    let script_forbidden = match tags.running.as_slice() {
        [] => {
            // Not there, or added by another script: would it be let in?
            let url = at(&bar.embed_url, &format!("b/{}.js", bar.key));
            let parser_inserted = tags.old.is_empty() && tag_managers(html).is_empty();
            let tag = Tag {
                parser_inserted,
                ..Tag::default()
            };
            policy.forbids_script(page, &url, tag)
        }
        running => {
            // One that gets through is enough.
            let mut verdicts = running.iter().map(|(place, _)| {
                let script = &html.scripts[*place];
                let loaded_before = meta.is_some_and(|meta| *place < meta);
                let src = script.src.as_ref().filter(|_| !loaded_before)?;
                let tag = Tag {
                    nonce: script.nonce.as_deref(),
                    integrity: script.integrity.as_deref(),
                    parser_inserted: true,
                };
                policy.forbids_script(page, src, tag)
            });
            let first = verdicts.next().flatten();
            first.filter(|_| verdicts.all(|verdict| verdict.is_some()))
        }
    };
    forbidden.extend(script_forbidden.map(|directive| (directive, Blocked::Script)));
    let requests = ["e".to_owned(), format!("b/{}/contacts", bar.key)];
    let mut requests = requests
        .iter()
        .filter_map(|path| policy.forbids_requests(page, &at(&bar.embed_url, path)));
    forbidden.extend(requests.next().map(|directive| (directive, Blocked::Requests)));
    forbidden
}

/// An address on the embed host.
fn at(embed_url: &Url, path: &str) -> Url {
    let mut url = embed_url.clone();
    url.set_path(&format!("{}/{path}", embed_url.path().trim_end_matches('/')));
    url
}

/// Tag managers by what their snippets name.
const TAG_MANAGERS: [(&str, &str); 6] = [
    ("googletagmanager.com/gtm.js", "Google Tag Manager"),
    ("tags.tiqcdn.com/", "Tealium iQ"),
    ("assets.adobedtm.com/", "Adobe Experience Platform Tags"),
    ("/js/container_", "Matomo Tag Manager"),
    ("cdn.segment.com/", "Segment"),
    ("containers.piwik.pro/", "Piwik PRO"),
];

fn tag_managers(html: &Html) -> Vec<&'static str> {
    let named = |sign: &str| {
        html.scripts.iter().any(|script| {
            script.src.as_ref().is_some_and(|src| src.as_str().contains(sign)) || script.text.contains(sign)
        })
    };
    TAG_MANAGERS
        .iter()
        .filter(|(sign, _)| named(sign))
        .map(|(_, name)| *name)
        .collect()
}

#[cfg(test)]
mod tests;
