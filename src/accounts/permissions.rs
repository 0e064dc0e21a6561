//! Who may do what: one table, with every operation of the management API in it.
//!
//! An operation's handler names its row (`caller.may(Operation::…)`), and `tests/it` holds the table against the OpenAPI
//! document: an operation without a row, or a row without an operation, fails.

use std::collections::BTreeSet;

use super::{Role, Scope};
use crate::audit::Actor;
use crate::ids::{ApiTokenId, MemberId, SessionId, UserId};

/// Who may do an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// No log-in needed.
    Anyone,
    /// A user, whatever their role: it concerns only themself. Never a token, which is nobody.
    SignedIn,
    /// A user with at least this role in the session's current member; or a token of that member with the scope.
    /// Without a scope never a token.
    Member { at_least: Role, scope: Option<Scope> },
    /// Who runs the service, by an operator's token: never a user, never a member's token.
    Operator,
}

macro_rules! operations {
    ($( $(#[$section:meta])* $name:ident = $id:literal: $rule:expr; )*) => {
        /// Every operation of the management API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation { $( $(#[$section])* $name, )* }

        impl Operation {
            pub const ALL: &'static [Self] = &[$( Self::$name, )*];

            /// Its operation id in the OpenAPI document.
            pub const fn id(self) -> &'static str {
                match self { $( Self::$name => $id, )* }
            }

            /// Who may.
            pub const fn rule(self) -> Rule {
                match self { $( Self::$name => $rule, )* }
            }
        }
    };
}

const ANYONE: Rule = Rule::Anyone;
const SIGNED_IN: Rule = Rule::SignedIn;
const OPERATOR: Rule = Rule::Operator;

/// A role for users, a scope for tokens.
const fn from(at_least: Role, scope: Scope) -> Rule {
    Rule::Member {
        at_least,
        scope: Some(scope),
    }
}

/// A role for users; never a token, however wide: it must not make itself another, nor let people in.
const fn in_person(at_least: Role) -> Rule {
    Rule::Member {
        at_least,
        scope: None,
    }
}

use Role::{Admin, Editor, Owner, Viewer};
use Scope::*;

operations! {
    // Registration, and what a mail's link leads to: the token in it says who it is.
    Register = "register": ANYONE;
    VerifyAddress = "verify_address": ANYONE;
    ResendVerification = "resend_verification": ANYONE;
    RequestPasswordReset = "request_password_reset": ANYONE;
    ResetPassword = "reset_password": ANYONE;
    ConfirmAddressChange = "confirm_address_change": ANYONE;
    CreateLead = "create_lead": ANYONE;

    // The session.
    LogIn = "log_in": ANYONE;
    ReadSession = "read_session": SIGNED_IN;
    SwitchMember = "switch_member": SIGNED_IN;
    LogOut = "log_out": SIGNED_IN;

    // One's own account.
    ReadUser = "read_user": SIGNED_IN;
    UpdateUser = "update_user": SIGNED_IN;
    ChangePassword = "change_password": SIGNED_IN;
    RequestAddressChange = "request_address_change": SIGNED_IN;
    ListSessions = "list_sessions": SIGNED_IN;
    EndSession = "end_session": SIGNED_IN;
    EndOtherSessions = "end_other_sessions": SIGNED_IN;
    ListLogins = "list_logins": SIGNED_IN;
    DeleteUser = "delete_user": SIGNED_IN;
    ReadMailPreferences = "read_mail_preferences": SIGNED_IN;
    UpdateMailPreference = "update_mail_preference": SIGNED_IN;
    EnrolTotp = "enrol_totp": SIGNED_IN;
    ConfirmTotp = "confirm_totp": SIGNED_IN;
    DisableTotp = "disable_totp": SIGNED_IN;
    RenewRecoveryCodes = "renew_recovery_codes": SIGNED_IN;

    // Members, their profile and team.
    ListMembers = "list_members": SIGNED_IN;
    CreateMember = "create_member": SIGNED_IN;
    ReadMember = "read_member": from(Viewer, MembersRead);
    UpdateMember = "update_member": from(Admin, MembersWrite);
    EndMember = "end_member": in_person(Owner);
    WithdrawEnding = "withdraw_ending": in_person(Owner);
    ReadOwnVisits = "read_own_visits": from(Admin, MembersRead);
    UpdateOwnVisits = "update_own_visits": from(Admin, MembersWrite);
    ReadProfile = "read_profile": from(Admin, MembersRead);
    UpdateProfile = "update_profile": from(Admin, MembersWrite);
    DeleteProfileField = "delete_profile_field": from(Admin, MembersWrite);
    ListTeam = "list_team": from(Viewer, MembersRead);
    UpdateTeamMember = "update_team_member": in_person(Admin);
    RemoveTeamMember = "remove_team_member": in_person(Admin);
    LeaveTeam = "leave_team": in_person(Viewer);

    // Invitations. Whoever holds the mail's link may read and accept it: with an account, or by making one.
    ListInvitations = "list_invitations": from(Admin, MembersRead);
    CreateInvitation = "create_invitation": in_person(Admin);
    ResendInvitation = "resend_invitation": in_person(Admin);
    RevokeInvitation = "revoke_invitation": in_person(Admin);
    ReadInvitation = "read_invitation": ANYONE;
    AcceptInvitation = "accept_invitation": ANYONE;

    // API tokens.
    ListTokens = "list_tokens": in_person(Admin);
    CreateToken = "create_token": in_person(Admin);
    RevokeToken = "revoke_token": in_person(Admin);

    // The record.
    ListAuditLog = "list_audit_log": from(Admin, AuditRead);
    ListMessages = "list_messages": from(Admin, MessagesRead);
    ReadMessage = "read_message": from(Admin, MessagesRead);

    // Policies: public documents.
    ListPolicies = "list_policies": ANYONE;
    ReadPolicyVersion = "read_policy_version": ANYONE;
    // What a change means for a member, and what it says to that. Its owners answer, in person: an objection may end it.
    ListPolicyChanges = "list_policy_changes": from(Viewer, MembersRead);
    AnswerPolicyChange = "answer_policy_change": in_person(Owner);
    SeePolicyChange = "see_policy_change": in_person(Owner);
    ListPolicyDecisions = "list_policy_decisions": from(Admin, MembersRead);
    ReadPolicyReceipt = "read_policy_receipt": from(Admin, MembersRead);

    // Bars.
    ListBars = "list_bars": from(Viewer, BarsRead);
    CreateBar = "create_bar": from(Editor, BarsWrite);
    ReadBar = "read_bar": from(Viewer, BarsRead);
    UpdateBar = "update_bar": from(Editor, BarsWrite);
    DeleteBar = "delete_bar": from(Editor, BarsWrite);
    DuplicateBar = "duplicate_bar": from(Editor, BarsWrite);
    PauseBar = "pause_bar": from(Editor, BarsWrite);
    ResumeBar = "resume_bar": from(Editor, BarsWrite);
    ReadDraft = "read_draft": from(Viewer, BarsRead);
    UpdateDraft = "update_draft": from(Editor, BarsWrite);
    DiscardDraft = "discard_draft": from(Editor, BarsWrite);
    PublishBar = "publish_bar": from(Editor, BarsWrite);
    ListBarVersions = "list_bar_versions": from(Viewer, BarsRead);
    ReadBarVersion = "read_bar_version": from(Viewer, BarsRead);
    RestoreBarVersion = "restore_bar_version": from(Editor, BarsWrite);
    ReadBarScript = "read_bar_script": from(Viewer, BarsRead);
    ListBarTemplates = "list_bar_templates": from(Viewer, BarsRead);
    // Nothing is kept of what is looked at.
    ReadPreview = "read_preview": from(Viewer, BarsRead);
    ReadShowing = "read_showing": from(Viewer, BarsRead);

    // Help with embedding them. A check sends a request to wherever it is told.
    ReadSnippets = "read_snippets": from(Viewer, BarsRead);
    CheckInstall = "check_install": from(Editor, BarsWrite);

    // What bars counted.
    ReadAllStats = "read_all_stats": from(Viewer, StatsRead);
    ReadStats = "read_stats": from(Viewer, StatsRead);
    ReadStatsSeries = "read_stats_series": from(Viewer, StatsRead);
    ReadStatsBreakdown = "read_stats_breakdown": from(Viewer, StatsRead);
    ReadStatsVariants = "read_stats_variants": from(Viewer, StatsRead);
    ReadStatsDrops = "read_stats_drops": from(Viewer, StatsRead);
    ExportStats = "export_stats": from(Viewer, StatsRead);
    ListSites = "list_sites": from(Viewer, StatsRead);

    // What visitors left.
    ListContacts = "list_contacts": from(Viewer, ContactsRead);
    ReadContact = "read_contact": from(Viewer, ContactsRead);
    UpdateContact = "update_contact": from(Editor, ContactsWrite);
    DeleteContact = "delete_contact": from(Editor, ContactsWrite);
    ExportContacts = "export_contacts": from(Viewer, ContactsRead);
    AddTag = "add_tag": from(Editor, ContactsWrite);
    RemoveTag = "remove_tag": from(Editor, ContactsWrite);
    MergeContacts = "merge_contacts": from(Editor, ContactsWrite);
    BulkContacts = "bulk_contacts": from(Editor, ContactsWrite);
    ListNotes = "list_notes": from(Viewer, ContactsRead);
    AddNote = "add_note": from(Editor, ContactsWrite);
    DeleteNote = "delete_note": from(Editor, ContactsWrite);
    ListContactViews = "list_contact_views": from(Viewer, ContactsRead);
    CreateContactView = "create_contact_view": from(Editor, ContactsWrite);
    UpdateContactView = "update_contact_view": from(Editor, ContactsWrite);
    DeleteContactView = "delete_contact_view": from(Editor, ContactsWrite);
    ListTags = "list_tags": from(Viewer, ContactsRead);

    // Webhooks.
    ListWebhooks = "list_webhooks": from(Admin, WebhooksRead);
    CreateWebhook = "create_webhook": from(Admin, WebhooksWrite);
    ReadWebhook = "read_webhook": from(Admin, WebhooksRead);
    UpdateWebhook = "update_webhook": from(Admin, WebhooksWrite);
    DeleteWebhook = "delete_webhook": from(Admin, WebhooksWrite);
    TestWebhook = "test_webhook": from(Admin, WebhooksWrite);
    RotateWebhookSecret = "rotate_webhook_secret": from(Admin, WebhooksWrite);
    ListDeliveries = "list_deliveries": from(Admin, WebhooksRead);
    RetryDelivery = "retry_delivery": from(Admin, WebhooksWrite);

    // Notices, as they concern a member. Reading is each user's own.
    ListNotices = "list_notices": from(Viewer, MembersRead);
    MarkNoticeRead = "mark_notice_read": in_person(Viewer);

    // The operators' own.
    ReadOperator = "read_operator": OPERATOR;
    ListOperatorRecord = "list_operator_record": OPERATOR;
    WriteNotice = "write_notice": OPERATOR;
    ListWrittenNotices = "list_written_notices": OPERATOR;
    ReadWrittenNotice = "read_written_notice": OPERATOR;
    PreviewNotice = "preview_notice": OPERATOR;
    SendNotice = "send_notice": OPERATOR;
    CancelNotice = "cancel_notice": OPERATOR;
    ListNoticeRecipients = "list_notice_recipients": OPERATOR;
    OpenBreach = "open_breach": OPERATOR;
    ListBreaches = "list_breaches": OPERATOR;
    ReadBreach = "read_breach": OPERATOR;
    SetBreachAffected = "set_breach_affected": OPERATOR;
    ListBreachAffected = "list_breach_affected": OPERATOR;
    NoteBreachAuthority = "note_breach_authority": OPERATOR;
    NotifyBreach = "notify_breach": OPERATOR;
    ReportBreach = "report_breach": OPERATOR;
    CloseBreach = "close_breach": OPERATOR;

    // What is paid for. Never by a token: no program spends a member's money.
    ListPlans = "list_plans": from(Viewer, BillingRead);
    ReadBilling = "read_billing": from(Admin, BillingRead);
    ListInvoices = "list_invoices": from(Admin, BillingRead);
    ReadPlanChange = "read_plan_change": from(Admin, BillingRead);
    UpdateBilling = "update_billing": in_person(Admin);
    OpenCheckout = "open_checkout": in_person(Admin);
    OpenPortal = "open_portal": in_person(Admin);
    ChangePlan = "change_plan": in_person(Admin);
    WithdrawPlanChange = "withdraw_plan_change": in_person(Admin);
    CancelSubscription = "cancel_subscription": in_person(Admin);
    ResumeSubscription = "resume_subscription": in_person(Admin);
    ReconcileBilling = "reconcile_billing": in_person(Admin);
}

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    Anonymous,
    User(SignedIn),
    Token {
        token: ApiTokenId,
        member: MemberId,
        scopes: BTreeSet<Scope>,
    },
}

