//! The command line. Reads the settings, does what is asked, says what went wrong.

mod announcing;
mod mail;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, bail};
use clap::Subcommand;
use jiff::civil::Date;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use url::Url;

use announcing::{BreachCommand, NoticeCommand, OperatorCommand};

use crate::{
    app::App,
    bars::{BarKey, LegacyId},
    clock::Clock,
    config::Config,
    db::{backup, restore},
    demo,
    http::panics,
    ids::MemberId,
    policies::{
        Consequence, Document,
        draft::{Draft, Line, compare},
    },
    secrets::Random,
    telemetry,
    tracking::Whose,
};

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service.
    Serve,
    /// Bring the database up to date, and end.
    Migrate,
    /// Make a demo member with a published bar and a page that shows it, if they are not there yet. Its password is
    /// known to everybody: for trying it out on your own computer.
    Demo,
    /// Print the OpenAPI document.
    Openapi,
    /// Check the settings, the database and the mail server, and say what is wrong.
    Check,
    /// Make old ManyContacts snippets show a bar: those with the id ID (`window.__bID`). Without ID: no longer.
    LegacyId {
        /// The bar's key, ten letters and digits.
        key: BarKey,
        /// 1 to 64 letters, digits, `_` and `-`.
        id: Option<LegacyId>,
    },
    /// Count again from single events, after a rule has changed or sums were damaged: hourly and daily sums of whole days
    /// (UTC) of which every event is still kept. It becomes jobs, which the running service works off while it counts on.
    Reroll {
        #[command(flatten)]
        whose: WhoseBars,
        /// The first day, such as 2026-11-01 [default: the first that can be].
        #[arg(long, value_name = "DATE")]
        from: Option<Date>,
        /// The last day [default: today].
        #[arg(long, value_name = "DATE")]
        to: Option<Date>,
    },
    /// Set Stripe up for what is sold here, and repair what its webhooks missed.
    #[command(subcommand)]
    Billing(BillingCommand),
    /// Draft, compare and post the privacy policy and the terms, and see how far a version has come.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Publish the keys of mails, take in what came back, see and retry what was given up.
    #[command(subcommand)]
    Mail(mail::MailCommand),
    /// Add, list and remove those who run the service by its API.
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Write, preview, send and cancel what is announced to members.
    #[command(subcommand)]
    Notice(NoticeCommand),
    /// See a breach of personal data through: who is affected, the authority's 72 hours, the mail, the report.
    #[command(subcommand)]
    Breach(BreachCommand),
    /// Copy the whole database into a file, while the service runs: a SQLite database, or what pg_restore reads.
    Backup {
        /// Where to; must not exist yet.
        file: PathBuf,
    },
    /// Put a backup in the database's place. Stop the service first.
    Restore {
        file: PathBuf,
        /// Replace the data that is there.
        #[arg(long)]
        force: bool,
    },
}

/// Exactly one of them.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct WhoseBars {
    /// This bar's, by its key.
    #[arg(long, value_name = "KEY")]
    bar: Option<BarKey>,
    /// All of this member's bars.
    #[arg(long, value_name = "ID")]
    member: Option<MemberId>,
    /// All bars of all members.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Subcommand)]
enum BillingCommand {
    /// Make at Stripe what is missing of products, prices, the portal's configuration and the webhook endpoint, and say what
    /// differs. What somebody has changed there on purpose is left as it is.
    Sync {
        /// Only say it.
        #[arg(long)]
        dry_run: bool,
    },
    /// Ask Stripe how every member stands, and repair what was missed: after an outage, or a restored backup.
    Reconcile,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Keep a file as the draft of the next version. It is Markdown behind a head in TOML, between two lines of `+++`, with
    /// the title and every change: see docs/policies.md. Nobody is told yet.
    Draft {
        /// `privacy` or `terms`.
        document: Document,
        file: PathBuf,
    },
    /// Show the draft: its changes, whom they concern, and its text.
    Show { document: Document },
    /// Show what the draft changes in the text of the current version, line by line.
    Diff { document: Document },
    /// Post the draft: immutable from then on. If a change is material, every open account is mailed and may object.
    Post {
        document: Document,
        /// Really: it can't be taken back.
        #[arg(long)]
        yes: bool,
    },
    /// Show how far each version has come: sent, delivered, come back, not sent, ended accounts.
    Status,
    /// Tell whether a receipt, as a member downloaded it, is ours and unchanged.
    Verify { file: PathBuf },
}

