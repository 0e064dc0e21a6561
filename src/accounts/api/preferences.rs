//! Which mails somebody wants: one's own, for who is logged in; and the page that every mail links to, without a log-in
//! and without a cookie. There GET asks, and changes nothing: scanners follow every link. POST does it (promise 20).

use std::fmt::Write;

use poem::endpoint::make;
use poem::http::StatusCode;
use poem::{Request, Response};
use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{Caller, Tag};
use crate::accounts::preferences::{Choice, ChoiceError, MailPreference, PreferencesByLink};
use crate::accounts::{Accounts, Operation};
use crate::http::html::{Page, Shape, escape};
use crate::http::{Json, Methods, Problem};
use crate::ids::MemberId;
use crate::mail::api::{kind, unknown};
use crate::mail::{Category, Language, Wish};

impl From<ChoiceError> for Problem {
    fn from(error: ChoiceError) -> Self {
        match error {
            ChoiceError::Accounts(error) => error.into(),
            ChoiceError::NotRefusable => Self::field("category", "comes in any case"),
        }
    }
}

pub struct PreferencesApi {
    pub accounts: Accounts,
}

/// One kind of mail, and whether it comes.
#[derive(Debug, Object)]
#[oai(rename = "MailPreference", example)]
struct PreferenceBody {
    category: Category,
    /// About which member. Without one: between you and us.
    member_id: Option<MemberId>,
    member_name: Option<String>,
    wish: Wish,
    /// Whether one may say no: what one must hear of one's account comes in any case (promise 23).
    may_be_refused: bool,
}

impl From<MailPreference> for PreferenceBody {
    fn from(item: MailPreference) -> Self {
        let (member_id, member_name) = item.member.unzip();
        Self {
            may_be_refused: item.category.may_be_refused(),
            category: item.category,
            member_id,
            member_name,
            wish: item.wish,
        }
    }
}

impl Example for PreferenceBody {
    fn example() -> Self {
        Self {
            category: Category::ContactNotification,
            member_id: Some(MemberId::from_uuid(uuid::Uuid::nil())),
            member_name: Some("Bloom & Co".to_owned()),
            wish: Wish::On,
            may_be_refused: true,
        }
    }
}

/// What comes, kind by kind.
#[derive(Debug, Object)]
struct MailPreferences {
    items: Vec<PreferenceBody>,
}

/// A choice.
#[derive(Debug, Object)]
#[oai(example)]
struct MailChoice {
    category: Category,
    /// About which member; without one, what is between you and us.
    member_id: Option<MemberId>,
    wanted: bool,
}

impl Example for MailChoice {
    fn example() -> Self {
        Self {
            category: Category::Features,
            member_id: None,
            wanted: false,
        }
    }
}

#[OpenApi(prefix_path = "/users/me/mail-preferences", tag = "Tag::Account")]
impl PreferencesApi {
    /// Read which mails one gets
    #[oai(path = "/", method = "get", operation_id = "read_mail_preferences")]
    async fn read(&self, caller: Caller) -> Result<Json<MailPreferences>, Problem> {
        let signed_in = caller.in_person(Operation::ReadMailPreferences)?;
        let items = self.accounts.mail_preferences(signed_in.user).await?;
        Ok(Json(MailPreferences {
            items: items.into_iter().map(PreferenceBody::from).collect(),
        }))
    }

    /// Choose whether mails of a kind come
    ///
    /// Advertising (`promotion`, `cross_selling`) only comes after a link in a mail that this sends has been followed; until then its
    /// `wish` is `asked` (promise 19). The answer is all of one's preferences.
    #[oai(path = "/", method = "put", operation_id = "update_mail_preference")]
    async fn update(&self, caller: Caller, body: Json<MailChoice>) -> Result<Json<MailPreferences>, Problem> {
        let signed_in = caller.in_person(Operation::UpdateMailPreference)?;
        let MailChoice {
            category,
            member_id: member,
            wanted,
        } = body.0;
        let choice = Choice {
            category,
            member,
            wanted,
        };
        self.accounts.choose_mail(signed_in.user, choice).await?;
        let items = self.accounts.mail_preferences(signed_in.user).await?;
        Ok(Json(MailPreferences {
            items: items.into_iter().map(PreferenceBody::from).collect(),
        }))
    }
}

