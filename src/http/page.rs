//! Lists by the page: a limit in, an opaque cursor out.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::{clock::Timestamp, string_type};

/// Entries of a page, if nobody says how many.
pub const DEFAULT_LIMIT: u32 = 50;

/// After which entry the next page begins: its time and its id. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub at: Timestamp,
    pub id: Uuid,
}

#[derive(Debug, thiserror::Error)]
#[error("is not the `next_cursor` of a page of this list")]
pub struct NotACursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.at.micros().to_be_bytes());
        bytes[8..].copy_from_slice(self.id.as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)?;
        let (at, id) = bytes.split_first_chunk::<8>().ok_or(NotACursor)?;
        let at = i64::from_be_bytes(*at);
        // What no calendar holds would be an error of the database.
        jiff::Timestamp::from_microsecond(at).map_err(|_| NotACursor)?;
        Ok(Self {
            at: Timestamp::from_micros(at),
            id: Uuid::from_slice(id).map_err(|_| NotACursor)?,
        })
    }
}

string_type!(
    Cursor,
    "cursor",
    Cursor {
        at: Timestamp::from_secs(1_800_000_000),
        id: Uuid::nil()
    },
    None
);

/// Cuts what was asked for with one entry too many to the page, and says after which entry the next one begins.
pub fn cut<T>(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> Cursor) -> (Vec<T>, Option<Cursor>) {
    let limit = limit as usize;
    if items.len() <= limit {
        return (items, None);
    }
    items.truncate(limit);
    let next = items.last().map(key);
    (items, next)
}

/// Nothing here is older than 1970, and not every database knows the times before history.
pub fn in_our_time(at: Timestamp) -> Timestamp {
    at.max(Timestamp::from_micros(0))
}

/// How many to ask the database for: one more than fits tells whether there is another page.
pub fn one_more(limit: u32) -> i64 {
    i64::from(limit) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_what_it_writes_and_nothing_else() {
        let cursor = Cursor {
            at: Timestamp::from_secs(1_800_000_000),
            id: Uuid::from_u128(7),
        };
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        let endless = Cursor {
            at: Timestamp::from_micros(i64::MAX),
            id: Uuid::nil(),
        };
        for text in ["", "x", "AAAA", &cursor.to_string()[1..], &endless.to_string()] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_page_knows_whether_another_follows() {
        let key = |n: &i64| Cursor {
            at: Timestamp::from_secs(*n),
            id: Uuid::nil(),
        };
        assert_eq!(cut(vec![1, 2, 3], 3, key), (vec![1, 2, 3], None));
        assert_eq!(cut(vec![1, 2, 3], 2, key), (vec![1, 2], Some(key(&2))));
    }
}
