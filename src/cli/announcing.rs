//! What operators do on the machine itself: operators' tokens, notices and breaches. All of it is on the operators' record.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Subcommand;

use crate::accounts::Region;
use crate::app::App;
use crate::clock::{DAY, Timestamp};
use crate::ids::{BreachId, MemberId, NoticeId};
use crate::mail::Language;
use crate::notices::{Audience, BreachView, By, NewBreach, Notice, draft};
use crate::operators::OperatorName;

const BY: By = By::CommandLine;

#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Add an operator, and show their token: this once.
    Add {
        /// Lower-case letters, digits, `.`, `_` and `-`.
        name: OperatorName,
        /// How many days the token lasts, 366 at most.
        #[arg(long, default_value_t = 90)]
        days: u32,
    },
    /// List operators, without their tokens.
    List,
    /// End an operator's token, at once.
    Remove { name: OperatorName },
}

#[derive(Debug, Subcommand)]
pub enum NoticeCommand {
    /// Keep a file as a notice. It is Markdown behind a head in TOML, in English and in German: see docs/operators.md. Nobody
    /// is told yet.
    Write { file: PathBuf },
    /// List the newest notices, and where they stand.
    List {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show who and how many would be told, and the mail's text; the HTML goes into a folder, if one is named.
    Preview {
        id: NoticeId,
        /// Where to write the mails and the dashboard's text.
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
    },
    /// Let a notice go, now or at a time. Until it has begun to go it can be cancelled.
    Send {
        id: NoticeId,
        /// When, such as 2026-12-01T02:00:00Z [default: now].
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
        /// Really: what has gone can't be taken back.
        #[arg(long)]
        yes: bool,
    },
    /// Keep a notice from going.
    Cancel { id: NoticeId },
}

#[derive(Debug, Subcommand)]
pub enum BreachCommand {
    /// Open a breach. The 72 hours to tell the authority run from when it was noticed.
    Open {
        /// What happened.
        #[arg(long)]
        what: String,
        /// When it was noticed, such as 2026-12-01T02:00:00Z [default: now].
        #[arg(long, value_name = "TIME")]
        noticed_at: Option<Timestamp>,
    },
    /// List breaches, their clocks, and what they lack.
    List,
    /// Say who is affected. Until they are told it can be said anew.
    Affected {
        id: BreachId,
        #[command(flatten)]
        who: Who,
    },
    /// Note what the authority was told, or why it need not be. The clock stops.
    Authority {
        id: BreachId,
        /// Its reference; or why it need not be told.
        #[arg(long)]
        words: String,
        /// When [default: now].
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
    },
    /// Tell those affected, at once: no preference stops it. The file is a notice's, with nothing but a title in its head.
    Notify {
        id: BreachId,
        file: PathBuf,
        /// Really: it can't be taken back.
        #[arg(long)]
        yes: bool,
    },
    /// Keep a file as the corrective report.
    Report { id: BreachId, file: PathBuf },
    /// Close a breach of which nothing is left to be done.
    Close { id: BreachId },
}

/// Whom it concerns: those who fit all sorts that are named.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub struct Who {
    /// All members.
    #[arg(long, conflicts_with_all = ["nobody", "member", "plan", "region", "site", "list"])]
    everyone: bool,
    /// No member.
    #[arg(long, conflicts_with_all = ["member", "plan", "region", "site", "list"])]
    nobody: bool,
    /// This member; may be given several times.
    #[arg(long, value_name = "ID")]
    member: Vec<MemberId>,
    /// The members in this file, an id a line.
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// Members on this plan.
    #[arg(long, value_name = "NAME")]
    plan: Vec<String>,
    /// Members of this region.
    #[arg(long, value_name = "REGION")]
    region: Vec<Region>,
    /// Members with a bar that was seen on this host.
    #[arg(long, value_name = "HOST")]
    site: Vec<String>,
}

impl Who {
    fn audience(self) -> anyhow::Result<Audience> {
        let mut members = self.member;
        if let Some(file) = &self.list {
            for line in read(file)?.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let id = line
                    .parse()
                    .with_context(|| format!("{}: {line}", file.display()))?;
                members.push(id);
            }
            if members.is_empty() {
                bail!("{} names no member", file.display());
            }
        }
        Ok(Audience {
            everyone: self.everyone,
            plans: self.plan,
            regions: self.region,
            sites: self.site,
            members,
        })
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| file.display().to_string())
}

pub async fn operator(app: App, command: OperatorCommand) -> anyhow::Result<()> {
    match command {
        OperatorCommand::Add { name, days } => {
            let lasts: Duration = DAY * days;
            let (operator, token) = app.operators.add(name, lasts).await?;
            println!("{}", token.reveal());
            eprintln!(
                "The token of {}, until {}. It is shown this once.",
                operator.name, operator.expires_at
            );
        }
        OperatorCommand::List => {
            for operator in app.operators.list().await? {
                let used = operator
                    .last_used_at
                    .map_or_else(|| "never used".to_owned(), |at| format!("last used {at}"));
                println!(
                    "{} …{}, until {}, {used}",
                    operator.name, operator.hint, operator.expires_at
                );
            }
        }
        OperatorCommand::Remove { name } => {
            let operator = app.operators.remove(name).await?;
            println!("The token of {} is dead.", operator.name);
        }
    }
    Ok(())
}

