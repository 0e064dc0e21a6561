//! Every setting: its name, its default, its meaning. Read once, from the command line and an environment that is
//! handed in; whatever is unknown or contradicts itself stops the start with a message that says what to do.
//!
//! Each setting is a flag (`--public-url`) and an environment variable (`CONTACTBAR_PUBLIC_URL`); the flag wins. A variable
//! with `_FILE` at its end names a file that holds the value, as containers and systemd hand out secrets.

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, CommandFactory, FromArgMatches, ValueEnum};
use ipnet::IpNet;
use url::Url;

use crate::db::DatabaseUrl;
use crate::jobs::Pace;
use crate::mail::{EmailAddress, Sender, Stamp, dkim};

/// What every environment variable of ours begins with.
pub const PREFIX: &str = "CONTACTBAR_";

/// All settings, valid.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub struct Config {
    /// Where files are kept: the SQLite database and, without an SMTP server, mails.
    #[arg(long, global = true, value_name = "FOLDER", default_value = "./data")]
    pub data_dir: PathBuf,

    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        default_value = "sqlite:./data/contactbar.db",
        hide_default_value = true
    )]
    database_url: Secret<DatabaseUrl>,

    /// Connections to the database: for reading (SQLite, which has one more for writing), or for all (PostgreSQL).
    #[arg(long, global = true, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u32).range(1..=500))]
    pub database_pool_size: u32,

    /// How long a request waits for a database connection before it is told to come back later.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "5", value_parser = seconds(1, 60))]
    pub database_wait: Duration,

    /// Whether statements stay prepared on their connections to PostgreSQL. Off behind a pooler that hands connections from
    /// transaction to transaction and keeps no prepared statements (PgBouncer before 1.21).
    #[arg(long, global = true, value_name = "on|off", default_value = "on")]
    pub prepared_statements: Switch,

    /// Whether `serve` runs the migrations that are missing (once among many starters), or refuses to start without them.
    #[arg(long, global = true, value_name = "auto|off", default_value = "auto")]
    pub migrate: Migrate,

    /// Where the service listens.
    #[arg(
        long,
        global = true,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,

    /// The address of the dashboard and the API, as browsers know it; links in mails are built from it.
    #[arg(long, global = true, value_name = "URL", default_value = "http://localhost:8080", value_parser = base_url)]
    pub public_url: Url,

    /// The address of scripts and beacons, if it is another one [default: the public URL].
    #[arg(long, global = true, value_name = "URL", value_parser = base_url)]
    embed_url: Option<Url>,

    /// Where Prometheus reads /metrics; never on the public port [default: nowhere].
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub metrics_addr: Option<SocketAddr>,

    /// Networks of the proxies before the service, separated by commas: theirs is the only word taken for a client's
    /// address. For example `10.0.0.0/8,::1/128` [default: none].
    #[arg(long, global = true, value_name = "NETWORKS", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,

    /// The header in which those proxies name the client. The other one is not read: a client could write it.
    #[arg(
        long,
        global = true,
        value_name = "x-forwarded-for|forwarded",
        default_value = "x-forwarded-for"
    )]
    pub proxy_header: ProxyHeader,

    /// Connections that may be open at a time; more wait.
    #[arg(long, global = true, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,

    /// How long open requests may take to end once the service is told to stop.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "25", value_parser = seconds(0, 600))]
    pub drain: Duration,

    /// Limits on requests by address, account and bar. Off only for measuring and testing.
    #[arg(long, global = true, value_name = "on|off", default_value = "on")]
    pub rate_limits: Switch,

    /// Requests a minute to the API from one address.
    #[arg(long, global = true, value_name = "N", default_value = "600", value_parser = clap::value_parser!(u32).range(1..))]
    pub api_requests_per_minute: u32,

    /// Beacons and form posts a minute from one address (behind which many visitors may be).
    #[arg(long, global = true, value_name = "N", default_value = "1200", value_parser = clap::value_parser!(u32).range(1..))]
    pub embed_requests_per_minute: u32,

    /// Requests with events that may wait to be written; more are told to come back later.
    #[arg(long, global = true, value_name = "N", default_value = "8192", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub ingest_queue_size: u32,

    /// Days for which single events are kept; their sums are kept for ever.
    #[arg(long, global = true, value_name = "N", default_value = "90", value_parser = clap::value_parser!(u32).range(1..=3660))]
    pub events_kept_days: u32,

    /// A file of networks (a CIDR a line, `#` begins a comment) in which data centres stand: what comes from there is not
    /// counted. Read at the start [default: none].
    #[arg(long, global = true, value_name = "FILE")]
    pub datacenter_ranges: Option<PathBuf>,

    /// A database of countries by address, in MaxMind's format (`.mmdb`): visits are then told apart by country. Kept in
    /// memory; a new file in its place is read within a minute [default: none].
    #[arg(long, global = true, value_name = "FILE")]
    pub country_database: Option<PathBuf>,

    /// Jobs (mails, webhooks) that run at a time.
    #[arg(long, global = true, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub jobs_at_a_time: u32,

    /// Passwords that are checked at a time: each takes 19 MiB and a core for a moment.
    #[arg(long, global = true, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub logins_at_a_time: u32,

    /// The mail server: `smtp://HOST:PORT`, `smtp+starttls://USER:PASSWORD@HOST` or `smtps://USER:PASSWORD@HOST`
    /// [default: mails become files in the data folder's `mail`].
    #[arg(long, global = true, value_name = "URL", value_parser = smtp_url)]
    smtp_url: Option<Secret<Url>>,

    /// Who mails come from.
    #[arg(
        long,
        global = true,
        value_name = "ADDRESS",
        default_value = "Contactbar <contactbar@localhost.invalid>"
    )]
    pub mail_from: Sender,

    /// The private keys by which mails are signed (DKIM), in PEM: RSA of 2048 bits or more, Ed25519, or one of each, one behind the
    /// other. `contactbar mail dns` prints what to publish [default: mails are not signed].
    #[arg(long, global = true, value_name = "PEM", value_parser = dkim_keys)]
    dkim_key: Option<Secret<dkim::Keys>>,

    /// The name of each of these keys, in their order, separated by commas.
    #[arg(
        long,
        global = true,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "contactbar"
    )]
    dkim_selector: Vec<String>,

    /// The domain that signs [default: that of --mail-from].
    #[arg(long, global = true, value_name = "DOMAIN")]
    dkim_domain: Option<String>,

    /// Where mails come back to that can't be delivered. Each gets an address of its own below it: of `bounces@mail.example`
    /// `bounces+msg_…@mail.example` [default: the address of --mail-from].
    #[arg(long, global = true, value_name = "ADDRESS")]
    mail_bounces_to: Option<EmailAddress>,

    /// A Maildir in which bounces and complaints arrive. It is read each minute; what was read goes from its `new` to its `cur`
    /// [default: none; `contactbar mail intake` reads single mails].
    #[arg(long, global = true, value_name = "FOLDER")]
    pub mail_reports: Option<PathBuf>,

    /// The secret, of 32 characters or more, with which a delivery service reports bounces and complaints to `/mail/feedback`
    /// [default: there is no such route].
    #[arg(long, global = true, value_name = "SECRET", value_parser = feedback_secret)]
    mail_feedback_secret: Option<Secret<String>>,

    /// Mails under way to one domain at a time, over all processes.
    #[arg(long, global = true, value_name = "N", default_value = "4", value_parser = clap::value_parser!(u32).range(1..=1000))]
    mail_domain_at_a_time: u32,

    /// Mails to one domain in a minute, over all processes.
    #[arg(long, global = true, value_name = "N", default_value = "600", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    mail_domain_per_minute: u32,

    /// The address of who runs the service: it is told what needs a person, such as mails about policies that could not be
    /// sent [default: nobody; the log says it].
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub operator_address: Option<EmailAddress>,

    /// Whether webhooks may go to private addresses and over plain http, and install checks look at pages there: for
    /// those who run the service for themselves.
    /// Off keeps members from reaching into the network that the service stands in.
    #[arg(long, global = true, value_name = "on|off", default_value = "off")]
    pub webhooks_allow_private: Switch,

    /// Stripe's secret or restricted key (`sk_…`, `rk_…`). Without it nothing is sold: everybody has everything, on the plan
    /// `self_hosted`.
    #[arg(long, global = true, value_name = "KEY", value_parser = stripe_key)]
    stripe_key: Option<Secret<String>>,

    /// What Stripe signs webhooks with (`whsec_…`); several, separated by commas, while one takes another's place.
    /// `contactbar billing sync` makes the endpoint and shows it.
    #[arg(long, global = true, value_name = "SECRETS", value_parser = webhook_secrets)]
    stripe_webhook_secret: Option<Secret<String>>,

    /// Where Stripe is asked: another place is for tests alone.
    #[arg(long, global = true, value_name = "URL", default_value = "https://api.stripe.com", value_parser = base_url)]
    pub stripe_url: Url,

    /// Whether Stripe works out taxes, as set up in its dashboard (Stripe Tax).
    #[arg(long, global = true, value_name = "on|off", default_value = "on")]
    pub stripe_tax: Switch,

    /// How log lines are written.
    #[arg(long, global = true, value_name = "text|json", default_value = "text")]
    pub log_format: LogFormat,

    /// What is logged: a level, or levels by module as `tracing` writes them, such as `info,contactbar::mail=debug`.
    #[arg(long, global = true, value_name = "FILTER", default_value = "info")]
    pub log: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Migrate {
    Auto,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProxyHeader {
    XForwardedFor,
    /// RFC 7239
    Forwarded,
}

/// A setting that may hold a password: it never shows itself.
#[derive(Clone)]
struct Secret<T>(T);

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

impl<T: std::str::FromStr> std::str::FromStr for Secret<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        text.parse().map(Self)
    }
}

