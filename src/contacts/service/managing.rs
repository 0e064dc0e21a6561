//! What a member does with contacts: look, change, mark, write down, delete.

use serde_json::json;

use super::Contacts;
use crate::accounts::Access;
use crate::audit::{self, Actor};
use crate::contacts::rules::form::is_phone;
use crate::contacts::rules::search::{self, Words};
use crate::contacts::store::contacts::Row;
use crate::contacts::store::{contacts, notes, submissions, tags, webhooks};
use crate::contacts::{
    BulkAction, BulkResult, Change, Contact, ContactDetail, Cursor, Error, EventType, Filter, Note, Page,
    PastChange, Sort, Tag, TagCount,
};
use crate::db::{self, Conn};
use crate::ids::{ContactId, MemberId, NoteId};
use crate::mail::EmailAddress;
use crate::policies;
use crate::text;

/// So many of a contact's posts are shown, and searched.
const MOST_POSTS: i64 = 100;
/// So many of its changes are told.
const MOST_CHANGES: i64 = 100;

impl Contacts {
    pub async fn list(
        &self,
        member: MemberId,
        filter: Filter,
        sort: Sort,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page<Contact>, Error> {
        let words = Words::of(filter.search.as_deref());
        let more = i64::from(limit) + 1;
        let items = self
            .db
            .read(move |conn| contacts::list(conn, member, &filter, &words, sort, after, more))
            .await?;
        Ok(page_of(items, sort, limit))
    }

    pub async fn find(&self, member: MemberId, id: ContactId) -> Result<Option<ContactDetail>, Error> {
        Ok(self.db.read(move |conn| detail(conn, member, id)).await?)
    }

    pub async fn list_tags(&self, member: MemberId) -> Result<Vec<TagCount>, Error> {
        Ok(self.db.read(move |conn| tags::list(conn, member)).await?)
    }

    pub async fn change(&self, access: &Access, id: ContactId, change: Change) -> Result<Contact, Error> {
        let change = checked(change)?;
        let (this, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                let (row, _) = contacts::lock(tx, access.member, id)?.ok_or(Error::NotFound)?;
                this.write_change(tx, &access, row, change)
            })
            .await
    }

