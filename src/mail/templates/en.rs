//! Our mails in English.

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
            subject: "Please confirm your address".into(),
            preview: "One click, and your account is ready.".into(),
            blocks: vec![
                Block::heading("Welcome to Contactbar"),
                Block::text("Please confirm that this address is yours. Then your account is ready."),
                Block::button("Confirm address", link),
                Block::small(format!(
                    "The link works once, within {}. If you did not register, do nothing: without it the account can't be used.",
                    plural(*valid_hours, "hour", "hours")
                )),
            ],
            reason: "You receive this mail because this address was given when registering.".into(),
        },
        Template::Invitation {
            member_name,
            inviter,
            link,
            valid_days,
        } => Letter {
            subject: format!("{inviter} invites you to {member_name}"),
            preview: "Join the team on Contactbar.".into(),
            blocks: vec![
                Block::heading(format!("Join {member_name}")),
                Block::text(format!(
                    "{inviter} invites you to the team of {member_name} on Contactbar."
                )),
                Block::button("Accept the invitation", link),
                Block::small(format!(
                    "The link works once, within {}. If you don't want to join, do nothing.",
                    plural(*valid_days, "day", "days")
                )),
            ],
            reason: format!("You receive this mail because {inviter} invited this address."),
        },
        Template::PasswordReset { link, valid_minutes } => Letter {
            subject: "Choose a new password".into(),
            preview: format!(
                "The link works once, within {}.",
                plural(*valid_minutes, "minute", "minutes")
            ),
            blocks: vec![
                Block::heading("Choose a new password"),
                Block::text("Somebody, probably you, asked for a new password for this address."),
                Block::button("Choose a new password", link),
                Block::small(format!(
                    "The link works once, within {}, and ends all sessions. If you did not ask, do nothing: your password stays as it is.",
                    plural(*valid_minutes, "minute", "minutes")
                )),
            ],
            reason: ACCOUNT.into(),
        },
        Template::PasswordChanged { at, reset_link } => Letter {
            subject: "Your password was changed".into(),
            preview: "If that was you, all is well.".into(),
            blocks: vec![
                Block::heading("Your password was changed"),
                Block::text(format!(
                    "It was changed on {}, and all other sessions were ended.",
                    time(*at)
                )),
                Block::text(NOT_YOU),
                Block::button("It wasn't me", reset_link),
            ],
            reason: ACCOUNT.into(),
        },
        Template::AddressChangeConfirm { link, valid_hours } => Letter {
            subject: "Please confirm your new address".into(),
            preview: "One click, and your account moves to this address.".into(),
            blocks: vec![
                Block::heading("Your new address"),
                Block::text(
                    "Please confirm that this address is yours. From then on you log in with it, and our mails come here.",
                ),
                Block::button("Confirm new address", link),
                Block::small(format!(
                    "The link works once, within {}. If you did not ask for this, do nothing.",
                    plural(*valid_hours, "hour", "hours")
                )),
            ],
            reason: "You receive this mail because this address was given for an account.".into(),
        },
        Template::AddressChangeNotice {
            new_address,
            reset_link,
        } => Letter {
            subject: "Your address is about to change".into(),
            preview: "If that was you, all is well.".into(),
            blocks: vec![
                Block::heading("Your address is about to change"),
                Block::text(format!(
                    "Somebody, probably you, asked to move your account to {new_address}. It will move once that address is confirmed."
                )),
                Block::text(NOT_YOU),
                Block::button("It wasn't me", reset_link),
            ],
            reason: ACCOUNT.into(),
        },
        Template::AddressChanged {
            old_address,
            new_address,
            at,
        } => Letter {
            subject: "Your address was changed".into(),
            preview: format!("Your account has moved to {new_address}."),
            blocks: vec![
                Block::heading("Your address was changed"),
                Block::text(
                    "Your account has moved. We tell both addresses, so that it can't happen unnoticed.",
                ),
                Block::Rows(vec![
                    ("Old address".into(), old_address.to_string()),
                    ("New address".into(), new_address.to_string()),
                    ("When".into(), time(*at)),
                ]),
                Block::small("If this wasn't you, answer this mail at once."),
            ],
            reason: "You receive this mail because this address is, or was, that of an account.".into(),
        },
        Template::AlreadyRegistered {
            login_link,
            reset_link,
        } => Letter {
            subject: "You already have an account".into(),
            preview: "Log in as usual, or choose a new password.".into(),
            blocks: vec![
                Block::heading("You already have an account"),
                Block::text(
                    "Somebody, probably you, tried to register with this address. It has an account already: just log in.",
                ),
                Block::button("Log in", login_link),
                Block::link("Password forgotten?", reset_link),
                Block::small(
                    "If it wasn't you, there is nothing to do. Nobody has learnt that the account exists.",
                ),
            ],
            reason: ACCOUNT.into(),
        },
        Template::NewContact(contact) => Letter {
            subject: format!("New contact: {}", contact.bar_name),
            preview: contact
                .fields
                .iter()
                .map(|(_, value)| value.as_str())
                .collect::<Vec<_>>()
                .join(" · "),
            blocks: vec![
                Block::heading("You have a new contact"),
                Block::Rows(
                    contact
                        .fields
                        .iter()
                        .cloned()
                        .chain([
                            ("Bar".into(), contact.bar_name.clone()),
                            ("Page".into(), contact.page.clone()),
                            ("When".into(), time(contact.at)),
                        ])
                        .collect(),
                ),
                Block::button("Open in the dashboard", &contact.link),
            ],
            reason: "You receive this mail because you asked to hear of new contacts.".into(),
        },
        Template::ContactDigest(digest) => Letter {
            subject: format!(
                "{} since the last mail",
                plural(digest.total, "new contact", "new contacts")
            ),
            preview: digest
                .contacts
                .iter()
                .map(|line| line.summary.as_str())
                .collect::<Vec<_>>()
                .join(" · "),
            blocks: [
                Block::heading(plural(digest.total, "new contact", "new contacts")),
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
                    Some(Block::text(format!("… and {} more.", digest.total - shown)))
                }
                _ => None,
            })
            .chain([Block::button("Open in the dashboard", &digest.link)])
            .collect(),
            reason: "You receive this mail because you asked for new contacts to be gathered.".into(),
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
                "You receive this mail because you left your details at {site}. Contactbar sends it in the name of {sender}."
            ),
        },
        Template::SecondFactorChanged {
            change,
            at,
            reset_link,
        } => {
            let (title, what) = match change {
                SecondFactorChange::On => (
                    "Second factor switched on",
                    "From now on, logging in also asks for a code from your app.",
                ),
                SecondFactorChange::Off => (
                    "Second factor switched off",
                    "From now on, the password alone is enough to log in.",
                ),
                SecondFactorChange::RecoveryCodesRenewed => (
                    "New recovery codes",
                    "New recovery codes were made. The old ones no longer work.",
                ),
            };
            Letter {
                subject: title.into(),
                preview: "If that was you, all is well.".into(),
                blocks: vec![
                    Block::heading(title),
                    Block::text(what),
                    Block::Rows(vec![("When".into(), time(*at))]),
                    Block::text(NOT_YOU),
                    Block::button("It wasn't me", reset_link),
                ],
                reason: ACCOUNT.into(),
            }
        }
        Template::NewLogin {
            at,
            device,
            sessions_link,
        } => Letter {
            subject: "New log-in to your account".into(),
            preview: format!("{device}, {}", time(*at)),
            blocks: vec![
                Block::heading("New log-in"),
                Block::text("Somebody, probably you, logged in from a device that we hadn't seen before."),
                Block::Rows(vec![
                    ("Device".into(), device.clone()),
                    ("When".into(), time(*at)),
                ]),
                Block::text("If it wasn't you, end that session and choose a new password."),
                Block::button("See your sessions", sessions_link),
            ],
            reason: ACCOUNT.into(),
        },
        Template::ConfirmOffers {
            category,
            link,
            valid_days,
        } => Letter {
            subject: "Do you want our offers?".into(),
            preview: "One click says yes; without it none will come.".into(),
            blocks: vec![
                Block::heading("Do you want our offers?"),
                Block::text(match category {
                    Category::CrossSelling => {
                        "Somebody, probably you, asked us to write to this address about our other services."
                    }
                    _ => "Somebody, probably you, asked us to write to this address when there is an offer.",
                }),
                Block::text("We write at most twice in thirty days, and each mail has a way out."),
                Block::button("Yes, please", link),
                Block::small(format!(
                    "The link works for {}. If you did not ask, do nothing: without your yes nothing is sent.",
                    plural(*valid_days, "day", "days")
                )),
            ],
            reason: "You receive this mail because this address was given for offers.".into(),
        },
        Template::Nudge { last, register_link } => Letter {
            subject: if *last {
                "A last word about your contact bar".into()
            } else {
                "You wanted to have a look at Contactbar".into()
            },
            preview: "A bar on your site, in two minutes.".into(),
            blocks: vec![
                Block::heading("Your contact bar is two minutes away"),
                Block::text(if *last {
                    "A week ago you asked us to remind you of Contactbar. This is the last reminder; we won't write again."
                } else {
                    "Yesterday you asked us to remind you of Contactbar. Here we are; if it doesn't suit you now, there will be one more reminder in a week, and that is all."
                }),
                Block::text(
                    "Choose a template, write your words, paste one line into your site: visitors can reach you from every page.",
                ),
                Block::button("Make a bar", register_link),
            ],
            reason: "You receive this mail because this address was left on our site to be reminded.".into(),
        },
        Template::MemberEnding {
            member_name,
            ends_at,
            settings_link,
        } => Letter {
            subject: format!("{member_name} leaves Contactbar"),
            preview: format!("Everything is deleted on {}.", time(*ends_at)),
            blocks: vec![
                Block::heading(format!("{member_name} leaves Contactbar")),
                Block::text(format!(
                    "An owner has ended the account of {member_name}. Its bars are off from now on: they show nothing and count nothing."
                )),
                Block::text(format!(
                    "On {} all of it is deleted for good: bars, counts, contacts, webhooks, tokens, mails and the team. Until then you can export your contacts, and any owner can undo this in the settings: then the bars are on again as they were.",
                    time(*ends_at)
                )),
                Block::button("See the settings", settings_link),
            ],
            reason: owner_of(member_name),
        },
        Template::MemberStays {
            member_name,
            bars_link,
        } => Letter {
            subject: format!("{member_name} stays with Contactbar"),
            preview: "Nothing is deleted.".into(),
            blocks: vec![
                Block::heading(format!("{member_name} stays with Contactbar")),
                Block::text(format!(
                    "An owner has undone the end of {member_name}. Nothing is deleted, and its bars are on again as they were."
                )),
                Block::button("See your bars", bars_link),
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
                Block::heading(format!("Changes to our {name}")),
                Block::text(format!(
                    "We have posted version {version} of our {name}. For you it is in effect from this mail on. This is what changes:"
                )),
            ];
            for change in changes.iter().filter(|change| change.material) {
                blocks.push(Block::text(format!(
                    "{}\n{}\n{}",
                    change.title.en,
                    change.summary.en,
                    match change.consequence() {
                        Consequence::OptsOut => "You can opt out of it at any time; your account stays as it is.",
                        Consequence::NotApplied =>
                            "If you object, it is not applied to your account, which stays as it is.",
                        Consequence::EndsAccount =>
                            "It can't be left out for a single account: if you object, your account ends 30 days later. You can take the objection back until then.",
                    }
                )));
            }
            blocks.extend([
                Block::text(
                    "You can object for 20 days after this mail has reached you. What we collected from you before is used for nothing new until they are over, and not at all if you object.",
                ),
                Block::button("See the changes and answer", answer_link),
                Block::link("Read the whole text", read_link),
                Block::small(
                    "The button's link is yours alone: it shows a page that asks, and changes nothing by itself.",
                ),
            ]);
            Letter {
                subject: format!("Changes to our {name}"),
                preview: format!("Version {version}: what changes, and how to object."),
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
            subject: format!("Your objection: {member_name} leaves Contactbar"),
            preview: format!("Everything is deleted on {}.", time(*ends_at)),
            blocks: vec![
                Block::heading("We have your objection"),
                Block::text(format!(
                    "You object to this change: {}. It can't be left out for a single account, so the account of {member_name} ends. Its bars are off from now on: they show nothing and count nothing.",
                    change.en
                )),
                Block::text(format!(
                    "On {} all of it is deleted for good: bars, counts, contacts, webhooks, tokens, mails and the team. A paid subscription ends too. Until then you can export your contacts, and take the objection back: then the bars are on again as they were.",
                    time(*ends_at)
                )),
                Block::button("See your objection", withdraw_link),
                Block::link("Export your contacts", export_link),
            ],
            reason: format!("You receive this mail because you own {member_name}."),
        },
        Template::PolicyNotSent {
            document,
            version,
            members,
            total,
        } => Letter {
            subject: format!("Not sent to {total}: {} {version}", document_name(*document)),
            preview: "For them the version is not in effect.".into(),
            blocks: vec![
                Block::heading("A policy that could not be sent"),
                Block::text(format!(
                    "Version {version} of the {} could not be sent to {}. It is not in effect for them. When an owner has another address, it is sent there by itself.",
                    document_name(*document),
                    plural(*total, "member", "members")
                )),
                Block::text(
                    members
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join("\n"),
                ),
                Block::small("`contactbar policy status` shows how far each version has come."),
            ],
            reason: "You receive this mail because this is the operator's address.".into(),
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
                    "Overdue: tell the authority of the breach",
                    "The 72 hours are over.",
                    "The 72 hours are over",
                )
            } else {
                (
                    "Soon due: tell the authority of the breach",
                    "The 72 hours are nearly over.",
                    "The 72 hours are nearly over",
                )
            };
            let mut blocks = vec![
                Block::heading(heading),
                Block::text(
                    "The authority has to be told of a breach within 72 hours of its being noticed (GDPR, article 33), or it has to be on record why not. Neither is so yet.",
                ),
                Block::Rows(vec![
                    ("What happened".into(), what.clone()),
                    ("Due".into(), time(*due_at)),
                    ("Breach".into(), breach.clone()),
                ]),
            ];
            if *passed {
                blocks.push(Block::text(
                    "If it is told later, the reasons for the delay go with it.",
                ));
            }
            blocks.push(Block::small(
                "Tell the authority, and note it: `contactbar breach authority`.",
            ));
            Letter {
                subject: subject.into(),
                preview: preview.into(),
                blocks,
                reason: "You receive this mail because this is the operator's address.".into(),
            }
        }
        Template::TokenCreated {
            name,
            at,
            tokens_link,
        } => Letter {
            subject: "A new API token was made".into(),
            preview: "If that was you, all is well.".into(),
            blocks: vec![
                Block::heading("A new API token"),
                Block::text(
                    "A token for the API was made with your account. Whoever has it can act in your name, within its scopes.",
                ),
                Block::Rows(vec![("Token".into(), name.clone()), ("When".into(), time(*at))]),
                Block::text("If it wasn't you, delete it and choose a new password."),
                Block::button("See your tokens", tokens_link),
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
            let (views, limit) = (grouped(*views, ','), grouped(*limit, ','));
            let what_follows = match (follows, used_up) {
                (AtLimit::Pause, true) => format!("As you chose, your bars rest until {until}: they show nothing and count nothing. A bigger plan brings them back at once."),
                (AtLimit::Pause, false) => format!("When they are used up, your bars rest until {until}, as you chose."),
                (AtLimit::NextPlan(plan), true) => format!("As you chose, your subscription goes on to {plan} now. What you paid for the rest of the period is taken off."),
                (AtLimit::NextPlan(plan), false) => format!("When they are used up, your subscription goes on to {plan}, as you chose."),
                (AtLimit::GoOn, true) => "Your bars go on all the same. Please choose a bigger plan, or what shall happen from now on.".to_owned(),
                (AtLimit::GoOn, false) => "When they are used up, your bars go on all the same. You can choose a bigger plan, or what shall happen then.".to_owned(),
            };
            Letter {
                subject: if used_up {
                    format!("The views of {member_name} are used up")
                } else {
                    format!("{percent} % of the views of {member_name} are used")
                },
                preview: format!("{views} of {limit}."),
                blocks: vec![
                    Block::heading(if used_up {
                        "Your views are used up"
                    } else {
                        "Your views are nearly used up"
                    }),
                    Block::text(format!(
                        "Your bars were seen {views} times in this period, which ends on {until}. Your plan has {limit}."
                    )),
                    Block::text(what_follows),
                    Block::button("See plan and usage", billing_link),
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
                format!("Last reminder: a payment of {member_name} is missing")
            } else {
                format!("A payment of {member_name} did not go through")
            },
            preview: "Please give another card.".into(),
            blocks: vec![
                Block::heading("A payment did not go through"),
                Block::text(match amount {
                    Some(amount) => format!(
                        "We could not charge {amount}. Perhaps the card has expired, or its limit is reached."
                    ),
                    None => "We could not charge your card. Perhaps it has expired, or its limit is reached."
                        .to_owned(),
                }),
                Block::text(format!(
                    "Nothing changes for now: your bars go on. Without a payment the plan ends on {}, and the free plan follows.",
                    time(*falls_at)
                )),
                Block::button("Give another card", billing_link),
            ],
            reason: owner_or_admin(member_name),
        },
        Template::PaymentActionNeeded {
            member_name,
            amount,
            billing_link,
        } => Letter {
            subject: format!("Please confirm a payment of {member_name}"),
            preview: format!("Your bank asks you to confirm {amount}."),
            blocks: vec![
                Block::heading("Your bank asks you to confirm"),
                Block::text(format!(
                    "A payment of {amount} waits until you confirm it with your bank. The invoice's page, which you find under Billing, leads you there."
                )),
                Block::button("Confirm the payment", billing_link),
            ],
            reason: owner_or_admin(member_name),
        },
        Template::BackOnFree {
            member_name,
            plan,
            billing_link,
        } => Letter {
            subject: format!("{member_name} is on the free plan"),
            preview: format!("{plan} has ended."),
            blocks: vec![
                Block::heading(format!("{plan} has ended")),
                Block::text(
                    "From now on the free plan applies. Nothing of yours is deleted: bars that are live stay live, and webhooks that are on stay on. What goes beyond the free plan can't be added to. Single events are kept for 30 days as before, then as long as the free plan keeps them.",
                ),
                Block::button("Choose a plan", billing_link),
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
            subject: format!("The trial of {member_name} ends soon"),
            preview: format!("On {}.", time(*ends_at)),
            blocks: vec![
                Block::heading("Your trial ends soon"),
                Block::text(format!("The trial of {plan} ends on {}.", time(*ends_at))),
                Block::text(if *has_card {
                    "Then your card is charged for the first time. If you don't want that, cancel before."
                } else {
                    "If you give a card, it goes on. If not, the free plan follows by itself, and nothing is charged."
                }),
                Block::button(
                    if *has_card { "See your plan" } else { "Give a card" },
                    billing_link,
                ),
            ],
            reason: owner_or_admin(member_name),
        },
        Template::CardExpiring {
            member_name,
            card,
            month,
            billing_link,
        } => Letter {
            subject: format!("The card of {member_name} expires"),
            preview: format!("{card}, good until {month}."),
            blocks: vec![
                Block::heading("Your card expires"),
                Block::text(format!(
                    "The card {card} that pays for {member_name} is good until {month}. Please give another one, so that the next payment goes through."
                )),
                Block::button("Give another card", billing_link),
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
                format!("Disputed: {amount}")
            } else {
                format!("Refunded: {amount}")
            },
            preview: format!("Charge {charge}."),
            blocks: vec![
                Block::heading(if *disputed {
                    "A payment is disputed"
                } else {
                    "Money was refunded"
                }),
                Block::Rows(vec![
                    ("Member".into(), member.to_string()),
                    ("Amount".into(), amount.clone()),
                    ("Charge".into(), charge.clone()),
                ]),
                Block::text(if *disputed {
                    "Stripe wants evidence within its deadline: answer in Stripe's dashboard."
                } else {
                    "Nothing is to be done: it is on record."
                }),
            ],
            reason: "You receive this mail because this is the operator's address.".into(),
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
        (NoticeKind::Outage, Some(OutageStage::Planned)) => "Planned outage",
        (NoticeKind::Outage, Some(OutageStage::Over)) => "The outage is over",
        (NoticeKind::Outage, Some(OutageStage::Begun) | None) => "Outage",
        (NoticeKind::Feature, _) => "New",
        (NoticeKind::Version | NoticeKind::PointRelease, _) => "New version",
        (NoticeKind::MajorRelease, _) => "Major release",
        (NoticeKind::Abuse, _) => "Abuse",
        (NoticeKind::PolicyChange, _) => "Policies",
        (NoticeKind::SecurityBreach, _) => "Security breach",
        (NoticeKind::Promotion, _) => "Offer",
        (NoticeKind::CrossSelling, _) => "From us, too",
    };
    let mut rows = Vec::new();
    if let Some(release) = release {
        rows.push(("Version".to_owned(), release.clone()));
    }
    if let Some(at) = starts_at {
        rows.push(("From".to_owned(), time(*at)));
    }
    if let Some(at) = ends_at {
        rows.push(("Until".to_owned(), time(*at)));
    }
    let mut blocks = vec![Block::heading(&title.en)];
    if !rows.is_empty() {
        blocks.push(Block::Rows(rows));
    }
    blocks.extend(written(&body.en));
    if !kind.is_advertising() {
        blocks.push(Block::button("See all notices", link));
    }
    Letter {
        subject: format!("{stated}: {}", title.en),
        preview: match kind {
            NoticeKind::SecurityBreach => "What happened, what we do, and what you can do.".into(),
            _ => format!("{stated} at Contactbar"),
        },
        blocks,
        reason: match kind {
            NoticeKind::Feature => {
                "You receive this mail because you run a Contactbar account. You can refuse news of this kind.".into()
            }
            NoticeKind::Promotion | NoticeKind::CrossSelling => {
                "You receive this mail because you asked for it and confirmed that. You can end it at any time.".into()
            }
            _ => "You receive this mail because you run a Contactbar account, and it concerns that.".into(),
        },
    }
}

/// A policy, as a sentence names it.
fn document_name(document: Document) -> &'static str {
    match document {
        Document::Privacy => "privacy policy",
        Document::Terms => "terms of service",
    }
}

const ACCOUNT: &str = "You receive this mail because this address has an account.";
const NOT_YOU: &str =
    "If that was you, all is well. If not, choose a new password at once: that ends all sessions.";

fn owner_of(member_name: &str) -> String {
    format!("You receive this mail because you own {member_name}.")
}

fn owner_or_admin(member_name: &str) -> String {
    format!("You receive this mail because you own or administer {member_name}.")
}

fn plural(count: u32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `22 November 2026, 02:45 UTC`
fn time(at: Timestamp) -> String {
    at.jiff().strftime("%-d %B %Y, %H:%M UTC").to_string()
}