/// The route of the page.
pub const PREFERENCES: &str = "/mail/preferences/:token";

pub fn preferences(accounts: Accounts) -> Methods {
    let asked = accounts.clone();
    Methods::new()
        .get(make(move |request: Request| {
            let accounts = asked.clone();
            async move {
                let found = accounts.preferences_by_link(token(&request)).await?;
                Ok::<_, Problem>(found.map_or_else(unknown, |page| show(&page, false)))
            }
        }))
        .post(make(move |request: Request| {
            let accounts = accounts.clone();
            async move { answer(&accounts, request).await }
        }))
}

fn token(request: &Request) -> &str {
    request.raw_path_param("token").unwrap_or_default()
}

/// What the form says.
enum Filled {
    Choice(Choice),
    Forget,
}

fn filled(body: &str) -> Option<Filled> {
    let (mut category, mut member, mut wanted, mut forget) = (None, None, None, false);
    for (name, value) in form_urlencoded::parse(body.as_bytes()) {
        match &*name {
            "category" => category = value.parse().ok(),
            "member" => member = Some(value.parse().ok()?),
            "wanted" => wanted = Some(value == "yes"),
            "forget" => forget = true,
            _ => {}
        }
    }
    if forget {
        return Some(Filled::Forget);
    }
    Some(Filled::Choice(Choice {
        category: category?,
        member,
        wanted: wanted?,
    }))
}

async fn answer(accounts: &Accounts, mut request: Request) -> Result<Response, Problem> {
    let body = request.take_body().into_string().await.unwrap_or_default();
    let token = token(&request);
    let Some(page) = accounts.preferences_by_link(token).await? else {
        return Ok(unknown());
    };
    match filled(&body) {
        Some(Filled::Choice(choice)) => {
            let done = accounts.choose_by_link(token, choice).await?;
            Ok(done.map_or_else(unknown, |page| show(&page, true)))
        }
        Some(Filled::Forget) => {
            accounts.forget_lead_by_link(token).await?;
            Ok(forgotten(&page))
        }
        None => Ok(show(&page, false)),
    }
}

/// What the page says.
struct Words {
    title: &'static str,
    on: &'static str,
    asked: &'static str,
    off: &'static str,
    stop: &'static str,
    start: &'static str,
    saved: &'static str,
    none: &'static str,
    fixed: &'static str,
    lead: &'static str,
    forget: &'static str,
    forgotten: &'static str,
    forgotten_text: &'static str,
}

const EN: Words = Words {
    title: "Your mails",
    on: "You get these.",
    asked: "We have sent you a mail that asks whether you want these.",
    off: "You don't get these.",
    stop: "Stop",
    start: "Send them",
    saved: "Saved.",
    none: "Nothing that you could refuse has been sent to this address.",
    fixed: "Mails about your account and its security, about payments, and about outages, abuse and changes of our policies come in any case, as long as you have an account.",
    lead: "You left this address to be reminded of us.",
    forget: "Forget my address",
    forgotten: "Forgotten",
    forgotten_text: "Your address and the reminders to it are deleted. We won't write again.",
};

const DE: Words = Words {
    title: "Ihre Mails",
    on: "Diese bekommen Sie.",
    asked: "Wir haben Ihnen eine Mail geschickt, die fragt, ob Sie diese möchten.",
    off: "Diese bekommen Sie nicht.",
    stop: "Abbestellen",
    start: "Bestellen",
    saved: "Gespeichert.",
    none: "An diese Adresse ging nichts, was Sie ablehnen könnten.",
    fixed: "Mails zu Ihrem Konto und seiner Sicherheit, zu Zahlungen sowie zu Störungen, Missbrauch und geänderten Bedingungen kommen in jedem Fall, solange Sie ein Konto haben.",
    lead: "Sie haben diese Adresse hinterlassen, um an uns erinnert zu werden.",
    forget: "Meine Adresse vergessen",
    forgotten: "Vergessen",
    forgotten_text: "Ihre Adresse und die Erinnerungen an sie sind gelöscht. Wir schreiben nicht mehr.",
};

fn words_in(language: Language) -> &'static Words {
    match language {
        Language::En => &EN,
        Language::De => &DE,
    }
}

