//! Names of columns, from whatever a source calls them.

use std::collections::HashSet;

use lakeward_domain::Name;

/// Characters that a name may have here: room for a suffix is left.
const LONGEST: usize = 200;

/// A name for each text: trimmed, in lower case, with `_` for what a name may not hold, `column_3` for
/// nothing, and a suffix where two would be the same.
pub(crate) fn of_columns<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Name> {
    let mut taken: HashSet<Name> = HashSet::new();
    let mut names = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        let clean: String = text
            .trim()
            .chars()
            .map(|c| match c {
                c if c.is_control() => '_',
                '.' | '/' | '\\' | '"' | '\'' | '`' => '_',
                c => c,
            })
            .take(LONGEST)
            .collect();
        let base = Name::parse(&clean).ok();
        let base = base.map_or_else(|| format!("column_{}", index + 1), |name| name.to_string());
        let mut suffixed = base.clone();
        let mut number = 1;
        // A number is found before the names run out.
        loop {
            if let Ok(name) = Name::parse(&suffixed)
                && taken.insert(name.clone())
            {
                names.push(name);
                break;
            }
            number += 1;
            suffixed = format!("{base}_{number}");
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_cleaned_and_told_apart() {
        let texts = [
            " Id ",
            "ID",
            "Visit.Date",
            "",
            "a\"b",
            "id_2",
            "größe",
            "ID",
        ];
        let names: Vec<String> = of_columns(texts).iter().map(Name::to_string).collect();
        assert_eq!(
            names,
            [
                "id",
                "id_2",
                "visit_date",
                "column_4",
                "a_b",
                "id_2_2",
                "größe",
                "id_3"
            ]
        );
    }

    proptest! {
        #[test]
        fn any_texts_become_as_many_different_names(texts in prop::collection::vec(".{0,300}", 0..20)) {
            let names = of_columns(texts.iter().map(String::as_str));
            prop_assert_eq!(names.len(), texts.len());
            prop_assert_eq!(names.iter().collect::<HashSet<_>>().len(), texts.len());
        }
    }
}
