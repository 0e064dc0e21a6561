//! What a page's HTML holds that matters to a bar: the scripts that a browser would run, the policies in its head, and
//! where else the bar's address stands, to no effect.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use url::Url;

/// Elements that may stand in a head; any other begins the body.
const HEAD: [&[u8]; 11] = [
    b"html",
    b"head",
    b"base",
    b"basefont",
    b"bgsound",
    b"link",
    b"meta",
    b"title",
    b"script",
    b"style",
    b"template",
];
/// Elements whose content is text, not tags (scripting is on).
const TEXT: [&[u8]; 8] = [
    b"title",
    b"textarea",
    b"style",
    b"xmp",
    b"iframe",
    b"noembed",
    b"noscript",
    b"plaintext",
];

/// A page, read.
#[derive(Debug, Default)]
pub struct Html {
    /// In the order of the page.
    pub scripts: Vec<Script>,
    /// The policies of `<meta http-equiv="Content-Security-Policy">`, and before which script each stands: those before
    /// it are loaded already.
    pub policies: Vec<(String, usize)>,
    /// What relative addresses refer to.
    pub base: Option<Url>,
    /// Comments, templates, text: all that a browser does not run.
    pub inert: Vec<String>,
}

/// A `<script>` outside of templates.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Absolute; `None`: the script stands in the page.
    pub src: Option<Url>,
    pub text: String,
    pub nonce: Option<String>,
    pub integrity: Option<String>,
    /// What keeps a browser from running it.
    pub waits: Option<Waits>,
    pub manual: bool,
    /// Values of other attributes: consent managers keep the address there.
    pub others: Vec<String>,
}

/// Why a browser passes a script over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waits {
    /// Its type is none that browsers run, such as `text/plain`.
    Type(String),
    /// `nomodule`: for browsers of long ago.
    NoModule,
}

impl Html {
    pub fn read(html: &[u8], page: &Url) -> Self {
        let mut emitter = DefaultEmitter::new_with_span();
        emitter.naively_switch_states(true);
        let mut reader = Reader::new(page);
        for token in Tokenizer::new_with_emitter(html, emitter).flatten() {
            reader.take(token);
        }
        reader.flush();
        reader.html
    }
}

struct Reader<'a> {
    page: &'a Url,
    html: Html,
    text: Vec<u8>,
    /// Within so many templates.
    templates: usize,
    /// The script whose text is being read.
    script: Option<Script>,
    in_text: bool,
    in_head: bool,
}

impl<'a> Reader<'a> {
    fn new(page: &'a Url) -> Self {
        Self {
            page,
            html: Html::default(),
            text: Vec::new(),
            templates: 0,
            script: None,
            in_text: false,
            in_head: true,
        }
    }

    fn take(&mut self, token: Token<()>) {
        match token {
            Token::StartTag(tag) => {
                self.flush();
                self.start(&tag);
            }
            Token::EndTag(tag) => {
                self.flush();
                if tag.name.as_slice() == b"template" {
                    self.templates = self.templates.saturating_sub(1);
                }
                self.in_text = false;
            }
            Token::String(text) => {
                let blank = text.iter().all(u8::is_ascii_whitespace);
                if !blank && self.script.is_none() && !self.in_text && self.templates == 0 {
                    self.in_head = false;
                }
                self.text.extend_from_slice(&text);
            }
            Token::Comment(text) => self.html.inert.push(words(&text)),
            Token::Doctype(_) | Token::Error(_) => {}
        }
    }

    fn start(&mut self, tag: &StartTag<()>) {
        let name = tag.name.as_slice();
        if self.templates == 0 && !HEAD.contains(&name) && name != b"noscript" {
            self.in_head = false;
        }
        self.in_text = TEXT.contains(&name);
        match name {
            b"template" => self.templates += 1,
            b"script" => {
                let script = self.script_of(tag);
                if self.templates > 0 {
                    self.html.inert.extend(script.src.map(String::from));
                } else {
                    self.script = Some(script);
                }
            }
            b"base" if self.templates == 0 && self.html.base.is_none() => {
                self.html.base = attribute(tag, b"href").and_then(|href| self.page.join(href.trim()).ok());
            }
            b"meta" if self.templates == 0 && self.in_head => {
                let is_policy = attribute(tag, b"http-equiv")
                    .is_some_and(|name| name.trim().eq_ignore_ascii_case("content-security-policy"));
                if let Some(policy) = attribute(tag, b"content").filter(|_| is_policy) {
                    self.html.policies.push((policy, self.html.scripts.len()));
                }
            }
            _ => {}
        }
    }