/// Runs what the arguments ask for.
pub fn run(
    args: impl IntoIterator<Item = std::ffi::OsString>,
    env: impl IntoIterator<Item = (String, String)>,
) -> ExitCode {
    let (command, config) = match Config::load::<Command>(args, env) {
        Ok(loaded) => loaded,
        Err(error) => error.exit(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("contactbar: no threads to run on: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(execute(command, config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("contactbar: {error:#}");
            match error.downcast_ref::<mail::TryAgain>() {
                Some(_) => ExitCode::from(mail::TRY_AGAIN),
                None => ExitCode::FAILURE,
            }
        }
    }
}

async fn execute(command: Command, config: Config) -> anyhow::Result<()> {
    if let Command::Openapi = command {
        println!("{:#}", App::document());
        return Ok(());
    }
    telemetry::init(config.log_format, &config.log)?;
    panics::log_them();
    let database = config.database_url().clone();
    match command {
        Command::Serve => build(config)?.serve(until_told_to_stop()?).await,
        Command::Migrate => {
            let ran = build(config)?.migrate().await?;
            match ran.len() {
                0 => println!("The database is up to date."),
                _ => println!("Ran {}.", ran.join(", ")),
            }
            Ok(())
        }
        Command::Demo => make_demo(config).await,
        Command::Check => check(config).await,
        Command::LegacyId { key, id } => set_legacy_id(config, key, id).await,
        Command::Reroll { whose, from, to } => reroll(config, whose, from, to).await,
        Command::Billing(command) => billing(config, command).await,
        Command::Policy(command) => policy(config, command).await,
        Command::Mail(command) => mail::run(config, command).await,
        Command::Operator(command) => announcing::operator(build(config)?, command).await,
        Command::Notice(command) => announcing::notice(build(config)?, command).await,
        Command::Breach(command) => announcing::breach(build(config)?, command).await,
        Command::Backup { file } => {
            backup(&database, &file).await?;
            println!("Backed up to {}.", file.display());
            Ok(())
        }
        Command::Restore { file, force } => {
            restore(&database, &file, force).await?;
            println!("Restored from {}.", file.display());
            Ok(())
        }
        Command::Openapi => Ok(()),
    }
}

fn build(config: Config) -> anyhow::Result<App> {
    App::build(config, Clock::system(), Random::system())
}

async fn make_demo(config: Config) -> anyhow::Result<()> {
    let app = build(config)?;
    app.migrate().await?;
    demo::make(&app.accounts, &app.bars, &app.config.public_url).await?;
    let url = app.config.public_url.as_str().trim_end_matches('/');
    println!("Demo page   {url}/demo");
    println!("API         {url}/docs");
    println!("Log in      {} with the password {}", demo::EMAIL, demo::PASSWORD);
    println!("The password is known to everybody: keep this installation to yourself.");
    Ok(())
}

async fn set_legacy_id(config: Config, key: BarKey, id: Option<LegacyId>) -> anyhow::Result<()> {
    let bars = build(config)?.bars;
    let Some(bar) = bars.set_legacy_id(key, id).await? else {
        bail!("there is no bar with the key {key}");
    };
    match bar.legacy_id {
        Some(id) => println!("Old snippets with the id {id} show the bar {key} ({}).", bar.name),
        None => println!("No old snippet shows the bar {key} ({}).", bar.name),
    }
    Ok(())
}

async fn reroll(
    config: Config,
    whose: WhoseBars,
    from: Option<Date>,
    to: Option<Date>,
) -> anyhow::Result<()> {
    let whose = match (whose.bar, whose.member) {
        (Some(bar), _) => Whose::Bar(bar),
        (None, Some(member)) => Whose::Member(member),
        (None, None) => Whose::Everybody,
    };
    let (from, to) = (from.map(day_of), to.map(day_of));
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        bail!("--from is after --to");
    }
    let bars = build(config)?.tracking.enqueue_reroll(whose, from, to).await?;
    match (bars, whose) {
        (0, Whose::Bar(key)) => bail!("there is no bar with the key {key}"),
        (0, _) => bail!("there are no such bars"),
        _ => println!("Enqueued for {bars} bars: the running service counts them again."),
    }
    Ok(())
}

async fn billing(config: Config, command: BillingCommand) -> anyhow::Result<()> {
    let app = build(config)?;
    match command {
        BillingCommand::Sync { dry_run } => {
            let found = app.billing.sync_catalogue(dry_run).await?;
            for difference in &found {
                println!("{difference}");
            }
            if found.is_empty() {
                println!("Stripe has everything as it is sold here.");
            }
        }
        BillingCommand::Reconcile => {
            app.db.wait_for_it().await?;
            let found = app.billing.reconcile().await?;
            println!(
                "Looked at {}: repaired {}, found again {}, strangers {}, failed {}.",
                found.looked_at, found.repaired, found.adopted, found.strangers, found.failed
            );
            if found.failed > 0 {
                bail!(
                    "{} members could not be looked at: the log says why",
                    found.failed
                );
            }
        }
    }
    Ok(())
}

async fn policy(config: Config, command: PolicyCommand) -> anyhow::Result<()> {
    let app = build(config)?;
    let missing = || anyhow::anyhow!("there is no draft: `contactbar policy draft` makes one");
    match command {
        PolicyCommand::Draft { document, file } => {
            let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let draft = app.policies.draft(document, text).await;
            let draft = draft.with_context(|| format!("{} is not a draft: it", file.display()))?;
            print_changes(&draft);
            println!(
                "Drafted. `contactbar policy diff {}` compares it.",
                document.as_str()
            );
        }
        PolicyCommand::Show { document } => {
            let draft = app.policies.find_draft(document).await?.ok_or_else(missing)?;
            print_changes(&draft);
            println!("\n{}", draft.body);
        }
        PolicyCommand::Diff { document } => {
            let draft = app.policies.find_draft(document).await?.ok_or_else(missing)?;
            let versions = app.policies.list_versions(document).await?;
            let before = versions.first().map_or("", |newest| newest.body.as_str());
            for group in compare(before, &draft.body) {
                println!("@@");
                for line in group {
                    match line {
                        Line::Same(text) => println!("  {text}"),
                        Line::Gone(text) => println!("- {text}"),
                        Line::New(text) => println!("+ {text}"),
                    }
                }
            }
        }
        PolicyCommand::Post { document, yes } => {
            if !yes {
                bail!("posting can't be taken back: look at `policy show` and `policy diff`, then say --yes");
            }
            let (version, told) = app.accounts.post_policy(document).await?;
            println!(
                "Posted version {} of {}, SHA-256 {}. Mails queued for {told} accounts.",
                version.version,
                document.as_str(),
                version.sha256_hex()
            );
        }
        PolicyCommand::Status => {
            for (version, status) in app.policies.status().await? {
                println!(
                    "{} {}, posted {}: {} accounts; sent to {}, delivered to {}, came back from {}, not sent to {}; {} end by an objection",
                    version.document.as_str(),
                    version.version,
                    version.posted_at,
                    status.members,
                    status.sent,
                    status.delivered,
                    status.bounced,
                    status.unsent,
                    status.ending
                );
            }
        }
        PolicyCommand::Verify { file } => {
            let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let receipt = serde_json::from_str(&text).context("this is not a receipt")?;
            if !app.accounts.verify_receipt(receipt).await? {
                bail!("this receipt is not ours, or it was changed");
            }
            println!("The receipt is ours and unchanged.");
        }
    }
    Ok(())
}

/// Days of UTC since 1970, as roll-ups have them.
fn day_of(date: Date) -> i32 {
    let first = jiff::civil::date(1970, 1, 1);
    date.since(first).map_or(0, |span| span.get_days())
}

fn print_changes(draft: &Draft) {
    println!("{} ({})", draft.title, draft.document.as_str());
    for change in &draft.changes {
        let weight = match (change.material, change.consequence()) {
            (false, _) => "not material: nobody is told",
            (true, Consequence::OptsOut) => "marketing: can be opted out of at any time",
            (true, Consequence::NotApplied) => "an objection leaves the account as it is",
            (true, Consequence::EndsAccount) => "an objection ends the account",
        };
        println!("- {} [{}], {weight}", change.title.en, change.purpose);
    }
}

/// Cancelled by SIGTERM or SIGINT. A second one ends the process where it stands.
fn until_told_to_stop() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let told = stop.clone();
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if told.is_cancelled() {
                tracing::warn!("told twice to stop: stopping at once");
                std::process::exit(130);
            }
            tracing::info!("told to stop: open requests may end");
            told.cancel();
        }
    });
    Ok(stop)
}

