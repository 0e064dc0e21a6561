//! Changes of policies, member by member: posted and mailed in one transaction, answered, and carried out.

use std::collections::BTreeMap;

use serde_json::json;

use super::leaving::Ending;
use super::{Accounts, existing};
use crate::accounts::jobs::EndMember;
use crate::accounts::policy_changes::{Announced, Answer, PolicyError, Receipt};
use crate::accounts::store::policy_changes::{self, Account};
use crate::accounts::store::{members, team};
use crate::accounts::team::GRACE;
use crate::accounts::{Access, Error, Member, SignedIn};
use crate::audit::{self, Actor, Entry};
use crate::clock::{DAY, Timestamp};
use crate::db::{self, Conn};
use crate::ids::{JobId, MemberId, PolicyVersionId, UserId};
use crate::jobs::{self, Priority};
use crate::mail::{Category, Draft, EmailAddress, Language, Recipient, Shared, Template};
use crate::policies::rules::{Decided, Stand, decide, stand};
use crate::policies::{
    self, Change, Collected, Consequence, Data, Decision, Document, NewDecision, NewWindow, PolicyVersion,
    Recorded, Way, WindowRow, may_use,
};
use crate::secrets::sha256;

/// So many members a mail to the operator names.
const NAMED: usize = 50;
/// A mail that has waited for so long is the operator's business.
const LATE: std::time::Duration = DAY;

