//! Our mails in German.

use super::{
    Announcement, AtLimit, Block, Letter, NoticeKind, OutageStage, SecondFactorChange, Template, grouped,
    written,
};
use crate::clock::Timestamp;
use crate::mail::Category;
use crate::policies::{Consequence, Document};

pub(super) fn letter(template: &Template) -> Letter {
    match template {
        Template::VerifyAddress { link, valid_hours } => Letter {
            subject: "Bitte bestätigen Sie Ihre Adresse".into(),
            preview: "Ein Klick, und Ihr Konto ist bereit.".into(),
            blocks: vec![
                Block::heading("Willkommen bei Contactbar"),
                Block::text(
                    "Bitte bestätigen Sie, dass diese Adresse Ihnen gehört. Dann ist Ihr Konto bereit.",
                ),
                Block::button("Adresse bestätigen", link),
                Block::small(format!(
                    "Der Link gilt einmal, {} lang. Falls Sie sich nicht registriert haben, tun Sie nichts: Ohne ihn ist das Konto nicht nutzbar.",
                    plural(*valid_hours, "Stunde", "Stunden")
                )),
            ],
            reason: "Sie erhalten diese Mail, weil bei einer Registrierung diese Adresse angegeben wurde."
                .into(),
        },
        Template::Invitation {
            member_name,
            inviter,
            link,
            valid_days,
        } => Letter {
            subject: format!("{inviter} lädt Sie ein: {member_name}"),
            preview: "Kommen Sie ins Team bei Contactbar.".into(),
            blocks: vec![
                Block::heading(format!("Ins Team von {member_name}")),
                Block::text(format!(
                    "{inviter} lädt Sie bei Contactbar ins Team von {member_name} ein."
                )),
                Block::button("Einladung annehmen", link),
                Block::small(format!(
                    "Der Link gilt einmal, {} lang. Wenn Sie nicht möchten, tun Sie nichts.",
                    plural(*valid_days, "Tag", "Tage")
                )),
            ],
            reason: format!("Sie erhalten diese Mail, weil {inviter} diese Adresse eingeladen hat."),
        },
        Template::PasswordReset { link, valid_minutes } => Letter {
            subject: "Wählen Sie ein neues Passwort".into(),
            preview: format!(
                "Der Link gilt einmal, {} lang.",
                plural(*valid_minutes, "Minute", "Minuten")
            ),
            blocks: vec![
                Block::heading("Neues Passwort"),
                Block::text("Jemand, vermutlich Sie, hat für diese Adresse ein neues Passwort angefordert."),
                Block::button("Neues Passwort wählen", link),
                Block::small(format!(
                    "Der Link gilt einmal, {} lang, und beendet alle Sitzungen. Falls Sie es nicht waren, tun Sie nichts: Ihr Passwort bleibt, wie es ist.",
                    plural(*valid_minutes, "Minute", "Minuten")
                )),
            ],
            reason: ACCOUNT.into(),
        },
        Template::PasswordChanged { at, reset_link } => Letter {
            subject: "Ihr Passwort wurde geändert".into(),
            preview: "Falls Sie es waren, ist alles gut.".into(),
            blocks: vec![
                Block::heading("Ihr Passwort wurde geändert"),
                Block::text(format!(
                    "Es wurde am {} geändert; alle anderen Sitzungen wurden beendet.",
                    time(*at)
                )),
                Block::text(NOT_YOU),
                Block::button("Ich war es nicht", reset_link),
            ],
            reason: ACCOUNT.into(),
        },
        Template::AddressChangeConfirm { link, valid_hours } => Letter {
            subject: "Bitte bestätigen Sie Ihre neue Adresse".into(),
            preview: "Ein Klick, und Ihr Konto zieht zu dieser Adresse um.".into(),
            blocks: vec![
                Block::heading("Ihre neue Adresse"),
                Block::text(
                    "Bitte bestätigen Sie, dass diese Adresse Ihnen gehört. Danach melden Sie sich mit ihr an, und unsere Mails kommen hierher.",
                ),
                Block::button("Neue Adresse bestätigen", link),
                Block::small(format!(
                    "Der Link gilt einmal, {} lang. Falls Sie das nicht wollten, tun Sie nichts.",
                    plural(*valid_hours, "Stunde", "Stunden")
                )),
            ],
            reason: "Sie erhalten diese Mail, weil diese Adresse für ein Konto angegeben wurde.".into(),
        },
        Template::AddressChangeNotice {
            new_address,
            reset_link,
        } => Letter {
            subject: "Ihre Adresse soll geändert werden".into(),
            preview: "Falls Sie es waren, ist alles gut.".into(),
            blocks: vec![
                Block::heading("Ihre Adresse soll geändert werden"),
                Block::text(format!(
                    "Jemand, vermutlich Sie, möchte Ihr Konto zu {new_address} umziehen. Das geschieht, sobald jene Adresse bestätigt ist."
                )),
                Block::text(NOT_YOU),
                Block::button("Ich war es nicht", reset_link),
            ],
            reason: ACCOUNT.into(),
        },
        Template::AddressChanged {
            old_address,
            new_address,
            at,
        } => Letter {
            subject: "Ihre Adresse wurde geändert".into(),
            preview: format!("Ihr Konto ist zu {new_address} umgezogen."),
            blocks: vec![
                Block::heading("Ihre Adresse wurde geändert"),
                Block::text(
                    "Ihr Konto ist umgezogen. Wir schreiben an beide Adressen, damit das nie unbemerkt geschieht.",
                ),
                Block::Rows(vec![
                    ("Alte Adresse".into(), old_address.to_string()),
                    ("Neue Adresse".into(), new_address.to_string()),
                    ("Wann".into(), time(*at)),
                ]),
                Block::small("Falls Sie es nicht waren, antworten Sie sofort auf diese Mail."),
            ],
            reason: "Sie erhalten diese Mail, weil diese Adresse zu einem Konto gehört oder gehörte.".into(),
        },
        Template::AlreadyRegistered {
            login_link,
            reset_link,
        } => Letter {
            subject: "Sie haben schon ein Konto".into(),
            preview: "Melden Sie sich einfach an, oder wählen Sie ein neues Passwort.".into(),
            blocks: vec![
                Block::heading("Sie haben schon ein Konto"),
                Block::text(
                    "Jemand, vermutlich Sie, wollte sich mit dieser Adresse registrieren. Sie hat schon ein Konto: Melden Sie sich einfach an.",
                ),
                Block::button("Anmelden", login_link),
                Block::link("Passwort vergessen?", reset_link),
                Block::small(
                    "Falls Sie es nicht waren, ist nichts zu tun. Niemand hat erfahren, dass es das Konto gibt.",
                ),
            ],
            reason: ACCOUNT.into(),
        },
        Template::NewContact(contact) => Letter {
            subject: format!("Neuer Kontakt: {}", contact.bar_name),
            preview: contact
                .fields
                .iter()
                .map(|(_, value)| value.as_str())
                .collect::<Vec<_>>()
                .join(" · "),
            blocks: vec![
                Block::heading("Sie haben einen neuen Kontakt"),
                Block::Rows(
                    contact
                        .fields
                        .iter()
                        .cloned()
                        .chain([
                            ("Leiste".into(), contact.bar_name.clone()),
                            ("Seite".into(), contact.page.clone()),
                            ("Wann".into(), time(contact.at)),
                        ])
                        .collect(),
                ),
                Block::button("Im Dashboard öffnen", &contact.link),
            ],
            reason: "Sie erhalten diese Mail, weil Sie von neuen Kontakten hören möchten.".into(),
        },
        Template::ContactDigest(digest) => Letter {
            subject: format!(
                "{} seit der letzten Mail",
                plural(digest.total, "neuer Kontakt", "neue Kontakte")
            ),
            preview: digest
                .contacts
                .iter()
                .map(|line| line.summary.as_str())
                .collect::<Vec<_>>()
                .join(" · "),
            blocks: [
                Block::heading(plural(digest.total, "neuer Kontakt", "neue Kontakte")),
                Block::Rows(
                    digest
                        .contacts
                        .iter()
                        .map(|line| {
                            (
                                format!("{} · {}", line.bar_name, time(line.at)),
                                line.summary.clone(),
                            )
                        })
                        .collect(),
                ),
            ]
            .into_iter()
            .chain(match u32::try_from(digest.contacts.len()) {
                Ok(shown) if shown < digest.total => {
                    Some(Block::text(format!("… und {} weitere.", digest.total - shown)))
                }
                _ => None,
            })
            .chain([Block::button("Im Dashboard öffnen", &digest.link)])
            .collect(),
            reason: "Sie erhalten diese Mail, weil Sie neue Kontakte gesammelt bekommen möchten.".into(),
        },
        Template::Autoresponse {
            sender,
            site,
            subject,
            text,
        } => Letter {
            subject: subject.clone(),
            preview: String::new(),
            blocks: super::paragraphs(text),
            reason: format!(
                "Sie erhalten diese Mail, weil Sie auf {site} Ihre Daten hinterlassen haben. Contactbar sendet sie im Namen von {sender}."
            ),
        },
        Template::SecondFactorChanged {
            change,
            at,
            reset_link,
        } => {
            let (title, what) = match change {
                SecondFactorChange::On => (
                    "Zweiter Faktor eingeschaltet",
                    "Ab jetzt wird beim Anmelden auch nach einem Code aus Ihrer App gefragt.",
                ),
                SecondFactorChange::Off => (
                    "Zweiter Faktor ausgeschaltet",
                    "Ab jetzt genügt zum Anmelden das Passwort allein.",
                ),
                SecondFactorChange::RecoveryCodesRenewed => (
                    "Neue Wiederherstellungscodes",
                    "Es wurden neue Wiederherstellungscodes erzeugt. Die alten gelten nicht mehr.",
                ),
            };
            Letter {
                subject: title.into(),
                preview: "Falls Sie es waren, ist alles gut.".into(),
                blocks: vec![
                    Block::heading(title),
                    Block::text(what),
                    Block::Rows(vec![("Wann".into(), time(*at))]),
                    Block::text(NOT_YOU),
                    Block::button("Ich war es nicht", reset_link),
                ],
                reason: ACCOUNT.into(),
            }
        }
        Template::NewLogin {
            at,
            device,
            sessions_link,
        } => Letter {
            subject: "Neue Anmeldung bei Ihrem Konto".into(),
            preview: format!("{device}, {}", time(*at)),
            blocks: vec![
                Block::heading("Neue Anmeldung"),
                Block::text(
                    "Jemand, vermutlich Sie, hat sich mit einem Gerät angemeldet, das wir noch nicht kannten.",
                ),
                Block::Rows(vec![("Gerät".into(), device.clone()), ("Wann".into(), time(*at))]),
                Block::text(
                    "Falls Sie es nicht waren, beenden Sie jene Sitzung und wählen Sie ein neues Passwort.",
                ),
                Block::button("Sitzungen ansehen", sessions_link),
            ],
            reason: ACCOUNT.into(),
        },
        Template::ConfirmOffers {
            category,
            link,
            valid_days,
        } => Letter {
            subject: "Möchten Sie unsere Angebote?".into(),
            preview: "Ein Klick sagt Ja; ohne ihn kommt nichts.".into(),
            blocks: vec![
                Block::heading("Möchten Sie unsere Angebote?"),
                Block::text(match category {
                    Category::CrossSelling => {
                        "Jemand, wahrscheinlich Sie, bat uns, an diese Adresse über unsere anderen Dienste zu schreiben."
                    }
                    _ => "Jemand, wahrscheinlich Sie, bat uns, an diese Adresse zu schreiben, wenn es ein Angebot gibt.",
                }),
                Block::text("Wir schreiben höchstens zweimal in dreißig Tagen, und in jeder Mail können Sie das beenden."),
                Block::button("Ja, gern", link),
                Block::small(format!(
                    "Der Link gilt {}. Wenn Sie nicht darum gebeten haben, tun Sie nichts: Ohne Ihr Ja wird nichts geschickt.",
                    plural(*valid_days, "Tag", "Tage")
                )),
            ],
            reason: "Sie erhalten diese Mail, weil diese Adresse für Angebote angegeben wurde.".into(),
        },
        Template::Nudge {
            last,
            register_link,
        } => Letter {
            subject: if *last {
                "Ein letztes Wort zu Ihrer Kontaktleiste".into()
            } else {
                "Sie wollten sich Contactbar ansehen".into()
            },
            preview: "Eine Leiste auf Ihrer Website, in zwei Minuten.".into(),
            blocks: vec![
                Block::heading("Zwei Minuten bis zu Ihrer Kontaktleiste"),
                Block::text(if *last {
                    "Vor einer Woche baten Sie uns, Sie an Contactbar zu erinnern. Das ist die letzte Erinnerung; wir schreiben nicht noch einmal."
                } else {
                    "Gestern baten Sie uns, Sie an Contactbar zu erinnern. Das tun wir hiermit; wenn es gerade nicht passt, kommt in einer Woche noch eine Erinnerung, und dann keine mehr."
                }),
                Block::text(
                    "Vorlage wählen, Worte schreiben, eine Zeile in die Website einfügen: Dann erreichen Besucher Sie von jeder Seite.",
                ),
                Block::button("Eine Leiste machen", register_link),
            ],
            reason: "Sie erhalten diese Mail, weil diese Adresse auf unserer Website für eine Erinnerung angegeben wurde."
                .into(),
        },
        Template::MemberEnding {
            member_name,
            ends_at,
            settings_link,
        } => Letter {
            subject: format!("{member_name} verlässt Contactbar"),
            preview: format!("Am {} wird alles gelöscht.", time(*ends_at)),
            blocks: vec![
                Block::heading(format!("{member_name} verlässt Contactbar")),
                Block::text(format!(
                    "Das Konto von {member_name} wurde von einer der Personen beendet, denen es gehört. Die Leisten sind ab sofort aus: Sie zeigen nichts und zählen nichts."
                )),
                Block::text(format!(
                    "Am {} wird alles endgültig gelöscht: Leisten, Zahlen, Kontakte, Webhooks, Tokens, Mails und das Team. Bis dahin können Sie Ihre Kontakte exportieren und das Ende in den Einstellungen zurücknehmen: Dann sind die Leisten wieder an, wie sie waren.",
                    time(*ends_at)
                )),
                Block::button("Zu den Einstellungen", settings_link),
            ],
            reason: owner_of(member_name),
        },
        Template::MemberStays {
            member_name,
            bars_link,
        } => Letter {
            subject: format!("{member_name} bleibt bei Contactbar"),
            preview: "Es wird nichts gelöscht.".into(),
            blocks: vec![
                Block::heading(format!("{member_name} bleibt bei Contactbar")),
                Block::text(format!(
                    "Das Ende von {member_name} wurde zurückgenommen. Es wird nichts gelöscht, und die Leisten sind wieder an, wie sie waren."
                )),
                Block::button("Zu den Leisten", bars_link),
            ],
            reason: owner_of(member_name),
        },
        Template::PolicyChange {
            document,
            version,
            changes,
            read_link,
            answer_link,
        } => {
            let name = document_name(*document);
            let mut blocks = vec![
                Block::heading(format!("Unsere {name} ändern sich")),
                Block::text(format!(
                    "Wir haben Version {version} unserer {name} veröffentlicht. Für Sie gilt sie ab dieser Mail. Das ändert sich:"
                )),
            ];
            for change in changes.iter().filter(|change| change.material) {
                blocks.push(Block::text(format!(
                    "{}\n{}\n{}",
                    change.title.de,
                    change.summary.de,
                    match change.consequence() {
                        Consequence::OptsOut =>
                            "Sie können das jederzeit abbestellen; Ihr Konto bleibt, wie es ist.",
                        Consequence::NotApplied =>
                            "Wenn Sie widersprechen, gilt es für Ihr Konto nicht, und das Konto bleibt, wie es ist.",
                        Consequence::EndsAccount =>
                            "Das lässt sich nicht für ein einzelnes Konto auslassen: Wenn Sie widersprechen, endet Ihr Konto nach 30 Tagen. Bis dahin können Sie den Widerspruch zurücknehmen.",
                    }
                )));
            }
            blocks.extend([
                Block::text(
                    "Sie können 20 Tage lang widersprechen, nachdem diese Mail Sie erreicht hat. Was wir vorher von Ihnen erhoben haben, wird bis dahin für nichts Neues verwendet, und gar nicht, wenn Sie widersprechen.",
                ),
                Block::button("Änderungen ansehen und antworten", answer_link),
                Block::link("Den ganzen Text lesen", read_link),
                Block::small(
                    "Der Link gehört Ihnen allein: Er zeigt eine Seite, die fragt, und ändert von selbst nichts.",
                ),
            ]);
            Letter {
                subject: format!("Unsere {name} ändern sich"),
                preview: format!("Version {version}: was sich ändert und wie Sie widersprechen."),
                blocks,
                reason: ACCOUNT.into(),
            }
        }
        Template::ObjectionEnding {
            member_name,
            change,
            ends_at,
            export_link,
            withdraw_link,
        } => Letter {
            subject: format!("Ihr Widerspruch: {member_name} verlässt Contactbar"),
            preview: format!("Am {} wird alles gelöscht.", time(*ends_at)),
            blocks: vec![
                Block::heading("Ihr Widerspruch ist angekommen"),
                Block::text(format!(
                    "Sie widersprechen dieser Änderung: {}. Sie lässt sich nicht für ein einzelnes Konto auslassen, deshalb endet das Konto von {member_name}. Die Leisten sind ab sofort aus: Sie zeigen nichts und zählen nichts.",
                    change.de
                )),
                Block::text(format!(
                    "Am {} wird alles endgültig gelöscht: Leisten, Zahlen, Kontakte, Webhooks, Tokens, Mails und das Team. Ein bezahltes Abo endet ebenfalls. Bis dahin können Sie Ihre Kontakte exportieren und den Widerspruch zurücknehmen: Dann sind die Leisten wieder an, wie sie waren.",
                    time(*ends_at)
                )),
                Block::button("Zu Ihrem Widerspruch", withdraw_link),
                Block::link("Kontakte exportieren", export_link),
            ],
            reason: format!("Sie erhalten diese Mail, weil Ihnen {member_name} gehört."),
        },
        Template::PolicyNotSent {
            document,
            version,
            members,
            total,
        } => Letter {
            subject: format!(
                "Nicht gesendet an {total}: {} {version}",
                document_name(*document)
            ),
            preview: "Für sie gilt die Version nicht.".into(),
            blocks: vec![
                Block::heading("Nicht gesendet"),
                Block::text(format!(
                    "Version {version} der {} konnte an {} nicht gesendet werden. Für sie gilt sie nicht. Sobald eine der Personen, denen ein Konto gehört, eine andere Adresse hat, wird sie von selbst dorthin gesendet.",
                    document_name(*document),
                    plural(*total, "Mitglied", "Mitglieder")
                )),
                Block::text(
                    members
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join("\n"),
                ),
                Block::small("`contactbar policy status` zeigt, wie weit jede Version gekommen ist."),
            ],
            reason: "Sie erhalten diese Mail, weil dies die Adresse des Betreibers ist.".into(),
        },
        Template::Notice(announcement) => notice(announcement),
        Template::BreachDue {
            what,
            due_at,
            passed,
            breach,
        } => {
            let (subject, preview, heading) = if *passed {
                (
                    "Überfällig: die Datenpanne der Behörde melden",
                    "Die 72 Stunden sind um.",
                    "Die 72 Stunden sind um",
                )
            } else {
                (
                    "Bald fällig: die Datenpanne der Behörde melden",
                    "Die 72 Stunden sind fast um.",
                    "Die 72 Stunden sind fast um",
                )
            };
            let mut blocks = vec![
                Block::heading(heading),
                Block::text(
                    "Eine Datenpanne ist der Behörde binnen 72 Stunden zu melden, nachdem sie bemerkt wurde (DSGVO, Artikel 33); oder es ist festzuhalten, warum nicht. Beides ist noch nicht geschehen.",
                ),
                Block::Rows(vec![
                    ("Was geschehen ist".into(), what.clone()),
                    ("Fällig".into(), time(*due_at)),
                    ("Vorfall".into(), breach.clone()),
                ]),
            ];
            if *passed {
                blocks.push(Block::text(
                    "Wird sie später gemeldet, gehören die Gründe der Verzögerung dazu.",
                ));
            }
            blocks.push(Block::small(
                "Melden Sie sie der Behörde und halten Sie es fest: `contactbar breach authority`.",
            ));
            Letter {
                subject: subject.into(),
                preview: preview.into(),
                blocks,
                reason: "Sie erhalten diese Mail, weil dies die Adresse des Betreibers ist.".into(),
            }
        }
        Template::TokenCreated {
            name,
            at,
            tokens_link,
        } => Letter {
            subject: "Ein neues API-Token wurde erzeugt".into(),
            preview: "Falls Sie es waren, ist alles gut.".into(),
            blocks: vec![
                Block::heading("Ein neues API-Token"),
                Block::text(
                    "Mit Ihrem Konto wurde ein Token für die API erzeugt. Wer es hat, kann in seinen Grenzen in Ihrem Namen handeln.",
                ),
                Block::Rows(vec![("Token".into(), name.clone()), ("Wann".into(), time(*at))]),
                Block::text("Falls Sie es nicht waren, löschen Sie es und wählen Sie ein neues Passwort."),
                Block::button("Tokens ansehen", tokens_link),
            ],
            reason: ACCOUNT.into(),
        },
        Template::UsageReached {
            member_name,
            percent,
            views,
            limit,
            period_ends,
            follows,
            billing_link,
        } => {
            let used_up = *percent >= 100;
            let until = time(*period_ends);
            let (views, limit) = (grouped(*views, '.'), grouped(*limit, '.'));
            let what_follows = match (follows, used_up) {
                (AtLimit::Pause, true) => format!("Wie von Ihnen gewählt ruhen Ihre Leisten bis {until}: Sie zeigen nichts und zählen nichts. Ein größerer Tarif bringt sie sofort zurück."),
                (AtLimit::Pause, false) => format!("Wenn sie verbraucht sind, ruhen Ihre Leisten bis {until}, wie von Ihnen gewählt."),
                (AtLimit::NextPlan(plan), true) => format!("Wie von Ihnen gewählt wechselt Ihr Abonnement jetzt zu {plan}. Was Sie für den Rest des Zeitraums bezahlt haben, wird abgezogen."),
                (AtLimit::NextPlan(plan), false) => format!("Wenn sie verbraucht sind, wechselt Ihr Abonnement zu {plan}, wie von Ihnen gewählt."),
                (AtLimit::GoOn, true) => "Ihre Leisten laufen trotzdem weiter. Bitte wählen Sie einen größeren Tarif, oder was von nun an geschehen soll.".to_owned(),
                (AtLimit::GoOn, false) => "Wenn sie verbraucht sind, laufen Ihre Leisten trotzdem weiter. Sie können einen größeren Tarif wählen, oder was dann geschehen soll.".to_owned(),
            };
            Letter {
                subject: if used_up {
                    format!("Die Ansichten von {member_name} sind verbraucht")
                } else {
                    format!("{percent} % der Ansichten von {member_name} sind verbraucht")
                },
                preview: format!("{views} von {limit}."),
                blocks: vec![
                    Block::heading(if used_up { "Ihre Ansichten sind verbraucht" } else { "Ihre Ansichten sind fast verbraucht" }),
                    Block::text(format!("Ihre Leisten wurden in diesem Zeitraum, der am {until} endet, {views}-mal gesehen. Ihr Tarif hat {limit}.")),
                    Block::text(what_follows),
                    Block::button("Tarif und Verbrauch ansehen", billing_link),
                ],
                reason: owner_or_admin(member_name),
            }
        }
        Template::PaymentFailed {
            member_name,
            amount,
            falls_at,
            last,
            billing_link,
        } => Letter {
            subject: if *last {
                format!("Letzte Erinnerung: Eine Zahlung von {member_name} fehlt")
            } else {
                format!("Eine Zahlung von {member_name} ist fehlgeschlagen")
            },
            preview: "Bitte geben Sie eine andere Karte an.".into(),
            blocks: vec![
                Block::heading("Eine Zahlung ist fehlgeschlagen"),
                Block::text(match amount {
                    Some(amount) => format!("Wir konnten {amount} nicht abbuchen. Vielleicht ist die Karte abgelaufen oder ihr Rahmen erreicht."),
                    None => "Wir konnten Ihre Karte nicht belasten. Vielleicht ist sie abgelaufen oder ihr Rahmen erreicht.".to_owned(),
                }),
                Block::text(format!(
                    "Vorerst ändert sich nichts: Ihre Leisten laufen weiter. Ohne Zahlung endet der Tarif am {}, und es folgt der kostenlose.",
                    time(*falls_at)
                )),
                Block::button("Andere Karte angeben", billing_link),
            ],
            reason: owner_or_admin(member_name),
        },
        Template::PaymentActionNeeded {
            member_name,
            amount,
            billing_link,
        } => Letter {
            subject: format!("Bitte bestätigen Sie eine Zahlung von {member_name}"),
            preview: format!("Ihre Bank bittet Sie, {amount} zu bestätigen."),
            blocks: vec![
                Block::heading("Ihre Bank bittet um Bestätigung"),
                Block::text(format!("Eine Zahlung von {amount} wartet, bis Sie sie bei Ihrer Bank bestätigen. Die Seite der Rechnung, die Sie unter Abrechnung finden, führt Sie dorthin.")),
                Block::button("Zahlung bestätigen", billing_link),
            ],
            reason: owner_or_admin(member_name),
        },
        Template::BackOnFree {
            member_name,
            plan,
            billing_link,
        } => Letter {
            subject: format!("{member_name} ist im kostenlosen Tarif"),
            preview: format!("{plan} ist zu Ende."),
            blocks: vec![
                Block::heading(format!("{plan} ist zu Ende")),
                Block::text("Von nun an gilt der kostenlose Tarif. Nichts von Ihnen wird gelöscht: Leisten, die laufen, laufen weiter, und eingeschaltete Webhooks bleiben eingeschaltet. Was über den kostenlosen Tarif hinausgeht, kann nicht vermehrt werden. Einzelne Ereignisse werden 30 Tage lang aufbewahrt wie bisher, danach so lange, wie der kostenlose Tarif sie aufbewahrt."),
                Block::button("Tarif wählen", billing_link),
            ],
            reason: owner_or_admin(member_name),
        },
        Template::TrialEnding {
            member_name,
            plan,
            ends_at,
            has_card,
            billing_link,
        } => Letter {
            subject: format!("Die Probezeit von {member_name} endet bald"),
            preview: format!("Am {}.", time(*ends_at)),
            blocks: vec![
                Block::heading("Ihre Probezeit endet bald"),
                Block::text(format!("Die Probezeit von {plan} endet am {}.", time(*ends_at))),
                Block::text(if *has_card {
                    "Dann wird Ihre Karte zum ersten Mal belastet. Wenn Sie das nicht möchten, kündigen Sie vorher."
                } else {
                    "Wenn Sie eine Karte angeben, geht es weiter. Wenn nicht, folgt von selbst der kostenlose Tarif, und nichts wird abgebucht."
                }),
                Block::button(if *has_card { "Tarif ansehen" } else { "Karte angeben" }, billing_link),
            ],
            reason: owner_or_admin(member_name),
        },
        Template::CardExpiring {
            member_name,
            card,
            month,
            billing_link,
        } => Letter {
            subject: format!("Die Karte von {member_name} läuft ab"),
            preview: format!("{card}, gültig bis {month}."),
            blocks: vec![
                Block::heading("Ihre Karte läuft ab"),
                Block::text(format!("Die Karte {card}, die für {member_name} bezahlt, ist bis {month} gültig. Bitte geben Sie eine andere an, damit die nächste Zahlung gelingt.")),
                Block::button("Andere Karte angeben", billing_link),
            ],
            reason: owner_or_admin(member_name),
        },
        Template::MoneyWentBack {
            member,
            disputed,
            amount,
            charge,
        } => Letter {
            subject: if *disputed {
                format!("Angefochten: {amount}")
            } else {
                format!("Erstattet: {amount}")
            },
            preview: format!("Zahlung {charge}."),
            blocks: vec![
                Block::heading(if *disputed { "Eine Zahlung wird angefochten" } else { "Geld wurde erstattet" }),
                Block::Rows(vec![
                    ("Mitglied".into(), member.to_string()),
                    ("Betrag".into(), amount.clone()),
                    ("Zahlung".into(), charge.clone()),
                ]),
                Block::text(if *disputed {
                    "Stripe möchte innerhalb seiner Frist Belege: Antworten Sie in Stripes Dashboard."
                } else {
                    "Es ist nichts zu tun: Es ist festgehalten."
                }),
            ],
            reason: "Sie erhalten diese Mail, weil dies die Adresse des Betreibers ist.".into(),
        },
    }
}

