//! What we know, and what Stripe says now, become what we know next. Everything that billing learns comes this way, from a
//! webhook, a change of ours or a reconciliation alike: so no order of events, no repetition and no loss leads elsewhere.

use super::{granted, meaning};
use crate::billing::rules::Meaning;
use crate::billing::{Invoice, InvoiceStatus, Known, Money, ReversalKind, Snapshot, Status, Subscription};
use crate::clock::Timestamp;
use crate::plans::Plan;

/// What became different: for the record, and for mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Subscribed {
        id: String,
        plan: Plan,
        status: Status,
    },
    SubscriptionChanged {
        id: String,
        plan: Plan,
        status: Status,
    },
    InvoiceChanged {
        id: String,
        status: InvoiceStatus,
        total: Money,
    },
    PaymentFailed {
        id: String,
        attempts: i64,
    },
    MoneyWentBack {
        charge: String,
        kind: ReversalKind,
        amount: Money,
    },
    CardChanged,
    DelinquencyBegan,
    DelinquencyEnded,
    PlanChanged {
        from: Plan,
        to: Plan,
    },
    /// A second subscription beside another, which must not be: it is to be cancelled.
    Doubled {
        id: String,
    },
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub known: Known,
    pub effects: Vec<Effect>,
}

/// The fold. `known` only ever gains subscriptions, invoices and reversals; what of them Stripe says, it says whole.
pub fn fold(known: &Known, said: &Snapshot, now: Timestamp) -> Outcome {
    let mut next = known.clone();
    let mut effects = Vec::new();
    subscriptions(&mut next, said, &mut effects);
    invoices(&mut next, said, &mut effects);
    for (charge, kind, amount) in &said.reversals {
        let key = (charge.clone(), *kind);
        // Money that went back in parts adds up; a sum never shrinks.
        if next
            .reversals
            .get(&key)
            .is_none_or(|had| had.amount < amount.amount)
        {
            next.reversals.insert(key, amount.clone());
            effects.push(Effect::MoneyWentBack {
                charge: charge.clone(),
                kind: *kind,
                amount: amount.clone(),
            });
        }
    }
    if next.card != said.card {
        next.card = said.card.clone();
        effects.push(Effect::CardChanged);
    }
    next.delinquent_since = delinquent_since(&next, now);
    match (known.delinquent_since, next.delinquent_since) {
        (None, Some(_)) => effects.push(Effect::DelinquencyBegan),
        (Some(_), None) => effects.push(Effect::DelinquencyEnded),
        _ => {}
    }
    next.plan = granted(next.subscriptions.values(), next.delinquent_since, now);
    if next.plan != known.plan {
        effects.push(Effect::PlanChanged {
            from: known.plan,
            to: next.plan,
        });
    }
    effects.extend(doubled(&next).map(|id| Effect::Doubled { id }));
    Outcome { known: next, effects }
}

fn subscriptions(next: &mut Known, said: &Snapshot, effects: &mut Vec<Effect>) {
    for new in &said.subscriptions {
        next.trial_used |= new.trial_end.is_some();
        let (id, plan, status) = (new.id.clone(), new.plan, new.status);
        match next.subscriptions.insert(new.id.clone(), new.clone()) {
            None => effects.push(Effect::Subscribed { id, plan, status }),
            Some(old) if old != *new => effects.push(Effect::SubscriptionChanged { id, plan, status }),
            Some(_) => {}
        }
    }
    // Stripe lists ended ones too: one that it does not know any more has gone with its customer.
    for (id, known) in &mut next.subscriptions {
        if !known.status.is_over() && !said.subscriptions.iter().any(|new| new.id == *id) {
            known.status = Status::Canceled;
            effects.push(Effect::SubscriptionChanged {
                id: id.clone(),
                plan: known.plan,
                status: Status::Canceled,
            });
        }
    }
}

fn invoices(next: &mut Known, said: &Snapshot, effects: &mut Vec<Effect>) {
    for new in &said.invoices {
        let old = next.invoices.insert(new.id.clone(), new.clone());
        let (id, status) = (new.id.clone(), new.status);
        if old.as_ref().map(|old| (old.status, &old.total)) != Some((status, &new.total)) {
            effects.push(Effect::InvoiceChanged {
                id: id.clone(),
                status,
                total: new.total.clone(),
            });
        }
        let attempts = new.attempts;
        if is_unpaid(new) && old.map_or(0, |old| old.attempts) < attempts {
            effects.push(Effect::PaymentFailed { id, attempts });
        }
    }
}

fn is_unpaid(invoice: &Invoice) -> bool {
    let owed = matches!(invoice.status, InvoiceStatus::Open | InvoiceStatus::Uncollectible);
    owed && invoice.attempts > 0 && invoice.remaining > 0
}

