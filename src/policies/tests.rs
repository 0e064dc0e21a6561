//! The ledger's promises: a table of cases, and 100,000 random histories.

use std::time::Duration;

use proptest::prelude::*;

use super::rules::{Decided, NotDecided, Posted, Stand, WINDOW, WindowState, decide, stand};
use super::*;
use crate::clock::DAY;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn day(day: u32) -> Timestamp {
    Timestamp::from_secs(1_800_000_000) + DAY * day
}

fn version(number: i32) -> PolicyVersionId {
    PolicyVersionId::from_uuid(uuid::Uuid::from_u128(number.unsigned_abs().into()))
}

fn words(text: &str) -> Words {
    Words {
        en: text.to_owned(),
        de: text.to_owned(),
    }
}

/// A change that allows a purpose; an objection to it leaves the account as it is.
fn change(purpose: Purpose) -> Change {
    Change {
        key: purpose.as_str().replace('_', "-").parse().unwrap(),
        purpose,
        marketing: purpose.is_marketing(),
        material: true,
        per_account: true,
        sensitive: false,
        title: words("title"),
        summary: words("summary"),
    }
}

fn posted(number: i32, posted_at: Timestamp, changes: Vec<Change>, window: Option<Window>) -> Posted {
    Posted {
        id: version(number),
        number,
        posted_at,
        changes,
        window,
    }
}

fn window(posted_at: Timestamp, sent_at: Option<Timestamp>) -> Window {
    Window {
        posted_at,
        sent_at,
        delivered_at: sent_at,
        bounced_at: None,
        failed_at: None,
    }
}

/// A member who joined under the first version; the second was posted on day 10, and mailed on day 11.
fn ledger(changes: Vec<Change>) -> Ledger {
    Ledger {
        joined: Some(1),
        versions: vec![
            posted(1, day(0), Vec::new(), None),
            posted(2, day(10), changes, Some(window(day(10), Some(day(11))))),
        ],
        decisions: Vec::new(),
    }
}

fn said(change: &Change, decision: Decision, at: Timestamp) -> Decided {
    Decided {
        version: version(2),
        change: change.key.clone(),
        decision,
        at,
    }
}

fn ask_for(
    ledger: &Ledger,
    collected_at: Timestamp,
    purpose: Purpose,
    now: Timestamp,
) -> Result<(), Refused> {
    let collected = Collected {
        at: collected_at,
        under: ledger.under(collected_at).unwrap(),
    };
    may_use(&Data { collected, ledger }, purpose, now).map(|allowed| {
        assert_eq!(allowed.purpose(), purpose);
        assert_eq!(allowed.collected(), collected);
    })
}

/// Promises 2 and 3: the later of posting and sending, of posting and delivery; the last instant included.
#[test]
fn a_window_runs_from_the_later_of_posting_and_delivery() {
    let early = window(day(10), Some(day(9)));
    assert_eq!(early.effective_at(), Some(day(10)));
    let late = window(day(10), Some(day(11)));
    assert_eq!(late.effective_at(), Some(day(11)));
    let last = day(11) + WINDOW;
    let instant = Duration::from_micros(1);
    assert_eq!(WINDOW, DAY * 20);
    assert!(late.is_open(day(10)) && !late.is_open(day(10) - instant));
    assert!(late.is_open(last) && !late.is_open(last + instant));
    assert!(!late.has_passed(last) && late.has_passed(last + instant));

    let never = window(day(10), None);
    assert!(!never.is_in_effect(day(9999)) && !never.has_passed(day(9999)) && never.is_open(day(9999)));
    let bounced = Window {
        delivered_at: None,
        bounced_at: Some(day(12)),
        ..late
    };
    assert!(bounced.is_in_effect(day(11)) && bounced.is_open(day(9999)) && !bounced.has_passed(day(9999)));
    let failed = Window {
        failed_at: Some(day(12)),
        ..never
    };
    let states = [
        (never, day(12), WindowState::Queued),
        (failed, day(12), WindowState::Unsent),
        (late, day(11), WindowState::Open),
        (bounced, day(12), WindowState::Bounced),
        (late, day(32), WindowState::Passed),
    ];
    for (window, when, state) in states {
        assert_eq!(window.state(when), state);
    }
}

