//! Mail over HTTP: how an address stands in the API, and the way out that stands in every mail which may be refused.

mod feedback;
mod looks;

pub use feedback::{FEEDBACK, describe as describe_feedback, feedback};
pub use looks::{IsDataCenter, describe as describe_looks, follow, pixel};

use poem::endpoint::make;
use poem::http::StatusCode;
use poem::{Request, Response};
use serde_json::{Value, json};

use super::{Asked, Category, EmailAddress, Language, Mailer, Subscription};
use crate::http::html::{Page, Shape, escape};
use crate::http::{Methods, Problem};

crate::string_type!(EmailAddress, "email", "anna@example.com", None);

impl From<super::Error> for Problem {
    fn from(error: super::Error) -> Self {
        match error {
            super::Error::Db(error) => error.into(),
            super::Error::Render(error) => Self::internal(error),
            other @ super::Error::OtherPurpose { .. } => Self::internal(other),
        }
    }
}

/// The route of the way out.
pub const UNSUBSCRIBE: &str = "/mail/unsubscribe/:token";

/// GET asks, and changes nothing: scanners follow every link. POST does it: from the page's button, or at one click
/// from the mail program (RFC 8058), which needs no log-in and no cookie.
pub fn unsubscribe(mailer: Mailer) -> Methods {
    let asked = mailer.clone();
    Methods::new()
        .get(make(move |request: Request| {
            let mailer = asked.clone();
            async move {
                let found = mailer.find_subscription(token(&request)).await?;
                Ok::<_, Problem>(match found {
                    Some(subscription) => {
                        let words = words(&subscription, token(&request));
                        page(StatusCode::OK, &words, subscription.active)
                    }
                    None => unknown(),
                })
            }
        }))
        .post(make(move |request: Request| {
            let mailer = mailer.clone();
            async move {
                if !mailer.unsubscribe(token(&request)).await? {
                    return Ok::<_, Problem>(unknown());
                }
                let done = mailer.find_subscription(token(&request)).await?;
                Ok(done.map_or_else(unknown, |subscription| {
                    page(StatusCode::OK, &words(&subscription, token(&request)), false)
                }))
            }
        }))
}

/// The route of the second yes.
pub const CONFIRM: &str = "/mail/confirm/:token";

/// GET asks, and changes nothing; POST says yes (promise 19).
pub fn confirm(mailer: Mailer) -> Methods {
    let asked = mailer.clone();
    Methods::new()
        .get(make(move |request: Request| {
            let mailer = asked.clone();
            async move {
                let found = mailer.find_asked(token(&request)).await?;
                Ok::<_, Problem>(found.map_or_else(unknown, |asked| {
                    page(StatusCode::OK, &words_of_yes(&asked), !asked.confirmed)
                }))
            }
        }))
        .post(make(move |request: Request| {
            let mailer = mailer.clone();
            async move {
                let found = mailer.confirm_wish(token(&request)).await?;
                Ok::<_, Problem>(found.map_or_else(unknown, |asked| {
                    page(StatusCode::OK, &words_of_yes(&asked), false)
                }))
            }
        }))
}

fn words_of_yes(asked: &Asked) -> Words {
    let Asked {
        address,
        category,
        language,
        confirmed,
    } = asked;
    let kind = kind(*category, *language);
    let (title, text, button) = match (language, confirmed) {
        (Language::En, false) => (
            "Do you want these mails?",
            format!("{kind} to {address}."),
            "Yes, please",
        ),
        (Language::En, true) => ("Thank you", format!("{kind} go to {address}."), ""),
        (Language::De, false) => (
            "Möchten Sie diese Mails?",
            format!("{kind} an {address}."),
            "Ja, gern",
        ),
        (Language::De, true) => ("Danke", format!("{kind} gehen an {address}."), ""),
    };
    Words {
        language: *language,
        title,
        text,
        button,
        preferences: None,
    }
}

fn token(request: &Request) -> &str {
    request.raw_path_param("token").unwrap_or_default()
}

/// What the page says.
struct Words {
    language: Language,
    title: &'static str,
    text: String,
    button: &'static str,
    /// The token of the page with all that one may refuse.
    preferences: Option<String>,
}

fn words(subscription: &Subscription, token: &str) -> Words {
    let Subscription {
        address,
        category,
        sender,
        language,
        active,
    } = subscription;
    let (title, text, button) = match (language, active) {
        (Language::En, true) => (
            "No more of these mails?",
            format!("{} from {sender} to {address}.", kind(*category, *language)),
            "Stop these mails",
        ),
        (Language::En, false) => (
            "Done",
            format!(
                "{} from {sender} no longer go to {address}.",
                kind(*category, *language)
            ),
            "",
        ),
        (Language::De, true) => (
            "Diese Mails nicht mehr?",
            format!("{} von {sender} an {address}.", kind(*category, *language)),
            "Nicht mehr senden",
        ),
        (Language::De, false) => (
            "Erledigt",
            format!(
                "{} von {sender} gehen nicht mehr an {address}.",
                kind(*category, *language)
            ),
            "",
        ),
    };
    Words {
        language: *language,
        title,
        text,
        button,
        preferences: Some(token.to_owned()),
    }
}

