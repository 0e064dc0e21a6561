//! What a notice must say, who may see it, and when a breach's time is over: pure functions over values.

use std::time::Duration;

use super::breaches::{Breach, BreachClock, NotClosed};
use super::{Audience, Kind, NewNotice, Notice, Stage, State};
use crate::accounts::Role;
use crate::bars::HostPattern;
use crate::clock::{DAY, Timestamp};
use crate::policies::{Document, PolicyVersion, Words};
use crate::text;

const MOST_TITLE_CHARS: usize = 120;
const MOST_BODY_CHARS: usize = 20_000;
const MOST_RELEASE_CHARS: usize = 40;
const MOST_WORDS_CHARS: usize = 20_000;

/// The time to tell the authority of a breach (GDPR, article 33), from when it was noticed.
pub const AUTHORITY_WITHIN: Duration = Duration::from_secs(72 * 3600);
/// So long before its end the operator is reminded.
pub const REMINDED_BEFORE: Duration = DAY;

/// What can't be so, and why; reads on after the field's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub field: &'static str,
    pub message: String,
}

fn wrong(field: &'static str, message: impl Into<String>) -> Wrong {
    Wrong {
        field,
        message: message.into(),
    }
}

/// Checks a notice, and answers it as it is kept: trimmed, and to whom its outage goes. `thread`: what there is of that.
pub fn checked(new: NewNotice, thread: &[Notice]) -> Result<NewNotice, Vec<Wrong>> {
    let mut faults = Vec::new();
    match new.kind {
        Kind::PolicyChange => faults.push(wrong(
            "kind",
            "is announced by posting a version: `contactbar policy post`",
        )),
        Kind::SecurityBreach => faults.push(wrong(
            "kind",
            "is announced by a breach that was opened: `contactbar breach notify`",
        )),
        _ => {}
    }
    check_outage(&new, thread, &mut faults);
    check_release(&new, &mut faults);
    let title = words("title", &new.title, MOST_TITLE_CHARS, text::line, &mut faults);
    let body = words("body", &new.body, MOST_BODY_CHARS, text::prose, &mut faults);
    let audience = match thread.first() {
        Some(first) => {
            if !new.audience.is_nobody() && new.audience != first.audience {
                faults.push(wrong("audience", "is that of the outage: leave it out"));
            }
            first.audience.clone()
        }
        None => checked_audience(new.audience, &mut faults),
    };
    if thread.is_empty() && audience.is_nobody() && faults.is_empty() {
        faults.push(wrong(
            "audience",
            "names nobody: say `everyone`, or plans, regions, sites or members",
        ));
    }
    if faults.is_empty() {
        Ok(NewNotice {
            title,
            body,
            audience,
            release: new.release.map(|release| release.trim().to_owned()),
            ..new
        })
    } else {
        Err(faults)
    }
}

/// An outage is planned, begun and over, in this order; what was not planned begins without a plan.
fn check_outage(new: &NewNotice, thread: &[Notice], faults: &mut Vec<Wrong>) {
    let is_outage = new.kind == Kind::Outage;
    match (is_outage, new.stage) {
        (true, None) => faults.push(wrong("stage", "must be `planned`, `begun` or `over`")),
        (false, Some(_)) => faults.push(wrong("stage", "is only an outage's")),
        _ => {}
    }
    if !is_outage && (new.starts_at.is_some() || new.ends_at.is_some()) {
        faults.push(wrong("starts_at", "and `ends_at` are only an outage's"));
    }
    if new.stage == Some(Stage::Planned) && (new.starts_at.is_none() || new.ends_at.is_none()) {
        faults.push(wrong("starts_at", "and `ends_at` are needed for what is planned"));
    }
    if new
        .starts_at
        .zip(new.ends_at)
        .is_some_and(|(from, to)| to <= from)
    {
        faults.push(wrong("ends_at", "must be after `starts_at`"));
    }
    if new.follows.is_none() {
        if new.stage == Some(Stage::Over) {
            faults.push(wrong("follows", "must name the outage that is over"));
        }
        return;
    }
    if !is_outage {
        return faults.push(wrong("follows", "is only for outages"));
    }
    let going: Vec<&Notice> = thread
        .iter()
        .filter(|notice| notice.state != State::Cancelled)
        .collect();
    match going.iter().filter_map(|notice| notice.stage).max() {
        None => faults.push(wrong("follows", "is no notice of an outage that stands")),
        Some(Stage::Over) => faults.push(wrong("follows", "is an outage that is over")),
        Some(last) if new.stage.is_some_and(|stage| stage < last) => {
            faults.push(wrong("stage", format!("can't come after `{}`", last.as_str())));
        }
        _ => {}
    }
}

