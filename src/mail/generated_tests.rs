//! Ten thousand mails of every kind, with names and addresses as nobody should have them: each goes to its own recipient, says what
//! it should in its header and nothing else, and names nobody whom it does not concern.

use std::collections::BTreeMap;

use mail_parser::{Address, MessageParser, PartType};
use url::Url;

use super::templates::{ContactDigest, DigestLine, NewContact};
use super::{EmailAddress, Language, Links, Outgoing, Renderer, Template};
use crate::clock::Timestamp;
use crate::secrets::Random;

const MAILS: u32 = 10_000;
const THREADS: u32 = 2;

/// What people write where a name, a subject or a text is asked for.
const NASTY: [&str; 24] = [
    "Anna",
    "Jo \"the rose\" Lindqvist",
    "O'Brien, Pat; <pat@evil.example>",
    "x\r\nBcc: eve@evil.example",
    "x\nTo: eve@evil.example\n\n<b>body</b>",
    "x\r\n\r\nbody",
    "Blümchen & Söhne GmbH",
    "花屋 🌷 محل الزهور",
    "=?utf-8?q?=0d=0aBcc:_eve=40evil.example?=",
    "\u{202e}moc.live@eve",
    "a\0b\u{7f}\u{1b}[31m",
    "",
    " ",
    "\t\t",
    "<script>alert(1)</script>",
    "</td></table><a href=\"https://evil.example/\">click</a>",
    "https://evil.example/ http://evil.example",
    "{{ foot }} {% raw %}",
    "a@b.example, c@d.example",
    "(comment) name <",
    "--=_boundary--",
    ".\r\n.\r\nQUIT",
    "From here on it is quoted",
    "%0d%0aBcc:%20eve@evil.example",
];

/// One of them, or several, or a very long one.
fn nasty(random: &Random) -> String {
    let pick = || NASTY[random.below(24) as usize];
    match random.below(8) {
        0 => format!("{} {}", pick(), pick()),
        1 => pick().repeat(40),
        2 => "ü".repeat(300),
        _ => pick().to_owned(),
    }
}

/// An address that nobody else has; as strange as addresses may be.
fn address(number: u32, random: &Random) -> EmailAddress {
    let locals = ["o'brien", "a+b", "!#$%&'*/=?^_`{|}~", "a.b-c_d", "x"];
    let domains = ["example.com", "xn--blmchen-n2a.example", "a-b.co.example"];
    let local = locals[random.below(5) as usize];
    let domain = domains[random.below(3) as usize];
    format!("rcpt-{number}-{local}@{domain}").parse().unwrap()
}

fn template(samples: &[Template], random: &Random) -> Template {
    let link: Url = "https://contactbar.example/contacts/1".parse().unwrap();
    let at = Timestamp::from_secs(1_795_315_200);
    let n = random.below(4);
    match samples[random.below(u32::try_from(samples.len()).unwrap()) as usize].clone() {
        Template::Invitation { valid_days, .. } => Template::Invitation {
            member_name: nasty(random),
            inviter: nasty(random),
            link,
            valid_days,
        },
        Template::NewContact(_) => Template::NewContact(NewContact {
            bar_name: nasty(random),
            fields: (0..n).map(|_| (nasty(random), nasty(random))).collect(),
            page: nasty(random),
            at,
            link,
        }),
        Template::ContactDigest(_) => Template::ContactDigest(ContactDigest {
            total: n,
            contacts: (0..n)
                .map(|_| DigestLine {
                    at,
                    bar_name: nasty(random),
                    summary: nasty(random),
                })
                .collect(),
            link,
        }),
        Template::Autoresponse { .. } => Template::Autoresponse {
            sender: nasty(random),
            site: nasty(random),
            subject: nasty(random),
            text: nasty(random),
        },
        Template::MemberEnding { ends_at, .. } => Template::MemberEnding {
            member_name: nasty(random),
            ends_at,
            settings_link: link,
        },
        Template::MemberStays { .. } => Template::MemberStays {
            member_name: nasty(random),
            bars_link: link,
        },
        Template::TokenCreated { .. } => Template::TokenCreated {
            name: nasty(random),
            at,
            tokens_link: link,
        },
        Template::NewLogin { .. } => Template::NewLogin {
            at,
            device: nasty(random),
            sessions_link: link,
        },
        other => other,
    }
}

fn mail(number: u32, renderer: &Renderer, samples: &[Template], random: &Random) -> (Template, Outgoing) {
    let template = template(samples, random);
    let language = Language::ALL[random.below(2) as usize];
    let unsubscribe = template
        .category()
        .may_be_refused()
        .then(|| renderer.links().unsubscribe(&format!("msg_{number}.token")));
    let mut track = |target: Option<&Url>| match target {
        Some(_) => renderer.links().click("token"),
        None => renderer.links().pixel("token"),
    };
    let tracked = template.category().may_be_tracked() && !template.holds_secret();
    let words = renderer
        .render_tracked(
            &template,
            language,
            unsubscribe.as_ref(),
            &renderer.links().preferences(&format!("msg_{number}.token")),
            if tracked { Some(&mut track) } else { None },
        )
        .unwrap();
    let mail = Outgoing {
        message_id: format!("msg_{number}@contactbar.example"),
        from: "hello@contactbar.example".parse().unwrap(),
        from_name: template.sender().unwrap_or_else(|| "Contactbar".into()),
        to: address(number, random),
        to_name: (random.below(2) == 0).then(|| nasty(random)),
        reply_to: (random.below(3) == 0).then(|| "answers@contactbar.example".parse().unwrap()),
        date: Timestamp::from_secs(1_795_315_200),
        subject: words.subject,
        text: words.text,
        html: words.html,
        unsubscribe,
    };
    (template, mail)
}

