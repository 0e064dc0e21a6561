//! Markdown that we publish: policies and notices. One reader for pages, the dashboard and mails.
//!
//! What is written can hold no markup of its own: raw HTML becomes text, pictures become their words, and a link leads
//! to the web or to an address, or is none.

use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html};

/// What a text is made of, as the renderers get it.
fn events(markdown: &str) -> impl Iterator<Item = Event<'_>> {
    let mut dropped = Vec::new();
    Parser::new_ext(markdown, Options::ENABLE_TABLES).filter_map(move |event| match event {
        Event::Html(html) | Event::InlineHtml(html) => Some(Event::Text(html)),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        Event::Start(Tag::Link { ref dest_url, .. }) => {
            let leads_on = is_address(dest_url);
            dropped.push(!leads_on);
            leads_on.then_some(event)
        }
        Event::End(TagEnd::Link) => (!dropped.pop().unwrap_or(false)).then_some(event),
        other => Some(other),
    })
}

/// `https:`, `http:` and `mailto:`, and what lies on our own host.
fn is_address(target: &str) -> bool {
    let folded = target.to_ascii_lowercase();
    let own = (folded.starts_with('/') && !folded.starts_with("//")) || folded.starts_with('#');
    own || ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| folded.starts_with(scheme))
}

/// As HTML, to be put into a page as it is.
pub fn to_html(markdown: &str) -> String {
    let mut out = String::new();
    html::push_html(&mut out, events(markdown));
    out
}

/// The same, for a part of a page that has headings of the second level above it: the first within is of the third, and none
/// leaves a level out, however they were written.
pub fn to_html_below(markdown: &str) -> String {
    const LEVELS: [HeadingLevel; 6] = [
        HeadingLevel::H1,
        HeadingLevel::H2,
        HeadingLevel::H3,
        HeadingLevel::H4,
        HeadingLevel::H5,
        HeadingLevel::H6,
    ];
    // The levels as written that are open here, the highest first.
    let mut open: Vec<HeadingLevel> = Vec::new();
    let lowered = events(markdown).map(|event| match event {
        Event::Start(Tag::Heading {
            level,
            id,
            classes,
            attrs,
        }) => {
            open.retain(|above| *above < level);
            open.push(level);
            Event::Start(Tag::Heading {
                level: LEVELS[(open.len() + 1).min(5)],
                id,
                classes,
                attrs,
            })
        }
        Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Heading(LEVELS[(open.len() + 1).min(5)])),
        other => other,
    });
    let mut out = String::new();
    html::push_html(&mut out, lowered);
    out
}

/// As plain paragraphs, for mails: what is emphasised is not, an entry of a list opens with a `•` or its number, and a
/// link's address stands behind its words.
pub fn to_paragraphs(markdown: &str) -> Vec<String> {
    let mut writer = Plain::default();
    events(markdown).for_each(|event| writer.take(event));
    writer.break_off();
    writer.done
}

#[derive(Default)]
struct Plain<'a> {
    done: Vec<String>,
    line: String,
    /// The lists that are open: the number of the next entry, or none where they are not numbered.
    lists: Vec<Option<u64>>,
    link: Option<(CowStr<'a>, usize)>,
}

impl<'a> Plain<'a> {
    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Text(text) | Event::Code(text) => self.line.push_str(&text),
            Event::SoftBreak => self.line.push(' '),
            Event::HardBreak => self.line.push('\n'),
            Event::Rule => self.break_off(),
            Event::Start(Tag::List(first)) => {
                if self.lists.is_empty() {
                    self.break_off();
                }
                self.lists.push(first);
            }
            Event::End(TagEnd::List(_)) => {
                self.lists.pop();
                if self.lists.is_empty() {
                    self.break_off();
                }
            }
            Event::Start(Tag::Item) => self.open_entry(),
            Event::End(TagEnd::Item) => {}
            Event::End(TagEnd::TableCell) => self.line.push_str("  "),
            Event::End(TagEnd::TableRow | TagEnd::TableHead) => self.line.push('\n'),
            Event::Start(Tag::Link {
                dest_url, link_type, ..
            }) => {
                let is_plain = matches!(link_type, LinkType::Autolink | LinkType::Email);
                self.link = (!is_plain).then_some((dest_url, self.line.len()));
            }
            Event::End(TagEnd::Link) => {
                if let Some((address, from)) = self.link.take()
                    && self.line.get(from..) != Some(&*address)
                {
                    self.line.push_str(&format!(" ({address})"));
                }
            }
            Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::Table)
                if self.lists.is_empty() =>
            {
                self.break_off();
            }
            _ => {}
        }
    }

    fn open_entry(&mut self) {
        if !self.line.is_empty() && !self.line.ends_with('\n') {
            self.line.push('\n');
        }
        match self.lists.last_mut() {
            Some(Some(number)) => {
                self.line.push_str(&format!("{number}. "));
                *number += 1;
            }
            _ => self.line.push_str("• "),
        }
    }

    fn break_off(&mut self) {
        let paragraph = std::mem::take(&mut self.line);
        let paragraph = paragraph.trim();
        if !paragraph.is_empty() {
            self.done.push(paragraph.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_written_becomes_markup() {
        let text = "<script>x</script>\n\nA <b>y</b> [no](javascript:alert(1)) [yes](https://a.example/) \
                    [own](/status) [not](//evil.example) ![alt](https://a.example/p.png)";
        let html = to_html(text);
        for bad in ["<script", "<b>", "javascript:", "<img", "//evil"] {
            assert!(!html.contains(bad), "{bad}: {html}");
        }
        for good in ["href=\"https://a.example/\"", "href=\"/status\"", "no", "alt"] {
            assert!(html.contains(good), "{good}: {html}");
        }
    }

    #[test]
    fn within_a_part_headings_begin_with_the_third_and_leave_none_out() {
        for (written, shown) in [
            ("# One\n\n## Two\n", "<h3>One</h3>\n<h4>Two</h4>\n"),
            ("### One\n\n# Two\n", "<h3>One</h3>\n<h3>Two</h3>\n"),
            ("## One\n\n###### Two\n", "<h3>One</h3>\n<h4>Two</h4>\n"),
        ] {
            assert_eq!(to_html_below(written), shown);
        }
    }

    #[test]
    fn a_mail_reads_as_it_was_written() {
        let text = "# What\n\nBars stay **on**.\nAll of them.\n\n- one\n- [two](https://a.example/2)\n\n1. first\n2. second\n\n\
                    See <https://status.example/> and `code`.\n";
        assert_eq!(
            to_paragraphs(text),
            [
                "What",
                "Bars stay on. All of them.",
                "• one\n• two (https://a.example/2)",
                "1. first\n2. second",
                "See https://status.example/ and code.",
            ]
        );
        assert_eq!(to_paragraphs("<i>x</i>"), ["<i>x</i>"]);
        assert!(to_paragraphs("").is_empty());
    }
}
