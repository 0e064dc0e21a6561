//! Where a bar stands and how it looks.

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use super::tagged::tagged;
use super::yes;

/// Where the bar stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Layout {
    Bar(BarLayout),
    SlideIn(SlideInLayout),
    Modal(ModalLayout),
    Inline(InlineLayout),
}

tagged!(Layout: "Where the bar stands.",
    "bar" = BarLayout,
    "slide_in" = SlideInLayout,
    "modal" = ModalLayout,
    "inline" = InlineLayout,
);

impl Default for Layout {
    fn default() -> Self {
        Self::Bar(BarLayout::default())
    }
}

/// A bar over the whole width, at the top or the bottom of the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(default, deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct BarLayout {
    /// The edge of the window at which the bar stands.
    #[oai(default)]
    pub position: Edge,
    /// Move the page aside rather than cover it.
    #[oai(default = "yes")]
    pub push: bool,
    /// Stay in sight while the page scrolls.
    #[oai(default = "yes")]
    pub sticky: bool,
}

impl Default for BarLayout {
    fn default() -> Self {
        Self {
            position: Edge::Top,
            push: true,
            sticky: true,
        }
    }
}

/// The edge of the window at which a bar stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Edge {
    #[default]
    Top,
    Bottom,
}

/// A card that slides into a corner.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(default, deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct SlideInLayout {
    /// The corner of the window.
    #[oai(default)]
    pub corner: Corner,
}

/// A corner of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Corner {
    #[default]
    BottomRight,
    BottomLeft,
    TopRight,
    TopLeft,
}

/// A dialogue over the page.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct ModalLayout {}

/// Inside an element of the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct InlineLayout {
    /// The CSS selector of the element, 1 to 200 characters.
    #[oai(validator(min_length = 1, max_length = 200))]
    pub selector: String,
}

/// The collapsed form of a bar: a tab at an edge of the window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(default, deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct Tab {
    /// The edge at which the tab stands.
    #[oai(default)]
    pub edge: TabEdge,
    /// Begin as the tab; the bar opens when it is pressed.
    #[oai(default)]
    pub starts_collapsed: bool,
}

/// The edge at which a tab stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum TabEdge {
    Left,
    #[default]
    Right,
    Bottom,
}

/// How the bar looks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(default, deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct Theme {
    /// The colours.
    #[oai(default)]
    pub colours: Colours,
    /// The colours where the visitor prefers a dark scheme. Absent: the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dark: Option<Colours>,
    /// The typeface.
    #[oai(default)]
    pub font: Font,
    /// The size of the text and the space around it.
    #[oai(default)]
    pub size: Size,
    /// How round the corners of buttons and fields are, in CSS pixels, 0 to 32.
    #[oai(default = "radius_px", validator(maximum(value = "32")))]
    pub radius_px: u8,
    /// May the visitor close the bar?
    #[oai(default = "yes")]
    pub closable: bool,
}

impl Default for Theme {
    fn default() -> Self {
        Self {
            colours: Colours::default(),
            dark: None,
            font: Font::default(),
            size: Size::default(),
            radius_px: radius_px(),
            closable: true,
        }
    }
}

impl Theme {
    /// In these colours, each as background, text, button and text on the button; and those where it is dark.
    pub(super) fn painted(light: [&str; 4], dark: [&str; 4]) -> Self {
        let colours = |colours: [&str; 4]| {
            let [background, text, button, button_text] = colours.map(str::to_owned);
            Colours {
                background,
                text,
                button,
                button_text,
            }
        };
        Self {
            colours: colours(light),
            dark: Some(colours(dark)),
            ..Self::default()
        }
    }
}

fn radius_px() -> u8 {
    8
}

/// Four colours, each as `#rrggbb`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(default, deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct Colours {
    /// Behind everything.
    #[oai(default = "blue", validator(pattern = "^#[0-9a-fA-F]{6}$"))]
    pub background: String,
    /// Text on the background.
    #[oai(default = "white", validator(pattern = "^#[0-9a-fA-F]{6}$"))]
    pub text: String,
    /// The main button.
    #[oai(default = "white", validator(pattern = "^#[0-9a-fA-F]{6}$"))]
    pub button: String,
    /// Text on the main button.
    #[oai(default = "blue", validator(pattern = "^#[0-9a-fA-F]{6}$"))]
    pub button_text: String,
}

impl Default for Colours {
    fn default() -> Self {
        Self {
            background: blue(),
            text: white(),
            button: white(),
            button_text: blue(),
        }
    }
}

fn blue() -> String {
    "#1d4ed8".to_owned()
}

fn white() -> String {
    "#ffffff".to_owned()
}

/// The typeface. Nothing is loaded: each stands on the visitor's device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Font {
    /// That of the visitor's system.
    #[default]
    System,
    /// That of the page.
    Inherit,
    Serif,
    Mono,
}

/// The size of the text and the space around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Size {
    Small,
    #[default]
    Medium,
    Large,
}
