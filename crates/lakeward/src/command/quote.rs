//! Names and texts as SQL reads them back.
//!
//! The commands of users and groups are statements like any other, so that they take the engine's one
//! road; this is where a name on a command line cannot become a piece of SQL.

use lakeward_domain::Name;

/// A name as a quoted identifier. Names hold no quotes; doubling them would be right if they did.
pub(super) fn name(name: &Name) -> String {
    format!("\"{}\"", name.as_str().replace('"', "\"\""))
}

/// A list of names.
pub(super) fn names(names: &[Name]) -> String {
    names.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// A text as a literal.
pub(super) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `('key' = 'value', …)`.
pub(super) fn pairs(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{} = {}", text(key), text(value)))
        .collect();
    format!("({})", pairs.join(", "))
}

#[cfg(test)]
mod tests {
    use lakeward_policy::{Statement, ddl};

    use super::*;

    #[test]
    fn hostile_names_and_values_stay_names_and_values() {
        for hostile in [
            "x; drop user ann",
            "group",
            "select",
            "a b",
            "-- c",
            "ann smith",
            "日本",
        ] {
            let user = Name::parse(hostile).unwrap();
            let value = "a' OR 'b'='b'); DROP USER ann; --";
            let sql = format!(
                "CREATE USER {} WITH ATTRIBUTES {}",
                name(&user),
                pairs(&[("tenant".into(), value.into())])
            );
            match ddl::parse(&sql).unwrap() {
                Some(Statement::CreateUser {
                    name, attributes, ..
                }) => {
                    assert_eq!(name, user, "{sql}");
                    assert_eq!(attributes.get("tenant").map(String::as_str), Some(value));
                }
                other => panic!("{sql}: {other:?}"),
            }
        }
    }
}
