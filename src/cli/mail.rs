//! `contactbar mail …`: what operators do about mail.

use std::fmt::Write;
use std::io::Read;

use anyhow::{Context, bail};
use clap::Subcommand;

use super::build;
use crate::config::Config;
use crate::ids::MessageId;
use crate::mail::feedback::Taken;
use crate::mail::{Intake, ReadReports};

#[derive(Debug, Subcommand)]
pub enum MailCommand {
    /// Print the records that must stand in the DNS so that our mails are believed: DKIM as it is set, SPF and DMARC as advice.
    Dns,
    /// Read one mail from standard input, as it was received: a bounce (RFC 3464) or a complaint (RFC 5965). For `.forward`, or a pipe
    /// of the mail server's. Ends with 75 (try again) when it can't be noted now, and with 0 whatever else it was.
    Intake,
    /// List the mails that were given up.
    List {
        #[arg(long, value_name = "N", default_value = "100")]
        limit: usize,
    },
    /// Put mails that were given up back in line, from their first try.
    Retry {
        #[arg(value_name = "ID", required_unless_present = "all")]
        ids: Vec<MessageId>,
        /// All of them.
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

/// What can't be done now may be done later: for who pipes mails in.
#[derive(Debug, thiserror::Error)]
#[error("not now: {0:#}")]
pub struct TryAgain(anyhow::Error);

/// EX_TEMPFAIL of `sysexits.h`.
pub const TRY_AGAIN: u8 = 75;

pub async fn run(config: Config, command: MailCommand) -> anyhow::Result<()> {
    match command {
        MailCommand::Dns => {
            print!("{}", dns(&config)?);
            Ok(())
        }
        MailCommand::Intake => {
            let words = intake(config).await.map_err(TryAgain)?;
            println!("{words}");
            Ok(())
        }
        MailCommand::List { limit } => list(config, limit).await,
        MailCommand::Retry { ids, .. } => {
            let named = !ids.is_empty();
            let again = build(config)?.mailer.retry(ids).await?;
            if again == 0 && named {
                bail!("no such mail was given up: `contactbar mail list` shows those that were");
            }
            println!("{again} mails are in line again: the running service sends them.");
            Ok(())
        }
    }
}

async fn intake(config: Config) -> anyhow::Result<&'static str> {
    let read = tokio::task::spawn_blocking(|| {
        let mut mail = Vec::new();
        let input = std::io::stdin().lock();
        input.take(ReadReports::MAX_BYTES + 1).read_to_end(&mut mail)?;
        Ok::<_, std::io::Error>(mail)
    });
    let mail = read.await?.context("standard input")?;
    if mail.len() as u64 > ReadReports::MAX_BYTES {
        return Ok("Too large to be a report; left alone.");
    }
    Ok(match build(config)?.mailer.take_report(mail).await? {
        Intake::Taken(Taken::Noted) => "Noted.",
        Intake::Taken(Taken::Known) => "Known already.",
        Intake::Taken(Taken::Unknown) | Intake::OfNoMail => "About no mail that we sent; left alone.",
        Intake::Passing => "A report that changes nothing.",
        Intake::NotAReport => "Not a report; left alone.",
    })
}

async fn list(config: Config, limit: usize) -> anyhow::Result<()> {
    let mailer = build(config)?.mailer;
    let parked = mailer.list_parked(limit).await?;
    for message in &parked {
        println!(
            "{}  {}  {}  to {}  {} tries  {}",
            message.id,
            message.queued_at,
            message.template,
            message.to,
            message.attempts,
            message.error.as_deref().unwrap_or("-")
        );
    }
    let counts = mailer.backlog().await?;
    println!("{} given up, {} waiting.", counts.failed, counts.pending);
    Ok(())
}

/// The records, one a paragraph.
fn dns(config: &Config) -> anyhow::Result<String> {
    let stamp = config.stamp()?;
    let from = config.mail_from.address.domain();
    let returns = stamp.bounces.as_ref().map_or(from, |address| address.domain());
    let mut out = String::new();
    match &stamp.signer {
        Some(signer) => {
            for record in signer.records() {
                writeln!(out, "{}. TXT {}\n", record.name, quoted(&record.value))?;
            }
        }
        None => writeln!(
            out,
            "; Mails are not signed: --dkim-key signs them (docs/mail.md).\n"
        )?,
    }
    writeln!(
        out,
        "; SPF: who may send for the address that mails come back to. Put your mail server in the place of MX's.\n{returns}. TXT \"v=spf1 mx -all\"\n"
    )?;
    writeln!(
        out,
        "; DMARC: what receivers do with mails that neither fits. Begin with p=none and read the reports, then p=quarantine, then p=reject.\n_dmarc.{from}. TXT \"v=DMARC1; p=none; rua=mailto:{}\"",
        config
            .operator_address
            .as_ref()
            .unwrap_or(&config.mail_from.address)
    )?;
    Ok(out)
}

/// RFC 1035: a text is made of strings of at most 255 bytes.
fn quoted(text: &str) -> String {
    text.as_bytes()
        .chunks(255)
        .map(|part| format!("\"{}\"", String::from_utf8_lossy(part)))
        .collect::<Vec<_>>()
        .join(" ")
}
