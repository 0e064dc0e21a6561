//! The form on our own site for who does not want to register now, and would like to be reminded.

use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};

use super::Tag;
use super::asking::Asking;
use super::shapes::example_email;
use crate::accounts::Accounts;
use crate::http::{Accepted, Json, Problem};
use crate::mail::{EmailAddress, Language};

pub struct LeadsApi {
    pub accounts: Accounts,
}

/// An address that wants to be reminded.
#[derive(Debug, Object)]
#[oai(example)]
struct NewLead {
    email: EmailAddress,
    /// Of the reminders.
    #[oai(default)]
    language: Language,
}

impl Example for NewLead {
    fn example() -> Self {
        Self {
            email: example_email(),
            language: Language::En,
        }
    }
}

#[OpenApi(prefix_path = "/leads", tag = "Tag::Registration")]
impl LeadsApi {
    /// Ask to be reminded
    ///
    /// Two mails at most, after 24 hours and after 7 days (promise 17); each has a way out, and a registration ends them.
    /// The address is forgotten 37 days after it was left. The answer is the same for an address that has an account, which
    /// hears nothing.
    #[oai(path = "/", method = "post", operation_id = "create_lead")]
    async fn create(&self, asking: Asking, body: Json<NewLead>) -> Result<Accepted, Problem> {
        let NewLead { email, language } = body.0;
        self.accounts.keep_lead(email, language, &asking.0).await?;
        Ok(Accepted)
    }
}
