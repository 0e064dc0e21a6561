//! The demo: a member, a published bar, and a page as of another site that embeds it by its one line.
//!
//! Made by `contactbar demo`, again and again the same. Its password is known to everybody: it is for one's own
//! computer, and nothing of it is there on a service on which nobody asked for it.

pub mod api;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use crate::accounts::{self, Accounts, NewPassword};
use crate::audit::Actor;
use crate::bars::configuration::{Configuration, Consent, Goal, GoalKind};
use crate::bars::{BarKey, Bars, NewBar, Note, Settings};
use crate::ids::MemberId;
use crate::mail::{EmailAddress, Language};
use crate::secrets::sha256;

pub const EMAIL: &str = "demo@contactbar.example";
pub const PASSWORD: &str = "ferns-forgive-us";
const KEY: &str = "dem0garden";

/// The key of the demo's bar, by which its page knows it.
pub fn key() -> BarKey {
    KEY.parse().expect("the demo's key is a key")
}

/// Makes what is missing of the demo: the user with their member, the bar, its publication.
pub async fn make(accounts: &Accounts, bars: &Bars, public_url: &Url) -> anyhow::Result<()> {
    if bars.published().find_published(&key()).await?.is_some() {
        return Ok(());
    }
    let member = member(accounts).await?;
    let by = Actor::System;
    let new = NewBar {
        name: "Ask Ivy".parse().context("the name of the demo's bar")?,
        configuration: configuration(public_url),
        allowed_hosts: Vec::new(),
        settings: Settings::default(),
    };
    let bar = match bars.find_by_key(member, &key()).await? {
        Some(bar) => bar,
        None => bars.create_with_key(member, by, key(), new).await?,
    };
    bars.publish(member, by, bar.id, None, Note::default()).await?;
    Ok(())
}

async fn member(accounts: &Accounts) -> anyhow::Result<MemberId> {
    let email: EmailAddress = EMAIL.parse().context("the demo's address")?;
    let password = NewPassword::parse(PASSWORD.to_owned(), Some(&email)).context("the demo's password")?;
    let name = "Moss & Fern".parse().context("the demo's member")?;
    match accounts
        .open_account(email.clone(), password, name, Language::En)
        .await
    {
        Ok((_, member)) => Ok(member),
        Err(accounts::Error::AddressTaken) => match accounts.find_first_member(email).await? {
            Some(member) => Ok(member),
            None => bail!("{EMAIL} belongs to no member any more: delete that user, then try again"),
        },
        Err(error) => Err(error.into()),
    }
}

/// The demo's bar: a form, in green.
fn configuration(public_url: &Url) -> Configuration {
    let mut configuration = Configuration::starter(GoalKind::Contact, "en");
    let colours = &mut configuration.theme.colours;
    for (colour, value) in [
        (&mut colours.background, "#1f4d33"),
        (&mut colours.text, "#ffffff"),
        (&mut colours.button, "#fde68a"),
        (&mut colours.button_text, "#1f4d33"),
    ] {
        *colour = value.to_owned();
    }
    configuration.theme.dark = None;
    for variant in &mut configuration.variants {
        if let Goal::Contact(form) = &mut variant.goal {
            let policy = public_url.join("policies/privacy").map(String::from).ok();
            form.consent = Some(Consent {
                required: true,
                policy_url: policy,
            });
        }
        for (tag, texts) in &mut variant.texts {
            let [message, button, success, consent] = match tag.as_str() {
                "de" => [
                    "Nordfenster, zwei Katzen, trockene Luft? Ivy weiß, welche Pflanze das überlebt.",
                    "Ivy fragen",
                    "Danke! Ivy schreibt Ihnen, sobald sie gegossen hat.",
                    "Ivy darf mir auf diese Frage antworten.",
                ],
                _ => [
                    "North window, two cats, dry air? Ivy knows which plant survives it.",
                    "Ask Ivy",
                    "Thank you! Ivy writes to you as soon as she has watered.",
                    "Ivy may answer this question by mail.",
                ],
            };
            texts.message = message.to_owned();
            texts.button = Some(button.to_owned());
            texts.success = Some(success.to_owned());
            texts.consent = Some(consent.to_owned());
        }
    }
    configuration
}

/// The page, and the policy of a careful site: its own style, and scripts and requests of the embed host only.
pub struct Page {
    pub html: String,
    pub content_security_policy: String,
}

pub fn page(embed_url: &Url) -> Page {
    let base = embed_url.as_str().trim_end_matches('/');
    let snippet = format!("<script async src=\"{base}/b/{KEY}.js\"></script>");
    let text = snippet.replace('&', "&amp;").replace('<', "&lt;");
    let template = include_str!("page.html");
    let style = template
        .split_once("<style>")
        .and_then(|(_, rest)| rest.split_once("</style>"));
    let style = STANDARD.encode(sha256(style.map_or("", |(style, _)| style).as_bytes()));
    let origin = embed_url.origin().ascii_serialization();
    Page {
        html: template
            .replace("{{snippet_text}}", &text)
            .replace("{{snippet}}", &snippet),
        content_security_policy: format!(
            "default-src 'none'; style-src 'sha256-{style}'; script-src {origin}; connect-src {origin}; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_can_be_published() {
        let configuration = configuration(&"http://localhost:8080".parse().unwrap());
        assert_eq!(configuration.validate(), Ok(()));
        assert_eq!(key().as_str(), KEY);
        let email = EMAIL.parse().unwrap();
        assert!(NewPassword::parse(PASSWORD.to_owned(), Some(&email)).is_ok());
    }

    #[test]
    fn the_page_embeds_the_bar_by_one_line_and_shows_it() {
        let page = page(&"https://embed.example/".parse().unwrap());
        assert!(
            page.html
                .contains("<script async src=\"https://embed.example/b/dem0garden.js\"></script>")
        );
        assert!(page.html.contains("&lt;script async"));
        assert!(!page.html.contains("{{"));
        assert!(
            page.content_security_policy
                .contains("script-src https://embed.example;")
        );
    }
}
