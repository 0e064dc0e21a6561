//! What a finding says to the member, in their language, and what to do about it.

use super::{Away, Blocked, Finding, Subject, Way};
use crate::mail::Language;

/// One or two sentences of plain text.
pub fn message(finding: &Finding, bar: &Subject, language: Language) -> String {
    match language {
        Language::En => english(finding, bar),
        Language::De => german(finding, bar),
    }
}

fn english(finding: &Finding, bar: &Subject) -> String {
    let embed = bar.embed_url.origin().ascii_serialization();
    match finding {
        Finding::Installed(Way::Snippet) => "The snippet is on the page.".into(),
        Finding::Installed(Way::Pinned) => {
            "The snippet is on the page, pinned to one version: what you publish shows only once the tag names the new one.".into()
        }
        Finding::Installed(Way::Old) => "An old ManyContacts snippet loads this bar.".into(),
        Finding::Missing => "The snippet is not on the page. If it was pasted a moment ago, a cache may still serve the page as it was.".into(),
        Finding::Twice(times) => format!("The snippet is on the page {times} times. That does no harm: it counts as once."),
        Finding::OtherBar(key) => format!("Another bar of this service is on the page: {key}."),
        Finding::WrongHost(address) => format!("The snippet loads the bar from {address}; it must be {embed}. Copy it anew."),
        Finding::BlockedByCsp { directive, in_meta, needs_nonce, what } => {
            let place = if *in_meta { "in a <meta> of the page" } else { "in a header" };
            match what {
                Blocked::Everything => format!("The Content-Security-Policy {place} has `{directive}` without `allow-scripts`: no script runs."),
                Blocked::Script if *needs_nonce => format!("The Content-Security-Policy {place} keeps the script away (`{directive}` with 'strict-dynamic'): give the tag the page's nonce."),
                Blocked::Script => format!("The Content-Security-Policy {place} keeps the script away: add {embed} to `{directive}`."),
                Blocked::Requests if directive == "connect-src" => format!("The Content-Security-Policy {place} keeps the bar from counting and sending forms: add {embed} to `connect-src`."),
                Blocked::Requests => format!("The Content-Security-Policy {place} keeps the bar from counting and sending forms (`{directive}`): add `connect-src {embed}`."),
            }
        }
        Finding::HostNotAllowed(host) => format!("The bar may not be used on {host}: nothing is counted there, and its form takes nothing. Add {host} to the bar's allowed hosts."),
        Finding::NotPublished => "The bar was never published: pages show nothing until it is.".into(),
        Finding::Paused => "The bar is paused: pages show nothing until it is resumed.".into(),
        Finding::Manual => "The tag has `data-manual`: the bar shows once the page calls contactbar.push(['start']), as after consent.".into(),
        Finding::Waits(kind) => format!("The tag is there, but browsers pass it over as it is ({kind}). A consent manager or an optimiser has to set it free: look with a browser."),
        Finding::Inert => "The snippet is in the page as text, in a comment, in a template or in <noscript>, where nothing runs. Paste it as HTML.".into(),
        Finding::NamedByScript => "A script on the page names this bar and may load it. Whether it does, only a browser can tell: open the page there.".into(),
        Finding::OldSnippet { id, ours: true } => format!("An old ManyContacts snippet with the id {id} is on the page. It shows this bar if the address that it loads from leads here."),
        Finding::OldSnippet { id, ours: false } => format!("An old ManyContacts snippet with the id {id} is on the page, and does not belong to this bar. Replace it by the snippet, or have the id given to the bar by whoever runs this service."),
        Finding::TagManager(name) => format!("A tag manager is on the page ({name}); the bar may be loaded by it: look with a real browser."),
        Finding::Unreachable(away) => match away {
            Away::Unresolved => "The page can't be reached: its host's name leads nowhere.".into(),
            Away::Private => "The page is in a private network, where we don't go. Look with a browser.".into(),
            Away::TooSlow => "The page did not arrive within 10 seconds.".into(),
            Away::NoConnection => "The page can't be reached: there is no connection to its host, or its certificate is not valid.".into(),
            Away::Broken => "The page broke off on its way.".into(),
            Away::Redirects => "The page redirects more than three times, or to an address where we don't go.".into(),
        },
        Finding::Status(status @ (401 | 403 | 429 | 503)) => format!("The page answered us with {status}: it may keep robots out, or ask for a log-in. Look with a browser."),
        Finding::Status(status) => format!("The page answered with {status} instead of 200. Is the address right?"),
        Finding::NotHtml(kind) => format!("This is no HTML page but {kind}."),
        Finding::TooLarge => "The page has more than 2 MiB; only its beginning was looked at.".into(),
    }
}