/// A command with the settings of the whole service.
#[derive(Debug, clap::Parser)]
#[command(
    version,
    about = "Embeddable contact bars: exact counts, a small script, promises kept by construction."
)]
#[command(
    after_help = "Each setting can also come from the environment: --public-url from CONTACTBAR_PUBLIC_URL, and so on; or from a file \
                  that CONTACTBAR_PUBLIC_URL_FILE names: for what holds a password, such as the database's URL."
)]
struct CommandLine<C: clap::Subcommand> {
    #[command(subcommand)]
    command: C,
    #[command(flatten)]
    config: Config,
}

impl Config {
    /// Reads a command and the settings. `Err` is ready to be shown (and is also how `--help` ends).
    pub fn load<C: clap::Subcommand>(
        args: impl IntoIterator<Item = std::ffi::OsString>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(C, Self), clap::Error> {
        let env: BTreeMap<_, _> = env
            .into_iter()
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        let mut command = CommandLine::<C>::command();
        let env = read_files(&mut command, env)?;
        check_names(&mut command, &env)?;
        // A variable takes the place of the default, so that a flag still wins and both are parsed alike.
        command = command.mut_args(
            |arg| match arg.get_long().and_then(|long| env.get(&variable(long))) {
                Some(value) => arg
                    .default_value(clap::builder::OsStr::from(value.clone()))
                    .hide_default_value(true),
                None => arg,
            },
        );
        let matches = command.try_get_matches_from_mut(args)?;
        let CommandLine {
            command: chosen,
            mut config,
        } = CommandLine::<C>::from_arg_matches(&matches)?;
        if matches.value_source("database_url") == Some(clap::parser::ValueSource::DefaultValue)
            && !env.contains_key("CONTACTBAR_DATABASE_URL")
        {
            config.database_url = Secret(DatabaseUrl::Sqlite(config.data_dir.join("contactbar.db")));
        }
        config.check().map_err(|message| refusal(&mut command, message))?;
        Ok((chosen, config))
    }

    /// What no single setting can know.
    fn check(&self) -> Result<(), String> {
        if self.embed_url().scheme() == "http" && self.public_url.scheme() == "https" {
            return Err(
                "--embed-url is http while --public-url is https: pages on https could not load the bar"
                    .into(),
            );
        }
        if self.metrics_addr == Some(self.listen) {
            return Err("--metrics-addr and --listen are the same: metrics are not for the public".into());
        }
        if self.rate_limits == Switch::Off && self.public_url.scheme() == "https" {
            return Err(
                "--rate-limits off is for measuring and testing, not for a public https address".into(),
            );
        }
        if self.stripe_webhook_secret.is_some() && self.stripe_key.is_none() {
            return Err("--stripe-webhook-secret is of no use without --stripe-key".into());
        }
        if self.smtp_url.is_some() && self.mail_from.address.domain() == "localhost.invalid" {
            let local = self
                .public_url
                .host_str()
                .is_some_and(|host| host == "localhost" || host == "127.0.0.1");
            if !local {
                return Err("--smtp-url sends real mails: say with --mail-from who they come from".into());
            }
        }
        if let Err(error) = self.stamp() {
            return Err(format!("--dkim-key, --dkim-selector, --dkim-domain: {error}"));
        }
        if self.dkim_key.is_none() && self.dkim_domain.is_some() {
            return Err("--dkim-domain signs nothing without --dkim-key".into());
        }
        Ok(())
    }

    /// What every mail gets on its way out.
    pub fn stamp(&self) -> Result<Stamp, dkim::BadKey> {
        let from = self.mail_from.address.domain();
        let domain = self.dkim_domain.as_deref().unwrap_or(from);
        let signer = self
            .dkim_key
            .as_ref()
            .map(|keys| dkim::Signer::new(keys.0.clone(), &self.dkim_selector, domain, from));
        Ok(Stamp {
            signer: signer.transpose()?,
            bounces: self.mail_bounces_to.clone(),
        })
    }

    /// How fast mails go to one domain.
    pub fn mail_pace(&self) -> Pace {
        Pace {
            at_a_time: self.mail_domain_at_a_time,
            per_minute: self.mail_domain_per_minute,
        }
    }

    pub fn mail_feedback_secret(&self) -> Option<&str> {
        self.mail_feedback_secret.as_ref().map(|secret| secret.0.as_str())
    }

    pub fn database_url(&self) -> &DatabaseUrl {
        &self.database_url.0
    }

    pub fn embed_url(&self) -> &Url {
        self.embed_url.as_ref().unwrap_or(&self.public_url)
    }

    /// Stripe's key; `None`: nothing is sold here.
    pub fn stripe_key(&self) -> Option<&str> {
        self.stripe_key.as_ref().map(|secret| secret.0.as_str())
    }

    /// What webhooks of Stripe are signed with.
    pub fn stripe_webhook_secrets(&self) -> Vec<String> {
        let secrets = self.stripe_webhook_secret.as_ref();
        secrets
            .map(|secrets| {
                secrets
                    .0
                    .split(',')
                    .map(|secret| secret.trim().to_owned())
                    .collect()
            })
            .unwrap_or_default()
    }

    pub fn smtp_url(&self) -> Option<&Url> {
        self.smtp_url.as_ref().map(|secret| &secret.0)
    }
}

/// `public-url` → `CONTACTBAR_PUBLIC_URL`
fn variable(long: &str) -> String {
    format!("{PREFIX}{}", long.replace('-', "_").to_uppercase())
}

/// `CONTACTBAR_DATABASE_URL_FILE=/run/secrets/x` → `CONTACTBAR_DATABASE_URL` with what the file holds.
fn read_files(
    command: &mut clap::Command,
    env: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, clap::Error> {
    let mut read = BTreeMap::new();
    for (name, value) in &env {
        let Some(setting) = name.strip_suffix("_FILE") else {
            read.insert(name.clone(), value.clone());
            continue;
        };
        if env.contains_key(setting) {
            return Err(refusal(command, format!("{setting} and {name} are both set")));
        }
        match std::fs::read_to_string(value) {
            Ok(text) => read.insert(setting.to_owned(), text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => {
                return Err(refusal(
                    command,
                    format!("{name}: {value} can't be read: {error}"),
                ));
            }
        };
    }
    Ok(read)
}

/// A misspelt variable would otherwise be a setting that silently does nothing. `CONTACTBAR_TEST_…` are the tests'.
fn check_names(command: &mut clap::Command, env: &BTreeMap<String, String>) -> Result<(), clap::Error> {
    let known: Vec<_> = command
        .get_arguments()
        .filter_map(|arg| arg.get_long())
        .map(variable)
        .collect();
    let unknown = env
        .keys()
        .find(|name| !known.contains(name) && !name.starts_with("CONTACTBAR_TEST_"));
    let Some(unknown) = unknown else { return Ok(()) };
    let nearest = known
        .iter()
        .min_by_key(|name| distance(name, unknown))
        .filter(|name| distance(name, unknown) <= 4);
    let hint = nearest.map_or_else(String::new, |name| format!("; did you mean {name}?"));
    Err(refusal(
        command,
        format!("{unknown} in the environment is no setting{hint}"),
    ))
}

fn refusal(command: &mut clap::Command, message: String) -> clap::Error {
    command.error(clap::error::ErrorKind::ValueValidation, message)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn seconds(min: u64, max: u64) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    move |text| match text.parse::<u64>() {
        Ok(secs) if (min..=max).contains(&secs) => Ok(Duration::from_secs(secs)),
        _ => Err(format!("must be whole seconds from {min} to {max}")),
    }
}

/// An address without path, query or password: routes are put behind it.
fn base_url(text: &str) -> Result<Url, String> {
    let url: Url = text
        .parse()
        .map_err(|_| "must be a URL such as https://bars.example".to_owned())?;
    let plain = matches!(url.scheme(), "http" | "https") && url.has_host();
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !plain || !bare || !url.username().is_empty() || url.password().is_some() {
        return Err("must be http:// or https://, a host, maybe a port, and no more".to_owned());
    }
    Ok(url)
}

fn smtp_url(text: &str) -> Result<Secret<Url>, String> {
    let url: Url = text
        .parse()
        .map_err(|_| "must be a URL such as smtps://USER:PASSWORD@mail.example".to_owned())?;
    if matches!(url.scheme(), "smtp" | "smtp+starttls" | "smtps") && url.has_host() {
        Ok(Secret(url))
    } else {
        Err("must be smtp://, smtp+starttls:// or smtps:// and a host".to_owned())
    }
}

fn dkim_keys(text: &str) -> Result<Secret<dkim::Keys>, dkim::BadKey> {
    text.parse().map(Secret)
}

fn feedback_secret(text: &str) -> Result<Secret<String>, String> {
    if text.len() >= 32 && text.chars().all(|c| c.is_ascii_graphic()) {
        Ok(Secret(text.to_owned()))
    } else {
        Err("must be 32 characters or more, without blanks: such as `openssl rand -hex 32` makes".to_owned())
    }
}

fn stripe_key(text: &str) -> Result<Secret<String>, String> {
    let known = text.starts_with("sk_") || text.starts_with("rk_");
    if known
        && text.len() > 6
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        Ok(Secret(text.to_owned()))
    } else {
        Err("must be a secret or restricted key of Stripe: sk_… or rk_…".to_owned())
    }
}

fn webhook_secrets(text: &str) -> Result<Secret<String>, String> {
    let fits = |secret: &str| secret.trim().starts_with("whsec_") && secret.trim().len() >= 16;
    if text.split(',').all(fits) {
        Ok(Secret(text.to_owned()))
    } else {
        Err("must be what Stripe signs webhooks with: whsec_…".to_owned())
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let single = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .or_else(|_| single())
        .map_err(|_| "must be a network such as 10.0.0.0/8 or an address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, clap::Subcommand)]
    enum Run {
        Serve,
    }

    fn load(args: &[&str], env: &[(&str, &str)]) -> Result<Config, String> {
        let args = ["contactbar", "serve"]
            .iter()
            .chain(args)
            .map(std::ffi::OsString::from);
        let env = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load::<Run>(args, env)
            .map(|(_, config)| config)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn without_any_setting_it_runs_on_sqlite() {
        let config = load(&[], &[("HOME", "/root")]).unwrap();
        assert_eq!(
            config.database_url(),
            &DatabaseUrl::Sqlite("./data/contactbar.db".into())
        );
        assert_eq!(config.embed_url().as_str(), "http://localhost:8080/");
        assert!(config.smtp_url().is_none() && config.metrics_addr.is_none());
    }

    #[test]
    fn the_environment_sets_and_a_flag_wins() {
        let env = [
            ("CONTACTBAR_LISTEN", "0.0.0.0:9"),
            ("CONTACTBAR_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
            ("CONTACTBAR_DATA_DIR", "/x"),
        ];
        let config = load(&["--listen", "0.0.0.0:7"], &env).unwrap();
        assert_eq!(config.listen.port(), 7);
        assert_eq!(config.trusted_proxies.len(), 2);
        assert_eq!(
            config.database_url(),
            &DatabaseUrl::Sqlite("/x/contactbar.db".into())
        );
    }

    #[test]
    fn a_secret_comes_from_a_file() {
        let file = std::env::temp_dir().join(format!("contactbar-secret-{}", std::process::id()));
        std::fs::write(&file, "postgres://u:swordfish@h/d\n").unwrap();
        let path = file.to_str().unwrap();
        let config = load(&[], &[("CONTACTBAR_DATABASE_URL_FILE", path)]).unwrap();
        assert_eq!(
            config.database_url(),
            &DatabaseUrl::Postgres("postgres://u:swordfish@h/d".into())
        );
        let twice = [
            ("CONTACTBAR_DATABASE_URL", "sqlite:x"),
            ("CONTACTBAR_DATABASE_URL_FILE", path),
        ];
        assert!(load(&[], &twice).unwrap_err().contains("both set"));
        std::fs::remove_file(&file).unwrap();
        let gone = load(&[], &[("CONTACTBAR_DATABASE_URL_FILE", path)]).unwrap_err();
        assert!(gone.contains("can't be read"), "{gone}");
        assert!(load(&[], &[("CONTACTBAR_NO_SUCH_FILE", "/dev/null")]).is_err());
    }

    #[test]
    fn a_misspelt_setting_stops_the_start() {
        let message = load(&[], &[("CONTACTBAR_PUBLIC_ULR", "http://x")]).unwrap_err();
        assert!(
            message.contains("CONTACTBAR_PUBLIC_ULR") && message.contains("CONTACTBAR_PUBLIC_URL"),
            "{message}"
        );
        assert!(
            load(&["--lisen", "0.0.0.0:7"], &[])
                .unwrap_err()
                .contains("--listen")
        );
    }

    #[test]
    fn a_setting_that_does_not_parse_stops_the_start() {
        for (name, value) in [
            ("CONTACTBAR_DATABASE_URL", "mysql://x"),
            ("CONTACTBAR_PUBLIC_URL", "https://x.example/path"),
            ("CONTACTBAR_TRUSTED_PROXIES", "everyone"),
            ("CONTACTBAR_SMTP_URL", "http://mail.example"),
            ("CONTACTBAR_DRAIN", "soon"),
            ("CONTACTBAR_STRIPE_KEY", "pk_live_1"),
        ] {
            assert!(load(&[], &[(name, value)]).is_err(), "{name}");
        }
    }

    #[test]
    fn settings_that_contradict_each_other_stop_the_start() {
        let https = ("CONTACTBAR_PUBLIC_URL", "https://a.example");
        assert!(load(&[], &[https, ("CONTACTBAR_EMBED_URL", "http://b.example")]).is_err());
        assert!(load(&[], &[https, ("CONTACTBAR_RATE_LIMITS", "off")]).is_err());
        assert!(load(&[], &[https, ("CONTACTBAR_SMTP_URL", "smtp://mail.example")]).is_err());
        assert!(load(&[], &[("CONTACTBAR_METRICS_ADDR", "127.0.0.1:8080")]).is_err());
    }

    #[test]
    fn passwords_do_not_show() {
        let env = [
            ("CONTACTBAR_DATABASE_URL", "postgres://u:swordfish@h/d"),
            ("CONTACTBAR_SMTP_URL", "smtps://u:swordfish@h"),
            ("CONTACTBAR_STRIPE_KEY", "sk_test_swordfish"),
            ("CONTACTBAR_STRIPE_WEBHOOK_SECRET", "whsec_swordfish0123"),
        ];
        let config = load(&["--mail-from", "a@b.example"], &env).unwrap();
        assert!(!format!("{config:?}").contains("swordfish"));
        let help = load(&["--help"], &env).unwrap_err();
        assert!(!help.contains("swordfish"), "{help}");
    }
}
