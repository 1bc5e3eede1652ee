//! Users, groups, duties, grants and the purpose of a session.

use std::collections::{BTreeMap, BTreeSet};

use lakeward_catalog::{Change, State};
use lakeward_domain::{
    Code, Duty, GrantId, Name, Principal, PrincipalId, Purpose, RequesterKind, TableName, Tags,
};
use lakeward_policy::{
    Grant, Grantee, Privilege, Securable, allows,
    ddl::{GranteeSpec, MemberSpec, SecurableSpec, ShowGrantsOf, Statement},
};

use super::{Done, Work};
use crate::{
    error::{Error, Result, denied, not_found},
    explain::text_batch,
};

/// The purpose that a statement sets.
pub(crate) fn purpose(statement: &Statement) -> Result<Option<Purpose>> {
    match statement {
        Statement::SetPurpose { name, reference } => Ok(Some(Purpose {
            name: name.clone(),
            reference: reference.clone(),
        })),
        _ => Ok(None),
    }
}

fn user<'s>(state: &'s State, name: &Name) -> Result<&'s Principal> {
    state.user_by_name(name).ok_or_else(|| not_found("user"))
}

fn group<'s>(state: &'s State, name: &Name) -> Result<&'s Principal> {
    state.group_by_name(name).ok_or_else(|| not_found("group"))
}

fn either(state: &State, name: &Name) -> Result<PrincipalId> {
    state
        .principal_by_name(name)
        .map(Principal::id)
        .ok_or_else(|| not_found("user or group"))
}

fn grantee(state: &State, spec: &GranteeSpec) -> Result<Grantee> {
    Ok(match spec {
        GranteeSpec::User(name) => Grantee::Principal(user(state, name)?.id()),
        GranteeSpec::Group(name) => Grantee::Principal(group(state, name)?.id()),
        GranteeSpec::Any(name) => Grantee::Principal(either(state, name)?),
        GranteeSpec::AccountUsers => Grantee::AccountUsers,
    })
}

fn securable(work: &Work<'_>, spec: &SecurableSpec) -> Result<Securable> {
    Ok(match spec {
        SecurableSpec::Catalog => Securable::Catalog,
        SecurableSpec::Schema(name) => Securable::Schema(work.schema(name)?),
        SecurableSpec::Table(name) => Securable::Table(work.table(name)?.id),
        SecurableSpec::Column(name, column) => {
            let table = work.table(name)?;
            let column = table.column(column).ok_or_else(|| {
                Error::new(Code::PlanError, "a column of the statement does not exist")
            })?;
            Securable::Column(table.id, column.id)
        }
        SecurableSpec::Tag(key, value) => Securable::Tag(key.clone(), value.clone()),
        SecurableSpec::Function(name) => Securable::Function(work.function(name)?.id),
    })
}

fn may_grant(work: &Work<'_>, on: &Securable) -> Result<()> {
    let managed = allows(work.state(), work.requester(), Privilege::Manage, on);
    if work.requester().has(Duty::PolicyAdmin) || managed && !matches!(on, Securable::Tag(..)) {
        return Ok(());
    }
    Err(denied("the duty policy_admin or the right MANAGE"))
}

/// GRANT and REVOKE. UNMASK is a policy administrator's alone: whoever manages a table must not
/// lift its masks.
pub(super) async fn grant(work: &Work<'_>, statement: &Statement) -> Result<Done> {
    let (privileges, on, specs, give) = match statement {
        Statement::Grant { privileges, on, to } => (privileges, on, to, true),
        Statement::Revoke {
            privileges,
            on,
            from,
        } => (privileges, on, from, false),
        _ => return Err(Error::new(Code::Internal, "not a grant")),
    };
    let on = securable(work, on)?;
    may_grant(work, &on)?;
    if privileges.contains(&Privilege::Unmask) {
        work.needs_duty(Duty::PolicyAdmin)?;
        let for_oneself = specs.iter().any(|spec| {
            grantee(work.state(), spec).is_ok_and(|grantee| match grantee {
                Grantee::Principal(id) => work.requester().is(id),
                Grantee::AccountUsers => true,
            })
        });
        // Until duties are separated, one person is everything and `doctor` says so.
        let separated = work.requester().duties.len() < Duty::ALL.len();
        if give && for_oneself && separated {
            return Err(denied(
                "another policy administrator: nobody lifts masks for themselves",
            ));
        }
    }
    let mut changes = Vec::new();
    for spec in specs {
        let grantee = grantee(work.state(), spec)?;
        for privilege in privileges {
            let held = work.state().grants().find(|grant| {
                grant.grantee == grantee && grant.privilege == *privilege && grant.on == on
            });
            match (held, give) {
                (Some(held), false) => changes.push(Change::DropGrant(held.id)),
                (None, true) => changes.push(Change::PutGrant(Grant {
                    id: GrantId::random(),
                    grantee,
                    privilege: *privilege,
                    on: on.clone(),
                    grantor: work.requester().id,
                    created: work.engine.clock.now(),
                })),
                (Some(_), true) | (None, false) => {}
            }
        }
    }
    work.decide(None).await?;
    let what = if give { "granted" } else { "revoked" };
    if !changes.is_empty() {
        let detail = detail(privileges, specs);
        work.commit(work.kind, format!("{on:?}"), detail, changes)
            .await?;
    }
    Ok(Done::changed(what, None))
}

