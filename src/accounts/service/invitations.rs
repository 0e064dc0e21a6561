//! Invitations: sent by mail to one address, good for one person and seven days.

use serde_json::json;

use super::Accounts;
use super::registration::agreed_versions;
use crate::accounts::store::users::NewUser;
use crate::accounts::store::{invitations, leads, members, team, users};
use crate::accounts::team::{
    INVITATION, INVITATION_DAYS, INVITATIONS_WINDOW, Invitation, InvitationState, Invited, Joiner,
    MOST_INVITATIONS, MOST_MEMBERS, RESEND_AFTER, may_change,
};
use crate::accounts::{Access, Error, Member, OwnMember, Role, TeamError};
use crate::audit::{self, Actor, Entry};
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::ids::{InvitationId, MemberId, UserId};
use crate::mail::{Category, Draft, EmailAddress, Template};
use crate::plans::{self, Wanted};
use crate::policies::{self, Way};
use crate::secrets::{Token, token_sha256};

impl Accounts {
    /// A member's invitations, newest first.
    pub async fn list_invitations(
        &self,
        member: MemberId,
        before: Option<(Timestamp, InvitationId)>,
        limit: i64,
    ) -> Result<Vec<Invitation>, TeamError> {
        self.db
            .read(move |conn| Ok(invitations::list(conn, member, before, limit)?))
            .await
    }