fn check_release(new: &NewNotice, faults: &mut Vec<Wrong>) {
    let is_release = matches!(new.kind, Kind::Version | Kind::PointRelease | Kind::MajorRelease);
    match (&new.release, is_release) {
        (None, true) => faults.push(wrong("release", "must say which version it is, such as 1.4.2")),
        (Some(_), false) => faults.push(wrong("release", "is only a release's")),
        (Some(release), true) => {
            if let Err(why) = text::line(release, MOST_RELEASE_CHARS) {
                faults.push(wrong("release", why.to_string()));
            }
        }
        (None, false) => {}
    }
}

type Check = fn(&str, usize) -> Result<String, text::Refused>;

/// In both languages: a mail with a hole can't be written.
fn words(field: &'static str, words: &Words, most: usize, check: Check, faults: &mut Vec<Wrong>) -> Words {
    let mut one = |language: &str, text: &str| {
        check(text, most).unwrap_or_else(|why| {
            faults.push(wrong(field, format!("in `{language}` {why}")));
            String::new()
        })
    };
    Words {
        en: one("en", &words.en),
        de: one("de", &words.de),
    }
}

/// What an operator wrote about a breach.
pub fn checked_words(field: &'static str, text: &str) -> Result<String, Vec<Wrong>> {
    text::prose(text, MOST_WORDS_CHARS).map_err(|why| vec![wrong(field, why.to_string())])
}

/// Checks the names in an audience, and answers it as it is kept.
pub fn checked_audience(audience: Audience, faults: &mut Vec<Wrong>) -> Audience {
    if audience.everyone && audience.names_something() {
        faults.push(wrong(
            "audience",
            "is `everyone`, or those that are named: not both",
        ));
    }
    let counts = [
        audience.plans.len(),
        audience.sites.len(),
        audience.regions.len(),
        audience.members.len(),
    ];
    if counts.iter().any(|count| *count > Audience::MOST) {
        faults.push(wrong(
            "audience",
            format!("names more than {} of a sort", Audience::MOST),
        ));
    }
    let is_plan = |plan: &str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        (1..=40).contains(&plan.len()) && plan.chars().all(fits)
    };
    if let Some(plan) = audience.plans.iter().find(|plan| !is_plan(plan)) {
        faults.push(wrong("audience", format!("names a plan that is none: {plan:?}")));
    }
    let mut sites = Vec::new();
    for site in &audience.sites {
        match site.parse() {
            Ok(HostPattern::Host(host)) => sites.push(host),
            _ => faults.push(wrong(
                "audience",
                format!("names a site that is no host: {site:?}"),
            )),
        }
    }
    Audience { sites, ..audience }
}

/// Who of a member sees a notice in the dashboard. What may harm a member is for those who answer for it.
pub fn shown_to(kind: Kind) -> Role {
    match kind {
        Kind::Abuse | Kind::SecurityBreach => Role::Admin,
        Kind::Outage
        | Kind::Feature
        | Kind::Version
        | Kind::PointRelease
        | Kind::MajorRelease
        | Kind::PolicyChange
        | Kind::Promotion
        | Kind::CrossSelling => Role::Viewer,
    }
}

/// How a posted version stands among the notices: what changes, in a sentence each.
pub fn policy_words(version: &PolicyVersion) -> (Words, Words) {
    let title = match version.document {
        Document::Privacy => Words {
            en: format!("Changes to our privacy policy (version {})", version.version),
            de: format!(
                "Unsere Datenschutzhinweise ändern sich (Version {})",
                version.version
            ),
        },
        Document::Terms => Words {
            en: format!("Changes to our terms of service (version {})", version.version),
            de: format!(
                "Unsere Nutzungsbedingungen ändern sich (Version {})",
                version.version
            ),
        },
    };
    let material = || version.changes.iter().filter(|change| change.material);
    let list = |one: &dyn Fn(&crate::policies::Change) -> String| material().map(one).collect::<String>();
    let body = Words {
        en: list(&|change| format!("- **{}**: {}\n", change.title.en, change.summary.en)),
        de: list(&|change| format!("- **{}**: {}\n", change.title.de, change.summary.de)),
    };
    (title, body)
}