/// The header of a message, field by field, unfolded, by hand: what the parser might forgive shows here.
fn fields(head: &str) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut last = String::new();
    for line in head.split("\r\n") {
        if line.starts_with([' ', '\t']) {
            let values = all
                .get_mut(&last)
                .expect("a header does not begin with a continuation");
            values.last_mut().unwrap().push_str(line);
        } else {
            let (name, value) = line
                .split_once(": ")
                .unwrap_or_else(|| panic!("no field: {line:?}"));
            last = name.to_owned();
            all.entry(last.clone()).or_default().push(value.to_owned());
        }
    }
    all
}

fn check(number: u32, template: &Template, mail: &Outgoing) {
    let returns: EmailAddress = format!("bounces+msg_{number}@contactbar.example")
        .parse()
        .unwrap();
    let message = mail.message(&returns).unwrap();
    let envelope = message.envelope();
    assert_eq!(
        envelope.to().iter().map(ToString::to_string).collect::<Vec<_>>(),
        [mail.to.as_str()]
    );
    assert_eq!(envelope.from().unwrap().to_string(), returns.as_str());

    let bytes = message.formatted();
    let text = std::str::from_utf8(&bytes).unwrap();
    assert!(text.is_ascii(), "{number}: not ASCII");
    assert!(
        !text.replace("\r\n", "").contains(['\r', '\n', '\0']),
        "{number}: a bare line break"
    );
    assert!(
        text.split("\r\n").all(|line| line.len() <= 998),
        "{number}: an overlong line"
    );
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let fields = fields(head);
    let refusable = template.category().may_be_refused();
    let mut expected = vec![
        "Auto-Submitted",
        "Content-Type",
        "Date",
        "From",
        "MIME-Version",
        "Message-ID",
        "Subject",
        "To",
    ];
    if refusable {
        expected.extend(["List-Unsubscribe", "List-Unsubscribe-Post"]);
    }
    if mail.reply_to.is_some() {
        expected.push("Reply-To");
    }
    expected.sort_unstable();
    assert_eq!(fields.keys().collect::<Vec<_>>(), expected, "{number}: {head}");
    assert!(
        fields.values().all(|values| values.len() == 1),
        "{number}: {head}"
    );
    if refusable {
        let way_out = format!("<https://contactbar.example/mail/unsubscribe/msg_{number}.token>");
        assert_eq!(fields["List-Unsubscribe"], [way_out]);
        assert_eq!(fields["List-Unsubscribe-Post"], ["List-Unsubscribe=One-Click"]);
    }

    let parsed = MessageParser::default().parse(&bytes).unwrap();
    let only = |address: Option<&Address<'_>>| -> String {
        let all: Vec<_> = address
            .unwrap()
            .iter()
            .map(|one| one.address.clone().unwrap())
            .collect();
        assert_eq!(all.len(), 1, "{number}: {head}");
        all[0].to_string()
    };
    assert_eq!(only(parsed.to()), mail.to.as_str());
    assert_eq!(only(parsed.from()), "hello@contactbar.example");
    assert_eq!(
        parsed.message_id(),
        Some(format!("msg_{number}@contactbar.example").as_str())
    );
    let (mut plain, mut html) = (None, None);
    for part in &parsed.parts {
        match &part.body {
            PartType::Text(text) => assert!(plain.replace(text.replace("\r\n", "\n")).is_none()),
            PartType::Html(text) => assert!(html.replace(text.to_string()).is_none()),
            PartType::Multipart(parts) => assert_eq!(parts.len(), 2),
            other => panic!("{number}: {other:?}"),
        }
    }
    let (plain, html) = (plain.unwrap(), html.unwrap());
    assert_eq!(
        plain.trim_end(),
        mail.text.trim_end(),
        "{number}: the text changed on its way"
    );
    assert!(
        !plain.contains(|c: char| c.is_control() && c != '\n'),
        "{number}: {plain:?}"
    );
    assert!(plain.split_whitespace().count() > 10, "{number}: {plain}");

    for part in [head, &plain, &html] {
        for named in part.split("rcpt-").skip(1) {
            let whose = named.split('-').next();
            assert_eq!(
                whose,
                Some(number.to_string().as_str()),
                "{number}: names another recipient"
            );
        }
    }
    for link in html.split("href=\"").skip(1).chain(html.split("src=\"").skip(1)) {
        let link = link.split('"').next().unwrap();
        let ours =
            link.starts_with("https://contactbar.example/") || link.starts_with("https://bars.example/");
        assert!(ours, "{number}: {link}");
    }
}

#[test]
fn ten_thousand_mails_reach_whom_they_are_for_and_nobody_else() {
    let links = Links::new("https://contactbar.example".parse().unwrap())
        .tracked_at("https://bars.example".parse().unwrap());
    let renderer = Renderer::new(links, "Contactbar").unwrap();
    let samples = Template::samples();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (renderer, samples) = (&renderer, &samples);
            scope.spawn(move || {
                let random = Random::seeded(u64::from(thread));
                for number in (0..MAILS).filter(|number| number % THREADS == thread) {
                    let (template, mail) = mail(number, renderer, samples, &random);
                    check(number, &template, &mail);
                }
            });
        }
    });
}
