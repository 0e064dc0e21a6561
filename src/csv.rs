//! Cells that a spreadsheet shows and never runs. Owns no file and no format: the `csv` crate does the quoting.

use std::borrow::Cow;

/// The cell, with an apostrophe before what a spreadsheet would take for a formula.
pub fn cell(text: &str) -> Cow<'_, str> {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠') => {
            format!("'{text}").into()
        }
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_a_formula_is_text() {
        for text in ["=1+1", "+49 30 1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"] {
            assert_eq!(cell(text), format!("'{text}"));
        }
        for text in ["", "anna", "1+1", " =1", "'=1"] {
            assert_eq!(cell(text), text);
        }
    }
}
