//! What is said of each rule when a bar is tried on a page, in the member's language.

use super::{
    Device, Outcome, PageRule, ReferrerRule, Schedule, Targeting, TargetingRule, Verdict, Visit, VisitorKind,
    local_time,
};
use crate::mail::Language;

impl Verdict {
    /// A sentence for the member.
    pub fn message(&self, targeting: &Targeting, visit: &Visit, language: Language) -> String {
        let say = |english: &str, german: &str| match language {
            Language::En => english.to_owned(),
            Language::De => german.to_owned(),
        };
        match self.rule {
            TargetingRule::Page => {
                let includes = targeting.pages.iter().any(|PageRule { exclude, .. }| !exclude);
                match self.outcome {
                    Outcome::Passes if includes => say(
                        "A rule matches this page.",
                        "Eine Regel trifft auf diese Seite zu.",
                    ),
                    Outcome::Passes => say(
                        "No rule excludes this page.",
                        "Keine Regel schließt diese Seite aus.",
                    ),
                    Outcome::Misses => say(
                        "No rule matches this page.",
                        "Keine Regel trifft auf diese Seite zu.",
                    ),
                    Outcome::Excluded => say(
                        "A rule excludes this page.",
                        "Eine Regel schließt diese Seite aus.",
                    ),
                }
            }
            TargetingRule::Referrer => {
                let includes = targeting
                    .referrers
                    .iter()
                    .any(|ReferrerRule { exclude, .. }| !exclude);
                match self.outcome {
                    Outcome::Passes if includes => say(
                        "A rule matches where the visitor comes from.",
                        "Eine Regel trifft auf die Herkunft des Besuchers zu.",
                    ),
                    Outcome::Passes => say(
                        "No rule excludes where the visitor comes from.",
                        "Keine Regel schließt die Herkunft des Besuchers aus.",
                    ),
                    Outcome::Misses if visit.referrer.is_none() => say(
                        "A rule asks where the visitor comes from, and nothing is known of it: they typed the address, or their browser does not tell.",
                        "Eine Regel fragt nach der Herkunft des Besuchers, und von ihr ist nichts bekannt: Er hat die Adresse eingegeben, oder sein Browser sagt es nicht.",
                    ),
                    Outcome::Misses => say(
                        "No rule matches where the visitor comes from.",
                        "Keine Regel trifft auf die Herkunft des Besuchers zu.",
                    ),
                    Outcome::Excluded => say(
                        "A rule excludes where the visitor comes from.",
                        "Eine Regel schließt die Herkunft des Besuchers aus.",
                    ),
                }
            }
            TargetingRule::Campaign => match self.passes() {
                true => say(
                    "The address has a campaign parameter that is asked for.",
                    "Die Adresse hat einen der verlangten Kampagnen-Parameter.",
                ),
                false => say(
                    "The address has none of the campaign parameters that are asked for.",
                    "Die Adresse hat keinen der verlangten Kampagnen-Parameter.",
                ),
            },
            TargetingRule::Language => {
                let (wanted, spoken) = (targeting.languages.join(", "), &visit.language);
                match self.passes() {
                    true => say(
                        &format!("The bar is for visitors who read {wanted}; this one reads {spoken}."),
                        &format!("Die Leiste ist für Besucher, die {wanted} lesen; dieser liest {spoken}."),
                    ),
                    false => say(
                        &format!("The bar is only for visitors who read {wanted}; this one reads {spoken}."),
                        &format!(
                            "Die Leiste ist nur für Besucher, die {wanted} lesen; dieser liest {spoken}."
                        ),
                    ),
                }
            }
            TargetingRule::Device => {
                let names: Vec<_> = targeting
                    .devices
                    .iter()
                    .map(|device| name_of(*device, language))
                    .collect();
                let (wanted, held) = (names.join(", "), name_of(visit.device, language));
                say(
                    &format!("The bar is for these devices: {wanted}; this is a {held}."),
                    &format!("Die Leiste ist für diese Geräte: {wanted}; dieses ist ein {held}."),
                )
            }
            TargetingRule::Visitors => match (targeting.visitors, self.passes()) {
                (VisitorKind::Returning, true) => say(
                    "The bar is for returning visitors, and this one was here before.",
                    "Die Leiste ist für wiederkehrende Besucher, und dieser war schon da.",
                ),
                (VisitorKind::Returning, false) => say(
                    "The bar is only for returning visitors; this one is new.",
                    "Die Leiste ist nur für wiederkehrende Besucher; dieser ist neu.",
                ),
                (_, true) => say(
                    "The bar is for new visitors, and this one is.",
                    "Die Leiste ist für neue Besucher, und dieser ist neu.",
                ),
                (_, false) => say(
                    "The bar is only for new visitors; this one was here before.",
                    "Die Leiste ist nur für neue Besucher; dieser war schon da.",
                ),
            },
            TargetingRule::Schedule => {
                let zone = targeting
                    .schedule
                    .as_ref()
                    .map_or("UTC", |Schedule { time_zone, .. }| time_zone);
                let now = local_time(zone, visit.at).strftime("%Y-%m-%d %H:%M").to_string();
                match self.passes() {
                    true => say(
                        &format!("In {zone} it is {now}: within the schedule."),
                        &format!("In {zone} ist es {now}: innerhalb des Zeitplans."),
                    ),
                    false => say(
                        &format!("In {zone} it is {now}: outside the schedule."),
                        &format!("In {zone} ist es {now}: außerhalb des Zeitplans."),
                    ),
                }
            }
            TargetingRule::Percentage => {
                let share = targeting.percentage;
                say(
                    &format!("The bar shows to {share} % of the visitors: chance decides, once for each."),
                    &format!(
                        "Die Leiste erscheint {share} % der Besucher: Der Zufall entscheidet, für jeden einmal."
                    ),
                )
            }
        }
    }
}

fn name_of(device: Device, language: Language) -> &'static str {
    match (device, language) {
        (Device::Desktop, Language::En) => "desktop computer",
        (Device::Desktop, Language::De) => "Computer",
        (Device::Phone, Language::En) => "phone",
        (Device::Phone, Language::De) => "Telefon",
        (Device::Tablet, Language::En) => "tablet",
        (Device::Tablet, Language::De) => "Tablet",
    }
}
