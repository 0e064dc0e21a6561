//! The pages that the links of our mails lead to, and the front door. Each asks before it acts: following a link
//! changes nothing, its button sends what the API takes. They need no dashboard, and end where it begins.

use poem::endpoint::make;
use poem::http::{StatusCode, header};
use poem::{Request, Response, Route};

use crate::http::html::{Page, Shape};
use crate::http::{Methods, Problem};
use crate::mail::Language;
use crate::policies::Policies;

/// Sends a form as JSON to our API and says what came of it. `a.b` names a field within a field; `data-number` and
/// boxes are not text; an empty field that may be left out is. The token comes from the page's own address.
const SCRIPT: &str = r#"for (const form of document.forms) form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fault = form.querySelector(".fault"), button = form.querySelector("button"), body = {};
  const token = new URLSearchParams(location.search).get("token");
  if (form.dataset.token !== undefined) body.token = token ?? "";
  for (const input of form.querySelectorAll("[name]")) {
    if (!input.value && !input.required) continue;
    const path = input.name.split("."), last = path.pop();
    const into = path.reduce((object, name) => (object[name] ??= {}), body);
    into[last] = input.dataset.number === undefined ? input.value : Number(input.value);
  }
  fault.textContent = "";
  button.disabled = true;
  try {
    const answer = await fetch(form.dataset.to, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (answer.ok) {
      document.querySelector("main").querySelectorAll("form,.before").forEach((element) => (element.hidden = true));
      const done = document.querySelector(".done");
      done.hidden = false;
      done.focus();
      const next = new URLSearchParams(location.search).get("next");
      if (form.dataset.next !== undefined && next?.startsWith("/") && !next.startsWith("//")) location.replace(next);
      return;
    }
    const problem = await answer.json().catch(() => ({}));
    const errors = (problem.errors ?? []).map((error) => error.message);
    fault.textContent = [problem.detail, ...errors].filter(Boolean).join(" ") || problem.title || answer.status;
  } catch {
    fault.textContent = document.body.querySelector("main").dataset?.offline || form.dataset.offline;
  }
  button.disabled = false;
});"#;

/// One form of a page: where it goes, what it asks, what its button says.
struct Form {
    to: &'static str,
    /// The token of the page's address goes with it.
    token: bool,
    /// When done, on to the page that `next` names.
    next: bool,
    fields: Vec<Field>,
    button: &'static str,
}

struct Field {
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    autocomplete: &'static str,
    required: bool,
}

struct Words {
    title: &'static str,
    text: &'static str,
    forms: Vec<Form>,
    done: &'static str,
}

const fn field(
    name: &'static str,
    label: &'static str,
    kind: &'static str,
    autocomplete: &'static str,
) -> Field {
    Field {
        name,
        label,
        kind,
        autocomplete,
        required: true,
    }
}

/// By a mail's link: one button, the token goes with it.
fn press(to: &'static str, button: &'static str) -> Vec<Form> {
    vec![Form {
        to,
        token: true,
        next: false,
        fields: Vec::new(),
        button,
    }]
}

