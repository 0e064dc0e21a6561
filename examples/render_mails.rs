//! Every mail in every language, for looking at:
//! `cargo run --example render_mails -- FOLDER` writes HTML and text (`tools/mail-pictures FOLDER` then takes pictures);
//! `cargo run --example render_mails -- smtp://localhost:1025` sends them to a server.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use contactbar::clock::Timestamp;
use contactbar::mail::transport::Smtp;
use contactbar::mail::{Language, Links, Outgoing, Renderer, Stamp, Template, Transport};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let target = std::env::args()
        .nth(1)
        .context("name a folder or a mail server")?;
    let renderer = Renderer::new(Links::new("https://contactbar.example".parse()?), "Contactbar")?;
    let mails = mails(&renderer)?;
    if target.starts_with("smtp") {
        let server = Smtp::from_url(&target.parse()?, renderer.links().host(), Smtp::TIME_LIMIT)?;
        let transport = Transport::Smtp(Arc::new(server));
        for (_, mail) in &mails {
            transport.send(mail, &Stamp::default()).await?;
        }
    } else {
        let folder = Path::new(&target);
        std::fs::create_dir_all(folder)?;
        for (name, mail) in &mails {
            std::fs::write(folder.join(format!("{name}.html")), &mail.html)?;
            std::fs::write(
                folder.join(format!("{name}.txt")),
                format!("Subject: {}\n\n{}", mail.subject, mail.text),
            )?;
        }
    }
    println!("{} mails", mails.len());
    Ok(())
}

/// Each with a name for its file.
fn mails(renderer: &Renderer) -> anyhow::Result<Vec<(String, Outgoing)>> {
    let way_out = renderer.links().page("mail/unsubscribe/sample", &[]);
    let preferences = renderer.links().page("mail/preferences/sample", &[]);
    let mut mails = Vec::new();
    for (number, template) in Template::samples().iter().enumerate() {
        for language in Language::ALL {
            let unsubscribe = template.category().may_be_refused().then_some(&way_out);
            let words = renderer.render(template, language, unsubscribe, &preferences)?;
            let name = format!("{number:02}_{}_{}", template.name(), language.as_str());
            let mail = Outgoing {
                message_id: format!("{name}@contactbar.example"),
                from: "hello@contactbar.example".parse()?,
                from_name: template.sender().unwrap_or_else(|| "Contactbar".into()),
                to: "anna@example.com".parse()?,
                to_name: Some("Änna Bérg".into()),
                reply_to: None,
                date: Timestamp::from_secs(1_795_315_200),
                subject: words.subject,
                text: words.text,
                html: words.html,
                unsubscribe: unsubscribe.cloned(),
            };
            mails.push((name, mail));
        }
    }
    Ok(mails)
}