/// Since when a payment is missing: it stays as long as that payment does, and comes from what Stripe says (its oldest invoice that was tried and is not paid), so
/// that it is the same whenever we hear of it.
fn delinquent_since(next: &Known, now: Timestamp) -> Option<Timestamp> {
    let behind =
        |subscription: &&Subscription| matches!(subscription.status, Status::PastDue | Status::Unpaid);
    let behind: Vec<&Subscription> = next.subscriptions.values().filter(behind).collect();
    if behind.is_empty() {
        return None;
    }
    let of_these = |invoice: &&Invoice| {
        let subscription = invoice.subscription.as_deref();
        is_unpaid(invoice)
            && behind
                .iter()
                .any(|behind| subscription.is_none_or(|id| id == behind.id))
    };
    let oldest = next
        .invoices
        .values()
        .filter(of_these)
        .map(|invoice| invoice.created_at)
        .min();
    oldest.or(next.delinquent_since).or(Some(now))
}

/// All but the oldest of those that are paid for.
fn doubled(known: &Known) -> impl Iterator<Item = String> + use<> {
    let mut live: Vec<&Subscription> = known
        .subscriptions
        .values()
        .filter(|subscription| meaning(subscription.status) >= Meaning::Borrowed)
        .collect();
    live.sort_by_key(|subscription| (subscription.created_at, subscription.id.clone()));
    let ids: Vec<String> = live
        .into_iter()
        .skip(1)
        .map(|subscription| subscription.id.clone())
        .collect();
    ids.into_iter()
}

