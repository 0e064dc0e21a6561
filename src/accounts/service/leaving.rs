//! Leaving for good: a member that ends after a time in which it can still stay, and a user who goes at once.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::team::existing_member;
use super::{Accounts, existing};
use crate::accounts::jobs::EndMember;
use crate::accounts::store::{addressees, leads, members, team, users};
use crate::accounts::team::GRACE;
use crate::accounts::{Access, Error, Member, Role, SignedIn, TeamError};
use crate::audit::{self, Actor, Entry};
use crate::clock::{DAY, Timestamp};
use crate::db::Conn;
use crate::ids::{JobId, MemberId, UserId};
use crate::jobs;
use crate::mail::{self, Draft, Template};
use crate::policies;

/// A member that is to be purged, and when.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Ending {
    pub member: MemberId,
    pub ends_at: Timestamp,
}

impl Accounts {
    /// Ends a member's account: its bars are off at once, and in 30 days nothing of it is left. Asked for again, it stays
    /// at the first date.
    pub async fn end_member(&self, access: &Access, password: String) -> Result<Member, TeamError> {
        let user = access.user.ok_or(Error::NotFound)?;
        self.prove(user, password).await?;
        let (service, access) = (self.clone(), access.clone());
        let member = self
            .db
            .write(move |tx| {
                let mut member = own_member(tx, &access, user)?;
                if member.ends_at.is_some() {
                    return Ok::<_, TeamError>(member);
                }
                let ends_at = service.now() + GRACE;
                member.ends_at = Some(ends_at);
                service
                    .set_end(tx, member.id, member.ends_at)
                    .map_err(Error::from)?;
                service.note(
                    tx,
                    &access,
                    "member.ending",
                    member.id,
                    json!({ "ends_at": ends_at }),
                )?;
                let mail = Template::MemberEnding {
                    member_name: member.name.to_string(),
                    ends_at,
                    settings_link: service.mailer.links().page("settings/account", &[]),
                };
                service.tell_owners(tx, &member, &mail)?;
                Ok(member)
            })
            .await?;
        (self.bars_changed)();
        Ok(member)
    }

    /// Writes to everybody who owns a member, each in their language.
    pub(super) fn tell_owners(&self, tx: &mut Conn, member: &Member, mail: &Template) -> Result<(), Error> {
        let owners = addressees::find_addressees(tx, member.id, Role::Owner)?;
        for owner in owners.into_iter().flat_map(|owners| owners.people) {
            let draft = Draft {
                member: Some(member.id),
                ..Draft::new(owner.address, owner.language, mail.clone()).to_user(owner.user)
            };
            let (of, purpose) = (Some(member.id), draft.template.category().purpose());
            if let Some(allowed) = policies::ask(tx, of, owner.collected, purpose, self.now())? {
                self.mailer.enqueue(tx, draft, allowed)?;
            }
        }
        Ok(())
    }

    /// The member stays after all, and its bars are as they were. Its owners are told.
    pub async fn withdraw_ending(&self, access: &Access) -> Result<Member, TeamError> {
        let user = access.user.ok_or(Error::NotFound)?;
        let (service, access) = (self.clone(), access.clone());
        let member = self
            .db
            .write(move |tx| {
                let mut member = own_member(tx, &access, user)?;
                match member.ends_at {
                    None => Ok(member),
                    Some(ends_at) if ends_at <= service.now() => Err(TeamError::Ended),
                    Some(_) => {
                        member.ends_at = None;
                        service.set_end(tx, member.id, None).map_err(Error::from)?;
                        service.withdraw_objections(tx, &member, user)?;
                        service.note(tx, &access, "member.ending_withdrawn", member.id, json!({}))?;
                        let mail = Template::MemberStays {
                            member_name: member.name.to_string(),
                            bars_link: service.mailer.links().page("bars", &[]),
                        };
                        service.tell_owners(tx, &member, &mail)?;
                        Ok(member)
                    }
                }
            })
            .await?;
        (self.bars_changed)();
        Ok(member)
    }

