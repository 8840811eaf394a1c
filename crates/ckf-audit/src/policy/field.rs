//! Fields of an item of the policy.

use jiff::civil::Date;

use super::error::EntryError;

/// Parses an item of a list; `fields` are named in the error.
pub(super) fn entry<T: serde::de::DeserializeOwned>(
    value: serde_yaml::Value,
    fields: &'static str,
) -> Result<T, EntryError> {
    serde_yaml::from_value(value).map_err(|source| EntryError::Malformed { source, fields })
}

/// The trimmed value of a required field.
pub(super) fn required(field: &'static str, value: Option<String>) -> Result<String, EntryError> {
    value.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()).ok_or(EntryError::Missing(field))
}

/// A required day, for example 2027-03-31.
pub(super) fn day(field: &'static str, value: Option<String>) -> Result<Date, EntryError> {
    let text = required(field, value)?;
    text.parse().map_err(|_| EntryError::Date { field, text })
}
