//! What happens with notices, whole: written and scheduled by operators, sent by a job, read by those concerned.

mod breaches;
mod reading;
mod sending;
mod writing;

use crate::clock::{Clock, Timestamp};
use crate::db::{self, Conn, Db};
use crate::mail::{Announcement, Mailer, Template};
use crate::operators::{self, By};
use crate::secrets::Random;

use super::{Kind, Notice};

pub use writing::{Preview, Progress, Recipient};

/// The notices. Cheap to clone.
#[derive(Clone)]
pub struct Notices {
    db: Db,
    clock: Clock,
    random: Random,
    mailer: Mailer,
}

impl Notices {
    pub fn new(db: Db, clock: Clock, random: Random, mailer: Mailer) -> Self {
        Self {
            db,
            clock,
            random,
            mailer,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A notice's mail.
    fn template(&self, notice: &Notice) -> Template {
        Template::Notice(Announcement {
            kind: notice.kind,
            stage: notice.stage,
            release: notice.release.clone(),
            starts_at: notice.starts_at,
            ends_at: notice.ends_at,
            title: notice.title.clone(),
            body: notice.body.clone(),
            link: self.mailer.links().page("notices", &[]),
        })
    }

    fn record(
        &self,
        tx: &mut Conn,
        by: By,
        action: &str,
        target: impl ToString,
        detail: serde_json::Value,
    ) -> db::Result<()> {
        operators::record(tx, (&self.clock, &self.random), by, action, target, detail)
    }
}

/// Whether it concerns those on their way out, too: we still hold their data.
fn is_for_the_leaving(kind: Kind) -> bool {
    kind == Kind::SecurityBreach
}
