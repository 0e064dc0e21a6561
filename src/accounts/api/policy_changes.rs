//! `/policy-changes`: what a member has to know of new versions, and what it says to them.

use poem_openapi::param::Path;
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi, Tags};

use super::Caller;
use crate::accounts::policy_changes::{Announced, Answer, PolicyError, Receipt, ReceiptLine};
use crate::accounts::{Accounts, Operation};
use crate::clock::Timestamp;
use crate::http::{FieldError, Json, Problem};
use crate::ids::{MemberId, PolicyDecisionId, PolicyVersionId, UserId};
use crate::policies::api::ChangeBody;
use crate::policies::rules::{NotDecided, Stand, WindowState};
use crate::policies::{ChangeKey, Consequence, Decision, Document, PolicyVersion, Recorded, Way};

/// The 20 days to object are over.
const TOO_LATE: &str = "urn:contactbar:problem:objection-too-late";

impl From<PolicyError> for Problem {
    fn from(error: PolicyError) -> Self {
        match error {
            PolicyError::Accounts(error) => error.into(),
            PolicyError::NotDecided(NotDecided::Late(closed)) => {
                Problem::conflict(format!("The time to object ended at {closed}.")).kind(TOO_LATE)
            }
            PolicyError::NotDecided(other) => Problem::field("decision", other.to_string()),
            PolicyError::NotConfirmed(consequence) => Problem::unprocessable([FieldError::new(
                "understood",
                format!(
                    "say `{}`: that is what this objection brings about",
                    consequence.as_str()
                ),
            )]),
            PolicyError::Ended => Problem::conflict("The account has ended."),
            // Only the command line posts drafts.
            other @ (PolicyError::NoDraft | PolicyError::Draft(_)) => Problem::internal(other),
        }
    }
}

pub struct PolicyChangesApi {
    pub accounts: Accounts,
}

#[derive(Tags)]
enum Tag {
    /// Changes of the policies, and a member's answers to them. A version is in effect for a member once it was mailed to it;
    /// from then on there are 20 days to object, change by change. Marketing can be opted out of at any time.
    PolicyChanges,
}

/// A change, and what the member said to it.
#[derive(Debug, Object)]
#[oai(rename = "AnnouncedChange")]
pub struct AnnouncedChange {
    pub change: ChangeBody,
    /// What stands now.
    pub stand: Stand,
}

/// A version of a policy, as it stands for the member.
#[derive(Debug, Object)]
#[oai(rename = "PolicyChange", example)]
pub struct PolicyChangeBody {
    pub policy_version_id: PolicyVersionId,
    pub document: Document,
    /// 1, 2, 3, … within the document.
    pub version: i32,
    pub title: String,
    /// SHA-256 of the text, in hexadecimal digits.
    pub sha256: String,
    pub state: WindowState,
    pub posted_at: Timestamp,
    /// Since when it is in effect for the member; absent: it is not.
    pub effective_at: Option<Timestamp>,
    /// The last instant to object; absent while no mail has arrived.
    pub closes_at: Option<Timestamp>,
    /// Whether the member may object now.
    pub open: bool,
    /// Whether the member has to be shown this on every page.
    pub asks: bool,
    /// When the account ends by an objection to it.
    pub ends_at: Option<Timestamp>,
    /// Those that are material.
    pub changes: Vec<AnnouncedChange>,
}

impl PolicyChangeBody {
    fn of(announced: Announced, now: Timestamp) -> Self {
        let asks = announced.asks();
        let Announced {
            version,
            window,
            state,
            changes,
            ends_at,
        } = announced;
        Self {
            policy_version_id: version.id,
            document: version.document,
            version: version.version,
            sha256: version.sha256_hex(),
            title: version.title,
            state,
            posted_at: window.posted_at,
            effective_at: window.effective_at(),
            closes_at: window.closes_at(),
            open: window.is_open(now),
            asks,
            ends_at,
            changes: changes
                .into_iter()
                .map(|(change, stand)| AnnouncedChange {
                    change: change.into(),
                    stand,
                })
                .collect(),
        }
    }
}

fn example_version() -> PolicyVersionId {
    PolicyVersionId::from_uuid(uuid::Uuid::from_u128(7))
}

