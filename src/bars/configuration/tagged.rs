//! Unions told apart by `kind`, for serde and poem-openapi alike.
//!
//! poem's own `Union` hands the discriminator on to the member, which then refuses it as unknown, and
//! describes each member by an `allOf` that no `additionalProperties: false` can stand in. Here every member
//! is one flat object with its `kind`.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;

/// Implements poem-openapi's types for an enum of one-field variants that serde tags with `kind`.
macro_rules! tagged {
    ($name:ident: $description:literal, $($tag:literal = $member:ty),+ $(,)?) => {
        impl poem_openapi::types::Type for $name {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_ref() -> poem_openapi::registry::MetaSchemaRef {
                poem_openapi::registry::MetaSchemaRef::Reference(stringify!($name).to_owned())
            }

            fn register(registry: &mut poem_openapi::registry::Registry) {
                registry.create_schema::<Self, _>(stringify!($name).to_owned(), |registry| {
                    let members = [$(($tag, $crate::bars::configuration::tagged::member::<$member>(registry, $tag))),+];
                    $crate::bars::configuration::tagged::union($description, &members)
                });
            }

            fn as_raw_value(&self) -> Option<&Self::RawValueType> {
                Some(self)
            }

            fn raw_element_iter<'a>(
                &'a self,
            ) -> Box<dyn Iterator<Item = &'a Self::RawElementValueType> + 'a> {
                Box::new(std::iter::once(self))
            }
        }

        impl poem_openapi::types::IsObjectType for $name {}

        impl poem_openapi::types::ParseFromJSON for $name {
            fn parse_from_json(
                value: Option<serde_json::Value>,
            ) -> poem_openapi::types::ParseResult<Self> {
                serde_json::from_value(value.unwrap_or_default())
                    .map_err(poem_openapi::types::ParseError::custom)
            }
        }

        impl poem_openapi::types::ToJSON for $name {
            fn to_json(&self) -> Option<serde_json::Value> {
                serde_json::to_value(self).ok()
            }
        }
    };
}
pub(super) use tagged;

/// Registers a member of a union with its `kind`; returns the name of its schema.
pub(super) fn member<T: Type>(registry: &mut Registry, tag: &'static str) -> String {
    T::register(registry);
    let name = T::name().into_owned();
    let schema = registry
        .schemas
        .get_mut(&name)
        .expect("the schema was registered the line before");
    let kind = MetaSchema {
        enum_items: vec![tag.into()],
        example: Some(tag.into()),
        ..MetaSchema::new("string")
    };
    schema.required.insert(0, "kind");
    schema
        .properties
        .insert(0, ("kind", MetaSchemaRef::Inline(Box::new(kind))));
    name
}

/// The schema of a union of registered members.
pub(super) fn union(description: &'static str, members: &[(&'static str, String)]) -> MetaSchema {
    let address = |name: &str| format!("#/components/schemas/{name}");
    MetaSchema {
        ty: "object",
        description: Some(description),
        one_of: members
            .iter()
            .map(|(_, name)| MetaSchemaRef::Reference(name.clone()))
            .collect(),
        discriminator: Some(poem_openapi::registry::MetaDiscriminatorObject {
            property_name: "kind",
            mapping: members
                .iter()
                .map(|(tag, name)| ((*tag).to_owned(), address(name)))
                .collect(),
        }),
        ..MetaSchema::ANY
    }
}
