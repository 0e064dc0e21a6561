//! Views of the contacts that a team keeps for itself.

use serde_json::json;

use super::Contacts;
use crate::accounts::Access;
use crate::contacts::store::views;
use crate::contacts::{Error, SavedQuery, SavedView};
use crate::db;
use crate::ids::{ContactViewId, MemberId};
use crate::text;

impl Contacts {
    pub async fn list_views(&self, member: MemberId) -> Result<Vec<SavedView>, Error> {
        Ok(self.db.read(move |conn| views::list(conn, member)).await?)
    }

    pub async fn create_view(
        &self,
        access: &Access,
        name: String,
        query: SavedQuery,
    ) -> Result<SavedView, Error> {
        let now = self.clock.now();
        let view = SavedView {
            id: ContactViewId::new(&self.clock, &self.random),
            name: checked_name(&name)?,
            query: checked_query(query)?,
            created_at: now,
            updated_at: now,
        };
        let (this, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                if views::list(tx, access.member)?.len() >= SavedView::MOST {
                    return Err(Error::Conflict("A member has at most 50 views."));
                }
                views::insert(tx, access.member, &view).map_err(name_taken)?;
                this.record(tx, &access, "contact_view.created", view.id, json!({}))?;
                Ok(view)
            })
            .await
    }

    /// Changes what is given.
    pub async fn change_view(
        &self,
        access: &Access,
        id: ContactViewId,
        name: Option<String>,
        query: Option<SavedQuery>,
    ) -> Result<SavedView, Error> {
        let name = name.map(|name| checked_name(&name)).transpose()?;
        let query = query.map(checked_query).transpose()?;
        let (this, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                let old = views::find(tx, access.member, id)?.ok_or(Error::NotFound)?;
                let mut new = SavedView {
                    name: name.unwrap_or_else(|| old.name.clone()),
                    query: query.unwrap_or_else(|| old.query.clone()),
                    ..old.clone()
                };
                if new != old {
                    new.updated_at = this.clock.now();
                    views::update(tx, access.member, &new).map_err(name_taken)?;
                    let changed = [("name", new.name != old.name), ("query", new.query != old.query)];
                    let changed: Vec<&str> = changed
                        .into_iter()
                        .filter_map(|(field, changed)| changed.then_some(field))
                        .collect();
                    this.record(
                        tx,
                        &access,
                        "contact_view.updated",
                        id,
                        json!({ "fields": changed }),
                    )?;
                }
                Ok(new)
            })
            .await
    }

    pub async fn delete_view(&self, access: &Access, id: ContactViewId) -> Result<(), Error> {
        let (this, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                if !views::delete(tx, access.member, id)? {
                    return Err(Error::NotFound);
                }
                Ok(this.record(tx, &access, "contact_view.deleted", id, json!({}))?)
            })
            .await
    }
}

fn name_taken(error: db::Error) -> Error {
    if error.is_unique_violation() {
        Error::Conflict("Another view has this name.")
    } else {
        error.into()
    }
}

fn checked_name(name: &str) -> Result<String, Error> {
    text::line(name, SavedView::MAX_NAME_CHARS).map_err(|error| Error::field("name", error.to_string()))
}

/// As the list of contacts would take it; an empty search is none.
fn checked_query(query: SavedQuery) -> Result<SavedQuery, Error> {
    let search = query.search.map(|text| text.trim().to_owned());
    if search
        .as_deref()
        .is_some_and(|text| text.chars().any(char::is_control))
    {
        return Err(Error::field(
            "query.search",
            "must not contain control characters",
        ));
    }
    Ok(SavedQuery {
        search: search.filter(|text| !text.is_empty()),
        ..query
    })
}