/// A user with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedIn {
    pub user: UserId,
    pub session: SessionId,
    /// The session's current member, and what the user is to it. `None` when they belong to no member.
    pub membership: Option<(MemberId, Role)>,
}

/// The right to do one operation for one member. Every query is scoped by `member`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    pub member: MemberId,
    /// The user who acts; `None` when a token does.
    pub user: Option<UserId>,
    /// The user's role; `None` when a token acts.
    pub role: Option<Role>,
    pub principal: Principal,
}

impl Access {
    /// Who acts, for the record.
    pub fn actor(&self) -> Actor {
        match &self.principal {
            Principal::Anonymous => Actor::Anonymous,
            Principal::User(signed_in) => Actor::User(signed_in.user),
            Principal::Token { token, .. } => Actor::Token(*token),
        }
    }
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("this needs a log-in")]
    NotSignedIn,
    #[error("this needs a log-in in person: an API token can't do it")]
    NotByToken,
    #[error("the token lacks the scope {0}")]
    ScopeMissing(Scope),
    #[error("this needs the role {0} or higher")]
    RoleTooLow(Role),
    #[error("the session has no current member: choose one with PATCH /api/v1/session")]
    NoMember,
}

/// May this principal do an operation of rule [`Rule::Member`]?
pub fn may(operation: Operation, principal: &Principal) -> Result<Access, Refusal> {
    let Rule::Member { at_least, scope } = operation.rule() else {
        unreachable!(
            "{} is not done for a member: its handler asks the wrong question",
            operation.id()
        )
    };
    match principal {
        Principal::Anonymous => Err(Refusal::NotSignedIn),
        Principal::User(signed_in) => match signed_in.membership {
            None => Err(Refusal::NoMember),
            Some((_, role)) if role < at_least => Err(Refusal::RoleTooLow(at_least)),
            Some((member, role)) => Ok(Access {
                member,
                user: Some(signed_in.user),
                role: Some(role),
                principal: principal.clone(),
            }),
        },
        Principal::Token { member, scopes, .. } => match scope {
            None => Err(Refusal::NotByToken),
            Some(scope) if !scopes.contains(&scope) => Err(Refusal::ScopeMissing(scope)),
            Some(_) => Ok(Access {
                member: *member,
                user: None,
                role: None,
                principal: principal.clone(),
            }),
        },
    }
}

