//! `contact_trigrams`: SQLite's index of what contacts are found by, kept by triggers. PostgreSQL has one of its own kind
//! (`pg_trgm`), which its planner finds by itself.

use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

use super::super::rules::search::Words;
use crate::db::types::Uid;
use crate::db::{Conn, Result};
use crate::ids::ContactId;

/// Words that more contacts hold than this are met soon by reading the list in its order.
const FEW: i32 = 2000;

/// The contacts, of any member, that may hold these words, if they are few; `None`: look at the list itself.
pub fn few_that_may_hold(conn: &mut Conn, words: &Words) -> Result<Option<Vec<ContactId>>> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Uid)]
        contact_id: ContactId,
    }
    let (Conn::Sqlite(c), Some(trigrams)) = (conn, words.trigrams()) else {
        return Ok(None);
    };
    let found: Vec<Found> = diesel::sql_query(
        "SELECT contact_id FROM contact_trigrams_of WHERE place IN \
         (SELECT rowid FROM contact_trigrams WHERE contact_trigrams MATCH ? LIMIT ?)",
    )
    .bind::<Text, _>(trigrams)
    .bind::<Integer, _>(FEW + 1)
    .load(c)?;
    let few = i32::try_from(found.len()).is_ok_and(|count| count <= FEW);
    Ok(few.then(|| found.into_iter().map(|row| row.contact_id).collect()))
}
