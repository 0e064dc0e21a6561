//! A notice as a file, for the command line. Values only.
//!
//! A head in TOML between two lines of `+++`, then the English text in Markdown, a line `+++ de`, and the German one:
//!
//! ```text
//! +++
//! kind = "feature"
//! everyone = true
//! title = { en = "Compare two variants", de = "Zwei Varianten vergleichen" }
//! +++
//! You can now …
//! +++ de
//! Ab jetzt …
//! ```

use serde::Deserialize;

use super::{Audience, Kind, NewNotice, Stage};
use crate::accounts::Region;
use crate::clock::Timestamp;
use crate::ids::{MemberId, NoticeId};
use crate::policies::Words;

#[derive(Debug, thiserror::Error)]
pub enum NotANotice {
    #[error("begins with a head in TOML between two lines of `+++`, and this one does not")]
    NoHead,
    #[error("has its German text behind a line `+++ de`, and this one has none")]
    NoGerman,
    #[error("its head can't be read: {0}")]
    Head(#[from] Box<toml::de::Error>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    kind: Kind,
    stage: Option<Stage>,
    follows: Option<NoticeId>,
    release: Option<String>,
    starts_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
    title: Words,
    #[serde(default)]
    everyone: bool,
    #[serde(default)]
    plans: Vec<String>,
    #[serde(default)]
    regions: Vec<Region>,
    #[serde(default)]
    sites: Vec<String>,
    #[serde(default)]
    members: Vec<MemberId>,
}

/// The head, and both texts.
fn parts(text: &str) -> Result<(String, Words), NotANotice> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let rest = text.strip_prefix("+++\n").ok_or(NotANotice::NoHead)?;
    let (head, bodies) = rest.split_once("\n+++\n").ok_or(NotANotice::NoHead)?;
    let (en, de) = bodies.split_once("\n+++ de\n").ok_or(NotANotice::NoGerman)?;
    let body = Words {
        en: en.trim().to_owned(),
        de: de.trim().to_owned(),
    };
    Ok((head.to_owned(), body))
}

/// Reads a notice.
pub fn parse(text: &str) -> Result<NewNotice, NotANotice> {
    let (head, body) = parts(text)?;
    let head: Head = toml::from_str(&head).map_err(Box::new)?;
    Ok(NewNotice {
        kind: head.kind,
        stage: head.stage,
        follows: head.follows,
        release: head.release,
        starts_at: head.starts_at,
        ends_at: head.ends_at,
        title: head.title,
        body,
        audience: Audience {
            everyone: head.everyone,
            plans: head.plans,
            regions: head.regions,
            sites: head.sites,
            members: head.members,
        },
    })
}

/// Reads the words of a breach's notice: their kind and whom they concern are the breach's.
pub fn parse_words(text: &str) -> Result<(Words, Words), NotANotice> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Title {
        title: Words,
    }
    let (head, body) = parts(text)?;
    let head: Title = toml::from_str(&head).map_err(Box::new)?;
    Ok((head.title, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "+++\nkind = \"outage\"\nstage = \"planned\"\nstarts_at = \"2026-12-01T02:00:00Z\"\n\
                        ends_at = \"2026-12-01T03:00:00Z\"\nregions = [\"eu\"]\ntitle = { en = \"T\", de = \"D\" }\n+++\n\
                        One.\n\n+++ de\nEins.\n";

    #[test]
    fn a_file_is_read_whole() {
        let read = parse(FILE).unwrap();
        assert_eq!((read.kind, read.stage), (Kind::Outage, Some(Stage::Planned)));
        assert_eq!((read.body.en.as_str(), read.body.de.as_str()), ("One.", "Eins."));
        assert_eq!(read.audience.regions, [Region::Eu]);
        assert!(parse(&FILE.replace('\n', "\r\n")).is_ok());
    }

    #[test]
    fn a_file_with_a_hole_or_a_slip_is_none() {
        for (from, to) in [
            ("+++\nkind", "kind"),
            ("+++ de\n", ""),
            ("regions", "region"),
            ("\"outage\"", "\"outrage\""),
            ("2026-12-01T02", "soon"),
            (", de = \"D\"", ""),
        ] {
            assert!(parse(&FILE.replacen(from, to, 1)).is_err(), "{from} → {to}");
        }
    }
}
