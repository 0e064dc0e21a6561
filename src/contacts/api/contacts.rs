//! Contacts in the management API.

use poem::Body;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Binary;

use super::shapes::{Bulk, ContactChange, ContactPage, Csv, Merge, NewNote, Notes, Tags};
use crate::accounts::Operation;
use crate::accounts::api::Caller;
use crate::clock::Timestamp;
use crate::contacts::{self, BulkResult, Contact, ContactDetail, Contacts, Filter, Note, Sort, Status, Tag};
use crate::http::page::{Cursor, DEFAULT_LIMIT, in_our_time};
use crate::http::{Created, Json, NoContent, Problem};
use crate::ids::{BarId, ContactId, NoteId};

pub struct ContactsApi {
    pub contacts: Contacts,
}

#[derive(poem_openapi::Tags)]
enum Chapter {
    /// What visitors left through bars, and what the team makes of it.
    Contacts,
}

#[OpenApi(tag = "Chapter::Contacts")]
impl ContactsApi {
    /// List contacts
    ///
    /// All filters must hold. `search` takes words that must all be found in email, name, phone or what was entered into
    /// the form.
    #[oai(path = "/contacts", method = "get", operation_id = "list_contacts")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn list(
        &self,
        caller: Caller,
        /// Words that must all be found.
        #[oai(validator(max_length = 200))]
        search: Query<Option<String>>,
        status: Query<Option<Status>>,
        tag: Query<Option<Tag>>,
        /// With a post through this bar.
        bar: Query<Option<BarId>>,
        /// Whose last post came at this time or later.
        from: Query<Option<Timestamp>>,
        /// Whose last post came before this time.
        to: Query<Option<Timestamp>>,
        #[oai(default)] sort: Query<Sort>,
        /// The `next_cursor` of the page before.
        after: Query<Option<Cursor>>,
        /// How many, at most 200.
        #[oai(
            default = "default_limit",
            validator(minimum(value = "1"), maximum(value = "200"))
        )]
        limit: Query<u32>,
    ) -> Result<Json<ContactPage>, Problem> {
        let access = caller.may(Operation::ListContacts)?;
        let filter = filter(search.0, status.0, tag.0, bar.0, from.0, to.0)?;
        let after = after.0.map(|cursor| contacts::Cursor {
            at: in_our_time(cursor.at),
            id: ContactId::from_uuid(cursor.id),
        });
        let page = self
            .contacts
            .list(access.member, filter, sort.0, after, limit.0)
            .await?;
        let next_cursor = page.next.map(|next| Cursor {
            at: next.at,
            id: *next.id.uuid(),
        });
        Ok(Json(ContactPage {
            items: page.items,
            next_cursor,
        }))
    }

    /// Export contacts as CSV
    ///
    /// UTF-8, with the filters of the list, oldest post first. Cells that a spreadsheet would take for a formula begin with
    /// an apostrophe. `X-Total-Count` says how many contacts it will hold.
    #[oai(path = "/contacts.csv", method = "get", operation_id = "export_contacts")]
    #[allow(clippy::too_many_arguments, reason = "each is a parameter of the query")]
    async fn export(
        &self,
        caller: Caller,
        /// Words that must all be found.
        #[oai(validator(max_length = 200))]
        search: Query<Option<String>>,
        status: Query<Option<Status>>,
        tag: Query<Option<Tag>>,
        /// With a post through this bar.
        bar: Query<Option<BarId>>,
        /// Whose last post came at this time or later.
        from: Query<Option<Timestamp>>,
        /// Whose last post came before this time.
        to: Query<Option<Timestamp>>,
        /// Begin with a byte order mark, which some spreadsheets need to read UTF-8.
        #[oai(default)]
        bom: Query<bool>,
    ) -> Result<Csv, Problem> {
        let access = caller.may(Operation::ExportContacts)?;
        let filter = filter(search.0, status.0, tag.0, bar.0, from.0, to.0)?;
        let (total, file) = self.contacts.export(access.member, filter, bom.0).await?;
        let disposition = "attachment; filename=\"contacts.csv\"".to_owned();
        let body = Binary(Body::from_bytes_stream(file));
        Ok(Csv::File(body, disposition, total))
    }

    /// Read a contact
    ///
    /// With its newest 100 posts, its notes, and what the team changed.
    #[oai(path = "/contacts/:contact_id", method = "get", operation_id = "read_contact")]
    async fn read(
        &self,
        caller: Caller,
        contact_id: Path<ContactId>,
    ) -> Result<Json<ContactDetail>, Problem> {
        let access = caller.may(Operation::ReadContact)?;
        let found = self.contacts.find(access.member, contact_id.0).await?;
        Ok(Json(found.ok_or_else(Problem::not_found)?))
    }

    /// Change a contact
    ///
    /// 409 if another contact has the email address: merge the two.
    #[oai(
        path = "/contacts/:contact_id",
        method = "patch",
        operation_id = "update_contact"
    )]
    async fn change(
        &self,
        caller: Caller,
        contact_id: Path<ContactId>,
        body: Json<ContactChange>,
    ) -> Result<Json<Contact>, Problem> {
        let access = caller.may(Operation::UpdateContact)?;
        Ok(Json(
            self.contacts.change(&access, contact_id.0, body.0.into()).await?,
        ))
    }

    /// Delete a contact
    ///
    /// For good, with its posts, tags and notes, and what is logged of it for webhooks.
    #[oai(
        path = "/contacts/:contact_id",
        method = "delete",
        operation_id = "delete_contact"
    )]
    async fn delete(&self, caller: Caller, contact_id: Path<ContactId>) -> Result<NoContent, Problem> {
        let access = caller.may(Operation::DeleteContact)?;
        self.contacts.delete(&access, contact_id.0).await?;
        Ok(NoContent)
    }

    /// Tag a contact
    ///
    /// A tag that is there already stays. At most 50.
    #[oai(
        path = "/contacts/:contact_id/tags/:tag",
        method = "put",
        operation_id = "add_tag"
    )]
    async fn add_tag(
        &self,
        caller: Caller,
        contact_id: Path<ContactId>,
        tag: Path<Tag>,
    ) -> Result<NoContent, Problem> {
        let access = caller.may(Operation::AddTag)?;
        self.contacts.add_tag(&access, contact_id.0, tag.0).await?;
        Ok(NoContent)
    }

    /// Take a tag from a contact
    ///
    /// One that is not there is no fault.
    #[oai(
        path = "/contacts/:contact_id/tags/:tag",
        method = "delete",
        operation_id = "remove_tag"
    )]
    async fn remove_tag(
        &self,
        caller: Caller,
        contact_id: Path<ContactId>,
        tag: Path<Tag>,
    ) -> Result<NoContent, Problem> {
        let access = caller.may(Operation::RemoveTag)?;
        self.contacts.remove_tag(&access, contact_id.0, tag.0).await?;
        Ok(NoContent)
    }

    /// List the notes of a contact
    #[oai(
        path = "/contacts/:contact_id/notes",
        method = "get",
        operation_id = "list_notes"
    )]
    async fn list_notes(&self, caller: Caller, contact_id: Path<ContactId>) -> Result<Json<Notes>, Problem> {
        let access = caller.may(Operation::ListNotes)?;
        Ok(Json(Notes {
            items: self.contacts.list_notes(access.member, contact_id.0).await?,
        }))
    }

    /// Write down a note about a contact
    ///
    /// At most 500.
    #[oai(
        path = "/contacts/:contact_id/notes",
        method = "post",
        operation_id = "add_note"
    )]
    async fn add_note(
        &self,
        caller: Caller,
        contact_id: Path<ContactId>,
        body: Json<NewNote>,
    ) -> Result<Created<Note>, Problem> {
        let access = caller.may(Operation::AddNote)?;
        Ok(Created(
            self.contacts.add_note(&access, contact_id.0, body.0.text).await?,
        ))
    }

    /// Delete a note
    #[oai(
        path = "/contacts/:contact_id/notes/:note_id",
        method = "delete",
        operation_id = "delete_note"
    )]
    async fn delete_note(
        &self,
        caller: Caller,
        contact_id: Path<ContactId>,
        note_id: Path<NoteId>,
    ) -> Result<NoContent, Problem> {
        let access = caller.may(Operation::DeleteNote)?;
        self.contacts
            .delete_note(&access, contact_id.0, note_id.0)
            .await?;
        Ok(NoContent)
    }

    /// Merge another contact into this one
    ///
    /// Posts, notes and tags move over, and so does what this one lacks; the other is gone.
    #[oai(
        path = "/contacts/:contact_id/merge",
        method = "post",
        operation_id = "merge_contacts"
    )]
    async fn merge(
        &self,
        caller: Caller,
        contact_id: Path<ContactId>,
        body: Json<Merge>,
    ) -> Result<Json<Contact>, Problem> {
        let access = caller.may(Operation::MergeContacts)?;
        Ok(Json(
            self.contacts.merge(&access, contact_id.0, body.0.from).await?,
        ))
    }

    /// Do the same to many contacts
    ///
    /// At most 200, all or none of them. Those that are not there are named in `missing`.
    #[oai(path = "/contacts/bulk", method = "post", operation_id = "bulk_contacts")]
    async fn bulk(&self, caller: Caller, body: Json<Bulk>) -> Result<Json<BulkResult>, Problem> {
        let access = caller.may(Operation::BulkContacts)?;
        let action = body.0.action()?;
        Ok(Json(
            self.contacts.act_on_many(&access, body.0.ids, action).await?,
        ))
    }

    /// List all tags
    ///
    /// With how many contacts have each.
    #[oai(path = "/tags", method = "get", operation_id = "list_tags")]
    async fn list_tags(&self, caller: Caller) -> Result<Json<Tags>, Problem> {
        let access = caller.may(Operation::ListTags)?;
        Ok(Json(Tags {
            items: self.contacts.list_tags(access.member).await?,
        }))
    }
}

fn default_limit() -> u32 {
    DEFAULT_LIMIT
}

fn filter(
    search: Option<String>,
    status: Option<Status>,
    tag: Option<Tag>,
    bar: Option<BarId>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<Filter, Problem> {
    if search
        .as_deref()
        .is_some_and(|text| text.chars().any(char::is_control))
    {
        return Err(Problem::field("search", "must not contain control characters"));
    }
    Ok(Filter {
        search,
        status,
        tag,
        bar,
        from: from.map(in_our_time),
        to: to.map(in_our_time),
    })
}