impl Accounts {
    /// Posts the draft of a document: immutable from then on, and, if members are to be told, with one mail queued for each
    /// open account, all in one transaction (promise 1). Answers the version and how many accounts it concerns.
    pub async fn post_policy(&self, document: Document) -> Result<(PolicyVersion, usize), PolicyError> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                policies::lock_document(tx, document)?;
                let draft = policies::find_draft(tx, document)?.ok_or(PolicyError::NoDraft)?;
                let before = policies::list_versions(tx, document)?;
                draft.check(&before)?;
                let version = PolicyVersion {
                    id: PolicyVersionId::new(&service.clock, &service.random),
                    document,
                    version: before.first().map_or(1, |newest| newest.version + 1),
                    sha256: sha256(draft.body.as_bytes()).to_vec(),
                    title: draft.title,
                    body: draft.body,
                    changes: draft.changes,
                    posted_at: service.now(),
                    key: service.random.bytes::<32>().to_vec(),
                };
                policies::insert_version(tx, &version)?;
                policies::forget_draft(tx, document)?;
                let entry = Entry::new(
                    &service.clock,
                    &service.random,
                    None,
                    Actor::System,
                    "policy.posted",
                    version.id,
                );
                audit::record(tx, &entry.with(json!({ "sha256": version.sha256_hex() })))?;
                let told = if version.is_material() {
                    service.open_windows(tx, &version)?
                } else {
                    0
                };
                Ok((version, told))
            })
            .await
    }

    /// Opens a window, with its mail, for every open account that has none for this version.
    fn open_windows(&self, tx: &mut Conn, version: &PolicyVersion) -> Result<usize, PolicyError> {
        let accounts = policy_changes::list_untold(tx, version)?;
        let messages = self.tell(tx, version, &accounts)?;
        let windows: Vec<_> = accounts
            .iter()
            .map(|account| NewWindow {
                member: account.member,
                message: messages.get(&account.member).copied(),
            })
            .collect();
        policies::insert_windows(tx, version.id, version.posted_at, self.now(), &windows)?;
        Ok(windows.len())
    }

    /// Queues one mail to each account that has an address, in its language.
    fn tell(
        &self,
        tx: &mut Conn,
        version: &PolicyVersion,
        accounts: &[Account],
    ) -> Result<BTreeMap<MemberId, crate::ids::MessageId>, PolicyError> {
        // No change concerns the mail that tells of changes: the versions alone answer for everybody.
        let ledger = policies::ledger_of(tx, None)?;
        let (now, purpose) = (self.now(), Category::SystemAlerts.purpose());
        let recipient = |account: &Account| {
            let collected = Collected {
                at: account.collected_at?,
                under: account.policy_version_id?,
            };
            let data = Data {
                collected,
                ledger: &ledger,
            };
            Some(Recipient {
                member: account.member,
                user: account.user?,
                to: account.email.clone()?,
                allowed: may_use(&data, purpose, now).ok()?,
            })
        };
        let mut told = BTreeMap::new();
        for language in Language::ALL {
            let recipients: Vec<_> = accounts
                .iter()
                .filter(|account| account.language == language)
                .filter_map(recipient)
                .collect();
            if recipients.is_empty() {
                continue;
            }
            let path = format!("policies/{}/{}", version.document.as_str(), version.version);
            let shared = Shared {
                topic: version.id.to_string(),
                template: Template::PolicyChange {
                    document: version.document,
                    version: version.version,
                    changes: version.changes.clone(),
                    read_link: self.mailer.links().page(&path, &[]),
                    answer_link: self.mailer.personal_link("objection"),
                },
                language,
                priority: Priority::Low,
                key: version.key.clone(),
            };
            let ids = self.mailer.enqueue_all(tx, &shared, &recipients)?;
            told.extend(recipients.iter().map(|recipient| recipient.member).zip(ids));
        }
        Ok(told)
    }

    /// Sees to versions on their way: tells accounts that were left out, writes to a new address where the old one did not
    /// take the mail, and tells the operator of whom it could not be sent to (promise 2).
    pub(in crate::accounts) async fn watch_policies(
        &self,
        operator: Option<EmailAddress>,
    ) -> Result<(), PolicyError> {
        let versions = self.db.read(policies::posted_material).await?;
        for version in versions {
            let (service, operator) = (self.clone(), operator.clone());
            self.db
                .write(move |tx| service.watch_version(tx, &version, operator.as_ref()))
                .await?;
        }
        Ok(())
    }

    fn watch_version(
        &self,
        tx: &mut Conn,
        version: &PolicyVersion,
        operator: Option<&EmailAddress>,
    ) -> Result<(), PolicyError> {
        self.open_windows(tx, version)?;
        let now = self.now();
        let mut unsent = Vec::new();
        for waiting in policies::list_undelivered(tx, version.id, now - LATE)? {
            let account = policy_changes::find_account(tx, waiting.member)?;
            let old = match waiting.message {
                Some(message) => self.mailer.find_recipient(tx, message)?,
                None => None,
            };
            let gone = waiting.failed_at.is_some() || waiting.bounced_at.is_some() || old.is_none();
            if let Some(account) = &account
                && account.email.is_some()
                && account.email != old
                && gone
            {
                let told = self.tell(tx, version, std::slice::from_ref(account))?;
                if let Some(message) = told.get(&waiting.member) {
                    policies::requeue(tx, waiting.member, version.id, *message, now)?;
                    continue;
                }
            }
            let is_late = version.posted_at + LATE <= now || waiting.failed_at.is_some();
            if account.is_some() && waiting.sent_at.is_none() && waiting.told_at.is_none() && is_late {
                unsent.push(waiting.member);
            }
        }
        if !unsent.is_empty() {
            self.tell_operator(tx, version, &unsent, operator)?;
            policies::mark_told(tx, version.id, &unsent, now)?;
        }
        Ok(())
    }

    fn tell_operator(
        &self,
        tx: &mut Conn,
        version: &PolicyVersion,
        unsent: &[MemberId],
        operator: Option<&EmailAddress>,
    ) -> Result<(), PolicyError> {
        tracing::warn!(
            policy.document = version.document.as_str(),
            policy.version = version.version,
            members = unsent.len(),
            "a version could not be sent, and is not in effect for these members"
        );
        let Some(to) = operator else { return Ok(()) };
        let template = Template::PolicyNotSent {
            document: version.document,
            version: version.version,
            members: unsent.iter().copied().take(NAMED).collect(),
            total: u32::try_from(unsent.len()).unwrap_or(u32::MAX),
        };
        let now = self.now();
        let collected = policies::collected_now_by(tx, &[], now)?;
        let purpose = template.category().purpose();
        if let Some(allowed) = policies::ask(tx, None, collected, purpose, now)? {
            self.mailer
                .enqueue(tx, Draft::new(to.clone(), Language::En, template), allowed)?;
        }
        Ok(())
    }

    /// The versions that concern a member, newest first, and where each stands.
    pub async fn list_policy_changes(&self, member: MemberId) -> Result<Vec<Announced>, PolicyError> {
        let now = self.now();
        self.db
            .read(move |conn| {
                let decided = decided(&policies::decisions_of_member(conn, member)?);
                let mut all = Vec::new();
                for row in policies::windows_of_member(conn, member)? {
                    let version = version(conn, row.version)?;
                    all.push(announced(version, &row, &decided, now));
                }
                Ok(all)
            })
            .await
    }

    /// All that was ever said for a member, newest first.
    pub async fn list_policy_decisions(
        &self,
        member: MemberId,
    ) -> Result<Vec<(Recorded, PolicyVersion)>, PolicyError> {
        self.db
            .read(move |conn| {
                let mut all = Vec::new();
                for recorded in policies::decisions_of_member(conn, member)?.into_iter().rev() {
                    let version = version(conn, recorded.version)?;
                    all.push((recorded, version));
                }
                Ok(all)
            })
            .await
    }

    /// Whose answer a mail's link takes, and to which version; changes nothing.
    pub async fn find_objection_link(
        &self,
        link: String,
    ) -> Result<Option<(Member, Announced)>, PolicyError> {
        let (service, now) = (self.clone(), self.now());
        self.db
            .read(move |conn| {
                let Some(personal) = service.mailer.find_personal(conn, &link)? else {
                    return Ok(None);
                };
                let Ok(id) = personal.topic.parse::<PolicyVersionId>() else {
                    return Ok(None);
                };
                let Some(row) = policies::find_window(conn, personal.member, id)? else {
                    return Ok(None);
                };
                let Some(member) = team::find_member(conn, personal.member)? else {
                    return Ok(None);
                };
                let decided = decided(&policies::decisions_of_member(conn, member.id)?);
                Ok(Some((member, announced(version(conn, id)?, &row, &decided, now))))
            })
            .await
    }

    /// Takes what a member says to one change. Twice is as good as once; what it brings about happens with it.
    pub async fn answer_policy_change(&self, answer: Answer) -> Result<Announced, PolicyError> {
        let service = self.clone();
        let announced = self.db.write(move |tx| service.take_answer(tx, &answer)).await?;
        (self.bars_changed)();
        Ok(announced)
    }

    fn take_answer(&self, tx: &mut Conn, answer: &Answer) -> Result<Announced, PolicyError> {
        let now = self.now();
        team::lock_member(tx, answer.member)?;
        let member = team::find_member(tx, answer.member)?.ok_or(Error::NotFound)?;
        let row = policies::find_window(tx, member.id, answer.version)?.ok_or(Error::NotFound)?;
        let version = version(tx, row.version)?;
        let change = version.find_change(&answer.change).ok_or(Error::NotFound)?;
        let before = decided(&policies::decisions_of_member(tx, member.id)?);
        let stood = last_word(&version, change, &before);
        let taken = decide(change, &row.window, stood, answer.decision, now)?;
        if let Some(decision) = taken {
            if member.ends_at.is_some_and(|ends_at| ends_at <= now) {
                return Err(PolicyError::Ended);
            }
            let consequence = change.consequence();
            if decision == Decision::Object && answer.understood != Some(consequence) {
                return Err(PolicyError::NotConfirmed(consequence));
            }
            self.keep_decision(tx, answer, decision)?;
            if consequence == Consequence::EndsAccount {
                match decision {
                    Decision::Object => self.end_by_objection(tx, &member, &version, change)?,
                    Decision::Withdraw | Decision::Accept if stood == Stand::Objected => {
                        self.stay_after_objections(tx, &member)?;
                    }
                    _ => {}
                }
            }
        }
        let row = policies::find_window(tx, member.id, version.id)?.ok_or(Error::NotFound)?;
        let after = decided(&policies::decisions_of_member(tx, member.id)?);
        Ok(announced(version, &row, &after, now))
    }

    fn keep_decision(&self, tx: &mut Conn, answer: &Answer, decision: Decision) -> Result<(), Error> {
        let new = NewDecision {
            member: answer.member,
            user: answer.user,
            version: answer.version,
            change: Some(&answer.change),
            decision,
            way: answer.way,
            language: answer.language.as_str(),
        };
        policies::record_decision(tx, &self.clock, &self.random, &new)?;
        let actor = answer.user.map_or(Actor::Anonymous, Actor::User);
        let action = format!("policy.{}", decision.as_str());
        let entry = Entry::new(
            &self.clock,
            &self.random,
            Some(answer.member),
            actor,
            &action,
            answer.version,
        );
        let detail = json!({ "change": answer.change, "way": answer.way.as_str() });
        Ok(audit::record(tx, &entry.with(detail))?)
    }

    /// An objection to what can't be left out for one account ends it (promise 5): as an owner would, with its bars off and
    /// 30 days to stay after all. One that was ending anyway keeps its date.
    fn end_by_objection(
        &self,
        tx: &mut Conn,
        member: &Member,
        version: &PolicyVersion,
        change: &Change,
    ) -> Result<(), PolicyError> {
        let earlier = policies::windows_of_member(tx, member.id)?
            .into_iter()
            .find_map(|row| row.ends_at);
        let ends_at = match member.ends_at {
            None => {
                let ends_at = self.now() + GRACE;
                self.set_end(tx, member.id, Some(ends_at))?;
                self.tell_of_objection(tx, member, change, ends_at)?;
                Some(ends_at)
            }
            Some(ends_at) => earlier.filter(|earlier| *earlier == ends_at),
        };
        Ok(policies::set_window_end(tx, member.id, version.id, ends_at)?)
    }

    fn tell_of_objection(
        &self,
        tx: &mut Conn,
        member: &Member,
        change: &Change,
        ends_at: Timestamp,
    ) -> Result<(), PolicyError> {
        let mail = Template::ObjectionEnding {
            member_name: member.name.to_string(),
            change: change.title.clone(),
            ends_at,
            export_link: self.mailer.links().page("contacts", &[]),
            withdraw_link: self.mailer.links().page("settings/policies", &[]),
        };
        Ok(self.tell_owners(tx, member, &mail)?)
    }

    /// The account stays, unless another objection stands or an owner ended it.
    fn stay_after_objections(&self, tx: &mut Conn, member: &Member) -> Result<(), PolicyError> {
        let all = decided(&policies::decisions_of_member(tx, member.id)?);
        let (mut ended, mut stands) = (None, false);
        for row in policies::windows_of_member(tx, member.id)? {
            let Some(ends_at) = row.ends_at else { continue };
            ended = ended.or(Some(ends_at));
            if standing(&version(tx, row.version)?, &all).next().is_some() {
                stands = true;
            } else {
                policies::set_window_end(tx, member.id, row.version, None)?;
            }
        }
        if !stands && ended.is_some() && member.ends_at == ended {
            self.set_end(tx, member.id, None)?;
            let mail = Template::MemberStays {
                member_name: member.name.to_string(),
                bars_link: self.mailer.links().page("bars", &[]),
            };
            self.tell_owners(tx, member, &mail)?;
        }
        Ok(())
    }

    /// An owner keeps an account that was ending: the objections that would end it are taken back with that.
    pub(super) fn withdraw_objections(
        &self,
        tx: &mut Conn,
        member: &Member,
        user: UserId,
    ) -> Result<(), Error> {
        let all = decided(&policies::decisions_of_member(tx, member.id)?);
        let language = existing(tx, user)?.user.language;
        for row in policies::windows_of_member(tx, member.id)? {
            let version = version(tx, row.version)?;
            for change in standing(&version, &all) {
                let answer = Answer {
                    member: member.id,
                    user: Some(user),
                    version: version.id,
                    change: change.key.clone(),
                    decision: Decision::Withdraw,
                    understood: None,
                    way: Way::Api,
                    language,
                };
                self.keep_decision(tx, &answer, Decision::Withdraw)?;
            }
            if row.ends_at.is_some() {
                policies::set_window_end(tx, member.id, row.version, None)?;
            }
        }
        Ok(())
    }

    /// Sets or takes back a member's end, with its job, and tells those who have to act on it.
    pub(super) fn set_end(
        &self,
        tx: &mut Conn,
        member: MemberId,
        ends_at: Option<Timestamp>,
    ) -> db::Result<()> {
        team::set_end(tx, member, ends_at)?;
        if let Some(ends_at) = ends_at {
            let job = JobId::new(&self.clock, &self.random);
            jobs::enqueue_for::<EndMember>(tx, job, &Ending { member, ends_at }, ends_at, None)?;
        }
        (self.end_changed)(tx, member)
    }

    /// The member has seen in the dashboard what no mail brought: its time to object begins.
    pub async fn see_policy_change(
        &self,
        access: &Access,
        id: PolicyVersionId,
    ) -> Result<Announced, PolicyError> {
        let (service, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                let now = service.now();
                team::lock_member(tx, access.member)?;
                policies::see_window(tx, access.member, id, now)?;
                let row = policies::find_window(tx, access.member, id)?.ok_or(Error::NotFound)?;
                let decided = decided(&policies::decisions_of_member(tx, access.member)?);
                Ok(announced(version(tx, id)?, &row, &decided, now))
            })
            .await
    }

    /// A receipt for what was said to a version.
    pub async fn policy_receipt(
        &self,
        member: MemberId,
        id: PolicyVersionId,
    ) -> Result<Receipt, PolicyError> {
        let now = self.now();
        self.db
            .read(move |conn| {
                let version = policies::find_version_by_id(conn, id)?.ok_or(Error::NotFound)?;
                let window = policies::find_window(conn, member, id)?.map(|row| row.window);
                let decisions = policies::decisions_of_member(conn, member)?;
                let lines = decisions.into_iter().filter(|recorded| recorded.version == id);
                let receipt = Receipt {
                    member,
                    policy_version: id,
                    document: version.document,
                    version: version.version,
                    sha256: version.sha256_hex(),
                    posted_at: version.posted_at,
                    sent_at: window.and_then(|window| window.sent_at),
                    delivered_at: window.and_then(|window| window.delivered_at),
                    decisions: lines.map(Into::into).collect(),
                    issued_at: now,
                    signature: String::new(),
                };
                if window.is_none() && receipt.decisions.is_empty() {
                    return Err(Error::NotFound.into());
                }
                Ok(receipt.sign(&version.key))
            })
            .await
    }

    /// Whether a receipt is one of ours, unchanged.
    pub async fn verify_receipt(&self, receipt: Receipt) -> Result<bool, PolicyError> {
        self.db
            .read(move |conn| {
                let version = policies::find_version_by_id(conn, receipt.policy_version)?;
                Ok(version.is_some_and(|version| receipt.is_signed_by(&version.key)))
            })
            .await
    }

    /// A user acts for their member: once for each version that is in effect, that is acceptance, never consent (promise 9).
    /// Who has objected accepts nothing by going on.
    pub(in crate::accounts) async fn note_use(&self, signed_in: SignedIn) -> Result<(), Error> {
        let Some((member, _)) = signed_in.membership else {
            return Ok(());
        };
        let now = self.now();
        let waiting = self.db.read(move |conn| unnoted(conn, member, now)).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let service = self.clone();
        self.db
            .write(move |tx| {
                team::lock_member(tx, member)?;
                let language = existing(tx, signed_in.user)?.user.language;
                if members::find_role(tx, member, signed_in.user)?.is_none() {
                    return Ok(());
                }
                for version in unnoted(tx, member, now)? {
                    let new = NewDecision {
                        member,
                        user: Some(signed_in.user),
                        version,
                        change: None,
                        decision: Decision::ContinuedUse,
                        way: Way::Use,
                        language: language.as_str(),
                    };
                    policies::record_decision(tx, &service.clock, &service.random, &new)?;
                }
                Ok(())
            })
            .await
    }
}

