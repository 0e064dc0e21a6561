//! Who looked at a mail (promise 15): counted for registered users who left it on, people and machines apart.

use super::super::store::tracks;
use super::super::{Error, Mailer, rules};
use crate::db::Conn;
use crate::ids::UserId;
use crate::policies;
use crate::secrets::token_sha256;

/// Where a look leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landing {
    /// The pixel.
    Nowhere,
    Target(String),
}

impl Mailer {
    /// Somebody looked at what a token stands for. `by_machine`: a program did, by what it calls itself. `None`: no such token, or its
    /// mail was erased.
    pub async fn note_look(&self, token: &str, by_machine: bool) -> Result<Option<Landing>, Error> {
        let (token, now) = (token_sha256(token), self.clock.now());
        self.db
            .write(move |tx| {
                let Some(track) = tracks::find(tx, &token)? else {
                    return Ok(None);
                };
                let landing = match &track.target {
                    Some(target) => Landing::Target(target.clone()),
                    None => Landing::Nowhere,
                };
                let counted = match track.user {
                    Some(user) => !tracks::is_untracked(tx, user)?,
                    None => false,
                };
                if !counted {
                    return Ok(Some(landing));
                }
                let mut machine = by_machine || rules::is_too_soon(track.sent_at, now);
                if track.target.is_some() {
                    // Several links at once: then the first of them was no person's either.
                    let others = tracks::followed_since(tx, track.message, &token, now - rules::AT_ONCE)?;
                    machine |= !others.is_empty();
                    for (other, _) in others.iter().filter(|(_, by_person)| *by_person) {
                        tracks::recount_last(tx, other)?;
                    }
                }
                if machine {
                    tracks::count_machine(tx, &token, now)?;
                } else {
                    let members: Vec<_> = track.member.into_iter().collect();
                    let under = policies::collected_now_by(tx, &members, now)?.under;
                    tracks::count_person(tx, &token, under, now)?;
                }
                Ok(Some(landing))
            })
            .await
    }

    /// Turns the counting of looks on, or off; then what was counted is forgotten.
    pub fn count_looks_of(&self, tx: &mut Conn, user: UserId, on: bool) -> Result<(), Error> {
        if on {
            tracks::set_tracked(tx, user)?;
        } else {
            tracks::set_untracked(tx, user, self.clock.now())?;
            tracks::forget_looks_of(tx, user)?;
        }
        Ok(())
    }
}
