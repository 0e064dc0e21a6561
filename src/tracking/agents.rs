//! What a user agent is: browser, system, kind of device, bot or not. Remembers what it has looked at, up to a bound.
//!
//! Client hints say it first, where a browser sends them. Then `woothee`, whose rules name families and take versions from
//! the text, so that next year's version needs no new data; before it stand those that it does not know: browsers inside
//! apps, and what calls itself by a token of its own. Bots are known by `isbot`'s list, and by what no browser does.

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
        let key = self.hasher.hash_one((
            visit.user_agent,
            visit.brands,
            visit.platform,
            visit.platform_version,
            visit.mobile,
        ));
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
        let (browser, version) = app(user_agent)
            .or_else(|| brand(visit.brands))
            .or_else(|| by_token(user_agent))
            .unwrap_or_else(|| (browser_name(parsed.name), parsed.version));
        let version = version.split('.').next().unwrap_or_default();
        let system = match visit.platform.trim().trim_matches('"') {
            "" | "Unknown" => system_of(user_agent, parsed.os),
            "Windows" => windows(visit.platform_version),
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
            bot: parsed.category == "crawler" || is_no_browser(user_agent) || self.bots.is_bot(user_agent),
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

/// What no browser of a person's does: say nothing, begin otherwise than browsers have for 25 years, be "compatible" (Internet
/// Explorer was, and its followers), leave an address to ask at, or be one of those that look like browsers all the same:
/// fetchers of previews, checkers of pages, browsers without a screen.
fn is_no_browser(user_agent: &str) -> bool {
    const LIKE_BROWSERS: [&str; 14] = [
        "headless",
        "jsdom",
        "phantomjs",
        "gtmetrix",
        "ptst/",
        "lighthouse",
        "cypress/",
        "playwright",
        "puppeteer",
        "selenium",
        "preview",
        "link expand",
        "unfurl",
        "prerender",
    ];
    let begins_as_one = user_agent.starts_with("Mozilla/") || user_agent.starts_with("Opera/");
    let compatible = user_agent.contains("compatible;") && !user_agent.contains("MSIE");
    let address = user_agent.contains("://") || user_agent.contains('@');
    let folded = user_agent.to_ascii_lowercase();
    !begins_as_one || compatible || address || LIKE_BROWSERS.iter().any(|sign| folded.contains(sign))
}

/// A browser inside an app: the app is what people would say they were in. Name, and the app's version.
fn app(user_agent: &str) -> Option<(&'static str, &str)> {
    const APPS: [(&str, &str); 13] = [
        ("Instagram ", "Instagram"),
        ("MessengerForiOS;FBAV/", "Messenger"),
        ("Orca-Android;FBAV/", "Messenger"),
        ("FBAV/", "Facebook"),
        ("Barcelona ", "Threads"),
        ("musical_ly_", "TikTok"),
        ("trill_", "TikTok"),
        ("[LinkedInApp]/", "LinkedIn"),
        ("[Pinterest/", "Pinterest"),
        ("Snapchat/", "Snapchat"),
        ("MicroMessenger/", "WeChat"),
        (" Line/", "Line"),
        ("GSA/", "Google"),
    ];
    APPS.iter()
        .find_map(|(token, name)| Some((*name, after(user_agent, token)?)))
}

/// Browsers that are told by a token of their own, where there are no client hints.
fn by_token(user_agent: &str) -> Option<(&'static str, &str)> {
    const TOKENS: [(&str, &str); 10] = [
        ("DuckDuckGo/", "DuckDuckGo"),
        ("Ddg/", "DuckDuckGo"),
        ("UCBrowser/", "UC Browser"),
        ("HuaweiBrowser/", "Huawei Browser"),
        ("MiuiBrowser/", "Mi Browser"),
        ("HeyTapBrowser/", "HeyTap Browser"),
        ("VivoBrowser/", "Vivo Browser"),
        ("OPT/", "Opera Touch"),
        ("Brave/", "Brave"),
        ("Ecosia", "Ecosia"),
    ];
    if let Some(found) = TOKENS
        .iter()
        .find_map(|(token, name)| Some((*name, after(user_agent, token)?)))
    {
        return Some(found);
    }
    // A web view of Android tells Chrome's version; `Version/4.0` has meant nothing since 2014.
    user_agent
        .contains("; wv)")
        .then(|| after(user_agent, "Chrome/"))?
        .map(|version| ("Android WebView", version))
}

/// What stands behind a token: the digits of a version, or nothing.
fn after<'a>(text: &'a str, token: &str) -> Option<&'a str> {
    let rest = &text[text.find(token)? + token.len()..];
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some(&rest[..end])
}

