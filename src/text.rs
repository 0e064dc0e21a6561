//! Free text that people give: what may stand in it, wherever it is kept.
//!
//! One place for all features, so that both databases and every page can take what was let in, and so that no card
//! number is ever kept (promise 11). Pure; knows nothing of fields, members or contacts.

/// Why a text can't be taken. Reads on after a field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("must not be empty")]
    Empty,
    #[error("is longer than {max_chars} characters")]
    TooLong { max_chars: usize },
    #[error("must not contain control characters")]
    ControlCharacter,
    #[error("must be on one line")]
    LineBreak,
    #[error("looks like a card number, which we don't take")]
    CardNumber,
}

/// A text on one line: trimmed, not empty, at most `max_chars`.
pub fn line(text: &str, max_chars: usize) -> Result<String, Refused> {
    let text = text.trim();
    if text.contains(['\n', '\r', '\u{2028}', '\u{2029}']) {
        return Err(Refused::LineBreak);
    }
    checked(text, max_chars)
}

/// A text that may have several lines: trimmed, not empty, line breaks as `\n`, at most `max_chars`.
pub fn prose(text: &str, max_chars: usize) -> Result<String, Refused> {
    checked(text.replace("\r\n", "\n").trim(), max_chars)
}

fn checked(text: &str, max_chars: usize) -> Result<String, Refused> {
    if text.is_empty() {
        return Err(Refused::Empty);
    }
    if text.chars().count() > max_chars {
        return Err(Refused::TooLong { max_chars });
    }
    if text.chars().any(is_refused_control) {
        return Err(Refused::ControlCharacter);
    }
    if holds_card_number(text) {
        return Err(Refused::CardNumber);
    }
    Ok(text.to_owned())
}

/// Control characters, among them NUL (which PostgreSQL can't store), and what turns the direction of the text around it.
fn is_refused_control(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFFE}' | '\u{FFFF}')
}

/// Whether a card number stands anywhere in a text: 13 to 19 digits, in groups parted by a single blank, dot,
/// hyphen or slash, that open as cards do and have the right check digit. A phone number in international form is none.
pub fn holds_card_number(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        if digit(chars[at]).is_none() {
            at += 1;
            continue;
        }
        let (groups, end) = digit_groups(&chars, at);
        let digits: usize = groups.iter().map(Vec::len).sum();
        let international = at > 0 && chars[at - 1] == '+' && digits <= MAX_PHONE_DIGITS;
        if !international && any_card(&groups) {
            return true;
        }
        at = end;
    }
    false
}

/// The longest number of ITU-T E.164.
const MAX_PHONE_DIGITS: usize = 15;

/// The groups of digits from `start` on, parted by one separator, and where they end.
fn digit_groups(chars: &[char], start: usize) -> (Vec<Vec<u8>>, usize) {
    let mut groups = vec![Vec::new()];
    let mut at = start;
    while let Some(&c) = chars.get(at) {
        if let Some(digit) = digit(c) {
            groups.last_mut().expect("there is a first group").push(digit);
        } else if is_separator(c) && chars.get(at + 1).is_some_and(|next| digit(*next).is_some()) {
            groups.push(Vec::new());
        } else {
            break;
        }
        at += 1;
    }
    (groups, at)
}

/// A digit, also as East Asian keyboards write it.
fn digit(c: char) -> Option<u8> {
    let value = match c {
        '0'..='9' => c as u32 - '0' as u32,
        '\u{FF10}'..='\u{FF19}' => c as u32 - 0xFF10,
        _ => return None,
    };
    u8::try_from(value).ok()
}

fn is_separator(c: char) -> bool {
    matches!(
        c,
        ' ' | '-' | '.' | '_' | '/' | '\u{A0}' | '\u{2009}' | '\u{202F}' | '\u{2010}'..='\u{2014}'
    )
}

/// Whether some groups in a row make a card number: what else stands before or after it hides nothing.
fn any_card(groups: &[Vec<u8>]) -> bool {
    (0..groups.len()).any(|first| {
        let mut number = Vec::new();
        groups[first..]
            .iter()
            .take_while(|group| {
                number.extend_from_slice(group);
                number.len() <= 19 && !is_card(&number)
            })
            .count();
        is_card(&number)
    })
}

fn is_card(digits: &[u8]) -> bool {
    (13..=19).contains(&digits.len()) && opens_like_a_card(digits) && has_check_digit(digits)
}

/// The issuers' ranges: Visa, Mastercard, American Express, Diners, Discover, JCB, Maestro, UnionPay, Mir.
fn opens_like_a_card(digits: &[u8]) -> bool {
    let four = digits[..4]
        .iter()
        .fold(0u32, |sum, digit| sum * 10 + u32::from(*digit));
    matches!(four, 2200..=2204 | 2221..=2720 | 3000..=3059 | 3095 | 3400..=3499 | 3528..=3999 | 4000..=6999)
}

/// Luhn's.
fn has_check_digit(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_found_however_it_is_written() {
        for text in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4111.1111.1111.1111",
            "my card is 5555 5555 5555 4444, thanks",
            "378282246310005",
            "3782 822463 10005",
            "card:4111111111111111/123",
            "4111 1111 1111 1111 12 26",
            "12 4111 1111 1111 1111",
            "6011 1111 1111 1117",
            "30569309025904",
            "+4111111111111111",
            "\u{FF14}111111111111111",
            "äöü 4242\u{A0}4242\u{A0}4242\u{A0}4242 …",
        ] {
            assert!(holds_card_number(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_none() {
        for text in [
            "",
            "4111111111111112",
            "+49 30 901820",
            "+43 1 58858 0 and +44 20 7946 0958",
            "0171 1234567",
            "DE89 3704 0044 0532 0130 00",
            "2026-11-22 10:30:00",
            "192.168.100.200",
            "order 1234567890123",
            "11111111111111111111111111111111",
        ] {
            assert!(!holds_card_number(text), "{text}");
        }
    }

    #[test]
    fn text_is_trimmed_and_checked() {
        assert_eq!(line("  Ann O'Neil ", 20), Ok("Ann O'Neil".to_owned()));
        assert_eq!(line(" \t ", 20), Err(Refused::Empty));
        assert_eq!(line("ööö", 3), Ok("ööö".to_owned()));
        assert_eq!(line("four", 3), Err(Refused::TooLong { max_chars: 3 }));
        assert_eq!(line("a\nb", 20), Err(Refused::LineBreak));
        assert_eq!(line("a\0b", 20), Err(Refused::ControlCharacter));
        assert_eq!(line("a\u{202E}b", 20), Err(Refused::ControlCharacter));
        assert_eq!(line("4111 1111 1111 1111", 40), Err(Refused::CardNumber));
        assert_eq!(prose(" a\r\n\nb ", 20), Ok("a\n\nb".to_owned()));
        assert_eq!(prose("a\u{7}b", 20), Err(Refused::ControlCharacter));
    }
}