fn notice(announcement: &Announcement) -> Letter {
    let Announcement {
        kind,
        stage,
        release,
        starts_at,
        ends_at,
        title,
        body,
        link,
    } = announcement;
    let stated = match (kind, stage) {
        (NoticeKind::Outage, Some(OutageStage::Planned)) => "Geplanter Ausfall",
        (NoticeKind::Outage, Some(OutageStage::Over)) => "Der Ausfall ist vorbei",
        (NoticeKind::Outage, Some(OutageStage::Begun) | None) => "Ausfall",
        (NoticeKind::Feature, _) => "Neu",
        (NoticeKind::Version | NoticeKind::PointRelease, _) => "Neue Version",
        (NoticeKind::MajorRelease, _) => "Große neue Version",
        (NoticeKind::Abuse, _) => "Missbrauch",
        (NoticeKind::PolicyChange, _) => "Richtlinien",
        (NoticeKind::SecurityBreach, _) => "Datenpanne",
        (NoticeKind::Promotion, _) => "Angebot",
        (NoticeKind::CrossSelling, _) => "Auch von uns",
    };
    let mut rows = Vec::new();
    if let Some(release) = release {
        rows.push(("Version".to_owned(), release.clone()));
    }
    if let Some(at) = starts_at {
        rows.push(("Von".to_owned(), time(*at)));
    }
    if let Some(at) = ends_at {
        rows.push(("Bis".to_owned(), time(*at)));
    }
    let mut blocks = vec![Block::heading(&title.de)];
    if !rows.is_empty() {
        blocks.push(Block::Rows(rows));
    }
    blocks.extend(written(&body.de));
    if !kind.is_advertising() {
        blocks.push(Block::button("Alle Mitteilungen ansehen", link));
    }
    Letter {
        subject: format!("{stated}: {}", title.de),
        preview: match kind {
            NoticeKind::SecurityBreach => "Was geschehen ist, was wir tun und was Sie tun können.".into(),
            _ => format!("{stated} bei Contactbar"),
        },
        blocks,
        reason: match kind {
            NoticeKind::Feature => {
                "Sie erhalten diese Mail, weil Sie ein Konto bei Contactbar führen. Solche Neuigkeiten können Sie abbestellen."
                    .into()
            }
            NoticeKind::Promotion | NoticeKind::CrossSelling => {
                "Sie erhalten diese Mail, weil Sie darum gebeten und das bestätigt haben. Sie können sie jederzeit abbestellen.".into()
            }
            _ => "Sie erhalten diese Mail, weil Sie ein Konto bei Contactbar führen und sie dieses betrifft.".into(),
        },
    }
}

/// A policy, as a sentence names it.
fn document_name(document: Document) -> &'static str {
    match document {
        Document::Privacy => "Datenschutzhinweise",
        Document::Terms => "Nutzungsbedingungen",
    }
}

const ACCOUNT: &str = "Sie erhalten diese Mail, weil diese Adresse ein Konto hat.";
const NOT_YOU: &str = "Falls Sie es waren, ist alles gut. Falls nicht, wählen Sie sofort ein neues Passwort: Das beendet alle Sitzungen.";

fn owner_of(member_name: &str) -> String {
    format!("Sie erhalten diese Mail, weil Ihnen {member_name} gehört.")
}

fn owner_or_admin(member_name: &str) -> String {
    format!("Sie erhalten diese Mail, weil Ihnen {member_name} gehört oder Sie es verwalten.")
}

fn plural(count: u32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `22. November 2026, 02:45 UTC`
fn time(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ];
    let at = at.jiff().to_zoned(jiff::tz::TimeZone::UTC);
    let month = MONTHS[usize::from(at.month().unsigned_abs()) - 1];
    format!(
        "{}. {month} {}, {:02}:{:02} UTC",
        at.day(),
        at.year(),
        at.hour(),
        at.minute()
    )
}