impl Example for PolicyChangeBody {
    fn example() -> Self {
        let posted_at = Timestamp::from_secs(1_795_341_600);
        Self {
            policy_version_id: example_version(),
            document: Document::Privacy,
            version: 2,
            title: "Privacy policy".to_owned(),
            sha256: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae".to_owned(),
            state: WindowState::Open,
            posted_at,
            effective_at: Some(posted_at),
            closes_at: Some(posted_at + crate::policies::rules::WINDOW),
            open: true,
            asks: true,
            ends_at: None,
            changes: vec![AnnouncedChange {
                change: ChangeBody::example(),
                stand: Stand::Undecided,
            }],
        }
    }
}

/// The versions that concern the member, newest first.
#[derive(Debug, Object)]
pub struct PolicyChanges {
    pub items: Vec<PolicyChangeBody>,
}

/// What the member says to a change.
#[derive(Debug, Object)]
#[oai(example)]
pub struct AnswerChange {
    /// `continued_use` can't be said: it is noted by itself.
    pub decision: Decision,
    /// What an objection brings about, as the change's `consequence` says it: to be confirmed with it.
    pub understood: Option<Consequence>,
}

impl Example for AnswerChange {
    fn example() -> Self {
        Self {
            decision: Decision::Object,
            understood: Some(Consequence::NotApplied),
        }
    }
}

/// A decision, as it is kept.
#[derive(Debug, Object)]
#[oai(rename = "PolicyDecision", example)]
pub struct PolicyDecisionBody {
    pub id: PolicyDecisionId,
    /// Who decided; absent for who came by a mail's link.
    pub user_id: Option<UserId>,
    pub policy_version_id: PolicyVersionId,
    pub document: Document,
    pub version: i32,
    /// Of the version's text.
    pub sha256: String,
    /// The change that it is about; absent where it is about the version as a whole.
    pub change: Option<ChangeKey>,
    pub decision: Decision,
    /// How it reached us.
    pub way: Way,
    /// The language in which it was asked.
    pub language: String,
    pub decided_at: Timestamp,
}

impl From<(Recorded, PolicyVersion)> for PolicyDecisionBody {
    fn from((recorded, version): (Recorded, PolicyVersion)) -> Self {
        Self {
            id: recorded.id,
            user_id: recorded.user,
            policy_version_id: version.id,
            document: version.document,
            version: version.version,
            sha256: crate::policies::hex(&recorded.version_sha256),
            change: recorded.change,
            decision: recorded.decision,
            way: recorded.way,
            language: recorded.language,
            decided_at: recorded.at,
        }
    }
}

impl Example for PolicyDecisionBody {
    fn example() -> Self {
        Self {
            id: PolicyDecisionId::from_uuid(uuid::Uuid::from_u128(7)),
            user_id: Some(UserId::from_uuid(uuid::Uuid::from_u128(7))),
            policy_version_id: example_version(),
            document: Document::Privacy,
            version: 2,
            sha256: PolicyChangeBody::example().sha256,
            change: "benchmarks".parse().ok(),
            decision: Decision::Object,
            way: Way::Api,
            language: "en".to_owned(),
            decided_at: Timestamp::from_secs(1_795_341_600),
        }
    }
}

/// All that was said, newest first.
#[derive(Debug, Object)]
pub struct PolicyDecisions {
    pub items: Vec<PolicyDecisionBody>,
}

impl Example for Receipt {
    fn example() -> Self {
        let decision = PolicyDecisionBody::example();
        Self {
            member: MemberId::from_uuid(uuid::Uuid::from_u128(7)),
            policy_version: example_version(),
            document: Document::Privacy,
            version: 2,
            sha256: decision.sha256,
            posted_at: decision.decided_at,
            sent_at: Some(decision.decided_at),
            delivered_at: Some(decision.decided_at),
            decisions: vec![ReceiptLine {
                id: decision.id,
                user: decision.user_id,
                change: Some("benchmarks".to_owned()),
                decision: decision.decision,
                way: decision.way,
                language: decision.language,
                decided_at: decision.decided_at,
            }],
            issued_at: decision.decided_at,
            signature: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        }
    }
}