/// A kind of mail, as our pages call it.
pub fn kind(category: Category, language: Language) -> &'static str {
    match (category, language) {
        (Category::AccountMail, Language::En) => "Mails about the account",
        (Category::AccountMail, Language::De) => "Mails zum Konto",
        (Category::Security, Language::En) => "Mails about security",
        (Category::Security, Language::De) => "Mails zur Sicherheit",
        (Category::SystemAlerts, Language::En) => "Notices",
        (Category::SystemAlerts, Language::De) => "Mitteilungen",
        (Category::Features, Language::En) => "Mails about what is new",
        (Category::Features, Language::De) => "Mails zu Neuem im Dienst",
        (Category::Billing, Language::En) => "Mails about payments",
        (Category::Billing, Language::De) => "Mails zu Zahlungen",
        (Category::ContactNotification, Language::En) => "Mails about each new contact",
        (Category::ContactNotification, Language::De) => "Mails zu jedem neuen Kontakt",
        (Category::ContactDigest, Language::En) => "Gathered mails about new contacts",
        (Category::ContactDigest, Language::De) => "Gesammelte Mails zu neuen Kontakten",
        (Category::Autoresponse, Language::En) => "Automatic answers",
        (Category::Autoresponse, Language::De) => "Automatische Antworten",
        (Category::Promotion, Language::En) => "Offers",
        (Category::Promotion, Language::De) => "Angebote",
        (Category::CrossSelling, Language::En) => "Offers of our other services",
        (Category::CrossSelling, Language::De) => "Angebote zu unseren anderen Diensten",
        (Category::Nudge, Language::En) => "Reminders to finish signing up",
        (Category::Nudge, Language::De) => "Erinnerungen an die Anmeldung",
    }
}

/// What every link answers that is not ours, or no longer good.
pub fn unknown() -> Response {
    let words = Words {
        language: Language::En,
        title: "This link leads nowhere",
        text: "It may have been cut short. Please use the link in the mail as it stands.".to_owned(),
        button: "",
        preferences: None,
    };
    page(StatusCode::NOT_FOUND, &words, false)
}

fn page(status: StatusCode, words: &Words, asks: bool) -> Response {
    let button = if asks {
        format!("<form method=\"post\"><button>{}</button></form>", words.button)
    } else {
        String::new()
    };
    let all = words.preferences.as_ref().map(|token| {
        let label = match words.language {
            Language::En => "All mail preferences",
            Language::De => "Alle Mail-Einstellungen",
        };
        format!(
            "<p><a href=\"/mail/preferences/{}\">{label}</a></p>",
            escape(token)
        )
    });
    Page {
        status,
        language: words.language.as_str(),
        title: words.title,
        body: format!(
            "<h1>{}</h1><p>{}</p>{button}{}",
            words.title,
            escape(&words.text),
            all.unwrap_or_default()
        ),
        shape: Shape::Card,
    }
    .respond()
}

