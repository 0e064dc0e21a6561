//! Variants against each other: how sure one is the best, and whether that is enough to decide. Pure.
//!
//! Each view converts or does not; before the first one every rate is as likely as any other (a uniform prior). After `s`
//! conversions in `n` views the rate is then distributed as Beta(`s` + 1, `n` − `s` + 1), and everything here is read from
//! these distributions. A view counts at most one conversion.

use statrs::function::beta::{beta_reg, ln_beta};

/// A variant is decided for when it is the best one with this probability …
pub const SURE: f64 = 0.95;
/// … and each has been seen so often.
pub const MIN_VIEWS: i64 = 100;
/// Nobody can tell what is further away.
const MAX_DAYS: f64 = 365.0;
/// The quantile of the normal distribution at [`SURE`].
const Z_SURE: f64 = 1.644_853_626_951_472_2;

/// What is known of a rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posterior {
    a: f64,
    b: f64,
    views: i64,
}

impl Posterior {
    pub fn new(conversions: i64, views: i64) -> Self {
        let views = views.max(0);
        let conversions = conversions.clamp(0, views);
        Self {
            a: conversions as f64 + 1.0,
            b: (views - conversions) as f64 + 1.0,
            views,
        }
    }

    fn mean(&self) -> f64 {
        self.a / (self.a + self.b)
    }

    fn variance(&self) -> f64 {
        let n = self.a + self.b;
        self.a * self.b / (n * n * (n + 1.0))
    }

    /// The probability that the rate is below `x`.
    fn below(&self, x: f64) -> f64 {
        beta_reg(self.a, self.b, x.clamp(0.0, 1.0))
    }

    fn density(&self, x: f64) -> f64 {
        if x <= 0.0 || x >= 1.0 {
            return 0.0;
        }
        let exponent = (self.a - 1.0) * x.ln() + (self.b - 1.0) * (-x).ln_1p();
        (exponent - ln_beta(self.a, self.b)).exp()
    }

    /// The rate below which the true one is with this probability.
    fn quantile(&self, probability: f64) -> f64 {
        // The distribution grows: halving finds it to the last bit that matters.
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if self.below(middle) < probability {
                low = middle;
            } else {
                high = middle;
            }
        }
        (low + high) / 2.0
    }

    /// Between these the rate is with 95 %.
    pub fn interval(&self) -> (f64, f64) {
        (self.quantile(0.025), self.quantile(0.975))
    }
}

/// Points and weights of Gauss and Legendre's rule on [−1, 1], those right of the middle.
const RULE: [(f64, f64); 8] = [
    (0.095_012_509_837_637_44, 0.189_450_610_455_068_5),
    (0.281_603_550_779_258_9, 0.182_603_415_044_923_6),
    (0.458_016_777_657_227_4, 0.169_156_519_395_002_54),
    (0.617_876_244_402_643_7, 0.149_595_988_816_576_73),
    (0.755_404_408_355_003, 0.124_628_971_255_533_87),
    (0.865_631_202_387_831_7, 0.095_158_511_682_492_78),
    (0.944_575_023_073_232_6, 0.062_253_523_938_647_89),
    (0.989_400_934_991_649_9, 0.027_152_459_411_754_095),
];

