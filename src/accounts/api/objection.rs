//! The page that a mail about a policy links to: what changes, and a button for each answer. GET asks, and changes nothing:
//! scanners follow every link. POST does it, without a log-in and without a cookie.

use std::fmt::Write;

use poem::endpoint::make;
use poem::http::StatusCode;
use poem::{Request, Response};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::accounts::policy_changes::{Announced, Answer, PolicyError};
use crate::accounts::{Accounts, Member};
use crate::clock::Timestamp;
use crate::http::html::{Page, Shape, escape};
use crate::http::{Methods, Problem};
use crate::mail::Language;
use crate::policies::rules::{NotDecided, Stand};
use crate::policies::{Change, ChangeKey, Consequence, Decision, Document, Way};

/// The route of the link.
pub const OBJECTION: &str = "/objection/:token";

pub fn objection(accounts: Accounts) -> Methods {
    let asked = accounts.clone();
    Methods::new()
        .get(make(move |request: Request| {
            let accounts = asked.clone();
            async move {
                let found = accounts.find_objection_link(token(&request)).await?;
                Ok::<_, Problem>(match found {
                    Some((member, announced)) => {
                        show(&member, &announced, accounts.now(), None, StatusCode::OK)
                    }
                    None => unknown(),
                })
            }
        }))
        .post(make(move |request: Request| {
            let accounts = accounts.clone();
            async move { answer(&accounts, request).await }
        }))
}

fn token(request: &Request) -> String {
    request.raw_path_param("token").unwrap_or_default().to_owned()
}

/// What the form says.
struct Filled {
    change: ChangeKey,
    decision: Decision,
    understood: Option<Consequence>,
}

fn filled(body: &str) -> Option<Filled> {
    let (mut change, mut decision, mut understood) = (None, None, None);
    for (name, value) in form_urlencoded::parse(body.as_bytes()) {
        match &*name {
            "change" => change = value.parse().ok(),
            "decision" => decision = value.parse().ok(),
            "understood" if value == Consequence::EndsAccount.as_str() => {
                understood = Some(Consequence::EndsAccount);
            }
            _ => {}
        }
    }
    Some(Filled {
        change: change?,
        decision: decision?,
        understood,
    })
}

async fn answer(accounts: &Accounts, mut request: Request) -> Result<Response, Problem> {
    let Some((member, announced)) = accounts.find_objection_link(token(&request)).await? else {
        return Ok(unknown());
    };
    let body = request.take_body().into_string().await.unwrap_or_default();
    let found = filled(&body).and_then(|filled| {
        let change = announced.version.find_change(&filled.change)?.clone();
        Some((filled, change))
    });
    let Some((filled, change)) = found else {
        return Ok(show(
            &member,
            &announced,
            accounts.now(),
            None,
            StatusCode::UNPROCESSABLE_ENTITY,
        ));
    };
    let language = member.language;
    let answer = Answer {
        member: member.id,
        user: None,
        version: announced.version.id,
        change: filled.change,
        decision: filled.decision,
        // The page has said what the two others bring about; the end of an account is asked for on a page of its own.
        understood: match change.consequence() {
            Consequence::EndsAccount => filled.understood,
            said => Some(said),
        },
        way: Way::Mail,
        language,
    };
    let words = Words::of(language);
    Ok(match accounts.answer_policy_change(answer).await {
        Ok(announced) => show(
            &member,
            &announced,
            accounts.now(),
            Some(words.noted),
            StatusCode::OK,
        ),
        Err(PolicyError::NotConfirmed(_)) => confirm(&member, &change),
        Err(PolicyError::NotDecided(NotDecided::Late(_))) => {
            let now = accounts.now();
            show(&member, &announced, now, Some(words.late), StatusCode::CONFLICT)
        }
        Err(other) => return Err(other.into()),
    })
}

