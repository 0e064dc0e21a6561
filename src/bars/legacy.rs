//! Bars that were embedded before our time: the ids that ManyContacts' snippets know them by.
//!
//! Only whoever runs the service gives them, because a member could otherwise claim the old pages of another.

use std::fmt;
use std::str::FromStr;

use serde_json::json;

use super::{Bar, BarKey, Bars, Unfit, store};
use crate::audit::Actor;
use crate::db;

/// The id of a bar in an old snippet (`window.__bID`): 1 to 64 letters, digits, `_` and `-`, and never a [`BarKey`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LegacyId(String);

impl LegacyId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LegacyId {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(1..=64).contains(&text.len()) || !text.bytes().all(fits) {
            return Err(Unfit("must be 1 to 64 letters, digits, `_` or `-`"));
        }
        if text.parse::<BarKey>().is_ok() {
            return Err(Unfit("has the form of a bar's key, and would be taken for one"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for LegacyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a legacy id was not given.
#[derive(Debug, thiserror::Error)]
pub enum LegacyIdError {
    #[error("the legacy id {id} belongs to the bar {owner}: take it from there first")]
    Taken { id: LegacyId, owner: BarKey },
    #[error(transparent)]
    Db(#[from] db::Error),
}

impl Bars {
    /// Gives the bar of that key a legacy id in place of the one that it has, or takes that away. `None`: no such bar.
    /// For the command line: the bar may be any member's.
    pub async fn set_legacy_id(
        &self,
        key: BarKey,
        id: Option<LegacyId>,
    ) -> Result<Option<Bar>, LegacyIdError> {
        let (this, wanted) = (self.clone(), id.clone());
        let written = self
            .db
            .write(move |tx| this.write_legacy_id(tx, key, wanted))
            .await;
        match (written, id) {
            // Another process was quicker: who has it now?
            (Err(LegacyIdError::Db(error)), Some(id)) if error.is_unique_violation() => {
                let asked = id.clone();
                let owner = self
                    .db
                    .read(move |conn| store::find_key_of_legacy_id(conn, &asked))
                    .await?;
                match owner {
                    Some(owner) => Err(LegacyIdError::Taken { id, owner }),
                    None => Err(error.into()),
                }
            }
            (written, _) => {
                let (before, bar) = written?.unzip();
                let now = bar.as_ref().and_then(|bar| bar.legacy_id.as_ref());
                for id in before.flatten().iter().chain(now) {
                    self.published.forget_legacy_id(id);
                }
                Ok(bar)
            }
        }
    }

    /// Answers the id that the bar had, and the bar as it is now.
    fn write_legacy_id(
        &self,
        tx: &mut db::Conn,
        key: BarKey,
        id: Option<LegacyId>,
    ) -> Result<Option<(Option<LegacyId>, Bar)>, LegacyIdError> {
        let Some((member, bar)) = store::find_owner(tx, key)? else {
            return Ok(None);
        };
        store::lock(tx, member, bar)?;
        let Some(mut bar) = store::find(tx, member, bar)? else {
            return Ok(None);
        };
        if bar.legacy_id == id {
            return Ok(Some((None, bar)));
        }
        if let Some(id) = &id
            && let Some(owner) = store::find_key_of_legacy_id(tx, id)?
        {
            return Err(LegacyIdError::Taken {
                id: id.clone(),
                owner,
            });
        }
        let before = std::mem::replace(&mut bar.legacy_id, id);
        bar.updated_at = self.clock.now();
        store::put_legacy_id(tx, &bar)?;
        let text = |id: &Option<LegacyId>| id.as_ref().map(|id| id.as_str().to_owned());
        let detail = json!({ "from": text(&before), "to": text(&bar.legacy_id) });
        self.record(tx, Actor::System, &bar, "bar.legacy_id_changed", detail)?;
        Ok(Some((before, bar)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_old_snippets_have_and_never_a_key() {
        for text in ["53a149b780df1a843f68e6d3", "a", "A-b_9", &"x".repeat(64)] {
            assert_eq!(text.parse::<LegacyId>().unwrap().as_str(), text);
        }
        for text in [
            "",
            "a b",
            "a.b",
            "a/b",
            "ä",
            "7m2k9x4qtz",
            "0123456789",
            &"x".repeat(65),
        ] {
            assert!(text.parse::<LegacyId>().is_err(), "{text}");
        }
        assert!("7M2K9X4QTZ".parse::<LegacyId>().is_ok(), "keys are in lower case");
    }
}
