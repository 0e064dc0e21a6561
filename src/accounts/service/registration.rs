//! Registration, and the verification of an address.

use super::{Accounts, Asked, existing};
use crate::accounts::jobs::AnswerAddress;
use crate::accounts::passwords::NewPassword;
use crate::accounts::rules::{CHANGE_LINK, RESET_LINK, VERIFY_LINK};
use crate::accounts::store::users::NewUser;
use crate::accounts::store::{leads, links, members, users};
use crate::accounts::{Client, Error, Name, Purpose, Role, User};
use crate::audit::{self, Actor, Entry};
use crate::db::Conn;
use crate::ids::{JobId, MemberId, PolicyVersionId, UserId};
use crate::jobs;
use crate::mail::{EmailAddress, Language, Template};
use crate::policies::{self, Decision, NewDecision, Way};
use crate::secrets::token_sha256;

/// The versions of the policies that somebody saw and agreed to (promise 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    pub privacy: i32,
    pub terms: i32,
}

/// Somebody who registers.
#[derive(Clone, Debug)]
pub struct Registration {
    pub email: EmailAddress,
    pub password: NewPassword,
    pub name: Option<Name>,
    /// The member's; without one, what stands before the `@`.
    pub member_name: Option<Name>,
    pub language: Language,
    pub agreed: Agreed,
}

impl Accounts {
    /// Takes a registration. What comes of it, the address's mailbox is told: the answer is the same for one that is known.
    pub async fn register(&self, registration: Registration, client: &Client) -> Result<(), Error> {
        self.count_mail_request(client.network).await?;
        let Registration {
            email,
            password,
            name,
            member_name,
            language,
            agreed,
        } = registration;
        let password_hash = self.passwords.hash(password).await?;
        let service = self.clone();
        self.db
            .write(move |tx| {
                let (privacy, terms) = agreed_versions(tx, agreed)?;
                if !service.may_mail(tx, &email)? {
                    return Ok(());
                }
                let (clock, random) = (&service.clock, &service.random);
                let asked = Asked::Register {
                    user: UserId::new(clock, random),
                    member: MemberId::new(clock, random),
                    member_name: member_name.unwrap_or_else(|| name_of(&email)),
                    email,
                    password_hash,
                    name,
                    language,
                    privacy,
                    terms,
                };
                service.ask(tx, &asked)
            })
            .await
    }

    /// Sends another link to an address that has not been verified.
    pub async fn verify_again(&self, email: EmailAddress, client: &Client) -> Result<(), Error> {
        self.ask_by_mail(Asked::VerifyAgain { email: email.clone() }, email, client)
            .await
    }

    /// Sends a link to choose another password.
    pub async fn request_reset(&self, email: EmailAddress, client: &Client) -> Result<(), Error> {
        self.ask_by_mail(Asked::ResetPassword { email: email.clone() }, email, client)
            .await
    }

    pub(super) async fn ask_by_mail(
        &self,
        asked: Asked,
        email: EmailAddress,
        client: &Client,
    ) -> Result<(), Error> {
        self.count_mail_request(client.network).await?;
        let service = self.clone();
        self.db
            .write(move |tx| {
                if service.may_mail(tx, &email)? {
                    service.ask(tx, &asked)
                } else {
                    Ok(())
                }
            })
            .await
    }

    pub(super) fn ask(&self, tx: &mut Conn, asked: &Asked) -> Result<(), Error> {
        let id = JobId::new(&self.clock, &self.random);
        Ok(jobs::enqueue_for::<AnswerAddress>(
            tx,
            id,
            asked,
            self.now(),
            None,
        )?)
    }

    /// Follows a link to verify an address.
    pub async fn verify_address(&self, token: &str) -> Result<(), Error> {
        let (service, token) = (self.clone(), token_sha256(token));
        self.db
            .write(move |tx| {
                let now = service.now();
                let (user, _) =
                    links::take(tx, Purpose::VerifyAddress, &token, now)?.ok_or(Error::DeadLink)?;
                users::set_verified(tx, user, now)?;
                let address = existing(tx, user)?.user.email;
                service.mailer.address_works(tx, &address)?;
                service.record(tx, user, "user.address_verified")
            })
            .await
    }

