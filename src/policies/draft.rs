//! A version in the making: read from a file, checked, compared with the one before. Values only.
//!
//! The file is Markdown behind a head in TOML, between two lines of `+++`:
//!
//! ```text
//! +++
//! title = "Privacy policy"
//!
//! [[changes]]
//! key = "benchmarks"
//! purpose = "benchmarking"
//! material = true
//! title = { en = "Benchmarks", de = "Vergleichswerte" }
//! summary = { en = "We compare …", de = "Wir vergleichen …" }
//! +++
//! # Privacy policy
//! ```

use std::collections::BTreeSet;

use serde::Deserialize;
use similar::{ChangeTag, TextDiff};

use super::{Change, Document, PolicyVersion, Purpose};
use crate::clock::Timestamp;

/// A version that is not posted yet. A document has at most one.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub document: Document,
    pub title: String,
    /// Markdown.
    pub body: String,
    pub changes: Vec<Change>,
    pub drafted_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum NotADraft {
    #[error("begins with a head in TOML between two lines of `+++`, and this one does not")]
    NoHead,
    #[error("its head can't be read: {0}")]
    Head(#[from] Box<toml::de::Error>),
    #[error("{0}")]
    Wrong(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    title: String,
    #[serde(default)]
    changes: Vec<Change>,
}

const MOST_TITLE_CHARS: usize = 120;
const MOST_SUMMARY_CHARS: usize = 1000;

impl Draft {
    /// Reads a file, and holds it against the version before.
    pub fn parse(
        document: Document,
        text: &str,
        before: &[PolicyVersion],
        drafted_at: Timestamp,
    ) -> Result<Self, NotADraft> {
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let rest = text.strip_prefix("+++\n").ok_or(NotADraft::NoHead)?;
        let (head, body) = rest.split_once("\n+++\n").ok_or(NotADraft::NoHead)?;
        let head: Head = toml::from_str(head).map_err(Box::new)?;
        let draft = Self {
            document,
            title: head.title.trim().to_owned(),
            body: body.trim_start_matches('\n').to_owned(),
            changes: head.changes,
            drafted_at,
        };
        draft.check(before)?;
        Ok(draft)
    }

    /// Whether it can follow these versions, newest first. Asked again when it is posted.
    pub fn check(&self, before: &[PolicyVersion]) -> Result<(), NotADraft> {
        let wrong = |words: String| Err(NotADraft::Wrong(words));
        if !(1..=MOST_TITLE_CHARS).contains(&self.title.chars().count()) {
            return wrong(format!("its title must have 1 to {MOST_TITLE_CHARS} characters"));
        }
        if self.body.trim().is_empty() {
            return wrong("it has no text behind its head".to_owned());
        }
        if before.first().is_some_and(|newest| newest.body == self.body) {
            return wrong("its text is that of the current version: nothing has changed".to_owned());
        }
        if self.changes.is_empty() {
            return wrong(
                "it states no change: each one needs a [[changes]] in the head, typos one that is not material"
                    .to_owned(),
            );
        }
        let mut keys = BTreeSet::new();
        for change in &self.changes {
            if !keys.insert(&change.key) {
                return wrong(format!("two changes have the key `{}`", change.key));
            }
            if let Err(words) = check_change(change, self.document, before) {
                return wrong(format!("the change `{}` {words}", change.key));
            }
        }
        Ok(())
    }

    pub fn is_material(&self) -> bool {
        self.changes.iter().any(|change| change.material)
    }
}

fn check_change(change: &Change, document: Document, before: &[PolicyVersion]) -> Result<(), String> {
    for (name, words, most) in [
        ("title", &change.title, MOST_TITLE_CHARS),
        ("summary", &change.summary, MOST_SUMMARY_CHARS),
    ] {
        for (language, text) in [("en", &words.en), ("de", &words.de)] {
            if !(1..=most).contains(&text.trim().chars().count()) {
                return Err(format!(
                    "has a {name} in `{language}` that is empty or longer than {most} characters"
                ));
            }
        }
    }
    if change.purpose.is_marketing() && !change.marketing {
        return Err(format!("is for {}: say `marketing = true`", change.purpose));
    }
    if !change.material {
        for (flag, name) in [
            (change.marketing, "marketing"),
            (change.sensitive, "sensitive"),
            (change.per_account, "per_account"),
        ] {
            if flag {
                return Err(format!("is `{name}`, so it is material: members have to be told"));
            }
        }
        if document == Document::Privacy && !is_granted(change.purpose, before) {
            return Err(format!(
                "is for {}, which no version allows yet, so it is material: members have to be told",
                change.purpose
            ));
        }
    }
    Ok(())
}

fn is_granted(purpose: Purpose, before: &[PolicyVersion]) -> bool {
    let mut changes = before.iter().flat_map(|version| &version.changes);
    purpose.is_in_first_version() || changes.any(|change| change.purpose == purpose)
}

/// A line of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// How many unchanged lines are shown around what changed.
const CONTEXT: usize = 2;

/// What changed from one text to another, line by line, with a little around it; each group stands together in the text.
pub fn compare<'a>(old: &'a str, new: &'a str) -> Vec<Vec<Line<'a>>> {
    let diff = TextDiff::from_lines(old, new);
    let groups = diff.grouped_ops(CONTEXT);
    let lines = groups.iter().map(|group| {
        let changes = group.iter().flat_map(|op| diff.iter_changes(op));
        let line = |change: similar::Change<&'a str>| {
            let text = change.value().trim_end_matches('\n');
            match change.tag() {
                ChangeTag::Equal => Line::Same(text),
                ChangeTag::Delete => Line::Gone(text),
                ChangeTag::Insert => Line::New(text),
            }
        };
        changes.map(line).collect()
    });
    lines.collect()
}