fn german(finding: &Finding, bar: &Subject) -> String {
    let embed = bar.embed_url.origin().ascii_serialization();
    match finding {
        Finding::Installed(Way::Snippet) => "Das Snippet ist auf der Seite.".into(),
        Finding::Installed(Way::Pinned) => {
            "Das Snippet ist auf der Seite, festgelegt auf eine Version: Was Sie veröffentlichen, erscheint erst, wenn das Tag die neue nennt.".into()
        }
        Finding::Installed(Way::Old) => "Ein altes ManyContacts-Snippet lädt diese Leiste.".into(),
        Finding::Missing => "Das Snippet ist nicht auf der Seite. Wurde es eben erst eingefügt, liefert vielleicht noch ein Cache die alte Seite.".into(),
        Finding::Twice(times) => format!("Das Snippet ist {times}-mal auf der Seite. Das schadet nicht: Es zählt einmal."),
        Finding::OtherBar(key) => format!("Eine andere Leiste dieses Dienstes ist auf der Seite: {key}."),
        Finding::WrongHost(address) => format!("Das Snippet lädt die Leiste von {address}; richtig ist {embed}. Kopieren Sie es neu."),
        Finding::BlockedByCsp { directive, in_meta, needs_nonce, what } => {
            let place = if *in_meta { "in einem <meta> der Seite" } else { "in einem Header" };
            match what {
                Blocked::Everything => format!("Die Content-Security-Policy {place} hat `{directive}` ohne `allow-scripts`: Kein Skript läuft."),
                Blocked::Script if *needs_nonce => format!("Die Content-Security-Policy {place} hält das Skript fern (`{directive}` mit 'strict-dynamic'): Geben Sie dem Tag die Nonce der Seite."),
                Blocked::Script => format!("Die Content-Security-Policy {place} hält das Skript fern: Ergänzen Sie {embed} in `{directive}`."),
                Blocked::Requests if directive == "connect-src" => format!("Die Content-Security-Policy {place} hindert die Leiste am Zählen und am Senden von Formularen: Ergänzen Sie {embed} in `connect-src`."),
                Blocked::Requests => format!("Die Content-Security-Policy {place} hindert die Leiste am Zählen und am Senden von Formularen (`{directive}`): Ergänzen Sie `connect-src {embed}`."),
            }
        }
        Finding::HostNotAllowed(host) => format!("Die Leiste darf auf {host} nicht verwendet werden: Dort wird nichts gezählt, und ihr Formular nimmt nichts an. Ergänzen Sie {host} in den erlaubten Hosts der Leiste."),
        Finding::NotPublished => "Die Leiste wurde noch nie veröffentlicht: Bis dahin zeigen Seiten nichts.".into(),
        Finding::Paused => "Die Leiste ist angehalten: Bis sie fortgesetzt wird, zeigen Seiten nichts.".into(),
        Finding::Manual => "Das Tag hat `data-manual`: Die Leiste erscheint, sobald die Seite contactbar.push(['start']) aufruft, etwa nach der Einwilligung.".into(),
        Finding::Waits(kind) => format!("Das Tag ist da, aber so übergehen es Browser ({kind}). Ein Consent-Manager oder ein Optimierer muss es freigeben: Prüfen Sie es im Browser."),
        Finding::Inert => "Das Snippet steht als Text, in einem Kommentar, in einem Template oder in <noscript> auf der Seite, wo nichts läuft. Fügen Sie es als HTML ein.".into(),
        Finding::NamedByScript => "Ein Skript der Seite nennt diese Leiste und lädt sie vielleicht. Ob es das tut, zeigt nur ein Browser: Öffnen Sie die Seite dort.".into(),
        Finding::OldSnippet { id, ours: true } => format!("Ein altes ManyContacts-Snippet mit der ID {id} ist auf der Seite. Es zeigt diese Leiste, wenn die Adresse, von der es lädt, hierher führt."),
        Finding::OldSnippet { id, ours: false } => format!("Ein altes ManyContacts-Snippet mit der ID {id} ist auf der Seite und gehört nicht zu dieser Leiste. Ersetzen Sie es durch das Snippet, oder lassen Sie die ID vom Betreiber dieses Dienstes der Leiste zuordnen."),
        Finding::TagManager(name) => format!("Ein Tag-Manager ist auf der Seite ({name}); vielleicht lädt er die Leiste: Prüfen Sie es in einem echten Browser."),
        Finding::Unreachable(away) => match away {
            Away::Unresolved => "Die Seite ist nicht erreichbar: Der Name ihres Hosts führt nirgendwohin.".into(),
            Away::Private => "Die Seite liegt in einem privaten Netz, in das wir nicht gehen. Prüfen Sie es im Browser.".into(),
            Away::TooSlow => "Die Seite kam nicht innerhalb von 10 Sekunden an.".into(),
            Away::NoConnection => "Die Seite ist nicht erreichbar: Es gibt keine Verbindung zu ihrem Host, oder sein Zertifikat ist ungültig.".into(),
            Away::Broken => "Die Übertragung der Seite brach ab.".into(),
            Away::Redirects => "Die Seite leitet mehr als dreimal weiter oder an eine Adresse, zu der wir nicht gehen.".into(),
        },
        Finding::Status(status @ (401 | 403 | 429 | 503)) => format!("Die Seite antwortete uns mit {status}: Vielleicht sperrt sie Robots aus oder verlangt eine Anmeldung. Prüfen Sie es im Browser."),
        Finding::Status(status) => format!("Die Seite antwortete mit {status} statt mit 200. Stimmt die Adresse?"),
        Finding::NotHtml(kind) => format!("Das ist keine HTML-Seite, sondern {kind}."),
        Finding::TooLarge => "Die Seite hat mehr als 2 MiB; nur ihr Anfang wurde angesehen.".into(),
    }
}