/// What the page says.
struct Words {
    title: [&'static str; 2],
    posted: &'static str,
    read: &'static str,
    until: &'static str,
    over: &'static str,
    no_end: &'static str,
    opts_out: &'static str,
    not_applied: &'static str,
    ends_account: &'static str,
    accepted: &'static str,
    objected: &'static str,
    opted_out: &'static str,
    ending: &'static str,
    accept: &'static str,
    object: &'static str,
    withdraw: &'static str,
    opt_out: &'static str,
    opt_in: &'static str,
    noted: &'static str,
    late: &'static str,
    confirm_title: &'static str,
    confirm_text: &'static str,
    confirm: &'static str,
}

const EN: Words = Words {
    title: ["Changes to our privacy policy", "Changes to our terms of service"],
    posted: "Posted on",
    read: "Read the whole text",
    until: "You can object until",
    over: "The time to object is over. It ended on",
    no_end: "You can object: no mail has reached you yet, so the time to object does not run.",
    opts_out: "You can opt out of this at any time. Your account stays as it is.",
    not_applied: "If you object, it is not applied to your account, which stays as it is.",
    ends_account: "It can't be left out for a single account: if you object, your account ends after 30 days.",
    accepted: "You have accepted this.",
    objected: "You have objected to this.",
    opted_out: "You have opted out of this.",
    ending: "The account ends on",
    accept: "Accept",
    object: "Object",
    withdraw: "Take the objection back",
    opt_out: "Opt out",
    opt_in: "Allow again",
    noted: "We have noted your answer.",
    late: "It is too late for this objection.",
    confirm_title: "Object, and end the account?",
    confirm_text: "This change can't be left out for a single account. If you object, the account ends: its bars are off at once, a paid subscription is cancelled, and in 30 days everything is deleted for good: bars, counts, contacts, webhooks, tokens, mails and the team. Until then you can export your contacts and take the objection back.",
    confirm: "Object and end the account",
};

const DE: Words = Words {
    title: [
        "Änderungen unserer Datenschutzhinweise",
        "Änderungen unserer Nutzungsbedingungen",
    ],
    posted: "Veröffentlicht am",
    read: "Den ganzen Text lesen",
    until: "Sie können widersprechen bis",
    over: "Die Zeit zum Widersprechen ist vorbei. Sie endete am",
    no_end: "Sie können widersprechen: Noch hat Sie keine Mail erreicht, deshalb läuft die Frist nicht.",
    opts_out: "Das können Sie jederzeit abbestellen. Ihr Konto bleibt, wie es ist.",
    not_applied: "Wenn Sie widersprechen, gilt es für Ihr Konto nicht, und das Konto bleibt, wie es ist.",
    ends_account: "Das lässt sich nicht für ein einzelnes Konto auslassen: Wenn Sie widersprechen, endet Ihr Konto nach 30 Tagen.",
    accepted: "Sie haben dem zugestimmt.",
    objected: "Sie haben dem widersprochen.",
    opted_out: "Sie haben das abbestellt.",
    ending: "Das Konto endet am",
    accept: "Zustimmen",
    object: "Widersprechen",
    withdraw: "Widerspruch zurücknehmen",
    opt_out: "Abbestellen",
    opt_in: "Wieder erlauben",
    noted: "Ihre Antwort ist notiert.",
    late: "Für diesen Widerspruch ist es zu spät.",
    confirm_title: "Widersprechen und das Konto beenden?",
    confirm_text: "Diese Änderung lässt sich nicht für ein einzelnes Konto auslassen. Wenn Sie widersprechen, endet das Konto: Die Leisten sind sofort aus, ein bezahltes Abo wird gekündigt, und in 30 Tagen wird alles endgültig gelöscht: Leisten, Zahlen, Kontakte, Webhooks, Tokens, Mails und das Team. Bis dahin können Sie Ihre Kontakte exportieren und den Widerspruch zurücknehmen.",
    confirm: "Widersprechen und das Konto beenden",
};

impl Words {
    fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &EN,
            Language::De => &DE,
        }
    }

    fn consequence(&self, consequence: Consequence) -> &'static str {
        match consequence {
            Consequence::OptsOut => self.opts_out,
            Consequence::NotApplied => self.not_applied,
            Consequence::EndsAccount => self.ends_account,
        }
    }
}

fn show(
    member: &Member,
    announced: &Announced,
    now: Timestamp,
    said: Option<&str>,
    status: StatusCode,
) -> Response {
    let (language, words) = (member.language, Words::of(member.language));
    let version = &announced.version;
    let title = words.title[usize::from(version.document == Document::Terms)];
    let time = |at| time(at, language);
    let mut body = format!("<h1>{title}</h1>");
    if let Some(said) = said {
        let _ = write!(body, "<p role=\"status\"><strong>{said}</strong></p>");
    }
    let _ = write!(
        body,
        "<p class=\"quiet\">{} · {} {} · <a href=\"/policies/{}/{}\">{}</a></p>",
        escape(member.name.as_str()),
        words.posted,
        time(version.posted_at),
        version.document.as_str(),
        version.version,
        words.read
    );
    let open = announced.window.is_open(now);
    let _ = match announced.window.closes_at() {
        None => write!(body, "<p>{}</p>", words.no_end),
        Some(last) if open => write!(body, "<p>{} {}.</p>", words.until, time(last)),
        Some(last) => write!(body, "<p>{} {}.</p>", words.over, time(last)),
    };
    if let Some(ends_at) = announced.ends_at {
        let _ = write!(
            body,
            "<p><strong>{} {}.</strong></p>",
            words.ending,
            time(ends_at)
        );
    }
    for (change, stand) in &announced.changes {
        write_change(&mut body, words, language, change, *stand, open);
    }
    Page {
        status,
        language: language.as_str(),
        title,
        body,
        shape: Shape::Text,
    }
    .respond()
}

