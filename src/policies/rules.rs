//! When a version is in effect for a member, how long it may object, what its decisions mean, and whether a piece of
//! data may be used: pure functions over values. "Later of" always favours the member; days are 24 hours.

use std::time::Duration;

use super::{Change, ChangeKey, Consequence, Decision, Purpose};
use crate::clock::Timestamp;
use crate::ids::PolicyVersionId;

/// How long a member may object (promise 3).
pub const WINDOW: Duration = Duration::from_secs(20 * 24 * 3600);

/// What became of a version on its way to one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub posted_at: Timestamp,
    /// The server's 250, for the first mail that left.
    pub sent_at: Option<Timestamp>,
    /// The 250 that no bounce took back; or when the member saw it in the dashboard.
    pub delivered_at: Option<Timestamp>,
    /// It came back, and has not been delivered since.
    pub bounced_at: Option<Timestamp>,
    /// It could not be sent, and won't be tried again by itself.
    pub failed_at: Option<Timestamp>,
}

/// Where a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum WindowState {
    /// Posted; the mail waits. Not in effect.
    Queued,
    /// The mail could not be sent. Not in effect.
    Unsent,
    /// In effect; the member may object.
    Open,
    /// In effect; the mail came back, so the time to object does not run.
    Bounced,
    /// In effect; the time to object is over.
    Passed,
}

impl Window {
    /// The later of posting and sending (promise 2). Never sent: never.
    pub fn effective_at(&self) -> Option<Timestamp> {
        self.sent_at.map(|sent| sent.max(self.posted_at))
    }

    pub fn is_in_effect(&self, at: Timestamp) -> bool {
        self.effective_at().is_some_and(|from| from <= at)
    }

    /// The last instant to object: 20 days after the later of posting and delivery. `None`: not delivered, no end.
    pub fn closes_at(&self) -> Option<Timestamp> {
        self.delivered_at
            .map(|delivered| delivered.max(self.posted_at) + WINDOW)
    }

    /// Whether a member may object: from the posting on.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.posted_at <= at && self.closes_at().is_none_or(|last| at <= last)
    }

    /// Whether it is in effect and the time to object is over.
    pub fn has_passed(&self, at: Timestamp) -> bool {
        self.is_in_effect(at) && self.closes_at().is_some_and(|last| last < at)
    }

    pub fn state(&self, at: Timestamp) -> WindowState {
        if !self.is_in_effect(at) {
            return if self.failed_at.is_some_and(|failed| failed <= at) {
                WindowState::Unsent
            } else {
                WindowState::Queued
            };
        }
        if self.has_passed(at) {
            WindowState::Passed
        } else if self.delivered_at.is_none() {
            WindowState::Bounced
        } else {
            WindowState::Open
        }
    }
}

/// A decision about one change, as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    pub version: PolicyVersionId,
    pub change: ChangeKey,
    pub decision: Decision,
    pub at: Timestamp,
}

/// What a member's decisions about a change come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Stand {
    /// Nothing was said, or what was said was taken back.
    #[default]
    Undecided,
    Accepted,
    Objected,
    OptedOut,
}

/// The last word about a change at an instant. `decisions` stand in their order.
pub fn stand(version: PolicyVersionId, change: &ChangeKey, decisions: &[Decided], at: Timestamp) -> Stand {
    let last = decisions
        .iter()
        .rfind(|decided| decided.version == version && decided.change == *change && decided.at <= at);
    match last.map(|decided| decided.decision) {
        Some(Decision::Accept | Decision::OptIn) => Stand::Accepted,
        Some(Decision::Object) => Stand::Objected,
        Some(Decision::OptOut) => Stand::OptedOut,
        Some(Decision::Withdraw | Decision::ContinuedUse) | None => Stand::Undecided,
    }
}

/// Why a decision can't be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDecided {
    #[error("the time to object ended at {0}")]
    Late(Timestamp),
    #[error("this change only corrects the text: there is nothing to decide")]
    NotMaterial,
    #[error("this change is not for marketing: accept it, or object to it")]
    NotMarketing,
    #[error("continued use is noted by itself")]
    NotAskedFor,
}

/// What is to be written down when a member says something to a change; `None`: it stands already, twice is as good as
/// once (promise 3).
pub fn decide(
    change: &Change,
    window: &Window,
    stands: Stand,
    said: Decision,
    now: Timestamp,
) -> Result<Option<Decision>, NotDecided> {
    if !change.material {
        return Err(NotDecided::NotMaterial);
    }
    // A no to marketing is an opt-out, however it is put; it has no deadline (promise 6).
    let said = match said {
        Decision::Object if change.marketing => Decision::OptOut,
        Decision::Withdraw if change.marketing => Decision::OptIn,
        said => said,
    };
    match said {
        Decision::OptOut | Decision::OptIn if !change.marketing => Err(NotDecided::NotMarketing),
        Decision::OptOut => Ok((stands != Stand::OptedOut).then_some(said)),
        Decision::OptIn => Ok((stands != Stand::Accepted).then_some(said)),
        Decision::Accept if change.marketing && stands == Stand::OptedOut => Ok(Some(Decision::OptIn)),
        Decision::Accept => Ok((stands != Stand::Accepted).then_some(said)),
        Decision::Object if stands == Stand::Objected => Ok(None),
        Decision::Object => match window.closes_at().filter(|_| !window.is_open(now)) {
            Some(closed) => Err(NotDecided::Late(closed)),
            None => Ok(Some(said)),
        },
        Decision::Withdraw => Ok((stands == Stand::Objected).then_some(said)),
        Decision::ContinuedUse => Err(NotDecided::NotAskedFor),
    }
}