    fn write_change(
        &self,
        tx: &mut Conn,
        access: &Access,
        mut row: Row,
        change: Change,
    ) -> Result<Contact, Error> {
        let mut changed = Vec::new();
        if let Some(Some(email)) = &change.email
            && let Some((other, _)) = contacts::lock_by_email(tx, access.member, email)?
            && other.id != row.id
        {
            return Err(Error::AddressTaken);
        }
        let mut set = |name: &'static str, field: &mut Option<String>, value: Option<Option<String>>| {
            if let Some(value) = value
                && *field != value
            {
                *field = value;
                changed.push(name);
            }
        };
        set("email", &mut row.email, change.email);
        set("name", &mut row.name, change.name);
        set("phone", &mut row.phone, change.phone);
        let now = self.clock.now();
        if !changed.is_empty() {
            // A change of a field is a new collection (promise 4).
            row.policy_version = policies::collected_now(tx, access.member, now)?.under;
            row.collected_at = now;
        }
        if let Some(status) = change.status
            && status != row.status
        {
            row.status = status;
            changed.push("status");
        }
        if !changed.is_empty() {
            row.updated_at = now;
            self.write_row(tx, access.member, &row)?;
            let mut detail = json!({ "fields": changed });
            if changed.contains(&"status") {
                detail["status"] = json!(row.status);
            }
            self.record(tx, access, "contact.updated", row.id, detail)?;
            self.enqueue_updated(tx, access.member, row.id)?;
        }
        contacts::find(tx, access.member, row.id)?.ok_or(Error::NotFound)
    }

    /// Writes a row, and what it is searched by.
    pub(super) fn write_row(&self, tx: &mut Conn, member: MemberId, row: &Row) -> Result<(), Error> {
        let posts = submissions::of_contact(tx, member, row.id, MOST_POSTS)?;
        let own = [&row.email, &row.name, &row.phone]
            .into_iter()
            .flatten()
            .map(String::as_str);
        let answers = posts
            .iter()
            .flat_map(|post| &post.fields)
            .map(|answer| answer.value.as_str());
        match contacts::update(tx, member, row, &search::text(own.chain(answers))) {
            // Two requests gave two contacts the same address at the same time.
            Err(error) if error.is_unique_violation() => Err(Error::AddressTaken),
            done => Ok(done?),
        }
    }

    /// Tells webhooks how a contact is now.
    pub(super) fn enqueue_updated(&self, tx: &mut Conn, member: MemberId, id: ContactId) -> db::Result<()> {
        match contacts::find(tx, member, id)? {
            Some(contact) => {
                let data = json!({ "contact": contact });
                self.enqueue_event(tx, member, Some(id), EventType::ContactUpdated, &data)
            }
            None => Ok(()),
        }
    }

    /// Adds a tag. One that is there already is no fault.
    pub async fn add_tag(&self, access: &Access, id: ContactId, tag: Tag) -> Result<(), Error> {
        self.act(access, id, BulkAction::AddTag(tag)).await
    }

    /// Takes a tag away. One that is not there is no fault.
    pub async fn remove_tag(&self, access: &Access, id: ContactId, tag: Tag) -> Result<(), Error> {
        self.act(access, id, BulkAction::RemoveTag(tag)).await
    }

    /// Deletes a contact for good, with its posts, tags, notes and logged deliveries.
    pub async fn delete(&self, access: &Access, id: ContactId) -> Result<(), Error> {
        self.act(access, id, BulkAction::Delete).await
    }

    async fn act(&self, access: &Access, id: ContactId, action: BulkAction) -> Result<(), Error> {
        let result = self.act_on_many(access, vec![id], action).await?;
        if result.done == 1 {
            Ok(())
        } else {
            Err(Error::NotFound)
        }
    }

    /// Does the same to many contacts, in one transaction. Those that are not there are named.
    pub async fn act_on_many(
        &self,
        access: &Access,
        mut ids: Vec<ContactId>,
        action: BulkAction,
    ) -> Result<BulkResult, Error> {
        // In one order, so that two such requests never wait for each other.
        ids.sort();
        ids.dedup();
        let (this, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                let mut result = BulkResult {
                    done: 0,
                    missing: Vec::new(),
                };
                for id in ids {
                    match contacts::lock(tx, access.member, id)? {
                        None => result.missing.push(id),
                        Some((row, _)) => {
                            this.act_on_one(tx, &access, row, &action)?;
                            result.done += 1;
                        }
                    }
                }
                Ok(result)
            })
            .await
    }

    fn act_on_one(&self, tx: &mut Conn, access: &Access, row: Row, action: &BulkAction) -> Result<(), Error> {
        let (member, id) = (access.member, row.id);
        match action {
            BulkAction::Status(status) => {
                let change = Change {
                    status: Some(*status),
                    ..Change::default()
                };
                self.write_change(tx, access, row, change)?;
                Ok(())
            }
            BulkAction::AddTag(tag) => {
                if tags::of_contact(tx, member, id)?.len() >= Tag::MOST {
                    return Err(Error::Conflict("A contact has at most 50 tags."));
                }
                let added = tags::add(tx, member, id, tag.as_str())?;
                self.note_tag(tx, access, row, "contact.tagged", tag, added)
            }
            BulkAction::RemoveTag(tag) => {
                let removed = tags::remove(tx, member, id, tag)?;
                self.note_tag(tx, access, row, "contact.untagged", tag, removed)
            }
            BulkAction::Delete => self.delete_one(tx, access, id, json!({})),
        }
    }

    fn note_tag(
        &self,
        tx: &mut Conn,
        access: &Access,
        mut row: Row,
        action: &str,
        tag: &Tag,
        changed: bool,
    ) -> Result<(), Error> {
        if changed {
            row.updated_at = self.clock.now();
            self.write_row(tx, access.member, &row)?;
            self.record(tx, access, action, row.id, json!({ "tag": tag }))?;
            self.enqueue_updated(tx, access.member, row.id)?;
        }
        Ok(())
    }

    pub(super) fn delete_one(
        &self,
        tx: &mut Conn,
        access: &Access,
        id: ContactId,
        detail: serde_json::Value,
    ) -> Result<(), Error> {
        webhooks::forget_contact(tx, access.member, id)?;
        contacts::delete(tx, access.member, id)?;
        let mut data = detail.clone();
        data["id"] = json!(id);
        // Not filed under the contact: this one outlives it.
        self.enqueue_event(
            tx,
            access.member,
            None,
            EventType::ContactDeleted,
            &json!({ "contact": data }),
        )?;
        self.record(tx, access, "contact.deleted", id, detail)?;
        Ok(())
    }

    pub async fn add_note(&self, access: &Access, id: ContactId, text: String) -> Result<Note, Error> {
        let text =
            text::prose(&text, Note::MAX_CHARS).map_err(|error| Error::field("text", error.to_string()))?;
        let note = Note {
            id: NoteId::new(&self.clock, &self.random),
            author: access.user,
            text,
            created_at: self.clock.now(),
        };
        let (this, access, kept) = (self.clone(), access.clone(), note.clone());
        self.db
            .write(move |tx| {
                contacts::lock(tx, access.member, id)?.ok_or(Error::NotFound)?;
                if notes::count(tx, access.member, id)? >= Note::MOST {
                    return Err(Error::Conflict("A contact has at most 500 notes."));
                }
                let policy = policies::collected_now(tx, access.member, this.clock.now())?.under;
                notes::insert(tx, access.member, id, &kept, policy)?;
                this.record(tx, &access, "contact.note_added", id, json!({ "note": kept.id }))?;
                Ok::<_, Error>(())
            })
            .await?;
        Ok(note)
    }

    pub async fn list_notes(&self, member: MemberId, id: ContactId) -> Result<Vec<Note>, Error> {
        let found = self
            .db
            .read(move |conn| {
                let Some(_) = contacts::find(conn, member, id)? else {
                    return Ok(None);
                };
                Ok::<_, db::Error>(Some(notes::of_contact(conn, member, id)?))
            })
            .await?;
        found.ok_or(Error::NotFound)
    }

    pub async fn delete_note(&self, access: &Access, id: ContactId, note: NoteId) -> Result<(), Error> {
        let (this, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                if !notes::delete(tx, access.member, id, note)? {
                    return Err(Error::NotFound);
                }
                Ok(this.record(tx, &access, "contact.note_deleted", id, json!({ "note": note }))?)
            })
            .await
    }
}