fn write_change(
    body: &mut String,
    words: &Words,
    language: Language,
    change: &Change,
    stand: Stand,
    open: bool,
) {
    let _ = write!(
        body,
        "<h2>{}</h2><p>{}</p><p>{}</p>",
        escape(change.title.in_language(language.as_str())),
        escape(change.summary.in_language(language.as_str())),
        words.consequence(change.consequence())
    );
    let said = match stand {
        Stand::Undecided => None,
        Stand::Accepted => Some(words.accepted),
        Stand::Objected => Some(words.objected),
        Stand::OptedOut => Some(words.opted_out),
    };
    if let Some(said) = said {
        let _ = write!(body, "<p><strong>{said}</strong></p>");
    }
    let mut button = |decision: Decision, label: &str| {
        let _ = write!(
            body,
            "<form method=\"post\"><input type=\"hidden\" name=\"change\" value=\"{}\">\
             <button name=\"decision\" value=\"{}\">{label}</button></form>",
            change.key,
            decision.as_str()
        );
    };
    match (change.marketing, stand) {
        (true, Stand::OptedOut) => button(Decision::OptIn, words.opt_in),
        (true, _) => button(Decision::OptOut, words.opt_out),
        (false, Stand::Objected) => button(Decision::Withdraw, words.withdraw),
        (false, stand) => {
            if stand == Stand::Undecided {
                button(Decision::Accept, words.accept);
            }
            if open {
                button(Decision::Object, words.object);
            }
        }
    }
}

/// Says what an objection brings about, before it is made.
fn confirm(member: &Member, change: &Change) -> Response {
    let (language, words) = (member.language, Words::of(member.language));
    let body = format!(
        "<h1>{}</h1><p><strong>{}: {}</strong></p><p>{}</p><form method=\"post\">\
         <input type=\"hidden\" name=\"change\" value=\"{}\"><input type=\"hidden\" name=\"understood\" value=\"{}\">\
         <button name=\"decision\" value=\"object\">{}</button></form>",
        words.confirm_title,
        escape(member.name.as_str()),
        escape(change.title.in_language(language.as_str())),
        words.confirm_text,
        change.key,
        Consequence::EndsAccount.as_str(),
        words.confirm
    );
    Page {
        status: StatusCode::OK,
        language: language.as_str(),
        title: words.confirm_title,
        body,
        shape: Shape::Text,
    }
    .respond()
}

fn unknown() -> Response {
    Page {
        status: StatusCode::NOT_FOUND,
        language: "en",
        title: "This link leads nowhere",
        body: "<h1>This link leads nowhere</h1><p>It may have been cut short, or its account is gone. Please use the link in the mail as it stands.</p>".to_owned(),
        shape: Shape::Card,
    }
    .respond()
}

/// To the minute, in UTC.
fn time(at: Timestamp, language: Language) -> String {
    let form = match language {
        Language::En => "%-d %B %Y, %H:%M UTC",
        Language::De => "%-d.%-m.%Y, %H:%M UTC",
    };
    at.jiff().strftime(form).to_string()
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
        "description": "From the mail's link: one member's, for one version."
    }]);
    let not_found = page("The link leads nowhere.");
    let unavailable = problem("Not able to answer right now. Try again after `Retry-After` seconds.");
    let busy = problem("Too many requests; `Retry-After` says when to come back.");
    json!({
        "paths": { "/objection/{token}": {
            "get": {
                "operationId": "ask_objection", "tags": ["PolicyChanges"], "summary": "Show the changes that a mail told of",
                "description": "A page with a button for each answer. Changes nothing: scanners follow every link.",
                "parameters": parameters,
                "responses": { "200": page("The changes, and what was said to them."), "404": not_found, "429": busy, "503": unavailable }
            },
            "post": {
                "operationId": "answer_by_link", "tags": ["PolicyChanges"], "summary": "Answer a change without logging in",
                "description": "The page's form. An objection that ends the account is answered by a page that says so and asks again.",
                "parameters": parameters,
                "requestBody": { "required": true, "content": { "application/x-www-form-urlencoded": {
                    "schema": { "type": "object", "required": ["change", "decision"], "properties": {
                        "change": { "type": "string" },
                        "decision": { "type": "string", "enum": ["accept", "object", "withdraw", "opt_out", "opt_in"] },
                        "understood": { "type": "string", "enum": ["ends_account"] } } },
                    "example": { "change": "benchmarks", "decision": "object" } } } },
                "responses": {
                    "200": page("What was said, or the question whether to go through with it."),
                    "404": not_found,
                    "409": page("The time to object is over."),
                    "422": page("The form was not filled as the page does it."),
                    "429": busy,
                    "503": unavailable
                }
            }
        } }
    })
}