/// Promises 3 and 6: what is written down, and what is refused.
#[test]
fn an_answer_counts_once_and_an_objection_not_late() {
    use Decision::{Accept, ContinuedUse, Object, OptIn, OptOut, Withdraw};
    let ending = Change {
        per_account: false,
        ..change(Purpose::Transfer)
    };
    let marketing = change(Purpose::Promotion);
    let typo = Change {
        material: false,
        ..change(Purpose::Support)
    };
    let window = window(day(10), Some(day(11)));
    let (last, over) = (day(31), day(32));
    let late = Err(NotDecided::Late(last));
    for (change, stands, said, now, outcome) in [
        (&ending, Stand::Undecided, Object, last, Ok(Some(Object))),
        (&ending, Stand::Undecided, Object, over, late),
        (&ending, Stand::Accepted, Object, over, late),
        (&ending, Stand::Accepted, Object, last, Ok(Some(Object))),
        (&ending, Stand::Objected, Object, over, Ok(None)),
        (&ending, Stand::Objected, Withdraw, over, Ok(Some(Withdraw))),
        (&ending, Stand::Undecided, Withdraw, over, Ok(None)),
        (&ending, Stand::Undecided, Accept, over, Ok(Some(Accept))),
        (&ending, Stand::Accepted, Accept, over, Ok(None)),
        (
            &ending,
            Stand::Undecided,
            OptOut,
            last,
            Err(NotDecided::NotMarketing),
        ),
        (
            &ending,
            Stand::Undecided,
            ContinuedUse,
            last,
            Err(NotDecided::NotAskedFor),
        ),
        (&marketing, Stand::Undecided, OptOut, over, Ok(Some(OptOut))),
        (&marketing, Stand::Undecided, Object, over, Ok(Some(OptOut))),
        (&marketing, Stand::OptedOut, OptOut, over, Ok(None)),
        (&marketing, Stand::OptedOut, OptIn, over, Ok(Some(OptIn))),
        (&marketing, Stand::OptedOut, Withdraw, over, Ok(Some(OptIn))),
        (&marketing, Stand::OptedOut, Accept, over, Ok(Some(OptIn))),
        (
            &typo,
            Stand::Undecided,
            Object,
            last,
            Err(NotDecided::NotMaterial),
        ),
    ] {
        let context = format!("{} {stands:?} {said:?} {now}", change.key);
        assert_eq!(decide(change, &window, stands, said, now), outcome, "{context}");
    }
}

