//! Runs the SQL of standard input on a database, in one transaction, by the product's own connection: what `make bench` fills
//! tables with.
//!
//!     run_sql sqlite:PATH|postgres://… < FILE

use std::io::Read;
use std::time::Duration;

use contactbar::db::{self, Db, Options};
use diesel::connection::SimpleConnection;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_default().parse()?;
    let mut statements = String::new();
    std::io::stdin().read_to_string(&mut statements)?;
    let db = Db::open(Options {
        url,
        pool_size: 1,
        acquire_timeout: Duration::from_secs(60),
        keep_prepared: true,
    })?;
    db.write(move |tx| Ok::<_, db::Error>(tx.batch_execute(&statements)?))
        .await?;
    Ok(())
}