fn detail(privileges: &[Privilege], to: &[GranteeSpec]) -> BTreeMap<String, String> {
    let rights: Vec<String> = privileges.iter().map(ToString::to_string).collect();
    let names: Vec<String> = to
        .iter()
        .map(|spec| match spec {
            GranteeSpec::User(name) | GranteeSpec::Group(name) | GranteeSpec::Any(name) => {
                name.to_string()
            }
            GranteeSpec::AccountUsers => "account users".into(),
        })
        .collect();
    [
        ("privileges".to_owned(), rights.join(",")),
        ("grantees".to_owned(), names.join(",")),
    ]
    .into()
}

/// GRANT DUTY and REVOKE DUTY. The last identity administrator stays one.
pub(super) async fn duty(work: &Work<'_>, statement: &Statement) -> Result<Done> {
    work.needs_duty(Duty::IdentityAdmin)?;
    let (duties, names, give) = match statement {
        Statement::GrantDuty { duties, to } => (duties, to, true),
        Statement::RevokeDuty { duties, from } => (duties, from, false),
        _ => return Err(Error::new(Code::Internal, "not a duty")),
    };
    let mut changes = Vec::new();
    for name in names {
        let mut principal = user(work.state(), name)?.clone();
        if let Principal::User { duties: held, .. } = &mut principal {
            for duty in duties {
                if give {
                    held.insert(*duty);
                } else {
                    held.remove(duty);
                }
            }
        }
        changes.push(Change::PutPrincipal(principal));
    }
    keep_an_identity_admin(work.state(), &changes)?;
    work.decide(None).await?;
    let all: Vec<String> = duties.iter().map(ToString::to_string).collect();
    let users: Vec<String> = names.iter().map(ToString::to_string).collect();
    let detail = [
        ("duties".to_owned(), all.join(",")),
        ("users".to_owned(), users.join(",")),
    ];
    work.commit(work.kind, "duties".into(), detail.into(), changes)
        .await?;
    Ok(Done::changed(
        if give { "duty granted" } else { "duty revoked" },
        None,
    ))
}

fn keep_an_identity_admin(state: &State, changes: &[Change]) -> Result<()> {
    let mut principals: BTreeMap<PrincipalId, Principal> = state
        .principals()
        .map(|principal| (principal.id(), principal.clone()))
        .collect();
    for change in changes {
        match change {
            Change::PutPrincipal(principal) => {
                principals.insert(principal.id(), principal.clone());
            }
            Change::DropPrincipal(id) => {
                principals.remove(id);
            }
            _ => {}
        }
    }
    let left = principals
        .values().any(|principal| {
        matches!(principal, Principal::User { duties, disabled: false, .. } if duties.contains(&Duty::IdentityAdmin))
    });
    if left {
        return Ok(());
    }
    Err(Error::new(
        Code::InUse,
        "the lake would be left without an identity administrator",
    ))
}