/// For each variant the probability that its rate is the highest of all: ∫ density(x) · ∏ below(x) dx, the product over
/// the others, summed up between edges that follow where the distributions change.
pub fn probabilities_best(all: &[Posterior]) -> Vec<f64> {
    let mut edges = vec![0.0, 1.0];
    for one in all {
        let (mean, deviation) = (one.mean(), one.variance().sqrt());
        for far in [0.0, 1.0, 2.0, 3.0, 4.5, 7.0, 11.0, 18.0, 40.0] {
            edges.extend([mean - far * deviation, mean + far * deviation]);
        }
    }
    edges.retain(|edge| (0.0..=1.0).contains(edge));
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    let mut best = vec![0.0; all.len()];
    for pair in edges.windows(2) {
        let (middle, half) = ((pair[0] + pair[1]) / 2.0, (pair[1] - pair[0]) / 2.0);
        for (point, weight) in RULE.into_iter().flat_map(|(x, w)| [(x, w), (-x, w)]) {
            let x = middle + half * point;
            let below: Vec<f64> = all.iter().map(|one| one.below(x)).collect();
            for (place, one) in all.iter().enumerate() {
                let others = below.iter().enumerate().filter(|(other, _)| *other != place);
                let others: f64 = others.map(|(_, below)| below).product();
                best[place] += half * weight * one.density(x) * others;
            }
        }
    }
    best
}

/// Whether it is time to choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    /// A variant has been seen fewer than [`MIN_VIEWS`] times.
    TooEarly { days_left: Option<i64> },
    /// None is surely the best.
    Undecided { days_left: Option<i64> },
    /// The one at this place is.
    Decided { best: usize },
}

/// `None` if there is nothing to choose from. `days`: how long the traffic has been counted.
pub fn decide(all: &[Posterior], probabilities: &[f64], days: f64) -> Option<Decision> {
    if all.len() < 2 {
        return None;
    }
    let (best, sure) = probabilities
        .iter()
        .copied()
        .enumerate()
        .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let early = all.iter().any(|one| one.views < MIN_VIEWS);
    Some(match (early, sure >= SURE) {
        (true, _) => Decision::TooEarly {
            days_left: days_left(all, best, days),
        },
        (false, false) => Decision::Undecided {
            days_left: days_left(all, best, days),
        },
        (false, true) => Decision::Decided { best },
    })
}