    /// Invites an address to the team, in a role up to one's own.
    pub async fn invite(
        &self,
        access: &Access,
        email: EmailAddress,
        role: Role,
    ) -> Result<Invitation, TeamError> {
        let (service, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                team::lock_member(tx, access.member)?;
                may_change(current_role(tx, &access)?, role, Some(role))?;
                service.may_invite(tx, access.member, &email)?;
                let now = service.clock.now();
                let invitation = Invitation {
                    id: InvitationId::new(&service.clock, &service.random),
                    member: access.member,
                    email,
                    role,
                    invited_by: access.user,
                    created_at: now,
                    expires_at: now + INVITATION,
                    accepted_at: None,
                    revoked_at: None,
                };
                let token = Token::new("cbi_", &service.random);
                let policy = policies::collected_now(tx, access.member, now)?.under;
                invitations::insert(tx, &invitation, &token.sha256(), policy)?;
                service.mail_invitation(tx, &access, &invitation, &token)?;
                let detail = json!({ "role": role });
                service.note(tx, &access, "invitation.sent", invitation.id, detail)?;
                Ok(invitation)
            })
            .await
    }

    /// Nobody is invited twice, nor who is in the team; and not the whole world.
    fn may_invite(&self, tx: &mut Conn, member: MemberId, email: &EmailAddress) -> Result<(), TeamError> {
        let now = self.clock.now();
        if let Some(known) = users::find_by_address(tx, email)?
            && members::find_role(tx, member, known.user.id)?.is_some()
        {
            return Err(TeamError::InTeam);
        }
        let open = invitations::list_open(tx, member, 1000)?;
        if open
            .iter()
            .any(|open| open.email.folded() == email.folded() && open.state(now) == InvitationState::Pending)
        {
            return Err(TeamError::Invited);
        }
        let pending = open
            .iter()
            .filter(|open| open.state(now) == InvitationState::Pending);
        let invited = i64::try_from(pending.count()).unwrap_or(i64::MAX);
        self.has_room_for(tx, member, invited + 1)?;
        if invitations::count_since(tx, member, now - INVITATIONS_WINDOW)? >= MOST_INVITATIONS {
            let retry_after_secs = INVITATIONS_WINDOW.as_secs() / 24;
            return Err(TeamError::TooManyInvitations { retry_after_secs });
        }
        Ok(())
    }

    /// Whether the plan has room for so many people more.
    fn has_room_for(&self, tx: &mut Conn, member: MemberId, more: i64) -> Result<(), TeamError> {
        let plan = self.plans.of(tx, member)?;
        let team = i64::try_from(members::list_users(tx, member)?.len()).unwrap_or(i64::MAX);
        Ok(plans::admit(plan, Wanted::Team(team + more))?)
    }

    /// Mails another link; the one before is dead from then on.
    pub async fn resend_invitation(
        &self,
        access: &Access,
        id: InvitationId,
    ) -> Result<Invitation, TeamError> {
        let (service, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                team::lock_member(tx, access.member)?;
                let found = invitations::find(tx, access.member, id)?.ok_or(Error::NotFound)?;
                may_change(current_role(tx, &access)?, found.role, None)?;
                let now = service.clock.now();
                match found.state(now) {
                    InvitationState::Accepted | InvitationState::Revoked => return Err(TeamError::Settled),
                    InvitationState::Pending | InvitationState::Expired => {}
                }
                let again_at = found.sent_at() + RESEND_AFTER;
                if now < again_at {
                    let retry_after_secs = again_at.since(now).as_secs().max(1);
                    return Err(TeamError::TooManyInvitations { retry_after_secs });
                }
                let invitation = Invitation {
                    expires_at: now + INVITATION,
                    ..found
                };
                let token = Token::new("cbi_", &service.random);
                invitations::renew(tx, access.member, id, &token.sha256(), invitation.expires_at)?;
                service.mail_invitation(tx, &access, &invitation, &token)?;
                service.note(tx, &access, "invitation.sent_again", id, json!({}))?;
                Ok(invitation)
            })
            .await
    }

    /// Makes an invitation's link dead.
    pub async fn revoke_invitation(&self, access: &Access, id: InvitationId) -> Result<(), TeamError> {
        let (service, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                let found = invitations::find(tx, access.member, id)?.ok_or(Error::NotFound)?;
                may_change(current_role(tx, &access)?, found.role, None)?;
                if !invitations::revoke(tx, access.member, id, service.clock.now())? {
                    return Err(TeamError::Settled);
                }
                service.note(tx, &access, "invitation.revoked", id, json!({}))?;
                Ok(())
            })
            .await
    }

    fn mail_invitation(
        &self,
        tx: &mut Conn,
        access: &Access,
        invitation: &Invitation,
        token: &Token,
    ) -> Result<(), TeamError> {
        let member = team::find_member(tx, access.member)?.ok_or(Error::NotFound)?;
        let inviter = match access.user {
            Some(user) => super::existing(tx, user)?.user,
            None => return Err(Error::NotFound.into()),
        };
        let template = Template::Invitation {
            member_name: member.name.to_string(),
            inviter: match &inviter.name {
                Some(name) => name.to_string(),
                None => inviter.email.to_string(),
            },
            link: self
                .mailer
                .links()
                .page("invitation", &[("token", token.reveal())]),
            valid_days: INVITATION_DAYS,
        };
        let draft = Draft::new(invitation.email.clone(), member.language, template).about_member(member.id);
        let now = self.clock.now();
        let collected = policies::collected_now(tx, member.id, now)?;
        let purpose = Category::AccountMail.purpose();
        if let Some(allowed) = policies::ask(tx, Some(member.id), collected, purpose, now)? {
            self.mailer.enqueue(tx, draft, allowed)?;
        }
        Ok(())
    }

    /// What an invitation says to whoever holds its link. Changes nothing.
    pub async fn read_invitation(&self, token: &str) -> Result<Invited, TeamError> {
        let (token, now) = (token_sha256(token), self.clock.now());
        self.db
            .read(move |conn| {
                let (invitation, member) = live(conn, &token, now)?;
                let known = users::find_by_address(conn, &invitation.email)?;
                Ok(Invited {
                    member_name: member.name,
                    has_account: known.is_some(),
                    email: invitation.email,
                    role: invitation.role,
                    expires_at: invitation.expires_at,
                })
            })
            .await
    }

    /// Joins the team. Somebody new gets an account with it, whose address the link has verified.
    pub async fn accept_invitation(&self, token: &str, joiner: Joiner) -> Result<OwnMember, TeamError> {
        let (token, now) = (token_sha256(token), self.clock.now());
        let looked_up = token.clone();
        // Before any password is hashed: who has no link makes us do no work.
        self.db
            .read(move |conn| live(conn, &looked_up, now).map(drop))
            .await?;
        let password_hash = match &joiner {
            Joiner::New { password, .. } => Some(self.passwords.hash(password.clone()).await?),
            Joiner::User(_) => None,
        };
        let service = self.clone();
        let joined = self
            .db
            .write(move |tx| {
                let (invitation, member) = live(tx, &token, now)?;
                team::lock_member(tx, member.id)?;
                let user = match joiner {
                    Joiner::User(user) => join_as(tx, user, &invitation)?,
                    Joiner::New {
                        name,
                        language,
                        agreed,
                        ..
                    } => {
                        if users::find_by_address(tx, &invitation.email)?.is_some() {
                            return Err(TeamError::LogInFirst);
                        }
                        let (privacy, terms) = agreed_versions(tx, agreed)?;
                        let user = UserId::new(&service.clock, &service.random);
                        let new = NewUser {
                            id: user,
                            email: &invitation.email,
                            verified: true,
                            name: name.as_ref(),
                            language,
                            password_hash: password_hash.as_deref().unwrap_or_default(),
                            policy_version: privacy,
                        };
                        users::insert(tx, &new, now)?;
                        leads::link(tx, new.email, new.id, now)?;
                        service.agree(tx, member.id, user, [privacy, terms], language, Way::Invitation)?;
                        user
                    }
                };
                service.join(tx, &invitation, user)?;
                Ok(OwnMember {
                    member,
                    role: invitation.role,
                    joined_at: now,
                })
            })
            .await;
        joined.map_err(|error| match error {
            // Two registered with the address at the same moment.
            TeamError::Accounts(Error::Db(error)) if error.is_unique_violation() => TeamError::LogInFirst,
            other => other,
        })
    }

    fn join(&self, tx: &mut Conn, invitation: &Invitation, user: UserId) -> Result<(), TeamError> {
        let now = self.clock.now();
        self.has_room_for(tx, invitation.member, 1)?;
        if !invitations::accept(tx, invitation.id, now)? {
            return Err(Error::DeadLink.into());
        }
        members::add_user(tx, invitation.member, user, invitation.role, now)?;
        let member = Some(invitation.member);
        let (clock, random, actor) = (&self.clock, &self.random, Actor::User(user));
        let entry = Entry::new(clock, random, member, actor, "invitation.accepted", invitation.id)
            .with(json!({ "user": user, "role": invitation.role }));
        Ok(audit::record(tx, &entry)?)
    }
}