/// CREATE, ALTER and DROP of users, services and groups.
pub(super) async fn principal(work: &Work<'_>, statement: &Statement) -> Result<Done> {
    work.needs_duty(Duty::IdentityAdmin)?;
    let state = work.state();
    let exists = || Error::new(Code::AlreadyExists, "a user or group of this name exists");
    let (changes, object, message): (Vec<Change>, String, &str) = match statement {
        Statement::CreateUser {
            name,
            kind,
            if_not_exists,
            attributes,
        } => match state.principal_by_name(name) {
            Some(_) if *if_not_exists => (Vec::new(), String::new(), "user exists"),
            Some(_) => return Err(exists()),
            None => {
                let id = PrincipalId::random();
                let user = Principal::User {
                    id,
                    name: name.clone(),
                    requester_kind: *kind,
                    attributes: attributes.clone(),
                    duties: BTreeSet::new(),
                    disabled: false,
                };
                let message = match kind {
                    RequesterKind::User => "user created",
                    RequesterKind::Service => "service created",
                };
                (vec![Change::PutPrincipal(user)], id.to_string(), message)
            }
        },
        Statement::AlterUser {
            name,
            set,
            unset,
            disabled,
        } => {
            let mut found = user(state, name)?.clone();
            if let Principal::User {
                attributes,
                disabled: off,
                ..
            } = &mut found
            {
                attributes.extend(set.clone());
                attributes.retain(|key, _| !unset.contains(key));
                *off = disabled.unwrap_or(*off);
            }
            let id = found.id().to_string();
            (vec![Change::PutPrincipal(found)], id, "user altered")
        }
        Statement::DropUser { name, if_exists } => match state.user_by_name(name) {
            None if *if_exists => (Vec::new(), String::new(), "no such user"),
            None => return Err(not_found("user")),
            Some(found) => (
                vec![Change::DropPrincipal(found.id())],
                found.id().to_string(),
                "user dropped",
            ),
        },
        Statement::CreateGroup {
            name,
            if_not_exists,
        } => match state.principal_by_name(name) {
            Some(_) if *if_not_exists => (Vec::new(), String::new(), "group exists"),
            Some(_) => return Err(exists()),
            None => {
                let id = PrincipalId::random();
                let group = Principal::Group {
                    id,
                    name: name.clone(),
                    members: BTreeSet::new(),
                };
                (
                    vec![Change::PutPrincipal(group)],
                    id.to_string(),
                    "group created",
                )
            }
        },
        Statement::AlterGroup { name, add, drop } => {
            let mut found = group(state, name)?.clone();
            let own = found.id();
            if let Principal::Group { members, .. } = &mut found {
                for spec in add {
                    let id = member(state, spec)?;
                    if id == own {
                        return Err(Error::new(
                            Code::InvalidName,
                            "a group cannot be its own member",
                        ));
                    }
                    members.insert(id);
                }
                for spec in drop {
                    members.remove(&member(state, spec)?);
                }
            }
            (
                vec![Change::PutPrincipal(found)],
                own.to_string(),
                "group altered",
            )
        }
        Statement::DropGroup { name, if_exists } => match state.group_by_name(name) {
            None if *if_exists => (Vec::new(), String::new(), "no such group"),
            None => return Err(not_found("group")),
            Some(found) => {
                // A policy that names the group would lose its meaning: is_member(…) would be false
                // for everybody, which can open as well as close.
                let named = state.functions().any(|function| {
                    lakeward_policy::syntax::parse_expression(&function.body).is_ok_and(|body| {
                        lakeward_policy::fold::groups_named(&body)
                            .iter()
                            .any(|group| Name::parse(group).as_ref() == Ok(name))
                    })
                });
                if named {
                    return Err(Error::new(Code::InUse, "a function names the group"));
                }
                (
                    vec![Change::DropPrincipal(found.id())],
                    found.id().to_string(),
                    "group dropped",
                )
            }
        },
        _ => return Err(Error::new(Code::Internal, "not a principal")),
    };
    keep_an_identity_admin(state, &changes)?;
    work.decide(None).await?;
    if !changes.is_empty() {
        work.commit(work.kind, object, BTreeMap::new(), changes)
            .await?;
    }
    Ok(Done::changed(message, None))
}

fn member(state: &State, spec: &MemberSpec) -> Result<PrincipalId> {
    match spec {
        MemberSpec::User(name) => user(state, name).map(Principal::id),
        MemberSpec::Group(name) => group(state, name).map(Principal::id),
        MemberSpec::Any(name) => either(state, name),
    }
}

