//! Who is written to: decisions only.

use super::Category;

/// What an address that does not exist stops: all that may be refused. What a person needs for their own account is
/// always tried again, since mailboxes come back and servers err.
pub(super) fn stopped_by_a_missing_mailbox() -> impl Iterator<Item = Category> {
    Category::ALL
        .into_iter()
        .filter(|category| category.may_be_refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_mailbox_never_stops_a_reset() {
        let stopped: Vec<_> = stopped_by_a_missing_mailbox().collect();
        assert!(stopped.contains(&Category::ContactNotification));
        assert!(!stopped.contains(&Category::Security));
        assert!(!stopped.contains(&Category::AccountMail));
    }
}
