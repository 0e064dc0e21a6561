//! Colours as `#rrggbb`, and how well one reads upon another.

/// Is it a colour as `#rrggbb`?
pub(super) fn is_colour(text: &str) -> bool {
    channels(text).is_some()
}

/// The contrast of two colours as WCAG 2 defines it, 1 to 21; 4.5 is enough for text. `None` if either is
/// not a colour.
pub fn contrast(one: &str, other: &str) -> Option<f64> {
    let (one, other) = (luminance(one)?, luminance(other)?);
    Some((one.max(other) + 0.05) / (one.min(other) + 0.05))
}

fn luminance(text: &str) -> Option<f64> {
    let [red, green, blue] = channels(text)?.map(|channel| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.040_45 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    });
    Some(0.2126 * red + 0.7152 * green + 0.0722 * blue)
}

fn channels(text: &str) -> Option<[u8; 3]> {
    let digits = text.strip_prefix('#')?;
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = u32::from_str_radix(digits, 16).ok()?;
    let [_, red, green, blue] = number.to_be_bytes();
    Some([red, green, blue])
}