fn words(page: &str, language: Language) -> Option<Words> {
    let de = language == Language::De;
    let say = |english: &'static str, german: &'static str| if de { german } else { english };
    let password = |name| Field {
        name,
        label: say(
            "New password, 10 characters or more",
            "Neues Passwort, mindestens 10 Zeichen",
        ),
        kind: "password",
        autocomplete: "new-password",
        required: true,
    };
    let email = || {
        field(
            "email",
            say("Email address", "E-Mail-Adresse"),
            "email",
            "username",
        )
    };
    Some(match page {
        "verify" => Words {
            title: say("Is this your address?", "Ist das Ihre Adresse?"),
            text: say(
                "Confirm it, and you can log in.",
                "Bestätigen Sie sie, dann können Sie sich anmelden.",
            ),
            forms: press(
                "/api/v1/users/verification",
                say("Yes, confirm it", "Ja, bestätigen"),
            ),
            done: say(
                "Confirmed. You can log in now.",
                "Bestätigt. Sie können sich jetzt anmelden.",
            ),
        },
        "confirm-address" => Words {
            title: say(
                "Use this address from now on?",
                "Ab jetzt diese Adresse verwenden?",
            ),
            text: say(
                "You log in with it, and our mails go to it. Both addresses are told.",
                "Sie melden sich damit an, und unsere Mails gehen dorthin. Beide Adressen erfahren davon.",
            ),
            forms: press(
                "/api/v1/users/address-change/confirm",
                say("Yes, use it", "Ja, verwenden"),
            ),
            done: say(
                "Done. This is your address now.",
                "Erledigt. Das ist jetzt Ihre Adresse.",
            ),
        },
        "reset-password" => Words {
            title: say("Choose a new password", "Neues Passwort wählen"),
            text: say("All sessions end with it.", "Alle Sitzungen enden damit."),
            forms: vec![Form {
                to: "/api/v1/users/password-reset/confirm",
                token: true,
                next: false,
                fields: vec![password("password")],
                button: say("Set the password", "Passwort setzen"),
            }],
            done: say(
                "Done. Log in with the new password.",
                "Erledigt. Melden Sie sich mit dem neuen Passwort an.",
            ),
        },
        "forgot-password" => Words {
            title: say("Forgotten your password?", "Passwort vergessen?"),
            text: say(
                "We send a link to choose another one. It is good for 30 minutes.",
                "Wir schicken einen Link, um ein anderes zu wählen. Er gilt 30 Minuten.",
            ),
            forms: vec![Form {
                to: "/api/v1/users/password-reset",
                token: false,
                next: false,
                fields: vec![email()],
                button: say("Send the link", "Link schicken"),
            }],
            done: say(
                "If there is an account with this address, a mail is on its way.",
                "Wenn es zu dieser Adresse ein Konto gibt, ist eine Mail unterwegs.",
            ),
        },
        "login" => Words {
            title: say("Log in", "Anmelden"),
            text: "",
            forms: vec![Form {
                to: "/api/v1/session",
                token: false,
                next: true,
                fields: vec![
                    email(),
                    field(
                        "password",
                        say("Password", "Passwort"),
                        "password",
                        "current-password",
                    ),
                    Field {
                        required: false,
                        ..field(
                            "totp",
                            say(
                                "Code of the second factor, if you use one",
                                "Code des zweiten Faktors, falls eingerichtet",
                            ),
                            "text",
                            "one-time-code",
                        )
                    },
                ],
                button: say("Log in", "Anmelden"),
            }],
            done: say("You are logged in.", "Sie sind angemeldet."),
        },
        "invitation" => Words {
            title: say("You are invited", "Sie sind eingeladen"),
            text: say(
                "Join the team that sent you this link.",
                "Treten Sie dem Team bei, das Ihnen diesen Link geschickt hat.",
            ),
            forms: vec![
                Form {
                    to: "/api/v1/invitations/accept",
                    token: true,
                    next: false,
                    fields: Vec::new(),
                    button: say(
                        "Join with the account I am logged in with",
                        "Mit meinem angemeldeten Konto beitreten",
                    ),
                },
                Form {
                    to: "/api/v1/invitations/accept",
                    token: true,
                    next: false,
                    fields: vec![
                        Field {
                            required: false,
                            ..field("account.name", say("Your name", "Ihr Name"), "text", "name")
                        },
                        password("account.password"),
                    ],
                    button: say("Make an account and join", "Konto anlegen und beitreten"),
                },
            ],
            done: say(
                "Welcome to the team. You can log in now.",
                "Willkommen im Team. Sie können sich jetzt anmelden.",
            ),
        },
        _ => return None,
    })
}

/// The names of the pages, as they stand in the mails' links.
pub const PAGES: [&str; 6] = [
    "verify",
    "confirm-address",
    "reset-password",
    "forgot-password",
    "login",
    "invitation",
];

/// Adds the pages and the front door.
pub fn routes(route: Route, policies: &Policies) -> Route {
    let mut route = route.at(
        "/",
        Methods::new().get(make(|_| async { Ok::<_, Problem>(front_door()) })),
    );
    for page in PAGES {
        let policies = policies.clone();
        let endpoint = make(move |request: Request| {
            let policies = policies.clone();
            async move { write(page, &request, &policies).await }
        });
        route = route.at(format!("/{page}"), Methods::new().get(endpoint));
    }
    route
}

