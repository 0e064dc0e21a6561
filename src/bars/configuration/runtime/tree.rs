//! What a bar consists of, as elements: `[name, {attribute: value}, child…]`, a child being an element or a text.
//!
//! The script makes elements of it and nothing else: names and attributes are written here, what members write stays
//! text, and addresses were checked when the configuration was.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::Embedding;
use crate::bars::configuration::{
    BarLayout, Configuration, ContactGoal, Corner, Edge, Field, FieldKind, Goal, Layout, Spoken, Tab,
    TabEdge, Variant,
};

/// An element or a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Element(&'static str, Vec<(&'static str, String)>, Vec<Node>),
    Text(String),
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, attributes, children) = match self {
            Self::Text(text) => return serializer.serialize_str(text),
            Self::Element(name, attributes, children) => (name, attributes, children),
        };
        let mut parts = serializer.serialize_seq(Some(2 + children.len()))?;
        parts.serialize_element(name)?;
        parts.serialize_element(&Attributes(attributes))?;
        for child in children {
            parts.serialize_element(child)?;
        }
        parts.end()
    }
}

struct Attributes<'a>(&'a [(&'static str, String)]);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn element(name: &'static str, attributes: &[(&'static str, &str)], children: Vec<Node>) -> Node {
    let attributes = attributes
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    Node::Element(name, attributes, children)
}

fn text(text: &str) -> Vec<Node> {
    vec![Node::Text(text.to_owned())]
}

/// A post with something in this field comes from a robot. No field of a form can have the name.
const TRAP: &str = "web-site";

/// What the service is called, on bars that say so.
const BRAND: &str = "Contactbar";

/// The bar in one language.
pub(super) fn bar(
    configuration: &Configuration,
    variant: &Variant,
    spoken: &Spoken<'_>,
    place: &Embedding<'_>,
) -> Node {
    let closable = configuration.theme.closable;
    let classes = classes(&configuration.layout, &variant.goal);
    let mut attributes = vec![
        ("class", classes.as_str()),
        ("aria-labelledby", "m"),
        ("lang", spoken.language()),
        ("dir", direction(spoken)),
        ("tabindex", "-1"),
    ];
    let modal = matches!(configuration.layout, Layout::Modal(_));
    if modal {
        attributes.push(("closedby", if closable { "any" } else { "none" }));
    }
    let mut children = vec![element(
        "p",
        &[("class", "message"), ("id", "m")],
        text(spoken.message()),
    )];
    match &variant.goal {
        Goal::Notice(_) => {}
        Goal::Link(link) => children.push(anchor("main", &link.url, link.new_tab, spoken.button())),
        Goal::Contact(form) => {
            let status = [("class", "done"), ("role", "status"), ("tabindex", "-1")];
            children.push(element("p", &status, text(spoken.success())));
            children.push(form_of(form, spoken));
            if matches!(configuration.layout, Layout::Bar(_)) {
                let opener = [("class", "main opener"), ("aria-expanded", "false")];
                children.push(element(
                    "button",
                    &opener,
                    text(spoken.button().unwrap_or_default()),
                ));
            }
        }
    }
    if configuration.privacy.policy_link {
        children.push(anchor(
            "policy",
            place.policy_url,
            true,
            Some(spoken.service_policy()),
        ));
    }
    if let Some(url) = place.brand_url {
        children.push(anchor("policy", url, true, Some(BRAND)));
    }
    if closable {
        let close = [
            ("class", "close"),
            ("type", "button"),
            ("aria-label", spoken.close()),
        ];
        children.push(element("button", &close, text("×")));
    }
    element(if modal { "dialog" } else { "section" }, &attributes, children)
}

/// The tab in one language.
pub(super) fn tab(tab: &Tab, spoken: &Spoken<'_>) -> Node {
    let words = spoken.tab().unwrap_or_default();
    let class = match tab.edge {
        TabEdge::Left => "tab left",
        TabEdge::Right => "tab right",
        TabEdge::Bottom => "tab bottom",
    };
    let button = element(
        "button",
        &[("class", "main"), ("aria-expanded", "false")],
        text(words),
    );
    let attributes = [
        ("class", class),
        ("aria-label", words),
        ("lang", spoken.language()),
        ("dir", direction(spoken)),
    ];
    element("section", &attributes, vec![button])
}

fn direction(spoken: &Spoken<'_>) -> &'static str {
    if spoken.is_right_to_left() { "rtl" } else { "ltr" }
}

fn classes(layout: &Layout, goal: &Goal) -> String {
    let mut classes = match layout {
        Layout::Bar(_) => vec!["bar"],
        Layout::SlideIn(_) => vec!["card slide open"],
        Layout::Modal(_) => vec!["card modal open"],
        Layout::Inline(_) => vec!["card inline open"],
    };
    match layout {
        Layout::Bar(BarLayout {
            position,
            push,
            sticky,
        }) => {
            let row = matches!(goal, Goal::Contact(form) if !is_tall(form));
            let flags = [
                (row, "row"),
                (*position == Edge::Bottom, "bottom"),
                (!push, "over"),
                (!sticky, "free"),
            ];
            classes.extend(flags.iter().filter(|(is, _)| *is).map(|(_, name)| *name));
        }
        Layout::SlideIn(slide) => {
            if matches!(slide.corner, Corner::BottomLeft | Corner::BottomRight) {
                classes.push("bottom");
            }
            if matches!(slide.corner, Corner::TopLeft | Corner::BottomLeft) {
                classes.push("left");
            }
        }
        Layout::Modal(_) | Layout::Inline(_) => {}
    }
    classes.join(" ")
}

/// Does the form need room of its own rather than stand in one line with the message?
fn is_tall(form: &ContactGoal) -> bool {
    let seen = || form.fields.iter().filter(|field| field.kind != FieldKind::Hidden);
    form.consent.is_some() || seen().count() > 2 || seen().any(|field| field.kind == FieldKind::Message)
}

fn anchor(class: &str, url: &str, apart: bool, words: Option<&str>) -> Node {
    let mut attributes = vec![("class", class), ("href", url)];
    if apart {
        attributes.extend([("target", "_blank"), ("rel", "noopener")]);
    }
    attributes.retain(|(_, value)| !value.is_empty());
    element("a", &attributes, text(words.unwrap_or_default()))
}

fn form_of(form: &ContactGoal, spoken: &Spoken<'_>) -> Node {
    let mut attributes = vec![("novalidate", ""), ("data-e", spoken.error())];
    if is_tall(form) {
        attributes.push(("data-tall", "1"));
    }
    // What is hidden is not the visitor's to send: the server adds it.
    let mut children: Vec<_> = form
        .fields
        .iter()
        .enumerate()
        .filter(|(_, field)| field.kind != FieldKind::Hidden)
        .map(|(index, field)| field_of(&format!("f{index}"), field, spoken))
        .collect();
    if let Some(consent) = &form.consent {
        let label = element(
            "label",
            &[("for", "c")],
            text(spoken.consent().unwrap_or_default()),
        );
        let mut words = vec![label];
        if let Some(policy) = &consent.policy_url {
            words.push(Node::Text(" ".to_owned()));
            words.push(anchor("", policy, true, Some(spoken.policy())));
        }
        let mut control = control("c", "consent", consent.required);
        control.push(("type", "checkbox"));
        children.push(framed(
            "tick",
            "c",
            element("input", &control, Vec::new()),
            element("span", &[], words),
        ));
    }
    let trap = [("name", TRAP), ("tabindex", "-1"), ("autocomplete", "off")];
    children.push(element(
        "div",
        &[("hidden", "")],
        vec![element("input", &trap, Vec::new())],
    ));
    let button = text(spoken.button().unwrap_or_default());
    children.push(element("button", &[("class", "main")], button));
    children.push(element(
        "p",
        &[("class", "wrong alert"), ("role", "alert")],
        Vec::new(),
    ));
    element("form", &attributes, children)
}

fn control<'a>(id: &'a str, name: &'a str, required: bool) -> Vec<(&'static str, &'a str)> {
    let mut attributes = vec![("id", id), ("name", name)];
    if required {
        attributes.push(("required", ""));
    }
    attributes
}

/// A control with its words and the place for what is wrong with it.
fn framed(class: &str, id: &str, mut control: Node, words: Node) -> Node {
    let fault = format!("{id}e");
    if let Node::Element(_, attributes, _) = &mut control {
        attributes.push(("aria-describedby", fault.clone()));
    }
    let fault = element("p", &[("class", "wrong"), ("id", &fault)], Vec::new());
    element("div", &[("class", class)], vec![control, words, fault])
}

fn field_of(id: &str, field: &Field, spoken: &Spoken<'_>) -> Node {
    let max_length = field.kind.max_length().to_string();
    let mut attributes = control(id, &field.name, field.required);
    let typed = [("placeholder", " "), ("maxlength", max_length.as_str())];
    let (tag, class, children) = match field.kind {
        FieldKind::Select => {
            let choice =
                |value: &String| element("option", &[("value", value)], text(spoken.option(field, value)));
            let none = element("option", &[("value", "")], Vec::new());
            let choices = std::iter::once(none).chain(field.options.iter().map(choice));
            ("select", "field", choices.collect())
        }
        FieldKind::Checkbox => {
            attributes.push(("type", "checkbox"));
            ("input", "tick", Vec::new())
        }
        FieldKind::Message => {
            attributes.extend(typed);
            attributes.push(("data-k", "message"));
            ("textarea", "field wide", Vec::new())
        }
        FieldKind::Email | FieldKind::Name | FieldKind::Phone | FieldKind::Text | FieldKind::Hidden => {
            attributes.extend(typed);
            attributes.extend(match field.kind {
                FieldKind::Email => {
                    vec![("type", "email"), ("autocomplete", "email"), ("data-k", "email")]
                }
                FieldKind::Phone => vec![("type", "tel"), ("autocomplete", "tel"), ("data-k", "phone")],
                FieldKind::Name => vec![("type", "text"), ("autocomplete", "name"), ("data-k", "name")],
                _ => vec![("type", "text")],
            });
            ("input", "field", Vec::new())
        }
    };
    let label = element("label", &[("for", id)], text(spoken.label(field)));
    framed(class, id, element(tag, &attributes, children), label)
}
