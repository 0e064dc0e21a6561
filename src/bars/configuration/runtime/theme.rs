//! The theme as CSS for the script's shadow root.
//!
//! Custom properties that nothing in the page can override but the public ones behind them, `--contactbar-…`: a
//! member's own CSS may set those, and nothing else of the bar.

use crate::bars::configuration::{Colours, Font, Size, Theme};

pub(super) fn css(theme: &Theme) -> String {
    let mut properties = colours(&theme.colours).to_vec();
    properties.push(property("r", "radius", &format!("{}px", theme.radius_px)));
    properties.push(property(
        "z",
        "font-size",
        &format!("{}px", font_size_px(theme.size)),
    ));
    properties.push(property("f", "font", font(theme.font)));
    let mut css = format!(":host{{{}}}", properties.join(";"));
    if let Some(dark) = &theme.dark {
        css += &format!(
            "@media(prefers-color-scheme:dark){{:host{{{};color-scheme:dark!important}}}}",
            colours(dark).join(";")
        );
    }
    css
}

fn colours(colours: &Colours) -> [String; 4] {
    [
        ("b", "background", &colours.background),
        ("t", "text", &colours.text),
        ("k", "button", &colours.button),
        ("l", "button-text", &colours.button_text),
    ]
    .map(|(name, public, colour)| property(name, public, &short(colour)))
}

fn property(name: &str, public: &str, value: &str) -> String {
    format!("--{name}:var(--contactbar-{public},{value})!important")
}

/// `#aabbcc` as `#abc`.
fn short(colour: &str) -> String {
    let colour = colour.to_ascii_lowercase();
    match colour.as_bytes() {
        [b'#', a, b, c, d, e, f] if a == b && c == d && e == f => {
            format!("#{}{}{}", char::from(*a), char::from(*c), char::from(*e))
        }
        _ => colour,
    }
}

fn font_size_px(size: Size) -> u8 {
    match size {
        Size::Small => 14,
        Size::Medium => 16,
        Size::Large => 18,
    }
}

fn font(font: Font) -> &'static str {
    match font {
        Font::System => "system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif",
        // The script puts the page's there.
        Font::Inherit => "PAGE",
        Font::Serif => "Georgia,Cambria,\"Times New Roman\",serif",
        Font::Mono => "ui-monospace,Menlo,Consolas,monospace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_theme_becomes_properties_that_only_public_ones_override() {
        let mut theme = Theme::default();
        assert_eq!(
            css(&theme),
            ":host{--b:var(--contactbar-background,#1d4ed8)!important;--t:var(--contactbar-text,#fff)!important;\
             --k:var(--contactbar-button,#fff)!important;--l:var(--contactbar-button-text,#1d4ed8)!important;\
             --r:var(--contactbar-radius,8px)!important;--z:var(--contactbar-font-size,16px)!important;\
             --f:var(--contactbar-font,system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif)\
             !important}"
        );
        theme.font = Font::Inherit;
        theme.size = Size::Large;
        theme.dark = Some(Colours {
            background: "#AABBCC".to_owned(),
            ..Colours::default()
        });
        let css = css(&theme);
        assert!(css.contains("--f:var(--contactbar-font,PAGE)!important"), "{css}");
        assert!(css.contains("--contactbar-font-size,18px"), "{css}");
        let dark = "@media(prefers-color-scheme:dark){:host{--b:var(--contactbar-background,#abc)!important;";
        assert!(
            css.contains(dark) && css.ends_with(";color-scheme:dark!important}}"),
            "{css}"
        );
    }
}
