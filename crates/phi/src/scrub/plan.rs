//! A policy meets the columns of a source.

use lakeward_domain::{Clock as _, LogicalType, SystemClock, Tags};
use serde::Serialize;

use super::{ScrubPolicy, Transform};
use crate::{Error, Kind, Result, header, validate::CivilDate};

/// What is known about a column before it is read whole.
#[derive(Debug, Clone, Default)]
pub struct ColumnHint {
    /// Its name, or the JSON path.
    pub name: String,
    /// The type that its values seem to have.
    pub data_type: Option<LogicalType>,
    /// What its sampled values are, from [`super::Sampler`].
    pub verdict: Option<Kind>,
    /// Whether sampled values are texts with words, in which identifiers may hide.
    pub free_text: bool,
}

/// What happens to a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnPlan {
    /// Its name, or the JSON path.
    pub name: String,
    /// What it holds, by header or by values.
    pub kind: Option<Kind>,
    /// What happens to its values.
    pub action: Transform,
    /// Tags of the column in the lake.
    pub tags: Tags,
    /// Whether the values that stay are to be searched, for the report.
    pub scan_text: bool,
}

impl ScrubPolicy {
    /// Decides about every column.
    ///
    /// # Errors
    /// [`Error::Contradiction`] where a rule by name would let a recognised identifier stay that the
    /// claim removes.
    pub fn plan(&self, columns: &[ColumnHint]) -> Result<Vec<ColumnPlan>> {
        let as_of = self.as_of.unwrap_or_else(today);
        columns
            .iter()
            .map(|column| self.plan_column(column, as_of))
            .collect()
    }

    fn plan_column(&self, column: &ColumnHint, as_of: CivilDate) -> Result<ColumnPlan> {
        let text = matches!(column.data_type, None | Some(LogicalType::String));
        let by_header = header::kind_of(&column.name);
        let kind = by_header.or(column.verdict);
        let rule = self.rule_of(&column.name, by_header);
        let mut action = match (rule, kind) {
            (Some(rule), _) => rule.action.clone(),
            (None, Some(kind)) => self
                .kinds
                .get(&kind)
                .cloned()
                .unwrap_or_else(|| self.unknown.clone()),
            (None, None) => self.unknown.clone(),
        };
        if let Some(why) = self.claim.refuses(&action, by_header) {
            return Err(Error::Contradiction {
                claim: self.claim,
                action: action.as_str(),
                place: format!("column {}", column.name),
                why,
            });
        }
        // A kept column is kept for what its name says; if its values say otherwise, or are texts, what
        // is an identifier in them goes.
        let leaks = kind.is_some_and(|kind| self.claim.removes(kind)) || column.free_text;
        if action == Transform::Keep && self.claim.is_checked() && text && leaks {
            action = Transform::ScrubText(self.free_text);
        }
        if let Transform::Year { as_of: day } = &mut action {
            *day = as_of;
        }
        let mut tags = self.tags(&action, kind, column.free_text && text);
        if let Some(rule) = rule {
            tags.extend(rule.tags.clone());
        }
        let stays = matches!(action, Transform::Keep | Transform::ScrubText(_));
        Ok(ColumnPlan {
            name: column.name.clone(),
            kind,
            scan_text: stays && text,
            action,
            tags,
        })
    }

    fn rule_of(&self, column: &str, kind: Option<Kind>) -> Option<&super::ColumnRule> {
        let exact = |name: &String| name.eq_ignore_ascii_case(column);
        let pattern =
            |name: &String| name.contains('*') && glob(name.as_bytes(), column.as_bytes());
        // A pattern was not written for this column: `*_code` does not mean `zip_code`. Where its
        // action is not allowed on what the column holds, the rule of that kind is taken.
        let allowed = |rule: &&super::ColumnRule| self.claim.refuses(&rule.action, kind).is_none();
        self.columns
            .iter()
            .find(|rule| rule.names.iter().any(exact))
            .or_else(|| {
                self.columns
                    .iter()
                    .filter(allowed)
                    .find(|rule| rule.names.iter().any(pattern))
            })
    }

    fn tags(&self, action: &Transform, kind: Option<Kind>, free_text: bool) -> Tags {
        let mut tags = Tags::new();
        let phi = match action {
            // Parts of identifiers and codes made from them stay PHI.
            Transform::Token { .. }
            | Transform::ShowFirst4
            | Transform::ShowLast4
            | Transform::Alphanum => Some(kind.map_or("other_id", Kind::as_str)),
            Transform::Keep => match kind {
                Some(kind) => Some(kind.as_str()),
                None => free_text.then_some("free_text"),
            },
            // A text may hold what no detector knows; only Safe Harbor output claims otherwise.
            Transform::ScrubText(_) if self.claim != super::Claim::SafeHarbor => Some("free_text"),
            Transform::ScrubText(_) => {
                tags.insert("sensitivity".to_owned(), "free_text".to_owned());
                None
            }
            _ => None,
        };
        if let Some(phi) = phi {
            tags.insert("phi".to_owned(), phi.to_owned());
        }
        if !matches!(action, Transform::Keep) {
            tags.insert("scrubbed".to_owned(), action.as_str().to_owned());
        }
        tags
    }
}

fn today() -> CivilDate {
    let (year, month, day) = SystemClock.now().date();
    CivilDate {
        year: i32::try_from(year).unwrap_or(i32::MAX),
        month: Some(month),
        day: Some(day),
    }
}

/// Whether a text fits a pattern in which `*` is any run of characters; ASCII case is ignored.
pub(super) fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(b) if b.eq_ignore_ascii_case(&text[t]) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    p = star + 1;
                    t = from + 1;
                    retry = Some((star, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}
