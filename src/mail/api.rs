//! Mail over HTTP: how an address stands in the API.

use super::EmailAddress;

crate::string_type!(EmailAddress, "email", "anna@example.com", None);
