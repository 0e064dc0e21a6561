//! The code that a member pastes, for each kind of site, and the steps to take there.

use poem_openapi::Enum;

use crate::bars::BarKey;
use crate::mail::Language;

/// The package of `widget-js`.
const PACKAGE: &str = "contactbar-widget";

/// For which kind of site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum SnippetKind {
    /// Any page whose HTML you can edit.
    Html,
    /// Beside `html`: counts views of visitors without scripts.
    NoscriptPixel,
    Wordpress,
    Shopify,
    GoogleTagManager,
    /// An application that is built with a bundler.
    Npm,
    /// Loads at once, and shows after consent.
    ConsentManager,
}

/// In which language code is written, for highlighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum Syntax {
    Html,
    Php,
    Javascript,
}

/// What to paste, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    pub kind: SnippetKind,
    pub title: &'static str,
    pub syntax: Syntax,
    pub code: String,
    pub steps: Vec<&'static str>,
}

/// Which bar, from where.
#[derive(Clone, Debug)]
pub struct Embedded<'a> {
    pub key: BarKey,
    /// Without a slash at its end.
    pub base_url: &'a str,
    /// The variant that a view without scripts counts for.
    pub variant: &'a str,
}

/// All of them, in the order in which they are shown.
pub fn all(bar: &Embedded<'_>, language: Language) -> Vec<Snippet> {
    [
        SnippetKind::Html,
        SnippetKind::NoscriptPixel,
        SnippetKind::Wordpress,
        SnippetKind::Shopify,
        SnippetKind::GoogleTagManager,
        SnippetKind::Npm,
        SnippetKind::ConsentManager,
    ]
    .map(|kind| snippet(kind, bar, language))
    .into()
}

fn snippet(kind: SnippetKind, bar: &Embedded<'_>, language: Language) -> Snippet {
    let (syntax, code) = code(kind, bar);
    let (title, steps) = match language {
        Language::En => english(kind),
        Language::De => german(kind),
    };
    Snippet {
        kind,
        title,
        syntax,
        code,
        steps: steps.to_vec(),
    }
}

fn code(kind: SnippetKind, bar: &Embedded<'_>) -> (Syntax, String) {
    let Embedded {
        key,
        base_url,
        variant,
    } = bar;
    let src = format!("{base_url}/b/{key}.js");
    let tag = format!("<script async src=\"{}\"></script>", in_html(&src));
    match kind {
        SnippetKind::Html | SnippetKind::Shopify | SnippetKind::GoogleTagManager => (Syntax::Html, tag),
        SnippetKind::NoscriptPixel => {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            let query = query
                .append_pair("b", key.as_str())
                .append_pair("k", "view")
                .append_pair("v", variant)
                .finish();
            // What the page's server fills in stands bare at the end, to be found.
            let pixel = in_html(&format!("{base_url}/e.gif?{query}&i=RANDOM_HEX"));
            (
                Syntax::Html,
                format!("<noscript><img src=\"{pixel}\" width=\"1\" height=\"1\" alt=\"\"></noscript>"),
            )
        }
        SnippetKind::Wordpress => {
            let code = format!(
                "add_action( 'wp_enqueue_scripts', function () {{\n    \
                 wp_enqueue_script( 'contactbar', '{}', array(), null, array( 'strategy' => 'async' ) );\n}} );",
                in_php(&src)
            );
            (Syntax::Php, code)
        }
        SnippetKind::Npm => {
            let code = format!(
                "// npm install {PACKAGE}\nimport {{ load }} from '{PACKAGE}';\n\nload({{ key: '{}', host: '{}' }});",
                in_javascript(key.as_str()),
                in_javascript(base_url)
            );
            (Syntax::Javascript, code)
        }
        SnippetKind::ConsentManager => {
            let src = in_html(&src);
            let key = in_javascript(key.as_str());
            let code = format!(
                "<script async src=\"{src}\" data-manual></script>\n<script>\n  \
                 window.contactbar = window.contactbar || [];\n  \
                 function onContactbarConsent() {{\n    contactbar.push(['start', '{key}']);\n  }}\n</script>"
            );
            (Syntax::Html, code)
        }
    }
}

