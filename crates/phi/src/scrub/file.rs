//! The TOML form of a policy.

use std::collections::BTreeMap;

use lakeward_domain::Tags;
use serde::Deserialize;

use super::{Claim, ColumnRule, FORMAT, ScrubPolicy, Transform};
use crate::{
    Error, Kind, KindSet, Result,
    detect::{Detector, SiteRule},
    header, validate, zip3,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    name: String,
    #[serde(default = "first")]
    version: u64,
    claim: Claim,
    #[serde(default)]
    unknown: Unknown,
    #[serde(default)]
    zip3: zip3::Table,
    as_of: Option<String>,
    free_text: Option<KindSet>,
    #[serde(default)]
    kinds: BTreeMap<Kind, Action>,
    #[serde(default)]
    column: Vec<Column>,
    #[serde(default)]
    rule: Vec<Rule>,
}

const fn first() -> u64 {
    1
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum Unknown {
    #[default]
    Quarantine,
    Drop,
    Keep,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    #[serde(default)]
    names: Vec<String>,
    name: Option<String>,
    action: Action,
    #[serde(default)]
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    id: String,
    kind: Kind,
    pattern: String,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(rename = "match", default)]
    matches: Vec<String>,
    #[serde(default)]
    no_match: Vec<String>,
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum Action {
    Word(Word),
    With(With),
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Word {
    Keep,
    Drop,
    Redact,
    Null,
    Year,
    Zip3,
    AgeCap,
    ScrubText,
    Quarantine,
    #[serde(rename = "show_first_4")]
    ShowFirst4,
    #[serde(rename = "show_last_4")]
    ShowLast4,
    Alphanum,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "snake_case")]
enum With {
    Token(String),
    Constant(String),
    Redact(String),
}

pub(super) fn read(text: &str) -> Result<ScrubPolicy> {
    let file: File = toml::from_str(text).map_err(|error| Error::Syntax {
        line: error.span().map(|span| {
            1 + text
                .bytes()
                .take(span.start)
                .filter(|b| *b == b'\n')
                .count()
        }),
    })?;
    if file.format != FORMAT {
        return Err(Error::Format {
            found: file.format,
            known: FORMAT,
        });
    }
    if file.name.is_empty() || file.name.len() > 100 {
        return Err(Error::Invalid {
            field: "name".to_owned(),
            why: "1 to 100 characters",
        });
    }
    let as_of = match &file.as_of {
        None => None,
        Some(text) => Some(
            validate::parse_date(text)
                .filter(|date| date.day.is_some())
                .ok_or_else(|| Error::Invalid {
                    field: "as_of".to_owned(),
                    why: "a day as YYYY-MM-DD",
                })?,
        ),
    };
    let claim = file.claim;
    let free_text = file.free_text.unwrap_or(KindSet::ALL);
    if let Some(kind) = Kind::ALL
        .iter()
        .find(|kind| claim.removes(**kind) && !free_text.contains(**kind))
    {
        return Err(Error::Uncovered { claim, kind: *kind });
    }
    let unknown = match file.unknown {
        Unknown::Quarantine => Transform::Quarantine,
        Unknown::Drop => Transform::Drop,
        Unknown::Keep => Transform::Keep,
    };
    if unknown == Transform::Keep && claim != Claim::InternalPseudonymised {
        return Err(Error::Contradiction {
            claim,
            action: "keep",
            place: "unknown".to_owned(),
            why: "a column that nobody named may be an identifier",
        });
    }
    let context = Context {
        claim,
        free_text,
        zip3: file.zip3,
    };
    let kinds = file
        .kinds
        .into_iter()
        .map(|(kind, action)| {
            Ok((
                kind,
                context.action(&action, Some(kind), &format!("kind {kind}"))?,
            ))
        })
        .collect::<Result<BTreeMap<_, _>>>()?;
    let columns = file
        .column
        .into_iter()
        .map(|column| context.column(column))
        .collect::<Result<_>>()?;
    let rules = file
        .rule
        .into_iter()
        .map(site_rule)
        .collect::<Result<Vec<_>>>()?;
    Ok(ScrubPolicy {
        name: file.name,
        version: file.version,
        claim,
        unknown,
        as_of,
        free_text,
        kinds,
        columns,
        detector: Detector::with_rules(rules),
    })
}

struct Context {
    claim: Claim,
    free_text: KindSet,
    zip3: zip3::Table,
}

impl Context {
    fn column(&self, column: Column) -> Result<ColumnRule> {
        let names: Vec<String> = column.names.into_iter().chain(column.name).collect();
        if names.is_empty() {
            return Err(Error::Invalid {
                field: "column".to_owned(),
                why: "at least one name",
            });
        }
        let mut action = None;
        for name in &names {
            // A pattern is checked when it meets columns.
            let kind = if name.contains('*') {
                None
            } else {
                header::kind_of(name)
            };
            action = Some(self.action(&column.action, kind, &format!("column {name}"))?);
        }
        let action = action.unwrap_or(Transform::Quarantine);
        Ok(ColumnRule {
            names,
            action,
            tags: column.tags,
        })
    }

    fn action(&self, action: &Action, kind: Option<Kind>, place: &str) -> Result<Transform> {
        let transform = match action {
            Action::Word(word) => match word {
                Word::Keep => Transform::Keep,
                Word::Drop => Transform::Drop,
                Word::Redact => {
                    Transform::Redact(kind.map_or("[REDACTED]", Kind::label).to_owned())
                }
                Word::Null => Transform::Null,
                Word::Year => Transform::Year {
                    // Set when the policy meets columns.
                    as_of: validate::CivilDate {
                        year: 0,
                        month: None,
                        day: None,
                    },
                },
                Word::Zip3 => Transform::Zip3(self.zip3),
                Word::AgeCap => Transform::AgeCap,
                Word::ScrubText => Transform::ScrubText(self.free_text),
                Word::Quarantine => Transform::Quarantine,
                Word::ShowFirst4 => Transform::ShowFirst4,
                Word::ShowLast4 => Transform::ShowLast4,
                Word::Alphanum => Transform::Alphanum,
            },
            Action::With(With::Token(domain)) => {
                let clean = |b: u8| {
                    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-')
                };
                if domain.is_empty() || domain.len() > 60 || !domain.bytes().all(clean) {
                    return Err(Error::Invalid {
                        field: "token domain".to_owned(),
                        why: "1 to 60 of a-z, 0-9, - and _",
                    });
                }
                Transform::Token {
                    domain: domain.clone(),
                    kind: kind.or_else(|| domain.parse().ok()),
                }
            }
            Action::With(With::Constant(text)) => Transform::Constant(text.clone()),
            Action::With(With::Redact(text)) => Transform::Redact(text.clone()),
        };
        match self.claim.refuses(&transform, kind) {
            None => Ok(transform),
            Some(why) => Err(Error::Contradiction {
                claim: self.claim,
                action: transform.as_str(),
                place: place.to_owned(),
                why,
            }),
        }
    }
}

fn site_rule(rule: Rule) -> Result<SiteRule> {
    let error = |why| Error::Rule {
        rule: rule.id.clone(),
        why,
    };
    let site = SiteRule::new(rule.kind, &rule.pattern, &rule.keywords).ok_or_else(|| {
        error("the pattern is not a regular expression, or matches the empty text")
    })?;
    if !rule.matches.iter().all(|text| site.is_match(text)) {
        return Err(error("an example that should match does not"));
    }
    if rule.no_match.iter().any(|text| site.is_match(text)) {
        return Err(error("an example that should not match does"));
    }
    Ok(site)
}