/// May this principal do an operation of rule [`Rule::SignedIn`]?
pub fn may_in_person(operation: Operation, principal: &Principal) -> Result<SignedIn, Refusal> {
    debug_assert_eq!(operation.rule(), Rule::SignedIn, "{}", operation.id());
    match principal {
        Principal::Anonymous => Err(Refusal::NotSignedIn),
        Principal::Token { .. } => Err(Refusal::NotByToken),
        Principal::User(signed_in) => Ok(*signed_in),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::secrets::Random;

    fn user(membership: Option<Role>) -> Principal {
        let (clock, random) = (
            Clock::frozen(Timestamp::from_secs(1_800_000_000)),
            Random::seeded(1),
        );
        Principal::User(SignedIn {
            user: UserId::new(&clock, &random),
            session: SessionId::new(&clock, &random),
            membership: membership.map(|role| (MemberId::new(&clock, &random), role)),
        })
    }

    fn token(scopes: impl IntoIterator<Item = Scope>) -> Principal {
        let (clock, random) = (
            Clock::frozen(Timestamp::from_secs(1_800_000_000)),
            Random::seeded(2),
        );
        Principal::Token {
            token: ApiTokenId::new(&clock, &random),
            member: MemberId::new(&clock, &random),
            scopes: scopes.into_iter().collect(),
        }
    }

    #[test]
    fn every_operation_has_an_id_of_its_own() {
        let ids: BTreeSet<_> = Operation::ALL.iter().map(|operation| operation.id()).collect();
        assert_eq!(ids.len(), Operation::ALL.len());
    }

    #[test]
    fn a_token_never_does_what_only_an_owner_may() {
        for operation in Operation::ALL {
            if let Rule::Member {
                at_least: Owner,
                scope,
            } = operation.rule()
            {
                assert_eq!(scope, None, "{}", operation.id());
            }
        }
    }

    #[test]
    fn a_scope_to_read_never_writes() {
        for operation in Operation::ALL {
            if let Rule::Member {
                scope: Some(scope), ..
            } = operation.rule()
                && scope.as_str().ends_with(":read")
            {
                let verb = operation.id().split('_').next().unwrap();
                assert!(["list", "read", "export"].contains(&verb), "{}", operation.id());
            }
        }
    }

    /// The whole table, for every kind of principal.
    #[test]
    fn the_table_holds_for_every_kind_of_principal() {
        for &operation in Operation::ALL {
            match operation.rule() {
                Rule::Anyone | Rule::Operator => {}
                Rule::SignedIn => {
                    assert_eq!(
                        may_in_person(operation, &Principal::Anonymous),
                        Err(Refusal::NotSignedIn)
                    );
                    assert_eq!(
                        may_in_person(operation, &token(Scope::ALL)),
                        Err(Refusal::NotByToken)
                    );
                    for role in [None, Some(Viewer), Some(Owner)] {
                        assert!(may_in_person(operation, &user(role)).is_ok());
                    }
                }
                Rule::Member { at_least, scope } => {
                    assert_eq!(may(operation, &Principal::Anonymous), Err(Refusal::NotSignedIn));
                    assert_eq!(may(operation, &user(None)), Err(Refusal::NoMember));
                    for role in Role::ALL {
                        assert_eq!(
                            may(operation, &user(Some(role))).is_ok(),
                            role >= at_least,
                            "{} {role}",
                            operation.id()
                        );
                    }
                    for held in Scope::ALL {
                        assert_eq!(
                            may(operation, &token([held])).is_ok(),
                            scope == Some(held),
                            "{} {held}",
                            operation.id()
                        );
                    }
                    assert!(may(operation, &token([])).is_err());
                }
            }
        }
    }

    #[test]
    fn access_names_the_member_that_every_query_is_scoped_by() {
        let principal = token([BarsRead]);
        let Principal::Token { member, .. } = &principal else {
            unreachable!()
        };
        let access = may(Operation::ListBars, &principal).unwrap();
        assert_eq!((access.member, access.user, access.role), (*member, None, None));
    }
}