/// Whether an event says that something of a customer's billing may have changed. The others are kept and ignored.
pub fn event_concerns_us(kind: &str) -> bool {
    const AREAS: [&str; 8] = [
        "charge.",
        "checkout.session.",
        "customer.",
        "invoice.",
        "invoice_payment.",
        "payment_intent.",
        "payment_method.",
        "subscription_schedule.",
    ];
    // What is to come next changes with every look, and is no change.
    AREAS.iter().any(|area| kind.starts_with(area)) && kind != "invoice.upcoming"
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::billing::Card;
    use crate::plans::Interval;

    pub fn at(days: i64) -> Timestamp {
        Timestamp::from_secs(1_795_000_000 + days * 86_400)
    }

    pub fn subscription(id: &str, status: Status, plan: Plan) -> Subscription {
        Subscription {
            id: id.into(),
            status,
            plan,
            interval: Interval::Monthly,
            price: euros(1200),
            price_id: "price_1".into(),
            item: "si_1".into(),
            period_start: at(0),
            period_end: at(30),
            ends_at: None,
            trial_end: None,
            created_at: at(0),
            schedule: None,
            next: None,
        }
    }

    fn euros(amount: i64) -> Money {
        Money {
            amount,
            currency: "eur".into(),
        }
    }

    fn invoice(id: &str, status: InvoiceStatus, attempts: i64, day: i64) -> Invoice {
        Invoice {
            id: id.into(),
            number: None,
            status,
            total: euros(1200),
            remaining: if status == InvoiceStatus::Paid { 0 } else { 1200 },
            attempts,
            created_at: at(day),
            subscription: Some("sub_1".into()),
            page_url: None,
            pdf_url: None,
        }
    }

    /// What Stripe says after each of the eight events of a subscription's life.
    pub fn life() -> Vec<Snapshot> {
        use InvoiceStatus::{Open, Paid};
        let one = |status, plan| vec![subscription("sub_1", status, plan)];
        let card = |last4: &str| {
            Some(Card {
                method: format!("pm_{last4}"),
                brand: "visa".into(),
                last4: last4.into(),
                expires_month: 12,
                expires_year: 2030,
            })
        };
        let snapshot = |subscriptions, invoices, card| Snapshot {
            subscriptions,
            invoices,
            card,
            reversals: vec![],
        };
        let first = invoice("in_1", Paid, 1, 0);
        let refunded = ("ch_1".to_owned(), ReversalKind::Refund, euros(300));
        vec![
            snapshot(
                one(Status::Incomplete, Plan::Pro),
                vec![invoice("in_1", Open, 1, 0)],
                None,
            ),
            snapshot(one(Status::Active, Plan::Pro), vec![first.clone()], card("4242")),
            snapshot(
                one(Status::Active, Plan::Business),
                vec![first.clone(), invoice("in_2", Paid, 1, 3)],
                card("4242"),
            ),
            snapshot(
                one(Status::PastDue, Plan::Business),
                vec![first.clone(), invoice("in_3", Open, 1, 30)],
                card("4242"),
            ),
            snapshot(
                one(Status::PastDue, Plan::Business),
                vec![first.clone(), invoice("in_3", Open, 2, 30)],
                card("4444"),
            ),
            snapshot(
                one(Status::Active, Plan::Business),
                vec![first.clone(), invoice("in_3", Paid, 3, 30)],
                card("4444"),
            ),
            Snapshot {
                reversals: vec![refunded.clone()],
                ..snapshot(
                    one(Status::Active, Plan::Business),
                    vec![first.clone()],
                    card("4444"),
                )
            },
            Snapshot {
                reversals: vec![refunded],
                ..snapshot(
                    one(Status::PastDue, Plan::Business),
                    vec![
                        first,
                        invoice("in_2", Paid, 1, 3),
                        invoice("in_3", Paid, 3, 30),
                        invoice("in_4", Open, 1, 61),
                    ],
                    card("4444"),
                )
            },
        ]
    }

    /// All 40,320 orders of eight events, each delivered once more somewhere later, end in one state. An event can't come before
    /// it happened: when it comes, Stripe is at least where that event left it, and is asked then.
    #[test]
    fn every_order_of_events_with_repetitions_ends_in_one_state() {
        let (life, now) = (life(), at(62));
        let last = life.len() - 1;
        let expected = {
            let in_order = life
                .iter()
                .fold(Known::default(), |known, said| fold(&known, said, now).known);
            assert_eq!(
                (in_order.plan, in_order.delinquent_since),
                (Plan::Business, Some(at(61)))
            );
            in_order
        };
        let mut orders = 0;
        permutations(&mut (0..life.len()).collect::<Vec<_>>(), 0, &mut |order| {
            orders += 1;
            let (mut known, mut stripe_is_at) = (Known::default(), 0);
            // Each comes again two places later, and the first of all once more at the end.
            for (place, event) in order.iter().enumerate() {
                for event in [Some(event), place.checked_sub(2).map(|earlier| &order[earlier])]
                    .into_iter()
                    .flatten()
                {
                    stripe_is_at = stripe_is_at.max(*event);
                    known = fold(&known, &life[stripe_is_at], now).known;
                }
            }
            assert_eq!(stripe_is_at, last);
            known = fold(&known, &life[stripe_is_at], now).known;
            // What was not looked at while it lasted is not in the snapshots of later: they are whole for what is left.
            assert_eq!(known.subscriptions, expected.subscriptions, "{order:?}");
            assert_eq!(known.invoices, expected.invoices, "{order:?}");
            assert_eq!(known, expected, "{order:?}");
        });
        assert_eq!(orders, 40_320);
    }

    /// All events dropped, one reconciliation: the same.
    #[test]
    fn one_look_at_the_end_knows_what_all_events_told() {
        let (life, now) = (life(), at(62));
        let told = life
            .iter()
            .fold(Known::default(), |known, said| fold(&known, said, now).known);
        assert_eq!(fold(&Known::default(), life.last().unwrap(), now).known, told);
    }

    fn permutations(items: &mut Vec<usize>, from: usize, look: &mut impl FnMut(&[usize])) {
        if from == items.len() {
            return look(items);
        }
        for i in from..items.len() {
            items.swap(from, i);
            permutations(items, from + 1, look);
            items.swap(from, i);
        }
    }

    #[test]
    fn a_second_look_at_the_same_has_no_effect() {
        for said in life() {
            let once = fold(&Known::default(), &said, at(62)).known;
            assert_eq!(fold(&once, &said, at(62)).effects, [], "{said:?}");
        }
    }

    #[test]
    fn a_plan_that_is_not_paid_ends_after_ten_days_and_comes_back_with_the_payment() {
        let mut said = life()[3].clone();
        let late = fold(&Known::default(), &said, at(30)).known;
        assert_eq!((late.plan, late.delinquent_since), (Plan::Business, Some(at(30))));
        let outcome = fold(&late, &said, at(40));
        assert_eq!(outcome.known.plan, Plan::Free);
        assert!(outcome.effects.contains(&Effect::PlanChanged {
            from: Plan::Business,
            to: Plan::Free
        }));
        said.subscriptions[0].status = Status::Active;
        let paid = fold(&outcome.known, &said, at(41)).known;
        assert_eq!((paid.plan, paid.delinquent_since), (Plan::Business, None));
    }

    #[test]
    fn of_two_subscriptions_the_newer_is_one_too_many() {
        let mut newer = subscription("sub_2", Status::Active, Plan::Business);
        newer.created_at = at(1);
        let said = Snapshot {
            subscriptions: vec![newer, subscription("sub_1", Status::Trialing, Plan::Pro)],
            ..Snapshot::default()
        };
        let effects = fold(&Known::default(), &said, at(2)).effects;
        assert!(effects.contains(&Effect::Doubled { id: "sub_2".into() }));
        assert_eq!(
            effects
                .iter()
                .filter(|effect| matches!(effect, Effect::Doubled { .. }))
                .count(),
            1
        );
    }

    #[test]
    fn a_subscription_that_stripe_no_longer_knows_is_over() {
        let known = fold(&Known::default(), &life()[1], at(2)).known;
        let gone = fold(&known, &Snapshot::default(), at(3)).known;
        assert_eq!(
            (gone.plan, gone.subscriptions["sub_1"].status),
            (Plan::Free, Status::Canceled)
        );
    }
}