/// The way out, for the document.
pub fn describe() -> Value {
    let page = |description: &str| json!({ "description": description, "content": { "text/html": { "schema": { "type": "string" } } } });
    let problem = |description: &str| {
        json!({ "description": description,
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } })
    };
    let parameters = json!([{
        "name": "token", "in": "path", "required": true, "schema": { "type": "string" },
        "description": "From the mail's link or its `List-Unsubscribe` header."
    }]);
    let confirmed = json!([{
        "name": "token", "in": "path", "required": true, "schema": { "type": "string" },
        "description": "From the mail that asks back. Good for 7 days."
    }]);
    let not_found = page("The link leads nowhere.");
    let unavailable = problem("Not able to answer right now. Try again after `Retry-After` seconds.");
    json!({
        "paths": { "/mail/unsubscribe/{token}": {
            "get": {
                "operationId": "ask_unsubscribe", "tags": ["Mail"], "summary": "Ask whether a kind of mail shall stop",
                "description": "A page with a button. Changes nothing: scanners follow every link.",
                "parameters": parameters,
                "responses": { "200": page("The question, or that it is done already."), "404": not_found, "503": unavailable }
            },
            "post": {
                "operationId": "unsubscribe", "tags": ["Mail"], "summary": "Stop a kind of mail",
                "description": "One-click unsubscription (RFC 8058): no log-in, no cookie; the body is ignored. Twice is as good as once.",
                "parameters": parameters,
                "responses": { "200": page("It is done."), "404": not_found, "503": unavailable }
            }
        },
        "/mail/confirm/{token}": {
            "get": {
                "operationId": "ask_confirm_wish", "tags": ["Mail"], "summary": "Ask whether advertising shall come",
                "description": "A page with a button. Changes nothing: scanners follow every link.",
                "parameters": confirmed,
                "responses": { "200": page("The question, or that it is done already."), "404": not_found, "503": unavailable }
            },
            "post": {
                "operationId": "confirm_wish", "tags": ["Mail"], "summary": "Say yes to advertising",
                "description": "The second yes of a double opt-in (promise 19). The body is ignored. Twice is as good as once.",
                "parameters": confirmed,
                "responses": { "200": page("It is done."), "404": not_found, "503": unavailable }
            }
        } },
        "tags": [{ "name": "Mail", "description": "What was sent to whom, and the way out of it." }]
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use poem::Route;
    use poem::test::TestClient;

    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::db::{DatabaseUrl, Db, Options};
    use crate::jobs::Runner;
    use crate::mail::transport::Memory;
    use crate::mail::{Draft, Links, SendMail, Template, Transport};
    use crate::policies;
    use crate::secrets::Random;

    /// Promise 20: one click, without a log-in; and a look changes nothing.
    #[tokio::test]
    async fn the_way_out_asks_on_get_and_acts_on_post() {
        let path = std::env::temp_dir().join(format!("contactbar-way-out-{}.db", std::process::id()));
        let options = Options {
            url: DatabaseUrl::Sqlite(path.clone()),
            pool_size: 2,
            acquire_timeout: Duration::from_secs(5),
            keep_prepared: true,
        };
        let db = Db::open(options).unwrap();
        db.migrate().await.unwrap();
        let (clock, random) = (
            Clock::frozen(Timestamp::from_secs(1_795_315_200)),
            Random::seeded(1),
        );
        let links = Links::new("https://contactbar.example".parse().unwrap());
        let from = "hello@contactbar.example".parse().unwrap();
        let mailer = Mailer::new(db.clone(), clock.clone(), random.clone(), links, from).unwrap();
        let (first_clock, first_random, written_at) = (clock.clone(), random.clone(), clock.clone());
        db.write(move |tx| policies::post_first_versions(tx, &first_clock, &first_random))
            .await
            .unwrap();
        let memory = Memory::default();
        let mut jobs = Runner::new(db.clone(), clock.clone(), random.clone(), 1);
        let transport = Transport::Memory(memory.clone());
        jobs.register(SendMail::new(db.clone(), clock, random, transport));
        let client = TestClient::new(Route::new().at(UNSUBSCRIBE, unsubscribe(mailer.clone())));
        let send = async || {
            let answer = Template::Autoresponse {
                sender: "<b>Bloom & Petal</b>".into(),
                site: "bloom.example".into(),
                subject: "Thank you".into(),
                text: "Hello".into(),
            };
            let draft = Draft::new("jo@example.com".parse().unwrap(), Language::En, answer);
            let mailer = mailer.clone();
            let now = written_at.now();
            db.write(move |tx| {
                let under = policies::current(tx)?.privacy.id;
                let collected = policies::Collected { at: now, under };
                let allowed = policies::ask(tx, None, collected, policies::Purpose::Service, now)?.unwrap();
                mailer.enqueue(tx, draft, allowed)
            })
            .await
            .unwrap();
            jobs.run_until_empty().await.unwrap();
            memory.take()
        };

        let way_out = send().await[0].unsubscribe.clone().unwrap();
        for _ in 0..2 {
            let asked = client.get(way_out.path()).send().await;
            asked.assert_status_is_ok();
            let page = asked.0.into_body().into_string().await.unwrap();
            assert!(
                page.contains(
                    "Automatic answers from &lt;b&gt;Bloom &amp; Petal&lt;/b&gt; to j…@example.com."
                ),
                "{page}"
            );
            assert!(page.contains("<button>Stop these mails</button>"));
        }
        assert_eq!(send().await.len(), 1, "a look changes nothing");

        // As Gmail does it.
        let one_click = client
            .post(way_out.path())
            .content_type("application/x-www-form-urlencoded")
            .body("List-Unsubscribe=One-Click");
        one_click.send().await.assert_status_is_ok();
        assert_eq!(send().await, []);
        let page = client
            .get(way_out.path())
            .send()
            .await
            .0
            .into_body()
            .into_string()
            .await
            .unwrap();
        assert!(
            page.contains("no longer go to j…@example.com") && !page.contains("<button>"),
            "{page}"
        );

        let forged = format!("{}x", &way_out.path()[..way_out.path().len() - 1]);
        for path in [
            forged.as_str(),
            "/mail/unsubscribe/x",
            "/mail/unsubscribe/msg_x.y",
        ] {
            client.get(path).send().await.assert_status(StatusCode::NOT_FOUND);
            client
                .post(path)
                .send()
                .await
                .assert_status(StatusCode::NOT_FOUND);
        }
        std::fs::remove_file(path).unwrap();
    }
}
