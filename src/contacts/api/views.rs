//! Saved views of the contacts in the management API.

use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi, param::Path};

use crate::accounts::Operation;
use crate::accounts::api::Caller;
use crate::contacts::{Contacts, SavedQuery, SavedView, Sort, Status};
use crate::http::{Created, Json, NoContent, Problem};
use crate::ids::ContactViewId;

pub struct ViewsApi {
    pub contacts: Contacts,
}

#[derive(poem_openapi::Tags)]
enum Chapter {
    /// What visitors left through bars, and what the team makes of it.
    Contacts,
}

/// The saved views, by their names.
#[derive(Debug, Object)]
struct ContactViews {
    items: Vec<SavedView>,
}

/// A view to be.
#[derive(Debug, Object)]
#[oai(rename = "NewContactView", example)]
struct NewView {
    /// Unique among the member's views.
    #[oai(validator(min_length = 1, max_length = 80))]
    name: String,
    query: SavedQuery,
}

impl Example for NewView {
    fn example() -> Self {
        Self {
            name: "Brides to call back".to_owned(),
            query: SavedQuery {
                status: Some(Status::Open),
                sort: Some(Sort::Oldest),
                ..SavedQuery::default()
            },
        }
    }
}

/// A change of a view. What is left out stays; a query is replaced whole.
#[derive(Debug, Object)]
#[oai(rename = "ContactViewChange", example)]
struct ViewPatch {
    #[oai(validator(min_length = 1, max_length = 80))]
    name: Option<String>,
    query: Option<SavedQuery>,
}

impl Example for ViewPatch {
    fn example() -> Self {
        Self {
            name: Some("Brides".to_owned()),
            query: None,
        }
    }
}

#[OpenApi(tag = "Chapter::Contacts")]
impl ViewsApi {
    /// List saved views
    ///
    /// Filters and an order of the contacts' list, under a name; the whole team has them.
    #[oai(path = "/contact-views", method = "get", operation_id = "list_contact_views")]
    async fn list(&self, caller: Caller) -> Result<Json<ContactViews>, Problem> {
        let access = caller.may(Operation::ListContactViews)?;
        Ok(Json(ContactViews {
            items: self.contacts.list_views(access.member).await?,
        }))
    }

    /// Save a view
    ///
    /// At most 50. 409 if another one has the name.
    #[oai(
        path = "/contact-views",
        method = "post",
        operation_id = "create_contact_view"
    )]
    async fn create(&self, caller: Caller, body: Json<NewView>) -> Result<Created<SavedView>, Problem> {
        let access = caller.may(Operation::CreateContactView)?;
        let NewView { name, query } = body.0;
        Ok(Created(self.contacts.create_view(&access, name, query).await?))
    }

    /// Change a saved view
    ///
    /// 409 if another one has the name.
    #[oai(
        path = "/contact-views/:view_id",
        method = "patch",
        operation_id = "update_contact_view"
    )]
    async fn change(
        &self,
        caller: Caller,
        view_id: Path<ContactViewId>,
        body: Json<ViewPatch>,
    ) -> Result<Json<SavedView>, Problem> {
        let access = caller.may(Operation::UpdateContactView)?;
        let ViewPatch { name, query } = body.0;
        Ok(Json(
            self.contacts.change_view(&access, view_id.0, name, query).await?,
        ))
    }

    /// Delete a saved view
    ///
    /// The contacts stay as they are.
    #[oai(
        path = "/contact-views/:view_id",
        method = "delete",
        operation_id = "delete_contact_view"
    )]
    async fn delete(&self, caller: Caller, view_id: Path<ContactViewId>) -> Result<NoContent, Problem> {
        let access = caller.may(Operation::DeleteContactView)?;
        self.contacts.delete_view(&access, view_id.0).await?;
        Ok(NoContent)
    }
}