/// Promises 4, 7, 8 and 45, case by case.
#[test]
fn the_table_of_uses_holds() {
    use Purpose::{Benchmarking, Promotion, Service, Support, Transfer};
    let (before, after) = (day(5), day(12));
    let allowed = change(Benchmarking);
    let marketing = change(Promotion);
    let ending = Change {
        per_account: false,
        ..change(Transfer)
    };
    let all = ledger(vec![allowed.clone(), marketing.clone(), ending.clone()]);
    let with = |decisions: Vec<Decided>| Ledger {
        decisions,
        ..all.clone()
    };
    let no = said(&allowed, Decision::Object, day(15));
    let not_at_all = said(&ending, Decision::Object, day(15));
    let back = said(&allowed, Decision::Withdraw, day(16));
    let out = said(&marketing, Decision::OptOut, day(90));
    let again = said(&marketing, Decision::OptIn, day(95));
    let used = said(&allowed, Decision::ContinuedUse, day(13));
    let yes = said(&allowed, Decision::Accept, day(13));

    // What the first version allows, it allows for all data at all times.
    assert_eq!(ask_for(&all, before, Service, before), Ok(()));
    assert_eq!(ask_for(&all, after, Support, day(13)), Ok(()));
    assert_eq!(
        ask_for(&all, after, Service, before),
        Err(Refused::NotYetCollected)
    );
    assert_eq!(
        ask_for(&all, before, Purpose::Enrichment, day(99)),
        Err(Refused::NotGranted)
    );

    // New uses: only of data that is collected from then on, until the window has passed (promise 8).
    assert_eq!(
        ask_for(&all, before, Benchmarking, day(10)),
        Err(Refused::NotInEffect)
    );
    assert_eq!(ask_for(&all, day(11), Benchmarking, day(11)), Ok(()));
    assert_eq!(ask_for(&all, after, Benchmarking, day(13)), Ok(()));
    assert_eq!(
        ask_for(&all, before, Benchmarking, day(31)),
        Err(Refused::WindowOpen)
    );
    assert_eq!(
        ask_for(&all, before, Benchmarking, day(31) + Duration::from_micros(1)),
        Ok(())
    );
    // Between posting and sending it is collected under the old version.
    assert_eq!(all.under(day(10)), Some(version(1)));
    assert_eq!(all.under(day(11)), Some(version(2)));
    // Neither a yes nor going on shortens the window.
    for decision in [used, yes] {
        assert_eq!(
            ask_for(&with(vec![decision]), before, Benchmarking, day(20)),
            Err(Refused::WindowOpen)
        );
    }

    // An objection (promise 4): what was collected before is never used for what is new; it is not applied at all where that
    // can be; where the account ends by it, what is collected until then falls under the new version.
    assert_eq!(
        ask_for(&with(vec![no.clone()]), before, Benchmarking, day(99)),
        Err(Refused::Objected)
    );
    assert_eq!(
        ask_for(&with(vec![no.clone()]), after, Benchmarking, day(99)),
        Err(Refused::Objected)
    );
    assert_eq!(
        ask_for(&with(vec![no.clone()]), after, Benchmarking, day(14)),
        Ok(()),
        "before it objected"
    );
    assert_eq!(
        ask_for(&with(vec![not_at_all.clone()]), before, Transfer, day(40)),
        Err(Refused::Objected)
    );
    assert_eq!(ask_for(&with(vec![not_at_all]), after, Transfer, day(40)), Ok(()));
    assert_eq!(
        ask_for(
            &with(vec![no.clone(), back.clone()]),
            before,
            Benchmarking,
            day(31)
        ),
        Err(Refused::WindowOpen)
    );
    assert_eq!(
        ask_for(&with(vec![no, back]), before, Benchmarking, day(32)),
        Ok(())
    );

    // Marketing: out at any time, and in again (promise 6).
    assert_eq!(ask_for(&all, before, Promotion, day(91)), Ok(()));
    for collected in [before, after] {
        assert_eq!(
            ask_for(&with(vec![out.clone()]), collected, Promotion, day(91)),
            Err(Refused::OptedOut)
        );
        assert_eq!(
            ask_for(
                &with(vec![out.clone(), again.clone()]),
                collected,
                Promotion,
                day(96)
            ),
            Ok(())
        );
    }

    // Sensitive data: opt in (promise 45).
    let sensitive = Change {
        sensitive: true,
        ..allowed.clone()
    };
    let quiet = ledger(vec![sensitive.clone()]);
    assert_eq!(
        ask_for(&quiet, after, Benchmarking, day(99)),
        Err(Refused::NotConsented)
    );
    let mut told = quiet.clone();
    told.decisions
        .push(said(&sensitive, Decision::ContinuedUse, day(12)));
    assert_eq!(
        ask_for(&told, after, Benchmarking, day(99)),
        Err(Refused::NotConsented),
        "never as consent (promise 9)"
    );
    told.decisions.push(said(&sensitive, Decision::Accept, day(13)));
    assert_eq!(ask_for(&told, after, Benchmarking, day(99)), Ok(()));

    // Who joins later is bound by the newest; what a lead left before keeps its own version (promise 7).
    let mut joined = all.clone();
    joined.joined = Some(2);
    joined.versions[1].window = None;
    assert_eq!(ask_for(&joined, after, Benchmarking, after), Ok(()));
    let lead = Data {
        collected: Collected {
            at: before,
            under: version(1),
        },
        ledger: &joined,
    };
    assert_eq!(may_use(&lead, Benchmarking, day(99)), Err(Refused::NotGranted));
    let nobody = Ledger {
        joined: None,
        ..all.clone()
    };
    assert_eq!(ask_for(&nobody, after, Benchmarking, after), Ok(()));
    assert_eq!(
        ask_for(&nobody, before, Benchmarking, day(99)),
        Err(Refused::NotGranted)
    );

    // A version that reached nobody brings nothing, though a later one did.
    let mut two = all.clone();
    two.versions[1].window = Some(window(day(10), None));
    two.versions.push(posted(
        3,
        day(20),
        vec![change(Purpose::Enrichment)],
        Some(window(day(20), Some(day(20)))),
    ));
    assert_eq!(two.under(day(21)), Some(version(3)));
    assert_eq!(ask_for(&two, day(21), Purpose::Enrichment, day(21)), Ok(()));
    assert_eq!(
        ask_for(&two, day(21), Benchmarking, day(99)),
        Err(Refused::NotInEffect)
    );

    // Typos are in effect for everybody at once, and bring no purpose.
    let typo = Change {
        material: false,
        ..change(Support)
    };
    let mut typos = all.clone();
    typos.versions.push(posted(3, day(20), vec![typo], None));
    assert_eq!(typos.under(day(20)), Some(version(3)));
}

