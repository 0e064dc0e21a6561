//! What a user agent is: browser, system, kind of device, bot or not. Remembers what it has looked at, up to a bound.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};

use isbot::Bots;
use woothee::parser::Parser;

use super::Visit;

/// A browser on a system, as the statistics name it. Empty where unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub browser: Box<str>,
    /// The first number of its version.
    pub version: Box<str>,
    pub system: Box<str>,
    pub device: Device,
    pub bot: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Desktop,
    Phone,
    Tablet,
    Other,
}

impl Device {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Phone => "phone",
            Self::Tablet => "tablet",
            Self::Other => "other",
        }
    }
}

impl std::str::FromStr for Device {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Desktop, Self::Phone, Self::Tablet, Self::Other]
            .into_iter()
            .find(|device| device.as_str() == text)
            .ok_or(())
    }
}

/// Knows agents by their user agent and client hints.
pub struct Agents {
    bots: Bots,
    parser: Parser,
    hasher: RandomState,
    /// By a keyed hash of the fields: an attacker can't aim at a collision, and no user agent is kept.
    known: Mutex<Generations>,
}

/// Two generations: when the younger is full it becomes the older, and the older is forgotten.
#[derive(Default)]
struct Generations {
    young: HashMap<u64, Arc<Agent>>,
    old: HashMap<u64, Arc<Agent>>,
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            bots: Bots::default(),
            parser: Parser::new(),
            hasher: RandomState::new(),
            known: Mutex::default(),
        }
    }
}

impl Agents {
    const GENERATION: usize = 4096;

    pub fn find(&self, visit: &Visit<'_>) -> Arc<Agent> {
        let key = self
            .hasher
            .hash_one((visit.user_agent, visit.brands, visit.platform, visit.mobile));
        if let Some(agent) = self.lock().find(key) {
            return agent;
        }
        let agent = Arc::new(self.look_at(visit));
        self.lock().insert(key, agent.clone());
        agent
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.known.lock().expect("no holder of this lock panics")
    }

    fn look_at(&self, visit: &Visit<'_>) -> Agent {
        let user_agent = visit.user_agent.trim();
        let parsed = self.parser.parse(user_agent).unwrap_or_default();
        let (browser, version) = match brand(visit.brands) {
            Some((brand, version)) => (brand, version),
            None => (browser_name(parsed.name), parsed.version),
        };
        let version = version.split('.').next().unwrap_or_default();
        let system = match visit.platform.trim().trim_matches('"') {
            "" | "Unknown" => system_name(parsed.os),
            platform => system_name(platform),
        };
        Agent {
            browser: short(browser),
            version: short(if version.bytes().all(|b| b.is_ascii_digit()) {
                version
            } else {
                ""
            }),
            system: short(system),
            device: device(user_agent, parsed.category, system, visit.mobile),
            bot: user_agent.is_empty() || parsed.category == "crawler" || self.bots.is_bot(user_agent),
        }
    }
}

impl Generations {
    fn find(&mut self, key: u64) -> Option<Arc<Agent>> {
        if let Some(agent) = self.young.get(&key) {
            return Some(agent.clone());
        }
        let agent = self.old.remove(&key)?;
        self.insert(key, agent.clone());
        Some(agent)
    }

    fn insert(&mut self, key: u64, agent: Arc<Agent>) {
        if self.young.len() >= Agents::GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, agent);
    }
}