/// SHOW GRANTS, SHOW USERS, SHOW GROUPS.
pub(super) async fn show(work: &Work<'_>, statement: &Statement) -> Result<Done> {
    let state = work.state();
    let administers =
        work.requester().has(Duty::PolicyAdmin) || work.requester().has(Duty::IdentityAdmin);
    let batch = match statement {
        Statement::ShowUsers => {
            work.needs_duty(Duty::IdentityAdmin)?;
            let rows = state.principals().filter_map(|principal| match principal {
                Principal::User {
                    name,
                    requester_kind,
                    attributes,
                    duties,
                    disabled,
                    id,
                } => {
                    let mut groups: Vec<String> = state
                        .groups_of(*id)
                        .iter()
                        .map(|group| group.name.to_string())
                        .collect();
                    groups.sort();
                    let attributes: Tags = attributes.clone();
                    let duties: Vec<String> = duties.iter().map(ToString::to_string).collect();
                    Some(vec![
                        Some(name.to_string()),
                        Some(format!("{requester_kind:?}").to_lowercase()),
                        Some(groups.join(", ")),
                        crate::show::tags_text(&attributes),
                        Some(duties.join(", ")),
                        Some(if *disabled { "yes" } else { "no" }.to_owned()),
                    ])
                }
                Principal::Group { .. } => None,
            });
            text_batch(
                &["user", "kind", "groups", "attributes", "duties", "disabled"],
                in_order(rows),
            )?
        }
        Statement::ShowGroups => {
            work.needs_duty(Duty::IdentityAdmin)?;
            let rows = state.principals().filter_map(|principal| match principal {
                Principal::Group { name, members, .. } => {
                    let mut members: Vec<String> = members
                        .iter()
                        .filter_map(|id| state.principal(*id))
                        .map(|member| member.name().to_string())
                        .collect();
                    members.sort();
                    Some(vec![Some(name.to_string()), Some(members.join(", "))])
                }
                Principal::User { .. } => None,
            });
            text_batch(&["group", "members"], in_order(rows))?
        }
        Statement::ShowGrants(of) => {
            let mine = |grant: &Grant| match grant.grantee {
                Grantee::Principal(id) => work.requester().is(id),
                Grantee::AccountUsers => true,
            };
            let wanted: Box<dyn Fn(&Grant) -> bool> = match of {
                ShowGrantsOf::Own => Box::new(mine),
                ShowGrantsOf::On(spec) => {
                    let on = securable(work, spec)?;
                    Box::new(move |grant| grant.on == on && (administers || mine(grant)))
                }
                ShowGrantsOf::To(spec) => {
                    let own = matches!(spec, GranteeSpec::AccountUsers)
                        || matches!(spec, GranteeSpec::User(name) | GranteeSpec::Any(name) if *name == work.requester().name)
                        || matches!(spec, GranteeSpec::Group(name) | GranteeSpec::Any(name) if work.requester().is_member(name));
                    if !own && !administers {
                        return Err(denied("the duty policy_admin or identity_admin"));
                    }
                    let to = grantee(state, spec)?;
                    Box::new(move |grant| grant.grantee == to && (administers || mine(grant)))
                }
            };
            let rows = state.grants().filter(|grant| wanted(grant)).map(|grant| {
                vec![
                    Some(grantee_name(state, grant.grantee)),
                    Some(grant.privilege.to_string()),
                    Some(securable_name(state, &grant.on)),
                ]
            });
            text_batch(&["grantee", "privilege", "on"], in_order(rows))?
        }
        _ => return Err(Error::new(Code::Internal, "not a listing")),
    };
    work.decide(None).await?;
    Ok(Done::rows(batch))
}

/// The catalog lists by id, which is random: people want names in order.
fn in_order(rows: impl Iterator<Item = Vec<Option<String>>>) -> Vec<Vec<Option<String>>> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    rows
}

fn grantee_name(state: &State, grantee: Grantee) -> String {
    match grantee {
        Grantee::Principal(id) => state
            .principal(id)
            .map_or_else(|| id.to_string(), |found| found.name().to_string()),
        Grantee::AccountUsers => "account users".into(),
    }
}

fn securable_name(state: &State, on: &Securable) -> String {
    let table = |id| {
        state.table(id).map_or_else(
            || format!("{id}"),
            |t: &lakeward_domain::Table| t.name.to_string(),
        )
    };
    match on {
        Securable::Catalog => "catalog".into(),
        Securable::Schema(id) => {
            format!(
                "schema {}",
                state
                    .schema(*id)
                    .map_or_else(|| id.to_string(), |s| s.name.to_string())
            )
        }
        Securable::Table(id) => format!("table {}", table(*id)),
        Securable::Column(id, column) => {
            let name = state
                .table(*id)
                .and_then(|t| t.column_by_id(*column))
                .map_or_else(|| column.to_string(), |c| c.name.to_string());
            format!("column {}.{name}", table(*id))
        }
        Securable::Tag(key, Some(value)) => format!("tag {key}={value}"),
        Securable::Tag(key, None) => format!("tag {key}"),
        Securable::Function(id) => {
            let name: Option<&TableName> = state.function(*id).map(|function| &function.name);
            format!(
                "function {}",
                name.map_or_else(|| id.to_string(), ToString::to_string)
            )
        }
    }
}
