//! Whether a text can be a CSS selector: enough to spare a member the bar that never shows for a slip of the pen.
//! The last word has the browser.

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Has it the shape of a list of selectors: only their characters, brackets and quotes closed, no empty entry, no
/// combinator without what it combines?
pub(super) fn is_selector(text: &str) -> bool {
    let mut closing = Vec::new();
    let mut entry = Entry::default();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' => {
                if !skip_escape(&mut characters) {
                    return false;
                }
                entry.say();
            }
            '"' | '\'' => {
                // Strings stand in attribute selectors and arguments only.
                if closing.is_empty() || !skip_string(&mut characters, c) {
                    return false;
                }
            }
            '(' => closing.push(')'),
            '[' => closing.push(']'),
            ')' | ']' => {
                if closing.pop() != Some(c) {
                    return false;
                }
                entry.say();
            }
            _ if !closing.is_empty() => {
                if "{};<@\n".contains(c) {
                    return false;
                }
            }
            ',' => {
                if !std::mem::take(&mut entry).is_whole() {
                    return false;
                }
            }
            '>' | '+' | '~' => {
                if !entry.combine() {
                    return false;
                }
            }
            ' ' => {
                if !entry.end_name() {
                    return false;
                }
            }
            '.' | '#' | ':' => {
                if !entry.begin_name(c) {
                    return false;
                }
            }
            '*' | '|' | '_' | '-' => entry.say(),
            _ if c.is_ascii_digit() && !entry.can_go_on_with_a_digit() => return false,
            _ if c.is_alphanumeric() || !c.is_ascii() => entry.say(),
            _ => return false,
        }
    }
    closing.is_empty() && entry.is_whole()
}

/// `\/`, or up to six digits and the space that ends them.
fn skip_escape(characters: &mut Characters<'_>) -> bool {
    let Some(first) = characters.next() else {
        return false;
    };
    if first.is_ascii_hexdigit() {
        for _ in 0..5 {
            if characters.next_if(char::is_ascii_hexdigit).is_none() {
                break;
            }
        }
        characters.next_if_eq(&' ');
    }
    true
}

fn skip_string(characters: &mut Characters<'_>, quote: char) -> bool {
    while let Some(c) = characters.next() {
        match c {
            '\\' => drop(characters.next()),
            _ if c == quote => return true,
            _ => {}
        }
    }
    false
}

/// What has been read of one selector.
#[derive(Default)]
struct Entry {
    /// Something that matches an element has been said since the last combinator.
    is_said: bool,
    /// The last character belongs to a name.
    in_name: bool,
    /// `.`, `#` or `:` stands there, and its name is still to come.
    awaits_name: bool,
}

impl Entry {
    fn say(&mut self) {
        self.is_said = true;
        self.in_name = true;
        self.awaits_name = false;
    }

    /// Only `:` may stand twice.
    fn begin_name(&mut self, with: char) -> bool {
        let fits = !self.awaits_name || with == ':';
        self.in_name = false;
        self.awaits_name = true;
        fits
    }

    fn end_name(&mut self) -> bool {
        self.in_name = false;
        !self.awaits_name
    }

    fn can_go_on_with_a_digit(&self) -> bool {
        self.in_name
    }

    fn combine(&mut self) -> bool {
        let fits = self.is_whole();
        *self = Self::default();
        fits
    }

    fn is_whole(&self) -> bool {
        self.is_said && !self.awaits_name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_told_from_slips() {
        for selector in [
            "a",
            "#offer",
            ".price",
            "main .price > a:first-child, footer",
            "a[href^=\"/go?x={1}\"]",
            "a[data-open]",
            ":is(h1, h2):not(.x)",
            "li:nth-child(2n + 1)",
            "*",
            ".größe",
            "#\\31 23",
            ".w-1\\/2",
            "a::after",
            "h1 + p ~ p",
            "#x1",
        ] {
            assert!(is_selector(selector), "{selector}");
        }
        for slip in [
            "",
            " ",
            "#",
            ".",
            "#1a",
            "a,",
            ", a",
            "> a",
            "a >",
            "a > > b",
            "a[href",
            "a)",
            "(a",
            "a[href=\"x]",
            "<div>",
            "a { color: red }",
            "a; b",
            "a!",
            "$(\"#x\")",
            "\"a\"",
            "a\\",
            ". a",
            "a, , b",
            "https://example.com/",
        ] {
            assert!(!is_selector(slip), "{slip}");
        }
    }
}