/// Everything that can be wrong, each on a line of its own.
async fn check(config: Config) -> anyhow::Result<()> {
    let smtp = config.smtp_url().cloned();
    let signer = config.stamp()?.signer;
    let app = build(config)?;
    let mut wrong = 0;
    let mut line = |name: &str, result: anyhow::Result<String>| match result {
        Ok(words) => println!("{name}: {words}"),
        Err(error) => {
            wrong += 1;
            println!("{name}: {error:#}");
        }
    };
    line("settings", Ok("fine".to_owned()));
    line("database", check_database(&app).await);
    line("mail", check_mail(smtp).await);
    let signed = signer.map_or_else(
        || "mails are not signed".to_owned(),
        |signer| {
            format!(
                "signs as {}; `contactbar mail dns` prints what must be published",
                signer.domain()
            )
        },
    );
    line("dkim", Ok(signed));
    if let Some(maildir) = &app.config.mail_reports {
        let found = maildir.join("new").is_dir();
        let words = || format!("{} is read each minute", maildir.display());
        let missing = || anyhow::anyhow!("{} is no Maildir: it has no folder `new`", maildir.display());
        line("reports", found.then(words).ok_or_else(missing));
    }
    if wrong > 0 {
        bail!("{wrong} of the above must be put right");
    }
    Ok(())
}

