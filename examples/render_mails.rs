//! Writes every mail in every language into a folder, as HTML and as text, for looking at:
//! `cargo run --example render_mails -- FOLDER`; `tools/mail-pictures FOLDER` then takes the pictures.

use std::path::PathBuf;

use contactbar::mail::{Language, Links, Renderer, Template};

fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(
        std::env::args()
            .nth(1)
            .ok_or_else(|| anyhow::anyhow!("name a folder"))?,
    );
    std::fs::create_dir_all(&folder)?;
    let renderer = Renderer::new(Links::new("https://contactbar.example".parse()?))?;
    let way_out = renderer.links().page("mail/unsubscribe/sample", &[]);
    for (number, template) in Template::samples().iter().enumerate() {
        for language in Language::ALL {
            let unsubscribe = template.category().may_be_refused().then_some(&way_out);
            let mail = renderer.render(template, language, unsubscribe)?;
            let name = format!("{number:02}_{}_{}", template.name(), language.as_str());
            std::fs::write(folder.join(format!("{name}.html")), mail.html)?;
            std::fs::write(
                folder.join(format!("{name}.txt")),
                format!("Subject: {}\n\n{}", mail.subject, mail.text),
            )?;
        }
    }
    Ok(())
}
