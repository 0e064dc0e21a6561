//! The session cookie: host-only, out of reach of scripts, not sent with what other sites make a browser post.

use poem::http::{HeaderMap, header};

use crate::accounts::rules::SESSION_ABSOLUTE;
use crate::secrets::Token;

pub const SECURE_NAME: &str = "__Host-session";
/// On `http://localhost`, where browsers refuse the prefix.
pub const PLAIN_NAME: &str = "session";

const fn name(secure: bool) -> &'static str {
    if secure { SECURE_NAME } else { PLAIN_NAME }
}

fn with_attributes(secure: bool, value: &str, max_age_secs: u64) -> String {
    let flag = if secure { "; Secure" } else { "" };
    format!(
        "{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_secs}{flag}",
        name(secure)
    )
}

/// `Set-Cookie` for a session that begins.
pub fn set(secure: bool, token: &Token) -> String {
    with_attributes(secure, token.reveal(), SESSION_ABSOLUTE.as_secs())
}

/// `Set-Cookie` for a session that is over.
pub fn remove(secure: bool) -> String {
    with_attributes(secure, "", 0)
}

/// The session's token, if a request brings one.
pub fn read(headers: &HeaderMap, secure: bool) -> Option<String> {
    let pairs = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|pairs| pairs.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, value)| *found == name(secure) && !value.is_empty())
        .map(|(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Random;

    #[test]
    fn the_cookie_is_bound_to_the_host_and_hidden_from_scripts() {
        let cookie = set(true, &Token::new("cbs_", &Random::seeded(1)));
        assert!(cookie.starts_with("__Host-session=cbs_"), "{cookie}");
        assert!(
            cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000; Secure"),
            "{cookie}"
        );
        assert_eq!(
            remove(false),
            "session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
        );
    }

    #[test]
    fn only_the_cookie_of_this_name_is_read() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "session=plain; a=b".parse().unwrap());
        headers.append(header::COOKIE, "__Host-session=cbs_x".parse().unwrap());
        assert_eq!(read(&headers, true).as_deref(), Some("cbs_x"));
        assert_eq!(read(&headers, false).as_deref(), Some("plain"));
        assert_eq!(read(&HeaderMap::new(), true), None);
    }
}