/// Text in a quoted attribute.
fn in_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Text in a string of PHP between single quotes.
fn in_php(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

/// Text in a string of JavaScript between single quotes, also within a `<script>`.
fn in_javascript(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\'', "\\'")
        .replace('<', "\\x3c")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

fn english(kind: SnippetKind) -> (&'static str, &'static [&'static str]) {
    match kind {
        SnippetKind::Html => (
            "HTML",
            &[
                "Paste the line into every page that shall show the bar, best into the <head>; in most systems that is one template.",
                "Publish the bar. Changes that you publish later show by themselves within a minute.",
            ],
        ),
        SnippetKind::NoscriptPixel => (
            "Pixel for visitors without scripts (optional)",
            &[
                "Paste it into the <body>, beside the script: it counts a view of visitors whose browsers run no scripts.",
                "Let your server put 32 hexadecimal digits, made anew for each page view, in place of RANDOM_HEX: with the same digits every time it counts once.",
            ],
        ),
        SnippetKind::Wordpress => (
            "WordPress",
            &[
                "Add the code to the functions.php of your child theme, or as a PHP snippet in a plugin such as Code Snippets or WPCode. It needs WordPress 6.3 or newer.",
                "On wordpress.com, or without access to code: paste the HTML line with a plugin for the header instead.",
                "Empty the caches of your plugins and of your host. If a plugin delays or combines scripts, leave this one out.",
            ],
        ),
        SnippetKind::Shopify => (
            "Shopify",
            &[
                "In the admin open Online Store → Themes, and at your theme ⋯ → Edit code.",
                "Open layout/theme.liquid, paste the line directly before </head>, and save.",
                "The checkout does not use the theme: no bar shows there.",
            ],
        ),
        SnippetKind::GoogleTagManager => (
            "Google Tag Manager",
            &[
                "Make a new tag of the type Custom HTML and paste the line. Leave “Support document.write” off.",
                "Choose the trigger All Pages, or the pages that you want. If the bar shall wait for consent, ask for it under Advanced Settings → Consent Settings.",
                "Save, and publish the container. Tag Manager drops data-* options: say them from code, as in contactbar.push(['setLocale', 'de']).",
            ],
        ),
        SnippetKind::Npm => (
            "npm",
            &[
                "Install the package: npm install contactbar-widget.",
                "Call load() once, in the browser. Importing does nothing, on a server load() does nothing, and no script is loaded until then.",
                "load() answers a promise of the bar's API, with types for TypeScript.",
            ],
        ),
        SnippetKind::ConsentManager => (
            "Consent manager",
            &[
                "Paste the lines into the page. With data-manual nothing shows and nothing is sent before the start.",
                "Let your consent manager call onContactbarConsent() once the visitor has agreed, on this page or an earlier one.",
                "If not even the script may be loaded before consent: leave the line to the consent manager, without data-manual.",
            ],
        ),
    }
}

fn german(kind: SnippetKind) -> (&'static str, &'static [&'static str]) {
    match kind {
        SnippetKind::Html => (
            "HTML",
            &[
                "Fügen Sie die Zeile in jede Seite ein, die die Leiste zeigen soll, am besten in den <head>; in den meisten Systemen ist das eine Vorlage.",
                "Veröffentlichen Sie die Leiste. Was Sie später veröffentlichen, erscheint von selbst binnen einer Minute.",
            ],
        ),
        SnippetKind::NoscriptPixel => (
            "Zählpixel für Besucher ohne Skripte (freiwillig)",
            &[
                "Fügen Sie es neben dem Skript in den <body> ein: Es zählt Aufrufe von Besuchern, deren Browser keine Skripte ausführen.",
                "Lassen Sie Ihren Server statt RANDOM_HEX 32 hexadezimale Ziffern einsetzen, für jeden Seitenaufruf neue: Mit immer denselben zählt es nur einmal.",
            ],
        ),
        SnippetKind::Wordpress => (
            "WordPress",
            &[
                "Fügen Sie den Code in die functions.php Ihres Child-Themes ein oder als PHP-Snippet in ein Plugin wie Code Snippets oder WPCode. Nötig ist WordPress 6.3 oder neuer.",
                "Auf wordpress.com oder ohne Zugang zum Code: Fügen Sie stattdessen die HTML-Zeile mit einem Plugin für den Header ein.",
                "Leeren Sie die Caches Ihrer Plugins und Ihres Hosters. Verzögert oder bündelt ein Plugin Skripte, nehmen Sie dieses davon aus.",
            ],
        ),
        SnippetKind::Shopify => (
            "Shopify",
            &[
                "Öffnen Sie im Adminbereich Onlineshop → Themes und bei Ihrem Theme ⋯ → Code bearbeiten.",
                "Öffnen Sie layout/theme.liquid, fügen Sie die Zeile direkt vor </head> ein und speichern Sie.",
                "Der Checkout verwendet das Theme nicht: Dort erscheint keine Leiste.",
            ],
        ),
        SnippetKind::GoogleTagManager => (
            "Google Tag Manager",
            &[
                "Legen Sie ein neues Tag vom Typ „Benutzerdefiniertes HTML“ an und fügen Sie die Zeile ein. Lassen Sie „document.write unterstützen“ aus.",
                "Wählen Sie den Trigger „All Pages“ oder die gewünschten Seiten. Soll die Leiste auf Einwilligung warten, verlangen Sie sie unter Erweiterte Einstellungen → Einwilligungseinstellungen.",
                "Speichern Sie und veröffentlichen Sie den Container. Der Tag Manager entfernt data-*-Angaben: Machen Sie sie im Code, etwa mit contactbar.push(['setLocale', 'de']).",
            ],
        ),
        SnippetKind::Npm => (
            "npm",
            &[
                "Installieren Sie das Paket: npm install contactbar-widget.",
                "Rufen Sie load() einmal im Browser auf. Das Importieren tut nichts, auf einem Server tut load() nichts, und bis dahin wird kein Skript geladen.",
                "load() gibt ein Promise der API der Leiste zurück, mit Typen für TypeScript.",
            ],
        ),
        SnippetKind::ConsentManager => (
            "Consent-Manager",
            &[
                "Fügen Sie die Zeilen in die Seite ein. Mit data-manual erscheint nichts und wird nichts gesendet, bevor die Leiste gestartet wird.",
                "Lassen Sie Ihren Consent-Manager onContactbarConsent() aufrufen, sobald der Besucher auf dieser oder einer früheren Seite eingewilligt hat.",
                "Darf vor der Einwilligung nicht einmal das Skript geladen werden: Überlassen Sie die Zeile dem Consent-Manager, ohne data-manual.",
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(base_url: &str) -> Embedded<'_> {
        Embedded {
            key: "7m2k9x4qtz".parse().unwrap(),
            base_url,
            variant: "a",
        }
    }

    #[test]
    fn every_kind_names_the_script_and_says_how() {
        for language in Language::ALL {
            let snippets = all(&bar("https://bars.example"), language);
            assert_eq!(snippets.len(), 7);
            for snippet in snippets {
                assert!(snippet.code.contains("7m2k9x4qtz") && snippet.code.contains("https://bars.example"));
                assert!(
                    !snippet.title.is_empty() && !snippet.steps.is_empty(),
                    "{snippet:?}"
                );
            }
        }
    }

    #[test]
    fn the_line_of_html_is_what_the_bar_itself_says() {
        let html = &all(&bar("https://bars.example"), Language::En)[0];
        assert_eq!(
            html.code,
            "<script async src=\"https://bars.example/b/7m2k9x4qtz.js\"></script>"
        );
    }

    #[test]
    fn an_address_stays_an_address_in_every_language() {
        let snippets = all(&bar("https://bars.example/a'b\"c&d<e\\"), Language::En);
        for snippet in snippets {
            let escaped = match snippet.syntax {
                Syntax::Html => "a'b&quot;c&amp;d&lt;e\\",
                Syntax::Php => "a\\'b\"c&d<e\\\\",
                Syntax::Javascript => "a\\'b\"c&d\\x3ce\\\\",
            };
            assert!(snippet.code.contains(escaped), "{}", snippet.code);
        }
    }

    #[test]
    fn the_pixel_leaves_a_place_for_its_id() {
        let pixel = &all(&bar("https://bars.example"), Language::En)[1].code;
        assert!(
            pixel.contains("/e.gif?b=7m2k9x4qtz&amp;k=view&amp;v=a&amp;i=RANDOM_HEX\""),
            "{pixel}"
        );
    }
}