/// When and under which version of the privacy policy a piece of data was collected; stays with it for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Collected {
    pub at: Timestamp,
    pub under: PolicyVersionId,
}

/// A posted version of the privacy policy, and its window for the member, if it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    pub id: PolicyVersionId,
    pub number: i32,
    pub posted_at: Timestamp,
    pub changes: Vec<Change>,
    pub window: Option<Window>,
}

impl Posted {
    fn is_material(&self) -> bool {
        self.changes.iter().any(|change| change.material)
    }
}

/// All that is known about the privacy policy and one member. A `None` in `joined`: nobody's account, so that there is
/// no window to wait for and none to object in; what was collected stays under its own version.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    /// The version that was agreed to at registration: binding without a window.
    pub joined: Option<i32>,
    /// All of them, oldest first.
    pub versions: Vec<Posted>,
    /// The member's, in their order.
    pub decisions: Vec<Decided>,
}

impl Ledger {
    fn number_of(&self, id: PolicyVersionId) -> Option<i32> {
        self.versions
            .iter()
            .find(|posted| posted.id == id)
            .map(|posted| posted.number)
    }

    fn is_in_effect(&self, posted: &Posted, at: Timestamp) -> bool {
        match (self.joined, posted.window) {
            (None, _) => posted.posted_at <= at,
            (Some(joined), _) if posted.number <= joined => true,
            (_, Some(window)) => window.is_in_effect(at),
            // Typos are nobody's to wait for.
            (_, None) => !posted.is_material() && posted.posted_at <= at,
        }
    }

    /// The version under which something is collected at that instant: the newest in effect.
    pub fn under(&self, at: Timestamp) -> Option<PolicyVersionId> {
        self.versions
            .iter()
            .rfind(|posted| self.is_in_effect(posted, at))
            .map(|posted| posted.id)
    }

    /// What is derived inherits the strictest of its sources (promise 4): the oldest version, the earliest time.
    pub fn strictest(&self, sources: &[Collected]) -> Option<Collected> {
        let at = sources.iter().map(|source| source.at).min()?;
        let under = sources
            .iter()
            .min_by_key(|source| self.number_of(source.under).unwrap_or(0))?
            .under;
        Some(Collected { at, under })
    }
}

/// A piece of data, with the ledger of the member that it belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Data<'a> {
    pub collected: Collected,
    pub ledger: &'a Ledger,
}

/// The proof that [`may_use`] said yes to one purpose; nothing else makes one. What uses data asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    purpose: Purpose,
    collected: Collected,
}

impl Allowed {
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    pub fn collected(&self) -> Collected {
        self.collected
    }
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refused {
    #[error("no version allows it")]
    NotGranted,
    #[error("it was collected later")]
    NotYetCollected,
    #[error("the version that allows it is not in effect")]
    NotInEffect,
    #[error("it was collected before, and the time to object is not over")]
    WindowOpen,
    #[error("the member objected")]
    Objected,
    #[error("the member opted out")]
    OptedOut,
    #[error("it is sensitive, and the member has not said yes")]
    NotConsented,
}

/// May this be used for that purpose, at that instant? Every use asks here (promise 4).
///
/// A purpose comes from the first version or from changes of later ones; one that allows it is enough. What a change
/// brings holds for data that was collected once it was in effect, and for older data when the window has passed without
/// an objection (promise 8).
pub fn may_use(data: &Data<'_>, purpose: Purpose, at: Timestamp) -> Result<Allowed, Refused> {
    let Data { collected, ledger } = *data;
    let allowed = Allowed { purpose, collected };
    if at < collected.at {
        return Err(Refused::NotYetCollected);
    }
    let Some(under) = ledger.number_of(collected.under) else {
        return Err(Refused::NotGranted);
    };
    if purpose.is_in_first_version() {
        return Ok(allowed);
    }
    let changes = ledger.versions.iter().flat_map(|posted| {
        let changes = posted.changes.iter().filter(|change| change.material);
        changes.map(move |change| (posted, change))
    });
    let mut refused = Refused::NotGranted;
    for (posted, change) in changes.filter(|(_, change)| change.purpose == purpose) {
        match by_change(ledger, posted, change, under, collected.at, at) {
            Ok(()) => return Ok(allowed),
            Err(why) => refused = refused.max(why),
        }
    }
    Err(refused)
}

fn by_change(
    ledger: &Ledger,
    posted: &Posted,
    change: &Change,
    under: i32,
    collected_at: Timestamp,
    at: Timestamp,
) -> Result<(), Refused> {
    let stands = stand(posted.id, &change.key, &ledger.decisions, at);
    if stands == Stand::OptedOut {
        return Err(Refused::OptedOut);
    }
    if stands == Stand::Objected && change.consequence() != Consequence::EndsAccount {
        return Err(Refused::Objected);
    }
    if change.sensitive && stands != Stand::Accepted {
        return Err(Refused::NotConsented);
    }
    if ledger.joined.is_none_or(|joined| posted.number <= joined) {
        // Agreed to with the version; what a lead left before keeps its own (promise 7).
        return if posted.number <= under {
            Ok(())
        } else {
            Err(Refused::NotGranted)
        };
    }
    let Some(window) = posted.window.filter(|window| window.is_in_effect(at)) else {
        return Err(Refused::NotInEffect);
    };
    if window.is_in_effect(collected_at) && posted.number <= under {
        return Ok(()); // collected afterwards: it falls under the new version, even an objector's (promise 4)
    }
    if stands == Stand::Objected {
        Err(Refused::Objected)
    } else if window.has_passed(at) {
        Ok(())
    } else {
        Err(Refused::WindowOpen)
    }
}
