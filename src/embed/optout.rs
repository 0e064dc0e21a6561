//! The page on which a visitor sees and changes their own choice (promise 44).
//!
//! The choice lives where the bar's script keeps it: in the browser's own storage, under [`STORAGE_KEY`]. No cookie is
//! set and nothing is sent, so the server never learns it; it writes the same page for everybody, and the page's
//! script carries out what was asked for. Browsers keep each site's storage apart: the page says so, and says what
//! works everywhere (Global Privacy Control).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::secrets::sha256;

/// Where the bar's script looks (`widget-js/src/visitor.ts`).
pub const STORAGE_KEY: &str = "contactbar.optout";

/// What the visitor asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Out,
    In,
}

impl std::str::FromStr for Choice {
    type Err = NotAChoice;
    fn from_str(text: &str) -> Result<Self, NotAChoice> {
        match text {
            "out" => Ok(Self::Out),
            "in" => Ok(Self::In),
            _ => Err(NotAChoice),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be `out` or `in`")]
pub struct NotAChoice;

/// A page, and the policy that lets its own style and script run and nothing else.
#[derive(Clone, Debug)]
pub struct Page {
    pub html: String,
    pub content_security_policy: String,
}

/// The page in one of its languages; with a choice it carries that out first.
///
/// `policies_url` is where the policies are: on the app host, which may be another one.
pub fn page(german: bool, choice: Option<Choice>, policies_url: &str) -> Page {
    let words = if german { &GERMAN } else { &ENGLISH };
    let choice = match choice {
        Some(Choice::Out) => "out",
        Some(Choice::In) => "in",
        None => "",
    };
    let Words {
        language,
        title,
        lead,
        out,
        into,
        blocked,
        signal,
        button_out,
        button_in,
        apart,
        noscript,
        privacy,
        terms,
    } = words;
    let html = format!(
        "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <title>{title} · Contactbar</title><style>{STYLE}</style></head><body><main data-choice=\"{choice}\">\
         <h1>{title}</h1><p>{lead}</p><noscript><p class=\"state\">{noscript}</p></noscript>\
         <div role=\"status\"><p class=\"state\" data-if=\"out\">{out}</p><p class=\"state\" data-if=\"in\">{into}</p>\
         <p class=\"state\" data-if=\"blocked\">{blocked}</p></div><p data-if-signal>{signal}</p>\
         <form method=\"post\" action=\"optout\"><button data-if=\"in\" name=\"choice\" value=\"out\">{button_out}</button>\
         <button data-if=\"out\" name=\"choice\" value=\"in\">{button_in}</button></form><p class=\"small\">{apart}</p>\
         <footer><a href=\"{policies_url}/privacy\">{privacy}</a> · <a href=\"{policies_url}/terms\">{terms}</a></footer>\
         </main><script>{SCRIPT}</script></body></html>"
    );
    let hash = |text: &str| STANDARD.encode(sha256(text.as_bytes()));
    let content_security_policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    Page {
        html,
        content_security_policy,
    }
}

/// Storage that can't be read (`blocked`) holds no choice, and nothing the bar could count sessions by either.
const SCRIPT: &str = "(function(){var k='contactbar.optout',m=document.querySelector('main'),c=m.dataset.choice,s;\
    try{if(c==='out')localStorage.setItem(k,'1');if(c==='in')localStorage.removeItem(k);\
    s=localStorage.getItem(k)?'out':'in'}catch(e){s='blocked'}m.dataset.state=s;\
    if(navigator.globalPrivacyControl||navigator.doNotTrack==='1')m.dataset.signal='on'})()";

const STYLE: &str = ":root{color-scheme:light dark}body{font:17px/1.6 system-ui,sans-serif;margin:0;\
    color:light-dark(#1e293b,#e2e8f0);background:light-dark(#f8fafc,#0f172a)}main{max-width:36rem;margin:0 auto;\
    padding:4rem 1.25rem}h1{font-size:1.9rem;line-height:1.2;letter-spacing:-.02em;margin:0 0 1rem}\
    .state{font-weight:600;padding:1rem 1.25rem;border-radius:12px;background:light-dark(#e0e7ff,#1e1b4b)}\
    [data-if],[data-if-signal]{display:none}[data-state=out] [data-if=out],[data-state=in] [data-if=in],\
    [data-state=blocked] [data-if=blocked],[data-signal=on] [data-if-signal]{display:block}\
    button{font:inherit;font-weight:600;color:#fff;background:#3730a3;border:0;border-radius:10px;padding:.7rem 1.2rem;\
    cursor:pointer}button:focus-visible{outline:3px solid #f59e0b;outline-offset:2px}\
    .small{font-size:.9rem;color:light-dark(#64748b,#94a3b8);margin-top:2.5rem}\
    footer{font-size:.9rem;margin-top:2.5rem;color:light-dark(#64748b,#94a3b8)}footer a{color:inherit}";

struct Words {
    language: &'static str,
    title: &'static str,
    lead: &'static str,
    out: &'static str,
    into: &'static str,
    blocked: &'static str,
    signal: &'static str,
    button_out: &'static str,
    button_in: &'static str,
    apart: &'static str,
    noscript: &'static str,
    privacy: &'static str,
    terms: &'static str,
}

const ENGLISH: Words = Words {
    language: "en",
    title: "Counting visits: your choice",
    lead: "Some sites show a bar made with Contactbar. To tell their owners how often a bar is seen and used, it \
           reports views and clicks. It keeps no address of yours and sets no cookie. You can say no.",
    out: "You have opted out: bars on this address report nothing about you.",
    into: "You have not opted out: bars on this address report views and clicks.",
    blocked: "Your browser lets nothing be stored here, so a choice can’t be remembered.",
    signal: "Your browser sends a privacy signal (Global Privacy Control or Do Not Track). Unless a bar’s owner has \
             switched that off, it counts as a no already.",
    button_out: "Opt out",
    button_in: "Opt back in",
    apart: "Your choice is kept in this browser only, and browsers keep each site’s storage apart. So it holds for bars \
            on this address; on another site, use the switch that the site offers. For all sites at once, switch on \
            Global Privacy Control in your browser. A form that you send yourself is delivered either way.",
    noscript: "JavaScript is switched off in your browser: bars do not run at all.",
    privacy: "Privacy policy",
    terms: "Terms of service",
};

const GERMAN: Words = Words {
    language: "de",
    title: "Besuche zählen: Ihre Entscheidung",
    lead: "Manche Websites zeigen eine Leiste, die mit Contactbar gemacht ist. Damit ihr Betreiber erfährt, wie oft sie \
           gesehen und benutzt wird, meldet sie Aufrufe und Klicks. Ihre Adresse wird nicht gespeichert, ein Cookie \
           nicht gesetzt. Sie können Nein sagen.",
    out: "Sie haben widersprochen: Leisten auf dieser Adresse melden nichts über Sie.",
    into: "Sie haben nicht widersprochen: Leisten auf dieser Adresse melden Aufrufe und Klicks.",
    blocked: "Ihr Browser lässt hier nichts speichern; eine Entscheidung kann er sich daher nicht merken.",
    signal: "Ihr Browser sendet ein Signal zum Schutz Ihrer Daten (Global Privacy Control oder Do Not Track). Wenn der \
             Betreiber einer Leiste das nicht abgeschaltet hat, gilt es bereits als Nein.",
    button_out: "Widersprechen",
    button_in: "Widerspruch zurücknehmen",
    apart: "Ihre Entscheidung bleibt in diesem Browser, und Browser trennen den Speicher jeder Website. Sie gilt daher \
            für Leisten auf dieser Adresse; auf anderen Websites benutzen Sie den Schalter, den die Website anbietet. \
            Für alle zugleich schalten Sie in Ihrem Browser Global Privacy Control ein. Ein Formular, das Sie selbst \
            absenden, kommt in jedem Fall an.",
    noscript: "JavaScript ist in Ihrem Browser abgeschaltet: Leisten laufen gar nicht.",
    privacy: "Datenschutz",
    terms: "Nutzungsbedingungen",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_carries_out_a_choice_only_if_one_was_made() {
        assert!(page(false, None, "/policies").html.contains("data-choice=\"\""));
        assert!(
            page(false, Some(Choice::Out), "/policies")
                .html
                .contains("data-choice=\"out\"")
        );
        assert!(
            page(true, Some(Choice::In), "/policies")
                .html
                .contains("<html lang=\"de\">")
        );
        assert!("maybe".parse::<Choice>().is_err());
    }

    #[test]
    fn the_page_and_the_bar_mean_the_same_place() {
        assert!(SCRIPT.contains(&format!("'{STORAGE_KEY}'")));
    }
}
