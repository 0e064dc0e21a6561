//! Statements that are parsed once.
//!
//! Diesel prepares an upsert and raw SQL anew each time, for their text could differ. Where the text is always the same, as
//! in a loop over rows, parsing it is most of the work on SQLite.

use std::marker::PhantomData;
use std::str::Split;

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Untyped};

/// SQL with a `?` for each value, on either database: `Statement::of("DELETE FROM t WHERE id = ?").bind::<Uid, _>(id)`. It
/// stays prepared on its connection, found again by its text, so that the text has to be a constant.
#[derive(Clone, Copy, Debug)]
pub struct Statement<Values> {
    text: &'static str,
    values: Values,
}

/// Values that are bound, the last one outermost.
#[derive(Clone, Copy, Debug)]
pub struct Bound<Before, Value, Type> {
    before: Before,
    value: Value,
    _type: PhantomData<Type>,
}

impl Statement<()> {
    pub const fn of(text: &'static str) -> Self {
        Self { text, values: () }
    }
}

impl<Values> Statement<Values> {
    /// The value of the next `?`.
    pub fn bind<Type, Value>(self, value: Value) -> Statement<Bound<Values, Value, Type>> {
        Statement {
            text: self.text,
            values: Bound {
                before: self.values,
                value,
                _type: PhantomData,
            },
        }
    }
}

/// Writes values between the pieces of a text.
pub trait Values<DB: Backend> {
    fn walk<'b>(
        &'b self,
        pieces: &mut Split<'static, char>,
        out: &mut AstPass<'_, 'b, DB>,
    ) -> QueryResult<()>;
}

impl<DB: Backend> Values<DB> for () {
    fn walk<'b>(
        &'b self,
        pieces: &mut Split<'static, char>,
        out: &mut AstPass<'_, 'b, DB>,
    ) -> QueryResult<()> {
        out.push_sql(pieces.next().unwrap_or_default());
        Ok(())
    }
}

impl<DB, Before, Value, Type> Values<DB> for Bound<Before, Value, Type>
where
    DB: Backend + HasSqlType<Type>,
    Before: Values<DB>,
    Value: ToSql<Type, DB>,
{
    fn walk<'b>(
        &'b self,
        pieces: &mut Split<'static, char>,
        out: &mut AstPass<'_, 'b, DB>,
    ) -> QueryResult<()> {
        self.before.walk(pieces, out)?;
        out.push_bind_param::<Type, Value>(&self.value)?;
        out.push_sql(pieces.next().unwrap_or_default());
        Ok(())
    }
}

impl<DB: Backend, V: Values<DB>> QueryFragment<DB> for Statement<V> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut pieces = self.text.split('?');
        self.values.walk(&mut pieces, &mut out)?;
        debug_assert!(pieces.next().is_none(), "a value is missing: {}", self.text);
        Ok(())
    }
}

/// Found again by its text.
impl<V> QueryId for Statement<V> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<V> Query for Statement<V> {
    type SqlType = Untyped;
}

impl<V, Conn> RunQueryDsl<Conn> for Statement<V> {}

#[cfg(test)]
mod tests {
    use diesel::connection::InstrumentationEvent;
    use diesel::sql_types::{BigInt, Text};

    use super::*;

    #[test]
    fn a_text_is_parsed_once_whatever_its_values() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        diesel::connection::SimpleConnection::batch_execute(
            &mut conn,
            "CREATE TABLE t (a TEXT PRIMARY KEY, n INTEGER)",
        )
        .unwrap();
        let parsed = std::sync::Arc::new(std::sync::Mutex::new(0));
        let counter = parsed.clone();
        conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if matches!(event, InstrumentationEvent::CacheQuery { .. }) {
                *counter.lock().unwrap() += 1;
            }
        });
        for n in 0..5i64 {
            let upsert = Statement::of(
                "INSERT INTO t VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET n = t.n + excluded.n",
            )
            .bind::<Text, _>("x")
            .bind::<BigInt, _>(n);
            assert_eq!(upsert.execute(&mut conn).unwrap(), 1);
        }
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            n: i64,
        }
        let row: Row = Statement::of("SELECT n FROM t WHERE a = ?")
            .bind::<Text, _>("x")
            .get_result(&mut conn)
            .unwrap();
        // Diesel tells of a text only when it is prepared to be kept: twice here, and not six times.
        assert_eq!((row.n, *parsed.lock().unwrap()), (10, 2));
    }
}