fn show(page: &PreferencesByLink, saved: bool) -> Response {
    let words = words_in(page.language);
    let mut body = format!(
        "<h1>{}</h1><p class=\"quiet\">{}</p>",
        words.title,
        escape(&page.address)
    );
    if saved {
        let _ = write!(body, "<p role=\"status\"><strong>{}</strong></p>", words.saved);
    }
    for item in &page.items {
        row(&mut body, item, words, page.language);
    }
    if page.items.is_empty() {
        let _ = write!(body, "<p>{}</p>", words.none);
    }
    if page.has_account {
        let _ = write!(body, "<p class=\"quiet\">{}</p>", words.fixed);
    }
    if page.is_lead {
        let _ = write!(
            body,
            "<form method=\"post\" class=\"row\"><p>{}</p><button name=\"forget\" value=\"yes\">{}</button></form>",
            words.lead, words.forget
        );
    }
    Page {
        status: StatusCode::OK,
        language: page.language.as_str(),
        title: words.title,
        body,
        shape: Shape::Card,
    }
    .respond()
}

fn row(body: &mut String, item: &MailPreference, words: &Words, language: Language) {
    let (state, label, wanted) = match item.wish {
        Wish::On => (words.on, words.stop, "no"),
        Wish::Asked => (words.asked, words.stop, "no"),
        Wish::Off => (words.off, words.start, "yes"),
    };
    let name = match &item.member {
        Some((_, member)) => format!("{} · {member}", kind(item.category, language)),
        None => kind(item.category, language).to_owned(),
    };
    let name = escape(&name);
    let about = item.member.as_ref().map_or_else(String::new, |(id, _)| {
        format!("<input type=\"hidden\" name=\"member\" value=\"{id}\">")
    });
    let _ = write!(
        body,
        "<form method=\"post\" class=\"row\"><p><strong>{name}</strong><br>{state}</p>\
         <input type=\"hidden\" name=\"category\" value=\"{}\">{about}\
         <button name=\"wanted\" value=\"{wanted}\" aria-label=\"{label}: {name}\">{label}</button></form>",
        item.category
    );
}

fn forgotten(page: &PreferencesByLink) -> Response {
    let words = words_in(page.language);
    Page {
        status: StatusCode::OK,
        language: page.language.as_str(),
        title: words.forgotten,
        body: format!("<h1>{}</h1><p>{}</p>", words.forgotten, words.forgotten_text),
        shape: Shape::Card,
    }
    .respond()
}

/// The page, for the document.
pub fn describe() -> Value {
    let page = |description: &str| json!({ "description": description, "content": { "text/html": { "schema": { "type": "string" }, "example": "<!doctype html>…" } } });
    let problem = |description: &str| {
        json!({ "description": description,
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } })
    };
    let parameters = json!([{
        "name": "token", "in": "path", "required": true, "schema": { "type": "string" },
        "description": "From the foot of a mail."
    }]);
    let not_found = page("The link leads nowhere, or nothing like that can be chosen by it.");
    let unavailable = problem("Not able to answer right now. Try again after `Retry-After` seconds.");
    let busy = problem("Too many requests; `Retry-After` says when to come back.");
    json!({
        "paths": { "/mail/preferences/{token}": {
            "get": {
                "operationId": "ask_preferences", "tags": ["Mail"], "summary": "Show which mails an address gets",
                "description": "A page with a button for each kind that may be refused. Changes nothing: scanners follow every link.",
                "parameters": parameters,
                "responses": { "200": page("What comes, and what doesn't."), "404": not_found, "429": busy, "503": unavailable }
            },
            "post": {
                "operationId": "choose_by_link", "tags": ["Mail"], "summary": "Choose mails without logging in",
                "description": "The page's form. `forget` instead of the others deletes an address that was left to be reminded.",
                "parameters": parameters,
                "requestBody": { "required": true, "content": { "application/x-www-form-urlencoded": {
                    "schema": { "type": "object", "properties": {
                        "category": { "type": "string" },
                        "member": { "type": "string" },
                        "wanted": { "type": "string", "enum": ["yes", "no"] },
                        "forget": { "type": "string", "enum": ["yes"] } } },
                    "example": { "category": "features", "wanted": "no" } } } },
                "responses": { "200": page("What comes now."), "404": not_found, "422": problem("It comes in any case."), "429": busy, "503": unavailable }
            }
        } }
    })
}
