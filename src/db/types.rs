//! Our own SQL types, native on each side, and the values that live in them.
//!
//! | here | PostgreSQL | SQLite |
//! |---|---|---|
//! | `Uid` | `uuid` | 16-byte `BLOB` |
//! | `Moment` | `timestamptz` | integer microseconds since 1970 |
//! | `Document` | `jsonb` | `TEXT` |

use std::io::Write;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{HasSqlType, SqlOrd, SqlType};
use diesel::sqlite::Sqlite;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::connection::MultiBackend;
use crate::clock::Timestamp;
use crate::ids::*;

#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(sqlite_type(name = "Binary"))]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
pub struct Uid;

#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(sqlite_type(name = "Long"))]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
pub struct Moment;

#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(sqlite_type(name = "Text"))]
#[diesel(postgres_type(oid = 3802, array_oid = 3807))]
pub struct Document;

impl SqlOrd for Uid {}
impl SqlOrd for Moment {}

macro_rules! on_multi_backend {
    ($($sql:ident),*) => { $(
        impl HasSqlType<$sql> for MultiBackend {
            fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
                MultiBackend::lookup_sql_type::<$sql>(lookup)
            }
        }
    )* };
}
on_multi_backend!(Uid, Moment, Document);

/// Lets a value be bound to and read from columns of an SQL type, on either database and on the enum of both.
macro_rules! bindable {
    ($value:ty: $sql:ty $(, <$generic:ident: $($bound:path),+>)?) => {
        impl$(<$generic: $($bound +)+ std::fmt::Debug + 'static>)? AsExpression<$sql> for $value {
            type Expression = diesel::internal::derives::as_expression::Bound<$sql, Self>;
            fn as_expression(self) -> Self::Expression {
                diesel::internal::derives::as_expression::Bound::new(self)
            }
        }
        impl$(<$generic: $($bound +)+ std::fmt::Debug + 'static>)? AsExpression<diesel::sql_types::Nullable<$sql>> for $value {
            type Expression = diesel::internal::derives::as_expression::Bound<diesel::sql_types::Nullable<$sql>, Self>;
            fn as_expression(self) -> Self::Expression {
                diesel::internal::derives::as_expression::Bound::new(self)
            }
        }
        impl<'expr, $($generic: $($bound +)+ std::fmt::Debug + 'static)?> AsExpression<$sql> for &'expr $value {
            type Expression = diesel::internal::derives::as_expression::Bound<$sql, Self>;
            fn as_expression(self) -> Self::Expression {
                diesel::internal::derives::as_expression::Bound::new(self)
            }
        }
        impl<'expr, $($generic: $($bound +)+ std::fmt::Debug + 'static)?> AsExpression<diesel::sql_types::Nullable<$sql>> for &'expr $value {
            type Expression = diesel::internal::derives::as_expression::Bound<diesel::sql_types::Nullable<$sql>, Self>;
            fn as_expression(self) -> Self::Expression {
                diesel::internal::derives::as_expression::Bound::new(self)
            }
        }
        impl<DB_: Backend, $($generic: $($bound +)+ std::fmt::Debug + 'static)?> ToSql<diesel::sql_types::Nullable<$sql>, DB_> for $value
        where
            $value: ToSql<$sql, DB_>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB_>) -> serialize::Result {
                <Self as ToSql<$sql, DB_>>::to_sql(self, out)
            }
        }
        impl<DB_: Backend, ST_, $($generic: $($bound +)+)?> diesel::Queryable<ST_, DB_> for $value
        where
            $value: FromSql<ST_, DB_>,
            ST_: diesel::sql_types::SingleValue,
        {
            type Row = Self;
            fn build(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
        }
        impl$(<$generic: $($bound +)+ std::fmt::Debug + 'static>)? ToSql<$sql, MultiBackend> for $value {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
                out.set_value((<$sql>::default_marker(), self));
                Ok(IsNull::No)
            }
        }
        impl$(<$generic: $($bound +)+>)? FromSql<$sql, MultiBackend> for $value {
            fn from_sql(bytes: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                bytes.from_sql::<$value, $sql>()
            }
        }
    };
}

/// The value of a marker type, for the tuple that `MultiBackend` wants.
pub trait Marker {
    fn default_marker() -> Self;
}
impl Marker for Uid {
    fn default_marker() -> Self {
        Uid
    }
}
impl Marker for Moment {
    fn default_marker() -> Self {
        Moment
    }
}
impl Marker for Document {
    fn default_marker() -> Self {
        Document
    }
}
impl Marker for diesel::sql_types::Text {
    fn default_marker() -> Self {
        diesel::sql_types::Text
    }
}

