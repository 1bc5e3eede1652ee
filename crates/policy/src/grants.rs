//! Who holds which right on what.
//!
//! A right on something holds for everything inside it; nothing else spreads. Neither ownership nor
//! a duty ever allows to read: those who run a lake and those who write its policies see no data by
//! that.

use lakeward_domain::{Duty, Requester, Tags};

use crate::{Facts, Grant, Privilege, Securable};

/// Whether a requester holds a right on something, by a grant to them, to a group of theirs or to
/// everybody, on the thing itself, on something it is inside of, or on a tag it carries.
///
/// `MANAGE` implies `USAGE`, `CREATE` and `EXECUTE`, and never `SELECT`, `MODIFY`, `UNMASK` or
/// `EXPORT`. `USAGE` is implied by any right on something inside.
#[must_use]
pub fn allows(
    facts: &dyn Facts,
    requester: &Requester,
    privilege: Privilege,
    on: &Securable,
) -> bool {
    granted_by(facts, requester, privilege, on).is_some()
        || (privilege == Privilege::Execute && owns_function(facts, requester, on))
}

/// The grant that allows it.
#[must_use]
pub fn granted_by<'f>(
    facts: &'f dyn Facts,
    requester: &Requester,
    privilege: Privilege,
    on: &Securable,
) -> Option<&'f Grant> {
    facts.grants_to(requester).into_iter().find(|grant| {
        (implies(grant.privilege, privilege) && covers(facts, &grant.on, on))
            || (privilege == Privilege::Usage && covers(facts, on, &grant.on))
    })
}

/// Whether a requester may set masks, filters, tags and grants on something: a policy
/// administrator, or somebody with `MANAGE` on it.
#[must_use]
pub fn may_set_policies(facts: &dyn Facts, requester: &Requester, on: &Securable) -> bool {
    requester.has(Duty::PolicyAdmin) || allows(facts, requester, Privilege::Manage, on)
}

/// Whether a requester may alter or drop something: a system administrator, its owner, or somebody
/// with `MANAGE` on it.
#[must_use]
pub fn may_alter(facts: &dyn Facts, requester: &Requester, on: &Securable) -> bool {
    let owner = match on {
        Securable::Catalog | Securable::Tag(..) => None,
        Securable::Schema(id) => facts.schema(*id).map(|s| s.owner),
        Securable::Table(id) | Securable::Column(id, _) => facts.table(*id).map(|t| t.owner),
        Securable::Function(id) => facts.function(*id).map(|f| f.owner),
    };
    requester.has(Duty::SystemAdmin)
        || owner == Some(requester.id)
        || allows(facts, requester, Privilege::Manage, on)
}

fn owns_function(facts: &dyn Facts, requester: &Requester, on: &Securable) -> bool {
    match on {
        Securable::Function(id) => facts.function(*id).is_some_and(|f| f.owner == requester.id),
        Securable::Catalog
        | Securable::Schema(_)
        | Securable::Table(_)
        | Securable::Column(..)
        | Securable::Tag(..) => false,
    }
}

fn implies(held: Privilege, asked: Privilege) -> bool {
    held == asked
        || (held == Privilege::Manage
            && match asked {
                Privilege::Usage | Privilege::Create | Privilege::Execute => true,
                Privilege::Select
                | Privilege::Modify
                | Privilege::Unmask
                | Privilege::Export
                | Privilege::Manage => false,
            })
}

/// Whether a grant on `outer` reaches `inner`.
fn covers(facts: &dyn Facts, outer: &Securable, inner: &Securable) -> bool {
    if outer == inner {
        return true;
    }
    match outer {
        Securable::Catalog => true,
        Securable::Schema(schema) => match inner {
            Securable::Table(id) | Securable::Column(id, _) => {
                facts.table(*id).is_some_and(|t| t.schema == *schema)
            }
            Securable::Function(id) => facts.function(*id).is_some_and(|f| f.schema == *schema),
            Securable::Catalog | Securable::Schema(_) | Securable::Tag(..) => false,
        },
        Securable::Table(table) => matches!(inner, Securable::Column(id, _) if id == table),
        Securable::Tag(key, value) => match inner {
            Securable::Column(id, column) => facts.table(*id).is_some_and(|table| {
                table
                    .column_by_id(*column)
                    .is_some_and(|c| carries(&table.column_tags(c), key, value.as_deref()))
            }),
            Securable::Table(id) => facts.table(*id).is_some_and(|table| {
                // A tag of the whole table, which none of its columns overrides.
                !table.columns.is_empty()
                    && table
                        .columns
                        .iter()
                        .all(|c| carries(&table.column_tags(c), key, value.as_deref()))
            }),
            Securable::Tag(inner_key, _) => value.is_none() && key == inner_key,
            Securable::Catalog | Securable::Schema(_) | Securable::Function(_) => false,
        },
        Securable::Column(..) | Securable::Function(_) => false,
    }
}

fn carries(tags: &Tags, key: &str, value: Option<&str>) -> bool {
    tags.get(key).is_some_and(|v| value.is_none_or(|x| x == v))
}
