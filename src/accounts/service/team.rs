//! Members and their teams: reading and changing a member, making another, who is in the team and as what.

use serde_json::json;

use super::Accounts;
use super::registration::{Agreed, agreed_versions};
use crate::accounts::store::{members, team};
use crate::accounts::team::{MOST_MEMBERS, may_change};
use crate::accounts::{
    Access, Error, Member, MemberChange, NewMember, OwnMember, Region, Role, TeamError, TeamUser,
};
use crate::audit::{self, Actor, Entry};
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::ids::{MemberId, UserId};
use crate::policies::{self, Way};

impl Accounts {
    /// The members that a user belongs to, the oldest membership first.
    pub async fn list_members(
        &self,
        user: UserId,
        after: Option<(Timestamp, MemberId)>,
        limit: i64,
    ) -> Result<Vec<OwnMember>, TeamError> {
        self.db
            .read(move |conn| Ok(team::list_of_user(conn, user, after, limit)?))
            .await
    }

    /// Makes another member, owned by the user who asks.
    pub async fn create_member(
        &self,
        user: UserId,
        new: NewMember,
        agreed: Agreed,
    ) -> Result<Member, TeamError> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                let (privacy, terms) = agreed_versions(tx, agreed)?;
                if team::count_of_user(tx, user)? >= MOST_MEMBERS {
                    return Err(TeamError::TooManyMembers);
                }
                let now = service.clock.now();
                let member = Member {
                    id: MemberId::new(&service.clock, &service.random),
                    name: new.name,
                    kind: new.kind,
                    region: Region::Eu,
                    language: new.language,
                    time_zone: new.time_zone,
                    created_at: now,
                    ends_at: None,
                };
                team::insert_member(tx, &member, privacy)?;
                members::add_user(tx, member.id, user, Role::Owner, now)?;
                service.agree(tx, member.id, user, [privacy, terms], member.language, Way::Api)?;
                let entry = Entry::new(
                    &service.clock,
                    &service.random,
                    Some(member.id),
                    Actor::User(user),
                    "member.created",
                    member.id,
                );
                audit::record(tx, &entry)?;
                Ok(member)
            })
            .await
    }

    pub async fn find_member(&self, id: MemberId) -> Result<Member, TeamError> {
        self.db.read(move |conn| existing_member(conn, id)).await
    }

    /// Changes what is given.
    pub async fn update_member(&self, access: &Access, change: MemberChange) -> Result<Member, TeamError> {
        let (service, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                team::lock_member(tx, access.member)?;
                let mut member = existing_member(tx, access.member)?;
                let changed = member.apply(change);
                if !changed.is_empty() {
                    let collected = policies::collected_now(tx, member.id, service.clock.now())?;
                    team::save_member(tx, &member, collected)?;
                    service.note(
                        tx,
                        &access,
                        "member.changed",
                        member.id,
                        json!({ "fields": changed }),
                    )?;
                }
                Ok(member)
            })
            .await
    }

    /// The people in a team, in the order in which they joined.
    pub async fn list_team(
        &self,
        member: MemberId,
        after: Option<(Timestamp, UserId)>,
        limit: i64,
    ) -> Result<Vec<TeamUser>, TeamError> {
        self.db
            .read(move |conn| Ok(team::list_users(conn, member, after, limit)?))
            .await
    }

    /// Gives a person of the team another role, up to one's own.
    pub async fn change_role(
        &self,
        access: &Access,
        user: UserId,
        role: Role,
    ) -> Result<TeamUser, TeamError> {
        let (service, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                let (own, theirs) = two_of_the_team(tx, &access, user)?;
                may_change(own, theirs.role, Some(role))?;
                if theirs.role == role {
                    return Ok(theirs);
                }
                if theirs.role == Role::Owner {
                    keep_an_owner(tx, access.member)?;
                }
                team::set_role(tx, access.member, user, role)?;
                let detail = json!({ "from": theirs.role, "to": role });
                service.note(tx, &access, "team.role_changed", user, detail)?;
                Ok(TeamUser { role, ..theirs })
            })
            .await
    }

    /// Takes a person out of the team.
    pub async fn remove_from_team(&self, access: &Access, user: UserId) -> Result<(), TeamError> {
        let (service, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                let (own, theirs) = two_of_the_team(tx, &access, user)?;
                may_change(own, theirs.role, None)?;
                service.end_membership(tx, &access, &theirs, "team.user_removed")
            })
            .await
    }

    /// Leaves the team. The last owner stays.
    pub async fn leave_team(&self, access: &Access) -> Result<(), TeamError> {
        let (service, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                team::lock_member(tx, access.member)?;
                let user = access.user.ok_or(Error::NotFound)?;
                let own = team::find_user(tx, access.member, user)?.ok_or(Error::NotFound)?;
                service.end_membership(tx, &access, &own, "team.user_left")
            })
            .await
    }

    fn end_membership(
        &self,
        tx: &mut Conn,
        access: &Access,
        user: &TeamUser,
        action: &str,
    ) -> Result<(), TeamError> {
        if user.role == Role::Owner {
            keep_an_owner(tx, access.member)?;
        }
        team::remove_user(tx, access.member, user.id)?;
        self.note(tx, access, action, user.id, json!({ "role": user.role }))?;
        Ok(())
    }

    /// Puts what was done for a member on record, in the caller's transaction.
    pub(super) fn note(
        &self,
        tx: &mut Conn,
        access: &Access,
        action: &str,
        target: impl ToString,
        detail: serde_json::Value,
    ) -> Result<(), Error> {
        let (clock, random) = (&self.clock, &self.random);
        let entry =
            Entry::new(clock, random, Some(access.member), access.actor(), action, target).with(detail);
        Ok(audit::record(tx, &entry)?)
    }
}

pub(super) fn existing_member(conn: &mut Conn, id: MemberId) -> Result<Member, TeamError> {
    Ok(team::find_member(conn, id)?.ok_or(Error::NotFound)?)
}

/// Who asks, with their role of this very moment, and who is to be changed. Others who change the team wait.
fn two_of_the_team(tx: &mut Conn, access: &Access, user: UserId) -> Result<(Role, TeamUser), TeamError> {
    team::lock_member(tx, access.member)?;
    let own = access.user.ok_or(Error::NotFound)?;
    let own = members::find_role(tx, access.member, own)?.ok_or(Error::NotFound)?;
    let theirs = team::find_user(tx, access.member, user)?.ok_or(Error::NotFound)?;
    Ok((own, theirs))
}

fn keep_an_owner(conn: &mut Conn, member: MemberId) -> Result<(), TeamError> {
    if team::count_owners(conn, member)? <= 1 {
        return Err(TeamError::LastOwner);
    }
    Ok(())
}