    /// Whether that end was not withdrawn, and has come.
    pub(in crate::accounts) async fn has_ended(&self, ending: Ending) -> Result<bool, Error> {
        let now = self.now();
        let member = self
            .db
            .read(move |conn| team::find_member(conn, ending.member))
            .await?;
        Ok(member.is_some_and(|member| member.ends_at == Some(ending.ends_at) && ending.ends_at <= now))
    }

    /// Purges again what should have been purged a day ago: its job was tried as often as it may, while the database was
    /// away, say.
    pub(super) async fn end_the_overdue(&self) -> Result<(), Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                let now = service.now();
                for (member, ends_at) in team::list_ended(tx, now - DAY)? {
                    let job = JobId::new(&service.clock, &service.random);
                    let ending = Ending { member, ends_at };
                    jobs::enqueue_for::<EndMember>(tx, job, &ending, now, None)?;
                }
                Ok(())
            })
            .await
    }

    /// The last step of a purge: the member's own rows, its team, and the users who then belong to no member. The
    /// record stays (promise 26): its actors are ids of which nothing is known any more.
    pub(in crate::accounts) async fn delete_member(&self, member: MemberId) -> Result<(), Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                team::lock_member(tx, member)?;
                if team::find_member(tx, member)?.is_none() {
                    return Ok(()); // another run was quicker
                }
                let mut team = members::list_users(tx, member)?;
                team.sort();
                members::delete(tx, member)?;
                for user in users::without_members(tx, &team)? {
                    delete_user(tx, user)?;
                }
                let entry = Entry::new(
                    &service.clock,
                    &service.random,
                    Some(member),
                    Actor::System,
                    "member.purged",
                    member,
                );
                Ok(audit::record(tx, &entry)?)
            })
            .await
    }

    /// Takes the user out of all teams and deletes them, at once. Refused while a member would be left without an owner.
    pub async fn delete_user(&self, signed_in: SignedIn, password: String) -> Result<(), TeamError> {
        let user = signed_in.user;
        self.prove(user, password).await?;
        let service = self.clone();
        self.db
            .write(move |tx| {
                users::lock(tx, user)?;
                existing(tx, user)?;
                let mut memberships = members::list_memberships(tx, user)?;
                // In one order, so that two who go at the same time never wait for each other.
                memberships.sort_by_key(|membership| membership.member);
                let mut last_owner_of = Vec::new();
                for membership in &memberships {
                    team::lock_member(tx, membership.member)?;
                    let role = members::find_role(tx, membership.member, user)?;
                    if role == Some(Role::Owner) && team::count_owners(tx, membership.member)? <= 1 {
                        last_owner_of.push(membership.name.clone());
                    }
                }
                if !last_owner_of.is_empty() {
                    return Err(TeamError::LastOwnerOf(last_owner_of));
                }
                for membership in memberships {
                    let (clock, random) = (&service.clock, &service.random);
                    let member = Some(membership.member);
                    let entry = Entry::new(clock, random, member, Actor::User(user), "team.user_left", user);
                    audit::record(tx, &entry.with(json!({ "role": membership.role })))?;
                }
                service.record(tx, user, "user.deleted")?;
                Ok(delete_user(tx, user)?)
            })
            .await
    }
}

/// The member, if the caller owns it at this very moment. Others who change it wait.
fn own_member(tx: &mut Conn, access: &Access, user: UserId) -> Result<Member, TeamError> {
    team::lock_member(tx, access.member)?;
    match members::find_role(tx, access.member, user)? {
        Some(Role::Owner) => existing_member(tx, access.member),
        _ => Err(Error::NotFound.into()),
    }
}

/// A user with sessions, log-ins, links, second factor and the mails to them.
fn delete_user(tx: &mut Conn, user: UserId) -> Result<(), Error> {
    mail::forget_user(tx, user)?;
    leads::delete_of_user(tx, user)?;
    Ok(users::delete(tx, user)?)
}