async fn write(page: &'static str, request: &Request, policies: &Policies) -> Result<Response, Problem> {
    let language = language_of(request);
    let words = words(page, language).ok_or_else(Problem::not_found)?;
    let agreed = if page == "invitation" {
        agreement(policies, language).await?
    } else {
        String::new()
    };
    let offline = match language {
        Language::De => "Keine Verbindung. Bitte noch einmal versuchen.",
        Language::En => "No connection. Please try again.",
    };
    let forms: String = words
        .forms
        .iter()
        .map(|form| form.html(&agreed, offline))
        .collect();
    let body = format!(
        "<h1>{}</h1><p class=\"before\">{}</p>{forms}<p class=\"done\" role=\"status\" tabindex=\"-1\" hidden>{}</p>",
        words.title, words.text, words.done
    );
    Ok(Page {
        status: StatusCode::OK,
        language: language.as_str(),
        title: words.title,
        body,
        shape: Shape::Card,
        script: Some(SCRIPT),
    }
    .respond())
}

impl Form {
    fn html(&self, agreed: &str, offline: &str) -> String {
        let mark = |name: &str, is: bool| {
            if is {
                format!(" data-{name}")
            } else {
                String::new()
            }
        };
        let fields: String = self.fields.iter().map(Field::html).collect();
        // Only who makes an account here agrees to something.
        let agreed = if self.fields.iter().any(|field| field.name.starts_with("account.")) {
            agreed
        } else {
            ""
        };
        format!(
            "<form data-to=\"{}\" data-offline=\"{offline}\"{}{}>{fields}{agreed}<p class=\"fault\" role=\"alert\"></p><button>{}</button></form>",
            self.to,
            mark("token", self.token),
            mark("next", self.next),
            self.button,
        )
    }
}

impl Field {
    fn html(&self) -> String {
        let required = if self.required { " required" } else { "" };
        format!(
            "<label>{}<input name=\"{}\" type=\"{}\" autocomplete=\"{}\"{required}></label>",
            self.label, self.name, self.kind, self.autocomplete
        )
    }
}

/// What somebody who makes an account agrees to: the versions that stand on the page at this moment.
async fn agreement(policies: &Policies, language: Language) -> Result<String, Problem> {
    let current = policies.current().await?;
    let text = match language {
        Language::De => {
            "Ich stimme den <a href=\"/policies/terms\">Nutzungsbedingungen</a> zu und habe die <a href=\"/policies/privacy\">Datenschutzerklärung</a> gelesen."
        }
        Language::En => {
            "I agree to the <a href=\"/policies/terms\">terms of service</a> and have read the <a href=\"/policies/privacy\">privacy policy</a>."
        }
    };
    Ok(format!(
        "<label class=\"tick\"><input type=\"checkbox\" required>{text}</label>\
         <input type=\"hidden\" name=\"account.privacy_version\" data-number value=\"{}\">\
         <input type=\"hidden\" name=\"account.terms_version\" data-number value=\"{}\">\
         <input type=\"hidden\" name=\"account.language\" value=\"{}\">",
        current.privacy.version,
        current.terms.version,
        language.as_str()
    ))
}

fn front_door() -> Response {
    Page {
        status: StatusCode::OK,
        language: "en",
        title: "Contactbar",
        body: "<h1>Contactbar</h1><p>Contact bars for websites: design one, paste one line, read what it counted and \
               who left a word.</p><ul><li><a href=\"/docs\">Reference of the API</a>, with which everything is done</li>\
               <li><a href=\"/login\">Log in</a></li></ul>\
               <p class=\"quiet\">This build has no dashboard.</p>"
            .to_owned(),
        shape: Shape::Card,
        script: None,
    }
    .respond()
}

/// What the browser asks for first that we speak.
fn language_of(request: &Request) -> Language {
    let asked = request.header(header::ACCEPT_LANGUAGE).unwrap_or_default();
    asked
        .split(',')
        .filter_map(|tag| tag.split([';', '-']).next()?.trim().parse().ok())
        .next()
        .unwrap_or(Language::En)
}