async fn check_database(app: &App) -> anyhow::Result<String> {
    app.db.ping().await?;
    let missing = app.db.pending_migrations().await?;
    Ok(match missing.len() {
        0 => "up to date".to_owned(),
        n => format!("answers; {n} migrations are yet to run, at the next start or by `contactbar migrate`"),
    })
}

/// Knocks at the mail server: it must greet us. (With `smtps` the greeting comes behind TLS; there an open door is
/// what can be seen from here.)
async fn check_mail(smtp: Option<Url>) -> anyhow::Result<String> {
    let Some(url) = smtp else {
        return Ok("no server: mails become files".to_owned());
    };
    let default_port = match url.scheme() {
        "smtps" => 465,
        "smtp+starttls" => 587,
        _ => 25,
    };
    let (host, port) = (
        url.host_str()
            .unwrap_or_default()
            .trim_matches(['[', ']'])
            .to_owned(),
        url.port().unwrap_or(default_port),
    );
    let greeting = async {
        let mut stream = tokio::net::TcpStream::connect((host.as_str(), port)).await?;
        if url.scheme() == "smtps" {
            return anyhow::Ok(true);
        }
        let mut code = [0; 3];
        stream.read_exact(&mut code).await?;
        stream.write_all(b"QUIT\r\n").await?;
        Ok(&code == b"220")
    };
    match tokio::time::timeout(Duration::from_secs(10), greeting).await {
        Ok(Ok(true)) => Ok(format!("{host}:{port} answers")),
        Ok(Ok(false)) => bail!("{host}:{port} does not greet as a mail server does"),
        Ok(Err(error)) => Err(error.context(format!("{host}:{port} can't be reached"))),
        Err(_) => bail!("{host}:{port} does not answer within 10 seconds"),
    }
}
