//! The people of a test: users with their own members, others who join, API tokens.

use contactbar::accounts::{NewPassword, Role, Scope};
use contactbar::clock::{DAY, Timestamp};
use contactbar::db::schema::{api_tokens, memberships};
use contactbar::db::{self, Json};
use contactbar::ids::{ApiTokenId, MemberId, UserId};
use contactbar::mail::{Language, Outgoing};
use contactbar::secrets::Token;
use diesel::prelude::*;
use serde_json::json;

use crate::support::{Client, TestApp};

/// Everybody's.
pub const PASSWORD: &str = "a quiet garden wall";

/// Somebody who is logged in.
#[derive(Clone)]
pub struct Person {
    pub client: Client,
    pub email: String,
    pub user: UserId,
    /// Their own.
    pub member: MemberId,
}

#[allow(dead_code, reason = "for the tests of all features")]
impl TestApp {
    /// A user who owns a member, logged in.
    pub async fn with_owner(&self, email: &str) -> Person {
        let (user, member) = self.with_account(email).await;
        let client = self.client();
        client.log_in(email, PASSWORD).await.expect(201);
        Person {
            client,
            email: email.to_owned(),
            user,
            member,
        }
    }

    /// A user who owns a member and has not logged in.
    pub async fn with_account(&self, email: &str) -> (UserId, MemberId) {
        let password = NewPassword::parse(PASSWORD.to_owned(), None).unwrap();
        let name = "Bloom & Co".parse().unwrap();
        self.accounts
            .open_account(email.parse().unwrap(), password, name, Language::En)
            .await
            .unwrap()
    }

    /// Another user, who has joined a member and works for it.
    pub async fn with_colleague(&self, email: &str, member: MemberId, role: Role) -> Person {
        let person = self.with_owner(email).await;
        let (user, now) = (person.user, self.clock.now());
        let row = (
            memberships::member_id.eq(member),
            memberships::user_id.eq(user),
            memberships::role.eq(role),
            memberships::created_at.eq(now),
        );
        let joined = self.db.write(move |tx| {
            Ok::<_, db::Error>(diesel::insert_into(memberships::table).values(row).execute(tx)?)
        });
        joined.await.unwrap();
        person
            .client
            .patch("/api/v1/session", json!({ "member_id": member }))
            .await
            .expect(200);
        person
    }

    /// A program with an API token of a member.
    pub async fn with_token(
        &self,
        member: MemberId,
        scopes: &[Scope],
        expires_at: Option<Timestamp>,
    ) -> Client {
        let token = Token::new("cb_", &self.random);
        let scopes: Vec<Scope> = scopes.to_vec();
        let row = (
            api_tokens::id.eq(ApiTokenId::new(&self.clock, &self.random)),
            api_tokens::member_id.eq(member),
            api_tokens::name.eq("program"),
            api_tokens::hint.eq("cb_…"),
            api_tokens::token_sha256.eq(token.sha256()),
            api_tokens::scopes.eq(Json(scopes)),
            api_tokens::created_at.eq(self.clock.now()),
            api_tokens::expires_at.eq(expires_at),
        );
        let made = self.db.write(move |tx| {
            Ok::<_, db::Error>(diesel::insert_into(api_tokens::table).values(row).execute(tx)?)
        });
        made.await.unwrap();
        self.client().with_token(token.reveal())
    }

    /// An operator, by their token.
    pub async fn with_operator(&self, name: &str) -> Client {
        let (_, token) = self.operators.add(name.parse().unwrap(), DAY * 90).await.unwrap();
        self.client().with_token(token.reveal())
    }

    /// Runs the jobs that are due, and takes the mails that left.
    pub async fn mails(&self) -> Vec<Outgoing> {
        self.run_jobs().await;
        self.mailbox.take()
    }
}

impl Client {
    pub async fn log_in(&self, email: &str, password: &str) -> crate::support::Answer {
        self.post("/api/v1/session", json!({ "email": email, "password": password }))
            .await
    }
}

/// The token of the link in a mail.
#[track_caller]
pub fn token_in(mail: &Outgoing) -> String {
    let (_, rest) = mail
        .text
        .split_once("token=")
        .unwrap_or_else(|| panic!("no link: {}", mail.text));
    rest.chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect()
}
