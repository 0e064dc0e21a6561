//! Looks at members' pages, and hands out snippets.

use url::Url;

use super::rules::snippets::{self, Embedded, Snippet};
use super::rules::{self, Away, Finding, Seen, Subject};
use crate::bars::{Bar, BarState, Bars, Error};
use crate::ids::{BarId, MemberId};
use crate::mail::Language;
use crate::outgoing::{BadTarget, Outgoing, Page, PageError, SendError, Target};

/// Helps to embed bars. Cheap to clone.
#[derive(Clone)]
pub struct Installs {
    bars: Bars,
    outgoing: Outgoing,
    embed_url: Url,
}

/// What a look at a page showed.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was asked for.
    pub url: String,
    /// Where it was in the end, and its status; `None`: there was no page.
    pub page: Option<(Url, u16)>,
    pub subject: Subject,
    pub findings: Vec<Finding>,
}

impl Installs {
    /// `embed_url` is where pages load scripts from.
    pub fn new(bars: Bars, outgoing: Outgoing, embed_url: Url) -> Self {
        Self {
            bars,
            outgoing,
            embed_url,
        }
    }

    /// What to paste; `None`: there is no such bar.
    pub async fn snippets(
        &self,
        member: MemberId,
        bar: BarId,
        language: Language,
    ) -> Result<Option<Vec<Snippet>>, Error> {
        let Some(bar) = self.find(member, bar).await? else {
            return Ok(None);
        };
        let variant = bar.draft.configuration.variants.first();
        let embedded = Embedded {
            key: bar.key,
            base_url: self.embed_url.as_str().trim_end_matches('/'),
            variant: variant.map_or("a", |variant| variant.key.as_str()),
        };
        Ok(Some(snippets::all(&embedded, language)))
    }

    pub async fn find(&self, member: MemberId, bar: BarId) -> Result<Option<Bar>, Error> {
        self.bars.find(member, bar).await
    }

    /// Reads the address of a page as people write it: `shop.example` will do.
    pub fn parse(&self, url: &str) -> Result<Target, BadTarget> {
        let url = url.trim();
        if url.contains("://") {
            self.outgoing.parse_page(url)
        } else {
            self.outgoing.parse_page(&format!("https://{url}"))
        }
    }

    /// Fetches the page, and says whether the bar is there and what keeps it away.
    pub async fn check(&self, bar: Bar, target: &Target) -> Check {
        let subject = self.subject(bar);
        let (page, findings) = match self.outgoing.get_page(target).await {
            Ok(page) => self.examine(&subject, page).await,
            Err(error) => {
                let mut findings = vec![Finding::Unreachable(away(&error))];
                findings.extend(rules::about_the_bar(&subject));
                (None, findings)
            }
        };
        Check {
            url: target.as_str().to_owned(),
            page,
            subject,
            findings,
        }
    }

    async fn examine(&self, subject: &Subject, page: Page) -> (Option<(Url, u16)>, Vec<Finding>) {
        let there = Some((page.url.clone(), page.status));
        let (seen, about) = (seen(page), subject.clone());
        // Two megabytes of tags take a while: not on a thread that serves others.
        let examined = tokio::task::spawn_blocking(move || rules::examine(&about, &seen)).await;
        match examined {
            Ok(findings) => (there, findings),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => (None, vec![Finding::Unreachable(Away::Broken)]), // the service is stopping
        }
    }

    fn subject(&self, bar: Bar) -> Subject {
        Subject {
            key: bar.key,
            legacy_id: bar.legacy_id,
            published: bar.published.is_some(),
            paused: bar.state == BarState::Paused,
            allowed_hosts: bar.allowed_hosts,
            embed_url: self.embed_url.clone(),
        }
    }
}

fn seen(page: Page) -> Seen {
    let texts = |name: &str| {
        let values = page.headers.get_all(name).iter();
        values
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect::<Vec<_>>()
    };
    Seen {
        content_type: texts("content-type").into_iter().next(),
        policies: texts("content-security-policy"),
        url: page.url,
        status: page.status,
        body: page.body,
        truncated: page.truncated,
    }
}

fn away(error: &PageError) -> Away {
    match error {
        PageError::Send(SendError::Unresolved) => Away::Unresolved,
        PageError::Send(SendError::Private) | PageError::Redirect(BadTarget::Private) => Away::Private,
        PageError::Send(SendError::TooSlow) => Away::TooSlow,
        PageError::Send(SendError::NoConnection) => Away::NoConnection,
        PageError::Send(SendError::Broken | SendError::Unmakeable) | PageError::Packed => Away::Broken,
        PageError::TooManyRedirects | PageError::Redirect(_) => Away::Redirects,
    }
}