/// When the authority is to be told by, at the latest.
pub fn authority_due_at(noticed_at: Timestamp) -> Timestamp {
    noticed_at + AUTHORITY_WITHIN
}

/// Where the clock of a breach stands; the last instant is in time.
pub fn clock_of(breach: &Breach, now: Timestamp) -> BreachClock {
    let due_at = authority_due_at(breach.noticed_at);
    if breach.authority_at.is_some() {
        BreachClock::Answered
    } else if now > due_at {
        BreachClock::Overdue
    } else if now + REMINDED_BEFORE >= due_at {
        BreachClock::NearlyOver
    } else {
        BreachClock::Running
    }
}

/// Whether a breach may be closed: who is affected is known and was told, the authority was told or it is on record why
/// not, and there is a corrective report (promise 35).
pub fn may_close(breach: &Breach, told: Option<State>) -> Result<(), NotClosed> {
    let Some(affected) = &breach.affected else {
        return Err(NotClosed::AffectedUnknown);
    };
    if !affected.is_nobody() && told != Some(State::Sent) {
        return Err(NotClosed::NotTold);
    }
    if breach.authority_at.is_none() {
        return Err(NotClosed::AuthorityOpen);
    }
    if breach.report.is_none() {
        return Err(NotClosed::NoReport);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{BreachId, NoticeId};

    fn both(text: &str) -> Words {
        Words {
            en: text.into(),
            de: text.into(),
        }
    }

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000) + Duration::from_secs(hours * 3600)
    }

    fn new(kind: Kind) -> NewNotice {
        NewNotice {
            kind,
            stage: None,
            follows: None,
            release: None,
            starts_at: None,
            ends_at: None,
            title: both(" A title "),
            body: both("Words."),
            audience: Audience::everyone(),
        }
    }

    fn planned() -> NewNotice {
        NewNotice {
            stage: Some(Stage::Planned),
            starts_at: Some(at(1)),
            ends_at: Some(at(2)),
            ..new(Kind::Outage)
        }
    }

    fn standing(stage: Stage, state: State) -> Notice {
        Notice {
            id: NoticeId::from_uuid(uuid::Uuid::from_u128(1)),
            kind: Kind::Outage,
            stage: Some(stage),
            thread: None,
            release: None,
            starts_at: None,
            ends_at: None,
            title: both("t"),
            body: both("b"),
            audience: Audience::everyone(),
            state,
            breach: None,
            written_at: at(0),
            scheduled_for: None,
            begun_at: None,
            sent_at: None,
            cancelled_at: None,
        }
    }

    fn fields(new: NewNotice, thread: &[Notice]) -> Vec<&'static str> {
        let wrong = checked(new, thread).err().unwrap_or_default();
        wrong.into_iter().map(|wrong| wrong.field).collect()
    }

    #[test]
    fn a_notice_says_what_its_kind_needs_and_nothing_else() {
        assert_eq!(checked(new(Kind::Feature), &[]).unwrap().title.en, "A title");
        assert!(checked(planned(), &[]).is_ok());
        let released = |kind| NewNotice {
            release: Some("1.4.2".into()),
            ..new(kind)
        };
        for kind in [Kind::Version, Kind::PointRelease, Kind::MajorRelease] {
            assert!(checked(released(kind), &[]).is_ok());
            assert_eq!(fields(new(kind), &[]), ["release"]);
        }
        assert_eq!(fields(released(Kind::Abuse), &[]), ["release"]);
        assert_eq!(fields(new(Kind::Outage), &[]), ["stage"]);
        assert_eq!(fields(new(Kind::PolicyChange), &[]), ["kind"]);
        assert_eq!(fields(new(Kind::SecurityBreach), &[]), ["kind"]);
        let times = NewNotice {
            ends_at: Some(at(1)),
            ..planned()
        };
        assert_eq!(fields(times, &[]), ["ends_at"]);
        let holes = NewNotice {
            title: Words {
                en: "x".into(),
                de: " ".into(),
            },
            ..new(Kind::Feature)
        };
        assert_eq!(fields(holes, &[]), ["title"], "both languages");
    }

    #[test]
    fn nobody_is_told_by_mistake() {
        let to = |audience| NewNotice {
            audience,
            ..new(Kind::Feature)
        };
        assert_eq!(fields(to(Audience::default()), &[]), ["audience"]);
        let both = Audience {
            plans: vec!["pro".into()],
            ..Audience::everyone()
        };
        assert_eq!(fields(to(both), &[]), ["audience"]);
        let sites = |site: &str| Audience {
            sites: vec![site.to_owned()],
            ..Audience::default()
        };
        let kept = checked(to(sites("Shop.Example")), &[]).unwrap();
        assert_eq!(kept.audience.sites, ["shop.example"]);
        assert_eq!(fields(to(sites("*")), &[]), ["audience"]);
        let plan = Audience {
            plans: vec!["Pro!".into()],
            ..Audience::default()
        };
        assert_eq!(fields(to(plan), &[]), ["audience"]);
    }

    #[test]
    fn an_outage_goes_on_in_its_order_and_to_the_same_members() {
        let next = |stage| NewNotice {
            stage: Some(stage),
            follows: Some(NoticeId::from_uuid(uuid::Uuid::from_u128(1))),
            audience: Audience::default(),
            ..new(Kind::Outage)
        };
        let going = [standing(Stage::Planned, State::Sent)];
        assert!(checked(next(Stage::Begun), &going).unwrap().audience.everyone);
        assert!(checked(next(Stage::Over), &going).is_ok());
        let begun = [
            standing(Stage::Planned, State::Sent),
            standing(Stage::Begun, State::Sent),
        ];
        assert!(
            checked(next(Stage::Begun), &begun).is_ok(),
            "there may be more to say"
        );
        assert!(fields(next(Stage::Planned), &begun).contains(&"stage"));
        let over = [standing(Stage::Over, State::Sent)];
        assert_eq!(fields(next(Stage::Begun), &over), ["follows"]);
        let cancelled = [standing(Stage::Planned, State::Cancelled)];
        assert_eq!(fields(next(Stage::Begun), &cancelled), ["follows"]);
        let alone = NewNotice {
            follows: None,
            audience: Audience::everyone(),
            ..next(Stage::Over)
        };
        assert_eq!(fields(alone, &[]), ["follows"]);
        let unplanned = NewNotice {
            follows: None,
            audience: Audience::everyone(),
            ..next(Stage::Begun)
        };
        assert!(checked(unplanned, &[]).is_ok());
    }

    fn breach() -> Breach {
        Breach {
            id: BreachId::from_uuid(uuid::Uuid::from_u128(1)),
            what: "w".into(),
            noticed_at: at(0),
            opened_at: at(1),
            affected: None,
            notice: None,
            authority_at: None,
            authority_words: None,
            report: None,
            reported_at: None,
            closed_at: None,
        }
    }

    #[test]
    fn the_authority_has_72_hours_from_when_it_was_noticed() {
        let breach = breach();
        for (hours, clock) in [
            (0, BreachClock::Running),
            (47, BreachClock::Running),
            (48, BreachClock::NearlyOver),
            (72, BreachClock::NearlyOver),
            (73, BreachClock::Overdue),
        ] {
            assert_eq!(clock_of(&breach, at(hours)), clock, "{hours}");
        }
        let instant_later = at(72) + Duration::from_micros(1);
        assert_eq!(clock_of(&breach, instant_later), BreachClock::Overdue);
        let answered = Breach {
            authority_at: Some(at(3)),
            ..breach
        };
        assert_eq!(clock_of(&answered, at(100)), BreachClock::Answered);
    }

    /// Promise 35.
    #[test]
    fn a_breach_closes_only_when_all_is_done() {
        let open = breach();
        assert_eq!(may_close(&open, None), Err(NotClosed::AffectedUnknown));
        let known = Breach {
            affected: Some(Audience::everyone()),
            ..open.clone()
        };
        assert_eq!(may_close(&known, None), Err(NotClosed::NotTold));
        assert_eq!(may_close(&known, Some(State::Sending)), Err(NotClosed::NotTold));
        assert_eq!(
            may_close(&known, Some(State::Sent)),
            Err(NotClosed::AuthorityOpen)
        );
        let told = Breach {
            authority_at: Some(at(3)),
            ..known
        };
        assert_eq!(may_close(&told, Some(State::Sent)), Err(NotClosed::NoReport));
        let done = Breach {
            report: Some("Done.".into()),
            ..told
        };
        assert_eq!(may_close(&done, Some(State::Sent)), Ok(()));
        let nobody = Breach {
            affected: Some(Audience::default()),
            ..done
        };
        assert_eq!(may_close(&nobody, None), Ok(()));
    }
}