macro_rules! id_column {
    ($id:ident) => {
        bindable!($id: Uid);

        impl ToSql<Uid, Sqlite> for $id {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.uuid().as_bytes().as_slice());
                Ok(IsNull::No)
            }
        }
        impl FromSql<Uid, Sqlite> for $id {
            fn from_sql(bytes: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                let bytes = <Vec<u8> as FromSql<diesel::sql_types::Binary, Sqlite>>::from_sql(bytes)?;
                Ok($id::from_uuid(uuid::Uuid::from_slice(&bytes)?))
            }
        }
        impl ToSql<Uid, Pg> for $id {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                out.write_all(self.uuid().as_bytes())?;
                Ok(IsNull::No)
            }
        }
        impl FromSql<Uid, Pg> for $id {
            fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
                Ok($id::from_uuid(uuid::Uuid::from_slice(bytes.as_bytes())?))
            }
        }
    };
}
crate::ids::for_each_id!(id_column);

bindable!(Timestamp: Moment);

/// PostgreSQL counts microseconds from 2000-01-01.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

impl ToSql<Moment, Sqlite> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.micros());
        Ok(IsNull::No)
    }
}
impl FromSql<Moment, Sqlite> for Timestamp {
    fn from_sql(bytes: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<diesel::sql_types::BigInt, Sqlite>>::from_sql(bytes)?;
        Ok(Timestamp::from_micros(micros))
    }
}
impl ToSql<Moment, Pg> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&(self.micros() - POSTGRES_EPOCH_MICROS).to_be_bytes())?;
        Ok(IsNull::No)
    }
}
impl FromSql<Moment, Pg> for Timestamp {
    fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
        let micros = i64::from_be_bytes(bytes.as_bytes().try_into()?);
        Ok(Timestamp::from_micros(micros + POSTGRES_EPOCH_MICROS))
    }
}

/// A JSON column that holds a `T`.
#[derive(Debug, Clone, PartialEq)]
pub struct Json<T>(pub T);

bindable!(Json<T>: Document, <T: Serialize, DeserializeOwned, Send, Sync>);

impl<T: Serialize + std::fmt::Debug> ToSql<Document, Sqlite> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(serde_json::to_string(&self.0)?);
        Ok(IsNull::No)
    }
}
impl<T: DeserializeOwned> FromSql<Document, Sqlite> for Json<T> {
    fn from_sql(bytes: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<diesel::sql_types::Text, Sqlite>>::from_sql(bytes)?;
        Ok(Json(serde_json::from_str(&text)?))
    }
}
impl<T: Serialize + std::fmt::Debug> ToSql<Document, Pg> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[1])?; // jsonb's binary form opens with its version
        serde_json::to_writer(out, &self.0)?;
        Ok(IsNull::No)
    }
}
impl<T: DeserializeOwned> FromSql<Document, Pg> for Json<T> {
    fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
        match bytes.as_bytes() {
            [1, json @ ..] => Ok(Json(serde_json::from_slice(json)?)),
            _ => Err("jsonb of an unknown version".into()),
        }
    }
}

/// Teaches a `TEXT` column a type that has `as_str()` and `FromStr`: an enum's names, a parsed address.
macro_rules! text_column {
    ($($value:ty),+ $(,)?) => { $(
        const _: () = {
            use diesel::backend::Backend;
            use diesel::deserialize::{self, FromSql};
            use diesel::expression::AsExpression;
            use diesel::serialize::{self, IsNull, Output, ToSql};
            use diesel::sql_types::Text;
            use $crate::db::types::Marker;
            use $crate::db::MultiBackend;

            bindable!($value: Text);

            impl ToSql<Text, diesel::sqlite::Sqlite> for $value {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::sqlite::Sqlite>) -> serialize::Result {
                    out.set_value(self.as_str());
                    Ok(IsNull::No)
                }
            }
            impl FromSql<Text, diesel::sqlite::Sqlite> for $value {
                fn from_sql(bytes: <diesel::sqlite::Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                    let text = <String as FromSql<Text, diesel::sqlite::Sqlite>>::from_sql(bytes)?;
                    text.parse().map_err(|_| format!("unknown value {text:?}").into())
                }
            }
            impl ToSql<Text, diesel::pg::Pg> for $value {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, diesel::pg::Pg>) -> serialize::Result {
                    <str as ToSql<Text, diesel::pg::Pg>>::to_sql(self.as_str(), out)
                }
            }
            impl FromSql<Text, diesel::pg::Pg> for $value {
                fn from_sql(bytes: diesel::pg::PgValue<'_>) -> deserialize::Result<Self> {
                    let text = std::str::from_utf8(bytes.as_bytes())?;
                    text.parse().map_err(|_| format!("unknown value {text:?}").into())
                }
            }
        };
    )+ };
}