    /// What was gathered belongs to the script that is open, or does nothing.
    fn flush(&mut self) {
        let text = words(&std::mem::take(&mut self.text));
        match self.script.take() {
            Some(script) => self.html.scripts.push(Script { text, ..script }),
            None if text.trim().is_empty() => {}
            None => self.html.inert.push(text),
        }
    }

    fn script_of(&self, tag: &StartTag<()>) -> Script {
        let base = self.html.base.as_ref().unwrap_or(self.page);
        let src = attribute(tag, b"src").and_then(|src| base.join(src.trim()).ok());
        let known: [&[u8]; 4] = [b"src", b"nonce", b"integrity", b"type"];
        let others = tag
            .attributes
            .iter()
            .filter(|(name, value)| !known.contains(&name.as_slice()) && !value.is_empty())
            .map(|(_, value)| words(value))
            .collect();
        let kind = attribute(tag, b"type").map(|kind| kind.trim().to_ascii_lowercase());
        let waits = match kind {
            Some(kind) if !runs(&kind) => Some(Waits::Type(kind)),
            Some(kind) if kind == "module" => None,
            _ => attribute(tag, b"nomodule").map(|_| Waits::NoModule),
        };
        Script {
            src,
            text: String::new(),
            nonce: attribute(tag, b"nonce"),
            integrity: attribute(tag, b"integrity"),
            waits,
            manual: attribute(tag, b"data-manual").is_some(),
            others,
        }
    }
}

