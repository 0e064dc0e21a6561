//! What is valid, but what the script can't show yet: refused at publishing, never ignored.

use super::{Configuration, FieldError, Layout, ShowRule, Targeting, Trigger, TriggerMode, Triggers};

/// Everything in the configuration that the script can't show yet.
pub(super) fn list(configuration: &Configuration) -> Vec<FieldError> {
    let mut missing = Vec::new();
    let mut add = |field: &str, what: &str| {
        missing.push(FieldError {
            field: field.to_owned(),
            message: format!("the bar can't be published with {what} yet"),
        });
    };
    match configuration.layout {
        Layout::Bar(_) => {}
        Layout::SlideIn(_) => add("layout.kind", "the layout `slide_in`"),
        Layout::Modal(_) => add("layout.kind", "the layout `modal`"),
        Layout::Inline(_) => add("layout.kind", "the layout `inline`"),
    }
    if configuration.tab.is_some() {
        add("tab", "a tab");
    }
    if configuration.variants.len() > 1 {
        add("variants", "several variants");
    }
    triggers(&configuration.triggers, &mut add);
    targeting(&configuration.targeting, &mut add);
    match configuration.frequency.show {
        ShowRule::EveryPage(_) => {}
        ShowRule::OnceASession(_) | ShowRule::EveryDays(_) => {
            add("frequency.show.kind", "another frequency than `every_page`");
        }
    }
    if configuration.frequency.gap_seconds > 0 {
        add("frequency.gap_seconds", "a gap between bars");
    }
    if configuration.privacy.store_before_action {
        add("privacy.store_before_action", "storing before the visitor acts");
    }
    if configuration.privacy.policy_link {
        add("privacy.policy_link", "a link to the service's privacy policy");
    }
    missing
}

fn triggers(triggers: &Triggers, add: &mut impl FnMut(&str, &str)) {
    for (index, trigger) in triggers.on.iter().enumerate() {
        let name = match trigger {
            Trigger::Immediately(_) | Trigger::Delay(_) => continue,
            Trigger::Code(_) if triggers.mode == TriggerMode::Any || triggers.on.len() == 1 => {
                continue;
            }
            Trigger::Code(_) => "the trigger `code` together with others that all have to happen",
            Trigger::Scroll(_) => "the trigger `scroll`",
            Trigger::ExitIntent(_) => "the trigger `exit_intent`",
            Trigger::Inactivity(_) => "the trigger `inactivity`",
            Trigger::Click(_) => "the trigger `click`",
        };
        add(&format!("triggers.on[{index}].kind"), name);
    }
}

fn targeting(targeting: &Targeting, add: &mut impl FnMut(&str, &str)) {
    let Targeting {
        pages,
        referrers,
        utm,
        devices,
        visitors,
        languages,
        schedule,
        percentage,
    } = targeting;
    for (field, used, what) in [
        ("targeting.pages", !pages.is_empty(), "rules for pages"),
        (
            "targeting.referrers",
            !referrers.is_empty(),
            "rules for referrers",
        ),
        ("targeting.utm", !utm.is_empty(), "campaign rules"),
        ("targeting.devices", !devices.is_empty(), "chosen devices"),
        (
            "targeting.visitors",
            *visitors != super::VisitorKind::All,
            "new or returning visitors only",
        ),
        ("targeting.languages", !languages.is_empty(), "chosen languages"),
        ("targeting.schedule", schedule.is_some(), "a schedule"),
        (
            "targeting.percentage",
            *percentage != 100,
            "a part of the visitors only",
        ),
    ] {
        if used {
            add(field, what);
        }
    }
}
