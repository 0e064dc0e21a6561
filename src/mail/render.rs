//! Two renderers for one list of blocks: MJML (MiniJinja, then mrml) for HTML, and plain text.
//!
//! What people wrote is escaped by MiniJinja when it enters the MJML, and mrml hands text on as it stands; so it can
//! become neither MJML nor HTML.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;
use url::Url;

use super::templates::{Block, Letter};
use super::{Language, Template};

/// The line length of the text part.
const TEXT_COLUMNS: usize = 72;
/// Longer subjects are cut: nobody reads them, and some servers refuse them.
const MAX_SUBJECT_CHARS: usize = 150;
const MAX_PREVIEW_CHARS: usize = 140;

/// A mail's words, in both forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub subject: String,
    pub html: String,
    pub text: String,
}

/// Our layout is at fault, never the data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the layout does not render: {0}")]
    Layout(#[from] minijinja::Error),
    #[error("the layout is not MJML: {0}")]
    Mjml(#[from] mrml::prelude::parser::Error),
    #[error("the MJML does not render: {0}")]
    Html(#[from] mrml::prelude::render::Error),
}

/// The addresses that mails link to, all below the configured public one; never taken from a request.
#[derive(Clone, Debug)]
pub struct Links {
    public_url: Url,
    embed_url: Url,
}

impl Links {
    pub fn new(public_url: Url) -> Self {
        let embed_url = public_url.clone();
        Self {
            public_url,
            embed_url,
        }
    }

    /// The same, with the pixels and links of mails that are tracked below another address.
    pub fn tracked_at(self, embed_url: Url) -> Self {
        Self { embed_url, ..self }
    }

    /// The page at `path`, with query pairs.
    pub fn page(&self, path: &str, query: &[(&str, &str)]) -> Url {
        let mut url = self.public_url.clone();
        url.set_path(&format!(
            "{}/{}",
            self.public_url.path().trim_end_matches('/'),
            path.trim_start_matches('/')
        ));
        url.set_fragment(None);
        url.set_query(None);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Where a Message-ID lives.
    pub fn host(&self) -> &str {
        self.public_url.host_str().unwrap_or("localhost")
    }

    pub(super) fn unsubscribe(&self, token: &str) -> Url {
        self.page(&format!("mail/unsubscribe/{token}"), &[])
    }

    /// What shows that a mail was opened.
    pub(super) fn pixel(&self, token: &str) -> Url {
        self.embedded(&format!("m/{token}.gif"))
    }

    /// What leads to one of a mail's links, and shows that it was followed.
    pub(super) fn click(&self, token: &str) -> Url {
        self.embedded(&format!("c/{token}"))
    }

    fn embedded(&self, path: &str) -> Url {
        let mut url = self.embed_url.clone();
        url.set_path(path);
        url
    }

    pub(super) fn preferences(&self, token: &str) -> Url {
        self.page(&format!("mail/preferences/{token}"), &[])
    }

    pub(super) fn confirm(&self, token: &str) -> Url {
        self.page(&format!("mail/confirm/{token}"), &[])
    }

    fn policy(&self, name: &str) -> Url {
        self.page(&format!("policies/{name}"), &[])
    }
}

/// Renders templates; made once, shared.
#[derive(Clone)]
pub struct Renderer {
    environment: Arc<Environment<'static>>,
    links: Links,
    brand: String,
}

/// What the layout knows.
#[derive(Serialize)]
struct Page<'a> {
    language: &'static str,
    brand: &'a str,
    title: &'a str,
    preview: &'a str,
    blocks: &'a [Block],
    reason: &'a str,
    foot: &'a [FootLink],
    pixel: Option<String>,
}

/// Makes the address that stands in the HTML for a link's target, or for the pixel, which has none.
pub(super) type Track<'a> = dyn FnMut(Option<&Url>) -> Url + 'a;

#[derive(Serialize)]
struct FootLink {
    label: &'static str,
    url: String,
}

impl Renderer {
    /// `brand`: what stands at the head of our own mails.
    pub fn new(links: Links, brand: &str) -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_formatter(|out, state, value| match value.as_str() {
            Some(text) if !value.is_safe() => Ok(escape(out, text)?),
            _ => minijinja::escape_formatter(out, state, value),
        });
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        environment.add_template("layout.mjml", include_str!("templates/layout.mjml"))?;
        Ok(Self {
            environment: Arc::new(environment),
            links,
            brand: brand.to_owned(),
        })
    }

    pub fn links(&self) -> &Links {
        &self.links
    }

    /// `unsubscribe`: the recipient's own way out, where the mail may be refused. `preferences`: where they say which mails
    /// they want.
    pub fn render(
        &self,
        template: &Template,
        language: Language,
        unsubscribe: Option<&Url>,
        preferences: &Url,
    ) -> Result<Rendered, Error> {
        self.render_tracked(template, language, unsubscribe, preferences, None)
    }

    /// The same with a pixel, and links that are counted, in the HTML. The text, the way out and the policies stay as they are.
    pub(super) fn render_tracked(
        &self,
        template: &Template,
        language: Language,
        unsubscribe: Option<&Url>,
        preferences: &Url,
        track: Option<&mut Track<'_>>,
    ) -> Result<Rendered, Error> {
        let letter = template.letter(language);
        let mut blocks = letter.blocks.clone();
        let pixel = track.map(|track| {
            for block in &mut blocks {
                if let Block::Button(link) | Block::Link(link) = block {
                    link.url = track(Some(&link.url));
                }
            }
            track(None).into()
        });
        let foot = self.foot(language, unsubscribe, preferences);
        let subject = one_line(&letter.subject, MAX_SUBJECT_CHARS);
        let sender = template.sender();
        let page = Page {
            language: language.as_str(),
            brand: sender.as_deref().unwrap_or(&self.brand),
            title: &subject,
            preview: &one_line(&letter.preview, MAX_PREVIEW_CHARS),
            blocks: &blocks,
            reason: &letter.reason,
            foot: &foot,
            pixel,
        };
        let mjml = self
            .environment
            .get_template("layout.mjml")?
            .render(Serde(&page))?;
        // No fonts of anybody's: by default mrml fetches those that it knows from Google.
        let options = mrml::prelude::render::RenderOptions {
            fonts: HashMap::new(),
            ..Default::default()
        };
        let html = mrml::parse(&mjml)?.element.render(&options)?;
        Ok(Rendered {
            subject,
            html,
            text: text(&letter, &foot),
        })
    }

    /// The way out, the preferences (promise 20) and the current policies (promise 10).
    fn foot(&self, language: Language, unsubscribe: Option<&Url>, preferences: &Url) -> Vec<FootLink> {
        let [stop, wishes, privacy, terms] = match language {
            Language::En => ["No more of these", "Mail preferences", "Privacy", "Terms"],
            Language::De => ["Nicht mehr senden", "Mail-Einstellungen", "Datenschutz", "AGB"],
        };
        let way_out = unsubscribe.map(|url| (stop, url.clone()));
        let always = [
            (wishes, preferences.clone()),
            (privacy, self.links.policy("privacy")),
            (terms, self.links.policy("terms")),
        ];
        let link = |(label, url): (&'static str, Url)| FootLink {
            label,
            url: url.into(),
        };
        way_out.into_iter().chain(always).map(link).collect()
    }
}

/// As MiniJinja does it, but leaves the slash alone: what rewrites links in mails does not always read `&#x2f;`.
fn escape(out: &mut minijinja::Output<'_>, text: &str) -> std::fmt::Result {
    use std::fmt::Write;
    for c in text.chars() {
        match c {
            '&' => out.write_str("&amp;"),
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '"' => out.write_str("&quot;"),
            '\'' => out.write_str("&#x27;"),
            _ => out.write_char(c),
        }?;
    }
    Ok(())
}

fn text(letter: &Letter, foot: &[FootLink]) -> String {
    let mut parts: Vec<String> = letter
        .blocks
        .iter()
        .map(block_text)
        .filter(|part| !part.trim().is_empty())
        .collect();
    parts.push(format!(
        "-- \n{}\n\n{}",
        wrapped(&letter.reason),
        foot.iter()
            .map(|link| format!("{}: {}", link.label, link.url))
            .collect::<Vec<_>>()
            .join("\n")
    ));
    parts.join("\n\n") + "\n"
}

fn block_text(block: &Block) -> String {
    match block {
        Block::Heading(text) => {
            let text = one_line(text, usize::MAX);
            format!("{text}\n{}", "=".repeat(text.chars().count().min(TEXT_COLUMNS)))
        }
        Block::Text(text) | Block::Small(text) => wrapped(text),
        Block::Button(link) | Block::Link(link) => {
            format!("{}:\n{}", link.label.trim_end_matches('?'), link.url)
        }
        Block::Rows(rows) => rows
            .iter()
            .map(|(label, value)| row_text(label, value))
            .collect::<Vec<_>>()
            .join("\n"),
    }
}

/// `label: value`, or the value indented below when it takes several lines.
fn row_text(label: &str, value: &str) -> String {
    let value = value.trim();
    let label = one_line(label, usize::MAX);
    if value.contains('\n') {
        format!("{label}:\n    {}", value.replace('\n', "\n    "))
    } else {
        format!("{label}: {value}")
    }
}

/// Lines of at most `TEXT_COLUMNS`, broken at spaces; words (and so links) stay whole, and so do the breaks that are there.
fn wrapped(text: &str) -> String {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > TEXT_COLUMNS {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// One line without control characters, cut at a length.
fn one_line(text: &str, max_chars: usize) -> String {
    let line = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    if line.chars().count() <= max_chars {
        return line;
    }
    line.chars().take(max_chars - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::templates::NewContact;

    fn renderer() -> Renderer {
        Renderer::new(
            Links::new("https://contactbar.example".parse().unwrap()),
            "Contactbar",
        )
        .unwrap()
    }

    fn rendered(template: &Template) -> Rendered {
        let renderer = renderer();
        let preferences = renderer.links().preferences("token");
        renderer
            .render(template, Language::En, None, &preferences)
            .unwrap()
    }

    #[test]
    fn every_mail_reads_well_as_text() {
        let renderer = renderer();
        let way_out = renderer.links().unsubscribe("token");
        let preferences = renderer.links().preferences("token");
        for language in Language::ALL {
            let mails: Vec<_> = Template::samples()
                .iter()
                .map(|template| {
                    let way_out = template.category().may_be_refused().then_some(&way_out);
                    let mail = renderer
                        .render(template, language, way_out, &preferences)
                        .unwrap();
                    format!(
                        "##### {}\nSubject: {}\n\n{}",
                        template.name(),
                        mail.subject,
                        mail.text
                    )
                })
                .collect();
            insta::assert_snapshot!(format!("text_{}", language.as_str()), mails.join("\n"));
        }
    }

    /// Promises 10 and 20: the policies and a way out stand in every mail's foot, in both forms.
    #[test]
    fn every_mail_links_the_policies_and_a_way_out() {
        let renderer = renderer();
        let way_out = renderer.links().unsubscribe("token");
        let preferences = renderer.links().preferences("token");
        for template in Template::samples() {
            for language in Language::ALL {
                let refusable = template.category().may_be_refused();
                let mail = renderer
                    .render(&template, language, refusable.then_some(&way_out), &preferences)
                    .unwrap();
                let out = refusable.then_some("/mail/unsubscribe/token");
                assert_eq!(
                    mail.text.contains("/mail/unsubscribe/"),
                    refusable,
                    "{}",
                    template.name()
                );
                let always = ["/policies/privacy", "/policies/terms", "/mail/preferences/token"];
                for path in always.into_iter().chain(out) {
                    let url = format!("https://contactbar.example{path}");
                    assert!(mail.text.contains(&url), "{} has no {path}", template.name());
                    assert!(
                        mail.html.contains(&format!("href=\"{url}\"")),
                        "{} has no {path}",
                        template.name()
                    );
                }
            }
        }
    }

    #[test]
    fn a_mail_loads_nothing_from_anywhere() {
        for template in Template::samples() {
            let html = rendered(&template).html;
            for loader in ["src=", "@import", "url(", "<link", "<script"] {
                assert!(!html.contains(loader), "{} has {loader}", template.name());
            }
        }
    }

    #[test]
    fn what_a_visitor_wrote_never_becomes_markup() {
        let hostile = [
            "<script>alert(1)</script>",
            "</mj-text><mj-raw><img src=x onerror=alert(1)></mj-raw><mj-text>",
            "</td></div><!-- ",
            "<![CDATA[ <b> ]]> <?php <!DOCTYPE x [<!ENTITY y \"z\">]>",
            "{{ foot }} {% raw %} {#",
            "&lt;script&gt; &#60;b&#62; &amp;amp;",
            "\"><a href=\"javascript:alert(1)\">",
            "a\0b\u{b}c\u{1b}[31md\r\ne\u{202e}f\u{ffff}",
        ];
        for text in hostile {
            let template = Template::NewContact(NewContact {
                bar_name: text.into(),
                fields: vec![(text.into(), text.into())],
                page: text.into(),
                at: crate::clock::Timestamp::from_secs(0),
                link: "https://contactbar.example/contacts/1".parse().unwrap(),
            });
            let autoresponse = Template::Autoresponse {
                sender: text.into(),
                site: text.into(),
                subject: text.into(),
                text: text.into(),
            };
            for template in [template, autoresponse] {
                let harmless = match &template {
                    Template::NewContact(contact) => Template::NewContact(NewContact {
                        bar_name: "x".into(),
                        fields: vec![("x".into(), "x".into())],
                        page: "x".into(),
                        ..contact.clone()
                    }),
                    _ => Template::Autoresponse {
                        sender: "x".into(),
                        site: "x".into(),
                        subject: "x".into(),
                        text: "x".into(),
                    },
                };
                let mail = rendered(&template);
                let plain = rendered(&harmless);
                assert_eq!(tags(&mail.html), tags(&plain.html), "{text:?} made markup");
                assert!(
                    !mail.html.contains(|c: char| c.is_control() && c != '\n'),
                    "{text:?} left a control character"
                );
                assert!(!mail.subject.contains(char::is_control));
                if text.contains('&') {
                    assert!(
                        mail.html.contains("&amp;lt;script&amp;gt;"),
                        "{text:?} was unescaped"
                    );
                }
            }
        }
    }

    /// The tags of a document, without line breaks and without the label that repeats the subject.
    fn tags(html: &str) -> Vec<String> {
        let tag = |part: &str| part.split('>').next().unwrap_or_default().to_owned();
        let label = |tag: String| match tag.split_once("aria-label=\"") {
            Some((before, rest)) => format!("{before}{}", rest.split_once('"').expect("it ends").1),
            None => tag,
        };
        html.split('<')
            .skip(1)
            .map(tag)
            .map(label)
            .filter(|tag| !tag.starts_with("br"))
            .collect()
    }

    #[test]
    fn an_overlong_subject_is_cut() {
        assert_eq!(one_line("a b\r\n c\t", 10), "a b c");
        assert_eq!(one_line("äöüäöü", 4), "äöü…");
    }

    #[test]
    fn links_stay_below_the_public_address() {
        let links = Links::new("https://example.com/bars/?x#y".parse().unwrap());
        assert_eq!(
            links.page("/verify", &[("token", "a&b")]).as_str(),
            "https://example.com/bars/verify?token=a%26b"
        );
    }
}