#[OpenApi]
impl PolicyChangesApi {
    /// List the changes of policies
    ///
    /// Every version that was announced to the current member, newest first: whether it is in effect, until when it may
    /// object, what each change is for and what an objection brings about, and what the member said. Those with `asks` have
    /// to be shown on every page.
    #[oai(
        path = "/policy-changes",
        method = "get",
        operation_id = "list_policy_changes",
        tag = "Tag::PolicyChanges"
    )]
    async fn list(&self, caller: Caller) -> Result<Json<PolicyChanges>, Problem> {
        let access = caller.may(Operation::ListPolicyChanges)?;
        let all = self.accounts.list_policy_changes(access.member).await?;
        let now = self.accounts.now();
        Ok(Json(PolicyChanges {
            items: all
                .into_iter()
                .map(|announced| PolicyChangeBody::of(announced, now))
                .collect(),
        }))
    }

    /// Answer a change
    ///
    /// Accept it, object to it, take an objection back; opt out of marketing, or in again. Twice is as good as once. An
    /// objection can be made for 20 days after the later of posting and delivery, the last instant included; later it is a
    /// 409. Where it would end the account (`consequence` is `ends_account`) it names that in `understood`; the account then
    /// ends after 30 days, and stays if the objection is taken back until then.
    #[oai(
        path = "/policy-changes/:policy_version_id/changes/:change/decision",
        method = "put",
        operation_id = "answer_policy_change",
        tag = "Tag::PolicyChanges"
    )]
    async fn answer(
        &self,
        caller: Caller,
        /// The version.
        policy_version_id: Path<PolicyVersionId>,
        /// The change's key.
        change: Path<ChangeKey>,
        body: Json<AnswerChange>,
    ) -> Result<Json<PolicyChangeBody>, Problem> {
        let access = caller.may(Operation::AnswerPolicyChange)?;
        let user = access.user.expect("only a user does what is done in person");
        let language = self.accounts.account(user).await?.user.language;
        let answer = Answer {
            member: access.member,
            user: Some(user),
            version: policy_version_id.0,
            change: change.0,
            decision: body.0.decision,
            understood: body.0.understood,
            way: Way::Api,
            language,
        };
        let announced = self.accounts.answer_policy_change(answer).await?;
        Ok(Json(PolicyChangeBody::of(announced, self.accounts.now())))
    }

    /// Say that a change was seen
    ///
    /// Where the mail about a version came back, the time to object does not run. An owner who has seen it in the dashboard
    /// starts it. Without a mail that came back this changes nothing.
    #[oai(
        path = "/policy-changes/:policy_version_id/seen",
        method = "put",
        operation_id = "see_policy_change",
        tag = "Tag::PolicyChanges"
    )]
    async fn see(
        &self,
        caller: Caller,
        /// The version.
        policy_version_id: Path<PolicyVersionId>,
    ) -> Result<Json<PolicyChangeBody>, Problem> {
        let access = caller.may(Operation::SeePolicyChange)?;
        let announced = self
            .accounts
            .see_policy_change(&access, policy_version_id.0)
            .await?;
        Ok(Json(PolicyChangeBody::of(announced, self.accounts.now())))
    }

    /// List what was said to policies
    ///
    /// Every decision of the current member, newest first: at registration, to changes, by going on using the service. They
    /// are never changed and never deleted.
    #[oai(
        path = "/policy-decisions",
        method = "get",
        operation_id = "list_policy_decisions",
        tag = "Tag::PolicyChanges"
    )]
    async fn decisions(&self, caller: Caller) -> Result<Json<PolicyDecisions>, Problem> {
        let access = caller.may(Operation::ListPolicyDecisions)?;
        let all = self.accounts.list_policy_decisions(access.member).await?;
        Ok(Json(PolicyDecisions {
            items: all.into_iter().map(Into::into).collect(),
        }))
    }

    /// Read a receipt
    ///
    /// What the current member said to a version and when that was sent to it, with a signature.
    #[oai(
        path = "/policy-changes/:policy_version_id/receipt",
        method = "get",
        operation_id = "read_policy_receipt",
        tag = "Tag::PolicyChanges"
    )]
    async fn receipt(
        &self,
        caller: Caller,
        /// The version.
        policy_version_id: Path<PolicyVersionId>,
    ) -> Result<Json<Receipt>, Problem> {
        let access = caller.may(Operation::ReadPolicyReceipt)?;
        let receipt = self
            .accounts
            .policy_receipt(access.member, policy_version_id.0)
            .await?;
        Ok(Json(receipt))
    }
}
