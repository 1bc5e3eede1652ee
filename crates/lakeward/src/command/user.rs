//! `lakeward user`: statements, built safely, on the engine's one road.

use lakeward_domain::{Door, Duty, Name};

use super::{Done, confirm, login, opened, quote, sql::script};
use crate::{Error, Out, Result, cli::User, config::Config};

/// Adds, lists, changes or drops users and services.
///
/// # Errors
/// What the statements say.
pub async fn run(args: User, config: &Config, out: &mut Out) -> Result<Done> {
    let statements = statements(&args)?;
    if let User::Drop { name, yes } = &args {
        confirm(
            &format!("dropping {name} with its memberships and grants"),
            *yes,
            out,
        )?;
    }
    let lake = opened(config, out).await?;
    let mut session = login(&lake, config, None, Door::Cli).await?;
    for sql in statements {
        script(&mut session, &sql, out).await?;
    }
    Ok(Done::Fine)
}

/// The statements of a command.
pub(super) fn statements(args: &User) -> Result<Vec<String>> {
    Ok(match args {
        User::List => vec!["SHOW USERS".to_owned()],
        User::Drop { name, .. } => vec![format!("DROP USER {}", quote::name(name))],
        User::Add {
            name,
            service,
            attributes,
            groups,
            duties,
        } => {
            let kind = if *service { "SERVICE" } else { "USER" };
            let mut create = format!("CREATE {kind} {}", quote::name(name));
            if !attributes.is_empty() {
                create.push_str(&format!(" WITH ATTRIBUTES {}", quote::pairs(attributes)));
            }
            let mut all = vec![create];
            all.extend(groups.iter().map(|group| {
                format!(
                    "ALTER GROUP {} ADD USER {}",
                    quote::name(group),
                    quote::name(name)
                )
            }));
            all.extend(duty("GRANT", "TO", duties, name));
            all
        }
        User::Alter {
            name,
            set,
            unset,
            disable,
            enable,
            grant,
            revoke,
        } => {
            let mut alter = String::new();
            if !set.is_empty() {
                alter.push_str(&format!(" SET ATTRIBUTES {}", quote::pairs(set)));
            }
            if !unset.is_empty() {
                let keys: Vec<String> = unset.iter().map(|key| quote::text(key)).collect();
                alter.push_str(&format!(" UNSET ATTRIBUTES ({})", keys.join(", ")));
            }
            if *disable {
                alter.push_str(" DISABLE");
            }
            if *enable {
                alter.push_str(" ENABLE");
            }
            let mut all = Vec::new();
            if !alter.is_empty() {
                all.push(format!("ALTER USER {}{alter}", quote::name(name)));
            }
            all.extend(duty("GRANT", "TO", grant, name));
            all.extend(duty("REVOKE", "FROM", revoke, name));
            if all.is_empty() {
                return Err(Error::usage("nothing to change was given"));
            }
            all
        }
    })
}

fn duty(verb: &str, to: &str, duties: &[Duty], name: &Name) -> Option<String> {
    let all: Vec<String> = duties.iter().map(ToString::to_string).collect();
    (!all.is_empty()).then(|| {
        format!(
            "{verb} DUTY {} {to} USER {}",
            all.join(", "),
            quote::name(name)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statement_is_one_that_the_lake_reads() {
        let name = Name::parse("ann o smith").unwrap();
        let commands = [
            User::List,
            User::Add {
                name: name.clone(),
                service: true,
                attributes: vec![("tenant".into(), "o'hare".into())],
                groups: vec![Name::parse("billing team").unwrap()],
                duties: vec![Duty::Auditor, Duty::KeyOfficer],
            },
            User::Alter {
                name: name.clone(),
                set: vec![("clearance".into(), "2".into())],
                unset: vec!["tenant".into()],
                disable: true,
                enable: false,
                grant: vec![Duty::Auditor],
                revoke: vec![Duty::PolicyAdmin],
            },
            User::Drop { name, yes: true },
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
