//! Two contacts that are one person.

use serde_json::json;

use super::Contacts;
use crate::accounts::Access;
use crate::contacts::store::contacts::Row;
use crate::contacts::store::{contacts, notes, submissions, tags};
use crate::contacts::{Contact, Error, Tag};
use crate::ids::ContactId;

impl Contacts {
    /// Makes one contact of two: `kept` stays, takes over the posts, notes and tags of `gone` and what it lacks itself.
    /// By address this happens by itself, when a post comes.
    pub async fn merge(&self, access: &Access, kept: ContactId, gone: ContactId) -> Result<Contact, Error> {
        if kept == gone {
            return Err(Error::field("from", "must be another contact"));
        }
        let (this, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                let member = access.member;
                // In one order, so that two merges never wait for each other.
                let first = contacts::lock(tx, member, kept.min(gone))?
                    .ok_or(Error::NotFound)?
                    .0;
                let second = contacts::lock(tx, member, kept.max(gone))?
                    .ok_or(Error::NotFound)?
                    .0;
                let (into, from) = if first.id == kept {
                    (first, second)
                } else {
                    (second, first)
                };
                submissions::move_all(tx, member, gone, kept)?;
                notes::move_all(tx, member, gone, kept)?;
                let room = Tag::MOST.saturating_sub(tags::of_contact(tx, member, kept)?.len());
                for tag in tags::of_contact(tx, member, gone)?.into_iter().take(room) {
                    tags::add(tx, member, kept, &tag)?;
                }
                // Before the row is written: one address, one contact.
                this.delete_one(tx, &access, gone, json!({ "merged_into": kept }))?;
                let row = one_of_two(into, from, this.clock.now());
                this.write_row(tx, member, &row)?;
                this.record(tx, &access, "contact.merged", kept, json!({ "from": gone }))?;
                this.enqueue_updated(tx, member, kept)?;
                contacts::find(tx, member, kept)?.ok_or(Error::NotFound)
            })
            .await
    }
}

fn one_of_two(into: Row, from: Row, now: crate::clock::Timestamp) -> Row {
    let newer = from.last_submitted_at > into.last_submitted_at;
    // What is taken over stays under the older collection's policy: the strictest of the sources.
    let older = from.collected_at < into.collected_at;
    Row {
        email: into.email.or(from.email),
        name: into.name.or(from.name),
        phone: into.phone.or(from.phone),
        status: into.status,
        submissions: into.submissions.saturating_add(from.submissions),
        first_submitted_at: into.first_submitted_at.min(from.first_submitted_at),
        last_submitted_at: into.last_submitted_at.max(from.last_submitted_at),
        last_submission: if newer {
            from.last_submission
        } else {
            into.last_submission
        },
        policy_version: if older {
            from.policy_version
        } else {
            into.policy_version
        },
        collected_at: into.collected_at.min(from.collected_at),
        updated_at: now,
        id: into.id,
    }
}