    /// Answers by mail what was asked for by an address; from a job.
    pub(in crate::accounts) async fn answer(&self, asked: Asked) -> Result<(), Error> {
        let service = self.clone();
        self.db
            .write(move |tx| match asked {
                Asked::Register { .. } => service.answer_registration(tx, asked),
                Asked::VerifyAgain { email } => service.answer_verify_again(tx, &email),
                Asked::ResetPassword { email } => service.answer_reset(tx, &email),
                Asked::ChangeAddress { user, email } => service.answer_address_change(tx, user, email),
                Asked::Remind {
                    lead,
                    email,
                    language,
                    at,
                } => service.answer_lead(tx, lead, email, language, at),
            })
            .await
    }

    fn answer_registration(&self, tx: &mut Conn, asked: Asked) -> Result<(), Error> {
        let Asked::Register {
            user,
            member,
            email,
            password_hash,
            name,
            member_name,
            language,
            privacy,
            terms,
        } = asked
        else {
            unreachable!("only registrations come here")
        };
        if users::find(tx, user)?.is_some() {
            return Ok(()); // the job ran before, to the end
        }
        match users::find_by_address(tx, &email)? {
            Some(known) if known.user.email_verified_at.is_some() => {
                self.mail_already_registered(tx, &known.user)
            }
            Some(unverified) => {
                // Nobody has proved to own the address yet. The last to register wins, and every earlier link is dead.
                let now = self.now();
                users::set_password(tx, unverified.user.id, &password_hash, now)?;
                for membership in members::list_memberships(tx, unverified.user.id)? {
                    let (member, user) = (membership.member, unverified.user.id);
                    self.agree(tx, member, user, [privacy, terms], language, Way::Registration)?;
                }
                self.mail_verification(tx, unverified.user.id)
            }
            None => {
                let new = NewUser {
                    id: user,
                    email: &email,
                    verified: false,
                    name: name.as_ref(),
                    language,
                    password_hash: &password_hash,
                    policy_version: privacy,
                };
                self.insert_with_member(
                    tx,
                    &new,
                    member,
                    &member_name,
                    [privacy, terms],
                    Way::Registration,
                )?;
                self.mail_verification(tx, user)
            }
        }
    }

    /// A new user, their member, and what they agreed to.
    fn insert_with_member(
        &self,
        tx: &mut Conn,
        user: &NewUser<'_>,
        member: MemberId,
        member_name: &Name,
        agreed: [PolicyVersionId; 2],
        way: Way,
    ) -> Result<(), Error> {
        let now = self.now();
        users::insert(tx, user, now)?;
        leads::link(tx, user.email, user.id, now)?;
        members::insert(tx, member, member_name, user.language, user.policy_version, now)?;
        members::add_user(tx, member, user.id, Role::Owner, now)?;
        self.agree(tx, member, user.id, agreed, user.language, way)?;
        let actor = match way {
            Way::CommandLine => Actor::System,
            _ => Actor::User(user.id),
        };
        let entry = Entry::new(
            &self.clock,
            &self.random,
            Some(member),
            actor,
            "member.registered",
            member,
        );
        Ok(audit::record(tx, &entry)?)
    }

    /// Keeps what a user agreed to, for a member (promise 11).
    pub(in crate::accounts) fn agree(
        &self,
        tx: &mut Conn,
        member: MemberId,
        user: UserId,
        versions: [PolicyVersionId; 2],
        language: Language,
        way: Way,
    ) -> Result<(), Error> {
        for version in versions {
            let decision = NewDecision {
                member,
                user: Some(user),
                version,
                change: None,
                decision: Decision::Accept,
                way,
                language: language.as_str(),
            };
            policies::record_decision(tx, &self.clock, &self.random, &decision)?;
        }
        Ok(())
    }

    fn mail_verification(&self, tx: &mut Conn, user: UserId) -> Result<(), Error> {
        let user = super::existing(tx, user)?.user;
        let link = self.link(tx, user.id, Purpose::VerifyAddress, None)?;
        self.mail(
            tx,
            &user,
            Template::VerifyAddress {
                link,
                valid_hours: (VERIFY_LINK.as_secs() / 3600) as u32,
            },
        )
    }