const NEW: [Purpose; 5] = [
    Purpose::Benchmarking,
    Purpose::Enrichment,
    Purpose::Promotion,
    Purpose::CrossSell,
    Purpose::Transfer,
];

/// Instants of a history: a small range, so that many of them meet.
fn instants() -> impl Strategy<Value = Timestamp> {
    // Half days, and an instant beside them.
    (0i64..160, -1i64..=1).prop_map(|(half, beside)| at(day(0).micros() + half * 43_200_000_000 + beside))
}

fn windows(posted_at: Timestamp) -> impl Strategy<Value = Option<Window>> {
    let some = (
        proptest::option::weighted(0.8, instants()),
        proptest::option::weighted(0.8, instants()),
    );
    some.prop_map(move |(sent, delivered)| {
        Some(Window {
            posted_at,
            sent_at: sent,
            // Only what was sent is delivered, and not before.
            delivered_at: sent.and(delivered).map(|delivered| delivered.max(sent.unwrap())),
            bounced_at: None,
            failed_at: None,
        })
    })
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let one = (
        0..NEW.len(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
        any::<bool>(),
    );
    proptest::collection::vec(one, 1..3).prop_map(|all| {
        let mut seen = std::collections::BTreeSet::new();
        all.into_iter()
            .filter(|(purpose, ..)| seen.insert(*purpose))
            .map(|(purpose, marketing, per_account, sensitive, material)| {
                let known = change(NEW[purpose]);
                let marketing = known.marketing || marketing;
                Change {
                    marketing,
                    per_account,
                    sensitive,
                    material: material || marketing || sensitive,
                    ..known
                }
            })
            .collect()
    })
}

fn histories() -> impl Strategy<Value = Ledger> {
    let versions = proptest::collection::vec((instants(), changes()), 1..4);
    versions
        .prop_flat_map(|later| {
            let mut times: Vec<_> = later.iter().map(|(posted_at, _)| *posted_at).collect();
            times.sort();
            let changes: Vec<_> = later.into_iter().map(|(_, changes)| changes).collect();
            let windows: Vec<_> = times.iter().map(|posted_at| windows(*posted_at)).collect();
            let said = (0..times.len(), 0..2usize, 0..6usize, instants());
            (
                Just(times),
                Just(changes),
                windows,
                proptest::collection::vec(said, 0..6),
                0..3i32,
            )
        })
        .prop_map(|(times, changes, windows, mut said, joined)| {
            said.sort_by_key(|(.., at)| *at);
            let joined = (joined + 1).min(times.len() as i32);
            let mut versions = vec![posted(1, day(0) - DAY, Vec::new(), None)];
            for (place, ((posted_at, changes), window)) in
                times.into_iter().zip(changes).zip(windows).enumerate()
            {
                let number = place as i32 + 2;
                let material = changes.iter().any(|change| change.material);
                let window = window.filter(|_| material && number > joined);
                versions.push(posted(number, posted_at, changes, window));
            }
            let decisions = said
                .into_iter()
                .filter_map(|(place, which, decision, at)| {
                    let posted = &versions[place + 1];
                    Some(Decided {
                        version: posted.id,
                        change: posted.changes.get(which)?.key.clone(),
                        decision: Decision::ALL[decision],
                        at,
                    })
                })
                .collect();
            Ledger {
                joined: Some(joined),
                versions,
                decisions,
            }
        })
}

/// The changes that could allow a use, with their versions.
fn sources(ledger: &Ledger, purpose: Purpose) -> impl Iterator<Item = (&Posted, &Change)> {
    ledger.versions.iter().flat_map(move |posted| {
        let of = posted.changes.iter();
        of.filter(move |change| change.purpose == purpose && change.material)
            .map(move |change| (posted, change))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_breaks_a_promise(
        ledger in histories(),
        collected_at in instants(),
        purpose in 0..NEW.len(),
        now in instants(),
    ) {
        let purpose = NEW[purpose];
        let under = ledger.under(collected_at).unwrap();
        let collected = Collected { at: collected_at, under };
        let data = Data { collected, ledger: &ledger };
        let joined = ledger.joined.unwrap();
        let answer = may_use(&data, purpose, now);

        // What was always allowed stays allowed.
        prop_assert_eq!(may_use(&data, Purpose::Service, now).is_ok(), collected_at <= now);

        if answer.is_ok() {
            let in_effect = |posted: &Posted, at: Timestamp| {
                posted.number <= joined || posted.window.is_some_and(|window| window.is_in_effect(at))
            };
            // Nothing takes effect early (promise 2): a change that allows it was posted and sent by now, its window has
            // passed or the data is newer (promise 8), and no word of the member stands against it (promises 4 and 6).
            let good = sources(&ledger, purpose).any(|(posted, change)| {
                let stands = stand(posted.id, &change.key, &ledger.decisions, now);
                let newer = in_effect(posted, collected_at);
                let passed = posted.window.is_some_and(|window| window.has_passed(now));
                in_effect(posted, now)
                    && (newer || passed)
                    && stands != Stand::OptedOut
                    && !(stands == Stand::Objected
                        && (change.consequence() != Consequence::EndsAccount || !newer))
                    && (!change.sensitive || stands == Stand::Accepted)
            });
            prop_assert!(good, "{:?} {:?}", ledger, collected);
        }

        // An objector's old data is never used for what only that change brings.
        let all: Vec<_> = sources(&ledger, purpose).collect();
        if let [(posted, change)] = all[..]
            && posted.number > joined
            && stand(posted.id, &change.key, &ledger.decisions, now) == Stand::Objected
            && !posted.window.is_some_and(|window| window.is_in_effect(collected_at))
        {
            prop_assert!(answer.is_err());
        }

        // What is derived is used for nothing that its sources are not.
        let older = Collected { at: collected_at - DAY, under: version(1) };
        let derived = ledger.strictest(&[collected, older]).unwrap();
        let derived = Data { collected: derived, ledger: &ledger };
        if may_use(&derived, purpose, now).is_ok() {
            prop_assert!(answer.is_ok() || now < collected_at);
        }

        // Marketing never ends an account, however the answer is put (promise 6).
        for (posted, change) in sources(&ledger, purpose) {
            if !change.marketing {
                continue;
            }
            prop_assert_eq!(change.consequence(), Consequence::OptsOut);
            let window = posted.window.unwrap_or(window(posted.posted_at, None));
            for said in Decision::ALL {
                for stands in [Stand::Undecided, Stand::Accepted, Stand::Objected, Stand::OptedOut] {
                    let taken = decide(change, &window, stands, said, now);
                    prop_assert!(!matches!(taken, Ok(Some(Decision::Object)) | Err(NotDecided::Late(_))));
                }
            }
        }
    }
}

const FILE: &str = r##"+++
title = "Privacy policy"

[[changes]]
key = "benchmarks"
purpose = "benchmarking"
material = true
title = { en = "Benchmarks", de = "Vergleichswerte" }
summary = { en = "We compare.", de = "Wir vergleichen." }
+++

# Privacy policy

Now with benchmarks.
"##;

fn first() -> PolicyVersion {
    PolicyVersion {
        id: version(1),
        document: Document::Privacy,
        version: 1,
        title: "Privacy policy".to_owned(),
        body: "# Privacy policy\n\nNothing yet.\n".to_owned(),
        changes: Vec::new(),
        sha256: Vec::new(),
        posted_at: day(0),
        key: Vec::new(),
    }
}

#[test]
fn a_draft_is_read_with_its_changes_and_compared() {
    use draft::{Draft, Line, compare};
    let draft = Draft::parse(Document::Privacy, FILE, &[first()], day(1)).unwrap();
    assert_eq!(draft.title, "Privacy policy");
    assert!(draft.body.starts_with("# Privacy policy\n") && draft.is_material());
    assert_eq!(draft.changes[0].consequence(), Consequence::EndsAccount);
    let before = first().body;
    assert_eq!(
        compare(&before, &draft.body),
        [vec![
            Line::Same("# Privacy policy"),
            Line::Same(""),
            Line::Gone("Nothing yet."),
            Line::New("Now with benchmarks."),
        ]]
    );
}

#[test]
fn a_draft_says_what_is_wrong_with_it() {
    for (from, to, told) in [
        ("+++\ntitle", "title", "head in TOML"),
        (
            "purpose = \"benchmarking\"",
            "purpose = \"fun\"",
            "unknown variant `fun`",
        ),
        ("material = true\n", "", "missing field `material`"),
        (
            "material = true",
            "material = true\nmatter = 1",
            "unknown field `matter`",
        ),
        (
            "key = \"benchmarks\"",
            "key = \"Bench marks\"",
            "lower-case letters",
        ),
        (
            "de = \"Vergleichswerte\"",
            "de = \" \"",
            "a title in `de` that is empty",
        ),
        ("Now with benchmarks.", "Nothing yet.", "nothing has changed"),
        (
            "purpose = \"benchmarking\"",
            "purpose = \"promotion\"",
            "say `marketing = true`",
        ),
        (
            "material = true",
            "material = false",
            "which no version allows yet",
        ),
        (
            "material = true",
            "material = false\nsensitive = true",
            "it is material",
        ),
        ("# Privacy policy\n\nNow with benchmarks.\n", "", "no text"),
        ("title = \"Privacy policy\"", "title = \"\"", "its title"),
    ] {
        assert!(FILE.contains(from), "{from}");
        let file = FILE.replacen(from, to, 1);
        let error = draft::Draft::parse(Document::Privacy, &file, &[first()], day(1)).unwrap_err();
        assert!(error.to_string().contains(told), "{told}: {error}");
    }
    let (head, rest) = FILE.split_once("[[changes]]").unwrap();
    let none = format!("{head}+++{}", rest.split_once("+++").unwrap().1);
    let error = draft::Draft::parse(Document::Privacy, &none, &[first()], day(1)).unwrap_err();
    assert!(error.to_string().contains("states no change"), "{error}");
}