pub async fn notice(app: App, command: NoticeCommand) -> anyhow::Result<()> {
    match command {
        NoticeCommand::Write { file } => {
            let new = draft::parse(&read(&file)?);
            let new = new.with_context(|| format!("{} is not a notice: it", file.display()))?;
            let notice = app.notices.write(BY, new).await?;
            println!(
                "Written: {}. `contactbar notice preview {}` shows it.",
                notice.id, notice.id
            );
        }
        NoticeCommand::List { limit } => {
            for notice in app.notices.list_written(None, i64::from(limit)).await? {
                let (notice, progress) = app.notices.find_written(notice.id).await?;
                let mails: Vec<String> = progress
                    .mails
                    .iter()
                    .map(|(state, count)| format!("{count} {state}"))
                    .collect();
                print!("{}", line_of(&notice));
                if progress.members > 0 {
                    print!(": {} members, mails {}", progress.members, mails.join(", "));
                }
                println!();
            }
        }
        NoticeCommand::Preview { id, to } => preview(&app, id, to).await?,
        NoticeCommand::Send { id, at, yes } => {
            if !yes {
                bail!("what has gone can't be taken back: look at `notice preview`, then say --yes");
            }
            let notice = app.notices.send(BY, id, at).await?;
            match notice.scheduled_for {
                Some(at) => println!("It goes at {at}, by the running service."),
                None => println!("It goes now, by the running service."),
            }
        }
        NoticeCommand::Cancel { id } => {
            app.notices.cancel(BY, id).await?;
            println!("Cancelled.");
        }
    }
    Ok(())
}

fn line_of(notice: &Notice) -> String {
    let mut line = format!("{} {}", notice.id, notice.kind.as_str());
    if let Some(stage) = notice.stage {
        line += &format!(" ({})", stage.as_str());
    }
    line += &format!(", {}", notice.state.as_str());
    if let Some(at) = notice.scheduled_for {
        line += &format!(" for {at}");
    }
    line + &format!(", “{}”", notice.title.en)
}

async fn preview(app: &App, id: NoticeId, to: Option<PathBuf>) -> anyhow::Result<()> {
    let (notice, _) = app.notices.find_written(id).await?;
    let preview = app.notices.preview(id).await?;
    println!("{}", line_of(&notice));
    println!(
        "{} members; mails to {} people, of whom {} refuse them; {} members have nobody to write to.",
        preview.members, preview.people, preview.refusing, preview.unreachable
    );
    for (language, people) in &preview.languages {
        println!("In {}: {people}", language.as_str());
    }
    for (language, mail) in &preview.mails {
        println!(
            "\n--- {}\nSubject: {}\n\n{}",
            language.as_str(),
            mail.subject,
            mail.text
        );
    }
    if let Some(folder) = to {
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let write = |name: String, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).with_context(|| path.display().to_string())
        };
        for (language, mail) in &preview.mails {
            write(format!("mail.{}.html", language.as_str()), &mail.html)?;
            write(format!("mail.{}.txt", language.as_str()), &mail.text)?;
        }
        for language in Language::ALL {
            let text = notice.body.in_language(language.as_str());
            write(
                format!("dashboard.{}.html", language.as_str()),
                &crate::markdown::to_html_below(text),
            )?;
        }
        println!("Written to {}.", folder.display());
    }
    Ok(())
}

pub async fn breach(app: App, command: BreachCommand) -> anyhow::Result<()> {
    let notices = &app.notices;
    let view = match command {
        BreachCommand::List => {
            for view in notices.list_breaches().await? {
                print_breach(&view);
            }
            return Ok(());
        }
        BreachCommand::Open { what, noticed_at } => {
            let noticed_at = noticed_at.unwrap_or_else(|| app.clock.now());
            notices.open_breach(BY, NewBreach { what, noticed_at }).await?
        }
        BreachCommand::Affected { id, who } => notices.set_affected(BY, id, who.audience()?).await?,
        BreachCommand::Authority { id, words, at } => notices.note_authority(BY, id, at, words).await?,
        BreachCommand::Notify { id, file, yes } => {
            if !yes {
                bail!("what has gone can't be taken back: look at who is affected, then say --yes");
            }
            let words = draft::parse_words(&read(&file)?);
            let (title, body) = words.with_context(|| format!("{} is not a notice: it", file.display()))?;
            notices.notify_breach(BY, id, title, body).await?
        }
        BreachCommand::Report { id, file } => notices.report_breach(BY, id, read(&file)?).await?,
        BreachCommand::Close { id } => notices.close_breach(BY, id).await?,
    };
    print_breach(&view);
    Ok(())
}

fn print_breach(view: &BreachView) {
    let breach = &view.breach;
    let state = match breach.closed_at {
        Some(at) => format!("closed {at}"),
        None => "open".to_owned(),
    };
    println!("{}, {state}: {}", breach.id, breach.what);
    println!(
        "  noticed {}; the authority is to be told by {}: {}",
        breach.noticed_at,
        view.due_at,
        view.clock.as_str()
    );
    if let Some(words) = &breach.authority_words {
        println!("  authority: {words}");
    }
    match &breach.affected {
        None => println!("  affected: not known yet"),
        Some(audience) if audience.is_nobody() => println!("  affected: nobody"),
        Some(_) => println!("  affected: {} members", view.members),
    }
    match (breach.notice, view.told) {
        (Some(notice), Some(state)) => println!("  told by {notice}: {}", state.as_str()),
        _ => println!("  not told yet"),
    }
    println!(
        "  corrective report: {}",
        breach
            .reported_at
            .map_or_else(|| "none yet".to_owned(), |at| format!("of {at}"))
    );
}