/// Somebody who has an account joins with it, if the invitation was sent to its address.
fn join_as(tx: &mut Conn, user: UserId, invitation: &Invitation) -> Result<UserId, TeamError> {
    let user = super::existing(tx, user)?.user;
    if user.email.folded() != invitation.email.folded() {
        return Err(TeamError::OtherAddress(invitation.email.masked()));
    }
    if members::find_role(tx, invitation.member, user.id)?.is_some() {
        return Err(TeamError::InTeam);
    }
    if team::count_of_user(tx, user.id)? >= MOST_MEMBERS {
        return Err(TeamError::TooManyMembers);
    }
    Ok(user.id)
}

/// The invitation of a link that can be followed, and whose it is.
fn live(conn: &mut Conn, token: &[u8], now: Timestamp) -> Result<(Invitation, Member), TeamError> {
    let invitation = invitations::find_by_token(conn, token)?
        .filter(|found| found.state(now) == InvitationState::Pending)
        .ok_or(Error::DeadLink)?;
    let member = team::find_member(conn, invitation.member)?.ok_or(Error::DeadLink)?;
    Ok((invitation, member))
}

/// The role of who asks, of this very moment.
fn current_role(tx: &mut Conn, access: &Access) -> Result<Role, TeamError> {
    let user = access.user.ok_or(Error::NotFound)?;
    Ok(members::find_role(tx, access.member, user)?.ok_or(Error::NotFound)?)
}