/// The versions in effect for a member to which going on would say something: nothing was noted, and no objection stands.
fn unnoted(conn: &mut Conn, member: MemberId, now: Timestamp) -> Result<Vec<PolicyVersionId>, Error> {
    let waiting = policies::unaware_of_use(conn, member, now)?;
    if waiting.is_empty() {
        return Ok(waiting);
    }
    let all = decided(&policies::decisions_of_member(conn, member)?);
    let mut unnoted = Vec::new();
    for id in waiting {
        let version = policies::find_version_by_id(conn, id)?.ok_or(Error::NotFound)?;
        let objected = version
            .changes
            .iter()
            .any(|change| last_word(&version, change, &all) == Stand::Objected);
        if !objected {
            unnoted.push(id);
        }
    }
    Ok(unnoted)
}

fn version(conn: &mut Conn, id: PolicyVersionId) -> Result<PolicyVersion, Error> {
    policies::find_version_by_id(conn, id)?.ok_or(Error::NotFound)
}

/// The decisions about changes, in their order.
fn decided(all: &[Recorded]) -> Vec<Decided> {
    all.iter()
        .filter_map(|recorded| {
            Some(Decided {
                version: recorded.version,
                change: recorded.change.clone()?,
                decision: recorded.decision,
                at: recorded.at,
            })
        })
        .collect()
}

/// What stands now. A decision of this very moment may be a microsecond ahead, to keep its place in the order.
fn last_word(version: &PolicyVersion, change: &Change, all: &[Decided]) -> Stand {
    stand(version.id, &change.key, all, Timestamp::from_micros(i64::MAX))
}

/// The changes of a version to which an objection stands that ends the account.
fn standing<'a>(version: &'a PolicyVersion, all: &'a [Decided]) -> impl Iterator<Item = &'a Change> {
    version.changes.iter().filter(|change| {
        change.consequence() == Consequence::EndsAccount && last_word(version, change, all) == Stand::Objected
    })
}

fn announced(version: PolicyVersion, row: &WindowRow, all: &[Decided], now: Timestamp) -> Announced {
    let material = version.changes.iter().filter(|change| change.material);
    let changes = material
        .map(|change| (change.clone(), last_word(&version, change, all)))
        .collect();
    Announced {
        window: row.window,
        state: row.window.state(now),
        changes,
        ends_at: row.ends_at,
        version,
    }
}