/// `Sec-CH-UA-Platform-Version`, which only a browser that was asked for it sends: from 13 on it is Windows 11, and the user
/// agent never tells.
fn windows(version: &str) -> &'static str {
    let major = version
        .trim()
        .trim_matches('"')
        .split('.')
        .next()
        .unwrap_or_default();
    match major.parse::<u32>() {
        Ok(13..) => "Windows 11",
        Ok(1..=12) => "Windows 10",
        _ => "Windows",
    }
}

/// Systems that woothee takes for another, or for none.
fn system_of<'a>(user_agent: &str, os: &'a str) -> &'a str {
    const SYSTEMS: [(&str, &str); 6] = [
        ("HarmonyOS", "HarmonyOS"),
        ("OpenHarmony", "HarmonyOS"),
        ("Tizen", "Tizen"),
        ("Web0S", "webOS"),
        ("KAIOS", "KaiOS"),
        ("PlayStation", "PlayStation"),
    ];
    SYSTEMS
        .iter()
        .find(|(token, _)| user_agent.contains(token))
        .map_or_else(|| system_name(os), |(_, name)| name)
}

/// Names from outside are bounded and hold nothing odd.
fn short(name: &str) -> Box<str> {
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// The telling one of `Sec-CH-UA`: `"Chromium";v="130", "Brave";v="130", "Not?A_Brand";v="99"` is Brave 130.
fn brand(field: &str) -> Option<(&str, &str)> {
    let (mut chromium, mut named) = (None, None);
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
            "Opera GX" | "Opera Mini" | "Opera Air" => return Some(("Opera", version)),
            "YaBrowser" | "Yandex" => named = Some(("Yandex Browser", version)),
            "HeadlessChrome" => return Some(("Chrome", version)),
            // Yandex names its browser twice, with the engine's version and with its own.
            name => named = named.or(Some((name, version))),
        }
    }
    named.or(chromium)
}