    fn mail_already_registered(&self, tx: &mut Conn, user: &User) -> Result<(), Error> {
        let login_link = self.mailer.links().page("login", &[]);
        let template = Template::AlreadyRegistered {
            login_link,
            reset_link: self.forgotten_link(),
        };
        self.mail(tx, user, template)
    }

    fn answer_verify_again(&self, tx: &mut Conn, email: &EmailAddress) -> Result<(), Error> {
        match users::find_by_address(tx, email)? {
            Some(known) if known.user.email_verified_at.is_none() => {
                self.mail_verification(tx, known.user.id)
            }
            _ => Ok(()),
        }
    }

    fn answer_reset(&self, tx: &mut Conn, email: &EmailAddress) -> Result<(), Error> {
        let Some(known) = users::find_by_address(tx, email)? else {
            return Ok(());
        };
        let link = self.link(tx, known.user.id, Purpose::ResetPassword, None)?;
        let valid_minutes = (RESET_LINK.as_secs() / 60) as u32;
        self.mail(tx, &known.user, Template::PasswordReset { link, valid_minutes })
    }

    fn answer_address_change(&self, tx: &mut Conn, user: UserId, email: EmailAddress) -> Result<(), Error> {
        let Some(asking) = users::find(tx, user)? else {
            return Ok(());
        };
        if let Some(owner) = users::find_by_address(tx, &email)?.filter(|owner| owner.user.id != user) {
            return self.mail_already_registered(tx, &owner.user);
        }
        let link = self.link(tx, user, Purpose::ChangeAddress, Some(&email))?;
        let valid_hours = (CHANGE_LINK.as_secs() / 3600) as u32;
        self.mail_to(
            tx,
            email.clone(),
            &asking.user,
            Template::AddressChangeConfirm { link, valid_hours },
        )?;
        let notice = Template::AddressChangeNotice {
            new_address: email,
            reset_link: self.forgotten_link(),
        };
        self.mail(tx, &asking.user, notice)
    }

    /// Opens an account whose address needs no proof: by the command line, for the demo, in tests.
    pub async fn open_account(
        &self,
        email: EmailAddress,
        password: NewPassword,
        member_name: Name,
        language: Language,
    ) -> Result<(UserId, MemberId), Error> {
        let password_hash = self.passwords.hash(password).await?;
        let service = self.clone();
        let opened: Result<_, Error> = self
            .db
            .write(move |tx| {
                let current = policies::current(tx)?;
                let (clock, random) = (&service.clock, &service.random);
                let (user, member) = (UserId::new(clock, random), MemberId::new(clock, random));
                let new = NewUser {
                    id: user,
                    email: &email,
                    verified: true,
                    name: None,
                    language,
                    password_hash: &password_hash,
                    policy_version: current.privacy.id,
                };
                let agreed = [current.privacy.id, current.terms.id];
                service.insert_with_member(tx, &new, member, &member_name, agreed, Way::CommandLine)?;
                Ok((user, member))
            })
            .await;
        opened.map_err(|error| match error {
            Error::Db(error) if error.is_unique_violation() => Error::AddressTaken,
            other => other,
        })
    }

    /// The member that the user of an address belongs to, the first of several: for the command line.
    pub async fn find_first_member(&self, email: EmailAddress) -> Result<Option<MemberId>, Error> {
        self.db
            .read(move |conn| {
                let Some(known) = users::find_by_address(conn, &email)? else {
                    return Ok(None);
                };
                let memberships = members::list_memberships(conn, known.user.id)?;
                Ok(memberships.first().map(|membership| membership.member))
            })
            .await
    }
}

/// The versions that somebody agreed to, if they are still the current ones.
pub(in crate::accounts) fn agreed_versions(
    conn: &mut Conn,
    agreed: Agreed,
) -> Result<(PolicyVersionId, PolicyVersionId), Error> {
    let current = policies::current(conn)?;
    let (privacy, terms) = (current.privacy.version, current.terms.version);
    if agreed != (Agreed { privacy, terms }) {
        return Err(Error::OldPolicies { privacy, terms });
    }
    Ok((current.privacy.id, current.terms.id))
}

/// What a member is called before it gives itself a name.
fn name_of(email: &EmailAddress) -> Name {
    let local = email.as_str().split('@').next().unwrap_or_default();
    local
        .parse()
        .unwrap_or_else(|_| "My account".parse().expect("this is a name"))
}