/// A page of what was read, with one more than `limit` if there is more.
pub(super) fn page_of(mut items: Vec<Contact>, sort: Sort, limit: u32) -> Page<Contact> {
    let has_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next = items.last().filter(|_| has_more).map(|last| Cursor {
        at: match sort {
            Sort::Newest | Sort::Oldest => last.last_submitted_at,
            Sort::Changed => last.updated_at,
        },
        id: last.id,
    });
    Page { items, next }
}

fn detail(conn: &mut Conn, member: MemberId, id: ContactId) -> db::Result<Option<ContactDetail>> {
    let Some(contact) = contacts::find(conn, member, id)? else {
        return Ok(None);
    };
    Ok(Some(ContactDetail {
        submissions: submissions::of_contact(conn, member, id, MOST_POSTS)?,
        notes: notes::of_contact(conn, member, id)?,
        history: audit::list_of_target(conn, member, &id.to_string(), MOST_CHANGES)?
            .into_iter()
            .map(change_of)
            .collect(),
        contact,
    }))
}

/// What the record says of a change.
fn change_of(entry: audit::Entry) -> PastChange {
    let text = |name: &str| entry.detail.get(name).and_then(|value| value.as_str());
    let fields = entry.detail.get("fields").and_then(|fields| fields.as_array());
    PastChange {
        at: entry.at,
        user: match entry.actor {
            Actor::User(user) => Some(user),
            Actor::Token(_) | Actor::Anonymous | Actor::System => None,
        },
        token: match entry.actor {
            Actor::Token(token) => Some(token),
            Actor::User(_) | Actor::Anonymous | Actor::System => None,
        },
        fields: fields
            .into_iter()
            .flatten()
            .filter_map(|field| Some(field.as_str()?.to_owned()))
            .collect(),
        status: text("status").and_then(|status| status.parse().ok()),
        tag: text("tag").map(str::to_owned),
        merged_from: text("from").and_then(|id| id.parse().ok()),
        note: text("note").and_then(|id| id.parse().ok()),
        action: entry.action,
    }
}

/// A change whose values are as a form would take them; an empty text removes.
fn checked(change: Change) -> Result<Change, Error> {
    let tidy = |value: Option<Option<String>>| {
        value.map(|value| {
            value
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
        })
    };
    let change = Change {
        name: tidy(change.name),
        email: tidy(change.email),
        phone: tidy(change.phone),
        ..change
    };
    let mut email = change.email;
    if let Some(Some(text)) = &mut email {
        let address: EmailAddress = text
            .parse()
            .map_err(|error: crate::mail::NotAnAddress| Error::field("email", error.to_string()))?;
        *text = address.folded();
    }
    if let Some(Some(name)) = &change.name {
        text::line(name, 200).map_err(|error| Error::field("name", error.to_string()))?;
    }
    if let Some(Some(phone)) = &change.phone
        && (!is_phone(phone) || phone.chars().count() > 40)
    {
        return Err(Error::field(
            "phone",
            "must be a phone number of at most 40 characters",
        ));
    }
    Ok(Change { email, ..change })
}