fn browser_name(name: &str) -> &str {
    match name {
        "UNKNOWN" => "",
        "SamsungBrowser" => "Samsung Internet",
        "Webview" => "WebView",
        "Google Search App" => "Google",
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
    if says("SMART-TV")
        || says("SmartTV")
        || says("Web0S")
        || says("PlayStation")
        || says("Nintendo")
        || says("Xbox")
    {
        Device::Other
    } else if says("iPad") || says("Tablet") || system == "Android" && !says("Mobile") && !mobile {
        Device::Tablet
    } else if mobile
        || matches!(category, "smartphone" | "mobilephone")
        || matches!(system, "Android" | "iOS")
    {
        Device::Phone
    } else if category == "pc"
        || matches!(
            system,
            "Windows" | "Windows 10" | "Windows 11" | "macOS" | "Linux" | "ChromeOS"
        )
    {
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
            address: "192.0.2.1".parse().unwrap(),
            network: "192.0.2.1".parse().unwrap(),
            user_agent,
            brands,
            platform,
            platform_version: "",
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
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome 142 Windows desktop",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Edge 142 Windows desktop",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 OPR/125.0.0.0",
                "Opera 125 Windows desktop",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Vivaldi/7.5",
                "Vivaldi 7 Windows desktop",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 YaBrowser/25.8.0.0 Safari/537.36",
                "Yandex Browser 25 Windows desktop",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome 142 ChromeOS desktop",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
                "Firefox 145 Linux desktop",
            ),
            (
                "Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0",
                "Firefox 145 Android phone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
                "Safari 26 macOS desktop",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
                "Safari 26 iOS phone",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
                "Safari 26 iOS tablet",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.7444.46 Mobile/15E148 Safari/604.1",
                "Chrome 142 iOS phone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/145.0 Mobile/15E148 Safari/605.1.15",
                "Firefox 145 iOS phone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) EdgiOS/142.0.3595.46 Version/18.0 Mobile/15E148 Safari/604.1",
                "Edge 142 iOS phone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/393.0.829 Mobile/15E148 Safari/604.1",
                "Google 393 iOS phone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
                "Chrome 142 Android phone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome 142 Android tablet",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36",
                "Samsung Internet 29 Android phone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-T870) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Safari/537.36",
                "Samsung Internet 28 Android tablet",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15; Pixel 9 Build/AP3A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.7444.48 Mobile Safari/537.36",
                "Android WebView 142 Android phone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile DuckDuckGo/5 Safari/537.36",
                "DuckDuckGo 5 Android phone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 12; HarmonyOS; NOH-AN00) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 HuaweiBrowser/15.0 Mobile Safari/537.36",
                "Huawei Browser 15 HarmonyOS phone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G86 [FBAN/FBIOS;FBAV/530.0.0.33.108;FBBV/1;FBDV/iPhone15,3;FBMD/iPhone;FBSN/iOS;FBSV/18.6]",
                "Facebook 530 iOS phone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/141.0.0.0 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/530.0.0.48.74;IABMV/1;]",
                "Facebook 530 Android phone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/141.0.0.0 Mobile Safari/537.36 Instagram 402.0.0.52.80 Android (34/14; 480dpi; 1080x2106; samsung; SM-S918B; dm3q; qcom; de_DE; 1)",
                "Instagram 402 Android phone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 musical_ly_41.1.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/de Region/DE BytedanceWebview/d8a21c6",
                "TikTok 41 iOS phone",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [LinkedInApp]/9.31",
                "LinkedIn 9 iOS phone",
            ),
            (
                "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) 76.0.3809.146/6.0 TV Safari/537.36",
                "Safari  Tizen other",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
                "Internet Explorer 11 Windows desktop",
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
            "okhttp/4.12.0",
            "node-fetch",
            "Dalvik/2.1.0 (Linux; U; Android 9)",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36 (compatible; GoogleOther)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Claude-User/1.0; +Claude-User@anthropic.com)",
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Perplexity-User/1.0; +https://perplexity.ai/perplexity-user)",
            "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Linux; Android 11; moto g power (2022)) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36 Chrome-Lighthouse",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 PTST/231025",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 GTmetrix",
            "Mozilla/5.0 (linux) AppleWebKit/537.36 (KHTML, like Gecko) jsdom/22.1.0",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "meta-externalfetcher/1.1",
            "WhatsApp/2.23.20.0",
            "Viber/23.0",
            "TelegramBot (like TwitterBot)",
            "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
            "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
            "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120 Safari/537.36 BingPreview/1.0b",
            "Mastodon/4.3.0 (http.rb/5.2.0; +https://mastodon.example/)",
            "Bluesky Cardyb/1.1; +mailto:support@bsky.app",
            "Iframely/1.3.1 (+https://iframely.com/docs/about)",
            "Synapse (bot; +https://github.com/matrix-org/synapse)",
            "Zoom.Us URL Preview",
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
        let yandex = r#""Chromium";v="138", "YaBrowser";v="25.8", "Not/A)Brand";v="8", "Yowser";v="2.5""#;
        let agent = agents.find(&visit(chrome, yandex, "\"Windows\"", false));
        assert_eq!((&*agent.browser, &*agent.version), ("Yandex Browser", "25"));
        let facebook = format!("{chrome} [FB_IAB/FB4A;FBAV/530.0.0.48.74;]");
        let view = r#""Android WebView";v="141", "Chromium";v="141""#;
        assert_eq!(
            &*agents.find(&visit(&facebook, view, "\"Android\"", true)).browser,
            "Facebook"
        );
        assert_eq!(
            &*agents.find(&visit(chrome, view, "\"Android\"", true)).browser,
            "Android WebView"
        );
        for (version, system) in [
            ("\"15.0.0\"", "Windows 11"),
            ("\"10.0.0\"", "Windows 10"),
            ("", "Windows"),
            ("\"x\"", "Windows"),
        ] {
            let visit = Visit {
                platform_version: version,
                ..visit(chrome, brands, "\"Windows\"", false)
            };
            let agent = agents.find(&visit);
            assert_eq!((&*agent.system, agent.device), (system, Device::Desktop));
        }
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
