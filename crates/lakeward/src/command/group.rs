//! `lakeward group`: statements, built safely, on the engine's one road.

use lakeward_domain::{Code, Door, Principal};
use lakeward_engine::Session;

use super::{Done, confirm, login, opened, out::text_batch, quote, sql::script};
use crate::{Error, Out, Result, cli::Group, config::Config};

/// Adds, lists, changes or drops groups.
///
/// # Errors
/// What the statements say.
pub async fn run(args: Group, config: &Config, out: &mut Out) -> Result<Done> {
    if let Group::Drop { name, yes } = &args {
        confirm(
            &format!("dropping the group {name} with its grants"),
            *yes,
            out,
        )?;
    }
    let lake = opened(config, out).await?;
    let mut session = login(&lake, config, None, Door::Cli).await?;
    match statements(&args) {
        Some(statements) => {
            for sql in statements {
                script(&mut session, &sql, out).await?;
            }
        }
        None => members(&mut session, &args, out).await?,
    }
    Ok(Done::Fine)
}

/// The statements of a command; none where members are only listed.
pub(super) fn statements(args: &Group) -> Option<Vec<String>> {
    let name = match args {
        Group::List => return Some(vec!["SHOW GROUPS".to_owned()]),
        Group::Add { name, .. } | Group::Members { name, .. } | Group::Drop { name, .. } => {
            quote::name(name)
        }
    };
    match args {
        Group::Members { add, remove, .. } if add.is_empty() && remove.is_empty() => None,
        Group::Members { add, remove, .. } => {
            let mut alter = format!("ALTER GROUP {name}");
            if !add.is_empty() {
                alter.push_str(&format!(" ADD {}", quote::names(add)));
            }
            if !remove.is_empty() {
                alter.push_str(&format!(" DROP {}", quote::names(remove)));
            }
            Some(vec![alter])
        }
        Group::Drop { .. } => Some(vec![format!("DROP GROUP {name}")]),
        Group::Add { members, .. } => {
            let mut all = vec![format!("CREATE GROUP {name}")];
            if !members.is_empty() {
                all.push(format!("ALTER GROUP {name} ADD {}", quote::names(members)));
            }
            Some(all)
        }
        Group::List => Some(Vec::new()),
    }
}

/// Lists one group's members. The engine is asked as for the list of all groups, so that the right to
/// know and the entry in the ledger are the same.
async fn members(session: &mut Session, args: &Group, out: &mut Out) -> Result<()> {
    let Group::Members { name, .. } = args else {
        return Err(Error::new(Code::Internal, "not a list of members"));
    };
    session.run("SHOW GROUPS").await?.collect().await?;
    let state = session.engine().state();
    let group = state.group_by_name(name).ok_or_else(|| {
        Error::new(
            Code::NotFound,
            "group does not exist, or you may not see it",
        )
    })?;
    let Principal::Group { members, .. } = group else {
        return Err(Error::new(Code::Internal, "a user is listed as a group"));
    };
    let rows: Vec<Vec<Option<String>>> = members
        .iter()
        .filter_map(|id| state.principal(*id))
        .map(|member| {
            let kind = match member {
                Principal::Group { .. } => "group".to_owned(),
                Principal::User { requester_kind, .. } => {
                    format!("{requester_kind:?}").to_lowercase()
                }
            };
            vec![Some(member.name().to_string()), Some(kind)]
        })
        .collect();
    out.batch(&text_batch(&["member", "kind"], &rows)?)
}

#[cfg(test)]
mod tests {
    use lakeward_domain::Name;

    use super::*;

    #[test]
    fn each_statement_is_one_that_the_lake_reads() {
        let name = |text| Name::parse(text).unwrap();
        let commands = [
            Group::List,
            Group::Add {
                name: name("data scientists"),
                members: vec![name("ann"), name("group")],
            },
            Group::Members {
                name: name("g"),
                add: vec![name("a; b")],
                remove: vec![name("user")],
            },
            Group::Drop {
                name: name("g"),
                yes: true,
            },
        ];
        for command in &commands {
            for sql in statements(command).unwrap() {
                assert!(
                    matches!(lakeward_policy::ddl::parse(&sql), Ok(Some(_))),
                    "{sql}"
                );
            }
        }
    }
}
