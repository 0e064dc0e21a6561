//! Which mails somebody wants: said by a user in their settings, or by whoever follows a mail's link, without a log-in.

use super::{Accounts, existing};
use crate::accounts::preferences::{
    Choice, ChoiceError, MailPreference, OF_A_MEMBER, OF_THE_USER, PreferencesByLink,
};
use crate::accounts::store::{leads, members, team, users};
use crate::accounts::{Error, User};
use crate::db::Conn;
use crate::ids::{MemberId, UserId};
use crate::mail::{self, Category, EmailAddress, Letter, Wish, Wisher};
use crate::policies;

impl Accounts {
    /// What comes to a user, kind by kind; what can't be refused first.
    pub async fn mail_preferences(&self, user: UserId) -> Result<Vec<MailPreference>, Error> {
        let service = self.clone();
        self.db
            .read(move |conn| {
                let user = existing(conn, user)?.user;
                let fixed = Category::ALL
                    .into_iter()
                    .filter(|category| !category.may_be_refused())
                    .map(|category| MailPreference {
                        category,
                        member: None,
                        wish: Wish::On,
                    });
                let mut all: Vec<_> = fixed.collect();
                all.extend(service.preferences_of(conn, &user)?);
                Ok(all)
            })
            .await
    }

    /// Notes what a user wants. A member that is not theirs is not found.
    pub async fn choose_mail(&self, user: UserId, choice: Choice) -> Result<(), ChoiceError> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                let user = existing(tx, user)?.user;
                if !choice.category.may_be_refused() {
                    return Err(ChoiceError::NotRefusable);
                }
                let items = service.preferences_of(tx, &user)?;
                if !names(&items, choice) {
                    return Err(Error::NotFound.into());
                }
                service.choose(tx, &user.email, Some(&user), choice)
            })
            .await
    }

    /// What the reader of a mail may choose, by its link. Changes nothing: scanners follow every link.
    pub async fn preferences_by_link(&self, token: &str) -> Result<Option<PreferencesByLink>, Error> {
        let (service, token) = (self.clone(), token.to_owned());
        self.db
            .read(move |conn| {
                let Some(letter) = service.mailer.find_letter(conn, &token)? else {
                    return Ok(None);
                };
                Ok(Some(service.page_of(conn, &letter)?))
            })
            .await
    }

    /// Notes what the reader of a mail wants. `None`: no such link, or nothing of theirs.
    pub async fn choose_by_link(
        &self,
        token: &str,
        choice: Choice,
    ) -> Result<Option<PreferencesByLink>, ChoiceError> {
        let (service, token) = (self.clone(), token.to_owned());
        self.db
            .write(move |tx| {
                let Some(letter) = service.mailer.find_letter(tx, &token)? else {
                    return Ok(None);
                };
                if !names(&service.page_of(tx, &letter)?.items, choice) {
                    return Ok(None);
                }
                let user = users::find_by_address(tx, &letter.to)?.map(|known| known.user);
                service.choose(tx, &letter.to, user.as_ref(), choice)?;
                Ok(Some(service.page_of(tx, &letter)?))
            })
            .await
    }

    /// Forgets an address that was left to be reminded, with the reminders that went there (promise 17). The page itself is
    /// gone with them. False: there is nothing to forget.
    pub async fn forget_lead_by_link(&self, token: &str) -> Result<bool, Error> {
        let (service, token) = (self.clone(), token.to_owned());
        self.db
            .write(move |tx| {
                let Some(letter) = service.mailer.find_letter(tx, &token)? else {
                    return Ok(false);
                };
                if !leads::delete_waiting(tx, &letter.to)? {
                    return Ok(false);
                }
                mail::forget_lead(tx, &letter.to)?;
                Ok(true)
            })
            .await
    }

    /// What a user may refuse: what is between them and us, and what is about each of their members.
    fn preferences_of(&self, conn: &mut Conn, user: &User) -> Result<Vec<MailPreference>, Error> {
        let mut all = Vec::new();
        for category in OF_THE_USER {
            all.push(self.preference(conn, &user.email, category, None)?);
        }
        for membership in members::list_memberships(conn, user.id)? {
            for category in OF_A_MEMBER {
                let member = Some((membership.member, membership.name.to_string()));
                all.push(self.preference(conn, &user.email, category, member)?);
            }
        }
        Ok(all)
    }

    fn preference(
        &self,
        conn: &mut Conn,
        address: &EmailAddress,
        category: Category,
        member: Option<(MemberId, String)>,
    ) -> Result<MailPreference, Error> {
        let about = member.as_ref().map(|(id, _)| *id);
        let wish = self.mailer.find_wish(conn, address, category, about)?;
        Ok(MailPreference {
            category,
            member,
            wish,
        })
    }

    /// What a user of that address may refuse, and what else went there.
    fn page_of(&self, conn: &mut Conn, letter: &Letter) -> Result<PreferencesByLink, Error> {
        let user = users::find_by_address(conn, &letter.to)?.map(|known| known.user);
        let mut items = match &user {
            Some(user) => self.preferences_of(conn, user)?,
            None => Vec::new(),
        };
        for (category, member, sender) in &letter.kinds {
            let listed = |item: &MailPreference| {
                item.category == *category && item.member.as_ref().map(|(id, _)| id) == member.as_ref()
            };
            if items.iter().any(listed) {
                continue;
            }
            let named = match member {
                Some(id) => {
                    let known = team::find_member(conn, *id)?;
                    let name = known.map_or_else(|| sender.clone(), |member| member.name.to_string());
                    Some((*id, name))
                }
                None => None,
            };
            items.push(self.preference(conn, &letter.to, *category, named)?);
        }
        Ok(PreferencesByLink {
            address: letter.to.masked(),
            language: letter.language,
            items,
            has_account: user.is_some(),
            is_lead: leads::is_waiting(conn, &letter.to)?,
        })
    }

    fn choose(
        &self,
        tx: &mut Conn,
        address: &EmailAddress,
        user: Option<&User>,
        choice: Choice,
    ) -> Result<(), ChoiceError> {
        let Choice {
            category,
            member,
            wanted,
        } = choice;
        if !wanted {
            return Ok(self.mailer.refuse(tx, address, category, member)?);
        }
        if !category.is_asked_for() {
            return Ok(self.mailer.allow(tx, address, category, member)?);
        }
        // Advertising is for people with an account: whoever is asked back is known to us.
        let Some(user) = user else {
            return Err(Error::NotFound.into());
        };
        let purpose = Category::AccountMail.purpose();
        if let Some(allowed) = policies::ask(tx, None, user.collected, purpose, self.now())? {
            let wisher = Wisher {
                address: address.clone(),
                user: Some(user.id),
                language: user.language,
                allowed,
            };
            self.mailer.ask_back(tx, wisher, category)?;
        }
        Ok(())
    }
}

/// Is that among what can be chosen?
fn names(items: &[MailPreference], choice: Choice) -> bool {
    items.iter().any(|item| {
        item.category == choice.category && item.member.as_ref().map(|(id, _)| *id) == choice.member
    })
}