/// How many days more it takes if traffic and rates stay as they were in `days` days; `None` if nobody can tell.
///
/// The difference of the best and the second has, in units of its own deviation, the size
/// z = (r₁ − r₂) / √(r₁(1 − r₁)/n₁ + r₂(1 − r₂)/n₂), with the posteriors' means r and as many views n. It grows as the
/// root of the time, and has to be 1.645 for 95 %: so `days` · (1.645 / z)² days are needed in all, and as many as bring
/// each variant its 100 views. No difference, no views, or more than a year: nobody can tell.
fn days_left(all: &[Posterior], best: usize, days: f64) -> Option<i64> {
    let scarcest = all.iter().map(|one| one.views).min()?;
    if scarcest == 0 || days <= 0.0 {
        return None;
    }
    let first = &all[best];
    let second = all
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != best)
        .map(|(_, one)| one)
        .max_by(|a, b| a.mean().total_cmp(&b.mean()))?;
    let spread = |one: &Posterior| one.mean() * (1.0 - one.mean()) / one.views as f64;
    let z = (first.mean() - second.mean()) / (spread(first) + spread(second)).sqrt();
    if z.is_nan() || z <= 0.0 {
        return None;
    }
    let for_sure = days * (Z_SURE / z).powi(2);
    let for_views = days * MIN_VIEWS as f64 / scarcest as f64;
    let left = (for_sure.max(for_views) - days).ceil().max(1.0);
    (left <= MAX_DAYS).then_some(left as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Random;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-8, "{a} is not {b}");
    }

    /// P(Y > X) for X ~ Beta(a, b), Y ~ Beta(c, d) with whole c: Σ B(a + i, b + d) / ((d + i) B(1 + i, d) B(a, b)).
    fn in_closed_form(x: Posterior, y: Posterior) -> f64 {
        (0..y.a as i64)
            .map(|i| {
                let i = i as f64;
                (ln_beta(x.a + i, x.b + y.b) - (y.b + i).ln() - ln_beta(1.0 + i, y.b) - ln_beta(x.a, x.b))
                    .exp()
            })
            .sum()
    }

    #[test]
    fn two_variants_compare_as_the_closed_form_says() {
        for (x, y) in [
            ((0, 0), (0, 0)),
            ((1, 1), (0, 0)),
            ((5, 10), (5, 10)),
            ((10, 100), (20, 100)),
            ((0, 1000), (5, 1000)),
            ((300, 10_000), (33, 1_000)),
            ((50_000, 1_000_000), (50_400, 1_000_000)),
            ((2, 3), (4_000, 100_000)),
            ((0, 1_000_000), (1, 10)),
        ] {
            let (x, y) = (Posterior::new(x.0, x.1), Posterior::new(y.0, y.1));
            let best = probabilities_best(&[x, y]);
            assert!((best[0] + best[1] - 1.0).abs() < 1e-6, "{best:?}");
            assert!(
                (best[1] - in_closed_form(x, y)).abs() < 1e-6,
                "{x:?} {y:?} {best:?}"
            );
        }
    }

    #[test]
    fn known_values() {
        // Beta(2, 1) beats the uniform with 2/3; of three alike each is the best with 1/3.
        close(
            probabilities_best(&[Posterior::new(1, 1), Posterior::new(0, 0)])[0],
            2.0 / 3.0,
        );
        for probability in probabilities_best(&[Posterior::new(7, 90); 3]) {
            close(probability, 1.0 / 3.0);
        }
        let (low, high) = Posterior::new(0, 0).interval();
        close(low, 0.025);
        close(high, 0.975);
        // Beta(1, n + 1) is below x with 1 − (1 − x)^(n + 1).
        let (low, high) = Posterior::new(0, 9).interval();
        close(low, 1.0 - 0.975_f64.powf(0.1));
        close(high, 1.0 - 0.025_f64.powf(0.1));
        close(probabilities_best(&[Posterior::new(3, 5)])[0], 1.0);
    }

    #[test]
    fn the_probabilities_sum_to_one() {
        let random = Random::seeded(5);
        for _ in 0..60 {
            let all: Vec<Posterior> = (0..2 + random.below(7))
                .map(|_| {
                    let views = i64::from(random.below(10_u32.pow(1 + random.below(6))));
                    let most = u32::try_from(views).unwrap() / (1 + random.below(50)) + 1;
                    Posterior::new(i64::from(random.below(most)), views)
                })
                .collect();
            let sum: f64 = probabilities_best(&all).iter().sum();
            assert!((sum - 1.0).abs() < 1e-6, "{sum}: {all:?}");
        }
    }

    #[test]
    fn a_decision_needs_views_and_a_difference() {
        let decided = |all: &[(i64, i64)], days: f64| {
            let all: Vec<Posterior> = all.iter().map(|(s, n)| Posterior::new(*s, *n)).collect();
            decide(&all, &probabilities_best(&all), days)
        };
        assert_eq!(decided(&[(5, 100)], 3.0), None);
        assert_eq!(
            decided(&[(5, 1000), (50, 1000)], 3.0),
            Some(Decision::Decided { best: 1 })
        );
        // 50 views in 5 days: 5 days more bring 100.
        let early = Decision::TooEarly { days_left: Some(5) };
        assert_eq!(decided(&[(1, 50), (30, 50)], 5.0), Some(early));
        let unseen = Decision::TooEarly { days_left: None };
        assert_eq!(decided(&[(0, 0), (30, 50)], 5.0), Some(unseen));
        let alike = Decision::Undecided { days_left: None };
        assert_eq!(decided(&[(10, 200), (10, 200)], 5.0), Some(alike));
        // z is 0.965 after 10 days: 29.05 in all.
        let open = Decision::Undecided { days_left: Some(20) };
        assert_eq!(decided(&[(40, 1000), (49, 1000)], 10.0), Some(open));
    }

    #[test]
    fn more_conversions_than_views_are_as_many() {
        assert_eq!(Posterior::new(12, 10), Posterior::new(10, 10));
        assert_eq!(Posterior::new(-1, -1), Posterior::new(0, 0));
    }
}
