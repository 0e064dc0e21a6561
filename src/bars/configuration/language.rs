//! Language tags: their shape, the best of those at hand, and which are written from right to left.

/// Has it the shape of a BCP 47 tag?
pub(super) fn is_language(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let primary = subtags.next().unwrap_or_default();
    tag.len() <= 35
        && (2..=3).contains(&primary.len())
        && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
        && subtags.all(|subtag| {
            (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric())
        })
        && tag.rsplit('-').next().is_some_and(|last| last.len() > 1)
}

/// The best of the languages at hand for who wants `wanted`: the same, else a wider one (`de` for `de-AT`),
/// else another of the same tongue (`de-CH` for `de-AT`). The script chooses in the same way.
pub(super) fn best<'a>(at_hand: impl Iterator<Item = &'a str> + Clone, wanted: &str) -> Option<&'a str> {
    let mut tag = wanted;
    loop {
        if let Some(same) = at_hand.clone().find(|hand| hand.eq_ignore_ascii_case(tag)) {
            return Some(same);
        }
        match tag.rfind('-') {
            Some(at) => tag = &tag[..at],
            None => break,
        }
    }
    at_hand
        .clone()
        .find(|hand| primary(hand).eq_ignore_ascii_case(tag))
}

/// The language without region and script.
pub(super) fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

/// Is it written from right to left?
pub(super) fn is_right_to_left(tag: &str) -> bool {
    const LANGUAGES: [&str; 9] = ["ar", "ckb", "dv", "fa", "he", "ps", "sd", "ur", "yi"];
    const SCRIPTS: [&str; 5] = ["Arab", "Hebr", "Syrc", "Thaa", "Nkoo"];
    let script = tag
        .split('-')
        .skip(1)
        .find(|subtag| subtag.len() == 4 && subtag.bytes().all(|byte| byte.is_ascii_alphabetic()));
    match script {
        Some(script) => SCRIPTS.iter().any(|rtl| rtl.eq_ignore_ascii_case(script)),
        None => LANGUAGES.iter().any(|rtl| rtl.eq_ignore_ascii_case(primary(tag))),
    }
}
