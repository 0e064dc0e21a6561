//! The few pages that the server writes itself: policies, the way out that mails link to, what to do without a dashboard.
//! One look, no request for anything else, and a policy (CSP) that allows exactly what stands in the page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::Response;
use poem::http::{StatusCode, header};

use crate::secrets::sha256;

/// A page: plain text for its title, HTML for the rest. What people wrote goes through [`escape`] first.
pub struct Page<'a> {
    pub status: StatusCode,
    /// BCP 47, such as `en`.
    pub language: &'a str,
    pub title: &'a str,
    pub body: String,
    pub shape: Shape,
}

/// How a page lies on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One matter, in a card in the middle.
    Card,
    /// A text to read.
    Text,
}

const STYLE: &str = ":root{color-scheme:light dark;--ink:light-dark(#334155,#cbd5e1);--strong:light-dark(#0f172a,#f1f5f9);\
--quiet:light-dark(#475569,#94a3b8);--line:light-dark(#e2e8f0,#334155);--paper:light-dark(#fff,#161c28);\
--ground:light-dark(#f1f5f9,#0b0f17);--accent:#2563eb;--link:light-dark(#1d4ed8,#93c5fd)}*{box-sizing:border-box}\
body{font:17px/1.6 system-ui,sans-serif;margin:0;min-height:100vh;display:flex;flex-direction:column;color:var(--ink);\
background:var(--ground)}main{width:min(34rem,calc(100vw - 2rem));margin:auto;padding:2.25rem;border-radius:12px;\
border-top:6px solid var(--accent);background:var(--paper);overflow-wrap:anywhere}main.text{width:min(44rem,100vw);margin:0 auto;\
padding:3rem clamp(1.25rem,5vw,3rem);border-radius:0;border-top:0;flex:1}h1{font-size:1.5rem;line-height:1.3;margin:0 0 .5rem;\
color:var(--strong)}.text h1{font-size:2rem;letter-spacing:-.02em}h2{font-size:1.15rem;margin:2rem 0 .5rem;color:var(--strong)}\
p{margin:.5rem 0}li{margin:.35rem 0}a{color:var(--link)}.quiet{color:var(--quiet);font-size:.9rem}code{overflow-wrap:anywhere}\
button{font:inherit;font-weight:600;margin-top:1.5rem;padding:.8rem 1.5rem;border:0;border-radius:8px;color:#fff;\
background:var(--accent);cursor:pointer}button:hover{background:#1d4ed8}.row{display:flex;gap:1rem;align-items:center;justify-content:space-between;flex-wrap:wrap;\
margin-top:.75rem;padding-top:.75rem;border-top:1px solid var(--line)}.row p{flex:1 1 14rem;margin:0}.row button{margin:0;\
padding:.5rem 1rem;font-size:.95rem;color:var(--link);background:none;border:1px solid var(--line)}.row button:hover{\
background:var(--ground)}\
:focus-visible{outline:3px solid light-dark(#93c5fd,#3b82f6);outline-offset:2px}footer{padding:1.5rem;text-align:center;font-size:.9rem;color:var(--quiet)}footer a{color:inherit}";

impl Page<'_> {
    pub fn respond(self) -> Response {
        let (privacy, terms) = match self.language {
            "de" => ("Datenschutz", "Nutzungsbedingungen"),
            _ => ("Privacy policy", "Terms of service"),
        };
        let shape = match self.shape {
            Shape::Card => "card",
            Shape::Text => "text",
        };
        // The current policies are linked in every page's foot (promise 10).
        let html = format!(
            "<!doctype html><html lang=\"{language}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{title} · Contactbar</title><style>{STYLE}</style></head><body><main class=\"{shape}\">{body}</main>\
             <footer><a href=\"/policies/privacy\">{privacy}</a> · <a href=\"/policies/terms\">{terms}</a></footer>\
             </body></html>",
            language = escape(self.language),
            title = escape(self.title),
            body = self.body,
        );
        let policy = format!(
            "default-src 'none'; style-src '{}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            hash(STYLE)
        );
        Response::builder()
            .status(self.status)
            .content_type("text/html; charset=utf-8")
            .header(header::CONTENT_SECURITY_POLICY, policy)
            .header(header::CACHE_CONTROL, "no-store")
            .body(html)
    }
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(sha256(text.as_bytes())))
}

/// Text as HTML shows it, in content and in quoted attributes.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_allows_what_stands_in_it_and_nothing_else() {
        let page = Page {
            status: StatusCode::OK,
            language: "de",
            title: "<b>",
            body: "<h1>Hallo</h1>".to_owned(),
            shape: Shape::Card,
        };
        let response = page.respond();
        let policy = response
            .header(header::CONTENT_SECURITY_POLICY)
            .unwrap()
            .to_owned();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"));
        let html = response.into_body().into_string().await.unwrap();
        assert!(
            html.contains("<title>&lt;b&gt; ·") && html.contains("Datenschutz"),
            "{html}"
        );
    }
}