/// Names from outside are bounded and hold nothing odd.
fn short(name: &str) -> Box<str> {
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// The telling one of `Sec-CH-UA`: `"Chromium";v="130", "Brave";v="130", "Not?A_Brand";v="99"` is Brave 130.
fn brand(field: &str) -> Option<(&str, &str)> {
    let mut chromium = None;
    for entry in field.split("\", ").flat_map(|part| part.split("\",")) {
        let mut parts = entry.trim().trim_start_matches('"').splitn(2, "\";v=\"");
        let (Some(name), Some(version)) = (parts.next(), parts.next()) else {
            continue;
        };
        let version = version.trim_end_matches('"');
        match name {
            "Chromium" => chromium = Some(("Chromium", version)),
            // GREASE: a brand that is none, so that nobody takes the list for fixed.
            name if name.contains("Not") && name.contains("Brand") => {}
            "Google Chrome" => return Some(("Chrome", version)),
            "Microsoft Edge" => return Some(("Edge", version)),
            "HeadlessChrome" => return Some(("Chrome", version)),
            name => return Some((name, version)),
        }
    }
    chromium
}

fn browser_name(name: &str) -> &str {
    match name {
        "UNKNOWN" => "",
        "SamsungBrowser" => "Samsung Internet",
        name => name,
    }
}

fn system_name(os: &str) -> &str {
    match os {
        "UNKNOWN" => "",
        "Mac OSX" | "macOS" => "macOS",
        "iPhone" | "iPad" | "iPod" | "iOS" => "iOS",
        "Chrome OS" | "Chromium OS" | "ChromeOS" => "ChromeOS",
        "Windows Phone OS" => "Windows Phone",
        os if os.starts_with("Windows") => "Windows",
        os => os,
    }
}

fn device(user_agent: &str, category: &str, system: &str, mobile: bool) -> Device {
    let says = |word: &str| user_agent.contains(word);
    if says("iPad") || says("Tablet") || system == "Android" && !says("Mobile") && !mobile {
        Device::Tablet
    } else if mobile
        || matches!(category, "smartphone" | "mobilephone")
        || matches!(system, "Android" | "iOS")
    {
        Device::Phone
    } else if category == "pc" || matches!(system, "Windows" | "macOS" | "Linux" | "ChromeOS") {
        Device::Desktop
    } else {
        Device::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit<'a>(user_agent: &'a str, brands: &'a str, platform: &'a str, mobile: bool) -> Visit<'a> {
        Visit {
            network: "192.0.2.1".parse().unwrap(),
            user_agent,
            brands,
            platform,
            mobile,
            accept_language: None,
            gpc: false,
            dnt: false,
            prefetch: false,
        }
    }

    fn told(agents: &Agents, user_agent: &str) -> String {
        let agent = agents.find(&visit(user_agent, "", "", false));
        let bot = if agent.bot { " bot" } else { "" };
        format!(
            "{} {} {} {}{bot}",
            agent.browser,
            agent.version,
            agent.system,
            agent.device.as_str()
        )
    }

    #[test]
    fn agents_are_told_apart() {
        let agents = Agents::default();
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
                "Chrome 130 Windows desktop",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0",
                "Edge 130 Windows desktop",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
                "Firefox 132 Linux desktop",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari 17 iOS phone",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari 17 iOS tablet",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
                "Safari 17 macOS desktop",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36",
                "Chrome 130 Android phone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
                "Chrome 130 Android tablet",
            ),
        ] {
            assert_eq!(told(&agents, user_agent), expected);
        }
    }

    #[test]
    fn bots_are_known() {
        let agents = Agents::default();
        for user_agent in [
            "",
            "curl/8.5.0",
            "python-requests/2.32",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/130.0.0.0 Safari/537.36",
        ] {
            assert!(agents.find(&visit(user_agent, "", "", false)).bot, "{user_agent}");
        }
    }

    #[test]
    fn client_hints_know_better() {
        let agents = Agents::default();
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";
        let brands = r#""Chromium";v="130", "Brave";v="130", "Not?A_Brand";v="99""#;
        let agent = agents.find(&visit(chrome, brands, "\"Chrome OS\"", false));
        assert_eq!(
            (&*agent.browser, &*agent.version, &*agent.system),
            ("Brave", "130", "ChromeOS")
        );
        let only = r#""Not?A_Brand";v="99","Chromium";v="131""#;
        assert_eq!(&*agents.find(&visit(chrome, only, "", false)).browser, "Chromium");
        assert_eq!(
            &*agents.find(&visit(chrome, "garbage\";;", "", false)).browser,
            "Chrome"
        );
    }

    #[test]
    fn memory_is_bounded() {
        let agents = Agents::default();
        for n in 0..3 * Agents::GENERATION {
            agents
                .lock()
                .insert(n as u64, Arc::new(agents.look_at(&visit("", "", "", false))));
        }
        let known = agents.lock();
        assert!(known.young.len() + known.old.len() <= 2 * Agents::GENERATION);
    }
}
