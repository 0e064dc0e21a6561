//! What gives away a machine that fills in forms.

use std::time::Duration;

/// Nobody reads a form and fills it in faster than this.
pub const MIN_SHOWN: Duration = Duration::from_millis(800);

/// Was the form sent by a machine? `honeypot` is a field that no person sees; `shown_ms` how long the form stood there.
pub fn is_automated(honeypot: &str, shown_ms: u64) -> bool {
    !honeypot.is_empty() || u128::from(shown_ms) < MIN_SHOWN.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_honeypot_and_haste_give_machines_away() {
        assert!(is_automated("http://spam.example", 60_000));
        assert!(is_automated("", 799));
        assert!(!is_automated("", 800));
    }
}