fn attribute(tag: &StartTag<()>, name: &[u8]) -> Option<String> {
    tag.attributes.get(name).map(|value| words(value))
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Does a browser run a script of this type? The essence alone counts: with parameters it is none.
fn runs(kind: &str) -> bool {
    let essence = kind
        .strip_prefix("text/")
        .or_else(|| kind.strip_prefix("application/"));
    matches!(kind, "" | "module")
        || essence.is_some_and(|essence| {
            matches!(
                essence.strip_prefix("x-").unwrap_or(essence),
                "javascript" | "ecmascript"
            ) || (kind.starts_with("text/") && matches!(essence, "jscript" | "livescript")
                || essence.starts_with("javascript1."))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str) -> Html {
        Html::read(html.as_bytes(), &"https://shop.example/a/page".parse().unwrap())
    }

    /// The addresses of the scripts that would run, as far as they are those of the bar.
    fn running(html: &str) -> Vec<String> {
        let scripts = read(html)
            .scripts
            .into_iter()
            .filter(|script| script.waits.is_none());
        scripts
            .filter_map(|script| Some(script.src?.into()))
            .filter(|src: &String| src.contains("/b/"))
            .collect()
    }

    const SCRIPT: &str = "<script async src=https://bars.example/b/k.js></script>";

    #[test]
    fn a_script_is_found_however_it_is_written() {
        for html in [
            SCRIPT.to_owned(),
            format!("<!doctype html><html><head>{SCRIPT}</head><body>…"),
            format!("<p>text {SCRIPT} more"),
            "<SCRIPT ASYNC SRC='https://bars.example/b/k.js'></SCRIPT>".into(),
            "<script\n\tsrc = \"\n https://bars.example/b/k.js \" defer>".into(),
            "<script src=https&#58;//bars.example/b/k.js></script>".into(),
            "<script src=https://bars.example/b/k.js src=https://other.example/b/x.js></script>".into(),
            "<script type=module src=https://bars.example/b/k.js></script>".into(),
            "<script type=Text/JavaScript src=https://bars.example/b/k.js></script>".into(),
            "<script type src=https://bars.example/b/k.js></script>".into(),
            "<base href=https://bars.example/x/><base href=/y><script src=../b/k.js></script>".into(),
            "<script src=//bars.example/b/k.js></script>".into(),
            format!("<script>if (a < b) document.write('<!-- <p>')</script>{SCRIPT}"),
            format!("<template><p></template>{SCRIPT}"),
            format!("<title>a <script> b</title>{SCRIPT}"),
            format!("<p title=\"<!--\">{SCRIPT}"),
        ] {
            assert_eq!(running(&html), ["https://bars.example/b/k.js"], "{html}");
        }
    }

    #[test]
    fn what_a_browser_would_not_run_is_not_found() {
        for html in [
            format!("<!-- {SCRIPT} -->"),
            format!("<!-- > {SCRIPT}"),
            format!("<template>{SCRIPT}</template>"),
            format!("<template><template></template>{SCRIPT}</template>"),
            format!("<noscript>{SCRIPT}</noscript>"),
            format!("<textarea>{SCRIPT}</textarea>"),
            format!("<title>{SCRIPT}</title>"),
            format!("<style>{SCRIPT}</style>"),
            format!("<iframe>{SCRIPT}</iframe>"),
            format!("<xmp>{SCRIPT}</xmp>"),
            format!("<plaintext>{SCRIPT}"),
            SCRIPT.replace('<', "&lt;"),
            format!("<p title='{SCRIPT}'>"),
            "<script>var x = '<script src=https://bars.example/b/k.js>'</script>".into(),
            "<script type=text/plain src=https://bars.example/b/k.js></script>".into(),
            "<script type='text/javascript; charset=utf-8' src=https://bars.example/b/k.js></script>".into(),
            "<script nomodule src=https://bars.example/b/k.js></script>".into(),
            "<script data-src=https://bars.example/b/k.js></script>".into(),
        ] {
            assert!(running(&html).is_empty(), "{html}");
        }
    }

    #[test]
    fn what_does_not_run_is_kept_to_be_told_of() {
        for html in [
            format!("<!-- {SCRIPT} -->"),
            format!("<template>{SCRIPT}</template>"),
            format!("<noscript>{SCRIPT}</noscript>"),
            format!("<p>{}</p>", SCRIPT.replace('<', "&lt;")),
        ] {
            let named = read(&html)
                .inert
                .iter()
                .any(|text| text.contains("bars.example/b/k.js"));
            assert!(named, "{html}");
        }
        let waiting =
            read("<script type=text/plain data-src=https://bars.example/b/k.js data-category=c></script>");
        assert_eq!(waiting.scripts[0].waits, Some(Waits::Type("text/plain".into())));
        assert!(
            waiting.scripts[0]
                .others
                .contains(&"https://bars.example/b/k.js".to_owned())
        );
    }

    #[test]
    fn a_tag_s_options_are_read() {
        let html = read(
            "<script src=/b/k.js nonce=R4 integrity=sha256-x data-manual></script><script>run()</script>",
        );
        let [tag, inline] = html.scripts.as_slice() else {
            panic!("{html:?}")
        };
        assert_eq!(tag.src.as_ref().unwrap().as_str(), "https://shop.example/b/k.js");
        assert_eq!(
            (tag.nonce.as_deref(), tag.integrity.as_deref()),
            (Some("R4"), Some("sha256-x"))
        );
        assert!(tag.manual && !inline.manual);
        assert_eq!((inline.src.as_ref(), inline.text.as_str()), (None, "run()"));
    }

    #[test]
    fn policies_count_in_the_head_alone_and_for_what_follows() {
        let meta = "<meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'self'\">";
        let policies = |html: String| read(&html).policies;
        let expected = |before: usize| vec![("script-src 'self'".to_owned(), before)];
        assert_eq!(
            policies(format!("<!doctype html><head><title>a</title>{meta}")),
            expected(0)
        );
        assert_eq!(
            policies(format!("<head>{SCRIPT}</head>\n{meta}<body>")),
            expected(1)
        );
        assert_eq!(
            policies(
                meta.to_uppercase()
                    .replace("SCRIPT-SRC 'SELF'", "script-src 'self'")
            ),
            expected(0)
        );
        for html in [
            format!("<head></head><body>{meta}"),
            format!("<p>{meta}"),
            format!("text {meta}"),
            format!("<template>{meta}</template>"),
            format!("<noscript>{meta}</noscript>"),
            format!("<!-- {meta} -->"),
            meta.replace("Security-Policy", "Security-Policy-Report-Only"),
        ] {
            assert!(policies(html.clone()).is_empty(), "{html}");
        }
    }

    #[test]
    fn nothing_breaks_it() {
        for html in [
            "",
            "<",
            "<script",
            "<script src=",
            "<!--",
            "<![CDATA[",
            "\0\u{feff}",
            "</template></template>",
            "<script src='http://['>",
        ] {
            read(html);
        }
        Html::read(
            &[0xff, 0xfe, b'<', 0x80, b'>'],
            &"https://a.example/".parse().unwrap(),
        );
    }
}
