//! What is counted and what is not. Pure.

use super::DropReason;

/// What is known of something that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// There is a bar of this key.
    pub bar_known: bool,
    /// It is published and not paused.
    pub bar_running: bool,
    /// The visitor said no, in a way that this bar listens to.
    pub opted_out: bool,
    pub prefetch: bool,
    pub webdriver: bool,
    pub bot: bool,
    /// From an address that the member calls its own.
    pub own_address: bool,
    /// In a browser of the member's team.
    pub own_user: bool,
    pub data_center: bool,
    pub host_allowed: bool,
    pub variant_known: bool,
}

/// `None`: it counts. Otherwise the first reason that applies: the visitor's own wish before everything that has to be
/// looked into to be known.
pub fn classify(facts: Facts) -> Option<DropReason> {
    [
        (!facts.bar_known, DropReason::UnknownBar),
        (!facts.bar_running, DropReason::Paused),
        (facts.opted_out, DropReason::OptedOut),
        (facts.prefetch, DropReason::Prefetch),
        (facts.webdriver, DropReason::Webdriver),
        (facts.bot, DropReason::Bot),
        (facts.own_address, DropReason::OwnAddress),
        (facts.own_user, DropReason::OwnUser),
        (facts.data_center, DropReason::DataCenter),
        (!facts.host_allowed, DropReason::HostNotAllowed),
        (!facts.variant_known, DropReason::UnknownVariant),
    ]
    .into_iter()
    .find_map(|(applies, reason)| applies.then_some(reason))
}

/// Does the visitor's browser say no, in a way that the bar respects? (Promise 44.)
pub fn is_opted_out(gpc: bool, respect_gpc: bool, dnt: bool, respect_dnt: bool) -> bool {
    gpc && respect_gpc || dnt && respect_dnt
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Facts = Facts {
        bar_known: true,
        bar_running: true,
        opted_out: false,
        prefetch: false,
        webdriver: false,
        bot: false,
        own_address: false,
        own_user: false,
        data_center: false,
        host_allowed: true,
        variant_known: true,
    };

    /// Promise 13: what is not counted has a reason.
    #[test]
    fn each_guard_names_its_reason() {
        assert_eq!(classify(GOOD), None);
        for (facts, reason) in [
            (
                Facts {
                    bar_known: false,
                    ..GOOD
                },
                DropReason::UnknownBar,
            ),
            (
                Facts {
                    bar_running: false,
                    ..GOOD
                },
                DropReason::Paused,
            ),
            (
                Facts {
                    opted_out: true,
                    ..GOOD
                },
                DropReason::OptedOut,
            ),
            (
                Facts {
                    prefetch: true,
                    ..GOOD
                },
                DropReason::Prefetch,
            ),
            (
                Facts {
                    webdriver: true,
                    ..GOOD
                },
                DropReason::Webdriver,
            ),
            (Facts { bot: true, ..GOOD }, DropReason::Bot),
            (
                Facts {
                    own_address: true,
                    own_user: true,
                    data_center: true,
                    ..GOOD
                },
                DropReason::OwnAddress,
            ),
            (
                Facts {
                    own_user: true,
                    data_center: true,
                    ..GOOD
                },
                DropReason::OwnUser,
            ),
            (
                Facts {
                    data_center: true,
                    ..GOOD
                },
                DropReason::DataCenter,
            ),
            (
                Facts {
                    host_allowed: false,
                    ..GOOD
                },
                DropReason::HostNotAllowed,
            ),
            (
                Facts {
                    variant_known: false,
                    ..GOOD
                },
                DropReason::UnknownVariant,
            ),
        ] {
            assert_eq!(classify(facts), Some(reason));
        }
    }

    /// Promise 44.
    #[test]
    fn a_signal_counts_only_where_the_bar_respects_it() {
        assert!(is_opted_out(true, true, false, true));
        assert!(is_opted_out(false, true, true, true));
        assert!(!is_opted_out(true, false, true, false));
    }
}
