//! Whatever is changed in whatever order, a state is what its rows say.

use lakeward_domain::{FunctionId, GrantId, PolicyId, PrincipalId, SchemaId, TableId};
use lakeward_policy::{Grantee, Privilege, Securable};
use proptest::prelude::*;

use super::house::*;
use crate::{Change, ObjectId, State};

fn bytes(small: u8) -> [u8; 16] {
    [100 + small; 16]
}

/// A change among few objects with few names, so that they meet often.
fn change((what, id, other, text): (u8, u8, u8, u8)) -> Change {
    let names = ["a", "b", "c"];
    let text = names[usize::from(text) % names.len()];
    let (schema_id, table_id) = (
        SchemaId::from_bytes(bytes(other)),
        TableId::from_bytes(bytes(id)),
    );
    match what {
        0 => {
            let mut schema = schema();
            schema.id = SchemaId::from_bytes(bytes(id));
            schema.name = name(text);
            schema.tags = tags(&[("from", text)]);
            Change::PutSchema(schema)
        }
        1 => Change::DropSchema(SchemaId::from_bytes(bytes(id))),
        2 | 3 => {
            let mut table = table();
            table.id = table_id;
            table.schema = schema_id;
            table.name = table_name(&format!("x.{text}"));
            table.keys.clear();
            Change::PutTable(table)
        }
        4 => Change::DropTable(table_id),
        5 => {
            let mut function = function();
            function.id = FunctionId::from_bytes(bytes(id));
            function.schema = schema_id;
            function.name = table_name(&format!("x.{text}"));
            Change::PutFunction(function)
        }
        6 => Change::DropFunction(FunctionId::from_bytes(bytes(id))),
        7 | 8 => {
            let mut policy = policy();
            policy.id = PolicyId::from_bytes(bytes(id));
            policy.table = TableId::from_bytes(bytes(other));
            policy.function = FunctionId::from_bytes(bytes(other));
            Change::PutPolicy(policy)
        }
        9 => Change::DropPolicy(PolicyId::from_bytes(bytes(id))),
        10 => Change::PutPrincipal(user(PrincipalId::from_bytes(bytes(id)), text)),
        11 => {
            let member = PrincipalId::from_bytes(bytes(other));
            Change::PutPrincipal(group(PrincipalId::from_bytes(bytes(id)), text, &[member]))
        }
        12 => Change::DropPrincipal(PrincipalId::from_bytes(bytes(id))),
        13 | 14 => {
            let mut grant = grant();
            grant.id = GrantId::from_bytes(bytes(id));
            grant.grantee = Grantee::Principal(PrincipalId::from_bytes(bytes(other)));
            grant.privilege = Privilege::Select;
            grant.on = if what == 13 {
                Securable::Schema(schema_id)
            } else {
                Securable::Table(TableId::from_bytes(bytes(other)))
            };
            Change::PutGrant(grant)
        }
        15 => Change::DropGrant(GrantId::from_bytes(bytes(id))),
        16 => Change::SetCatalogTags(tags(&[("all", text)])),
        _ => Change::Publish {
            table: table_id,
            expected: None,
            published: published(u64::from(other)),
        },
    }
}

fn ids(state: &State) -> Vec<ObjectId> {
    let mut ids = vec![ObjectId::Catalog];
    ids.extend(state.schemas().map(|s| ObjectId::Schema(s.id)));
    ids.extend(state.tables().map(|t| ObjectId::Table(t.id)));
    ids.extend(state.functions().map(|f| ObjectId::Function(f.id)));
    ids.extend(state.policies().map(|p| ObjectId::Policy(p.id)));
    ids.extend(state.principals().map(|p| ObjectId::Principal(p.id())));
    ids.extend(state.grants().map(|g| ObjectId::Grant(g.id)));
    ids
}

/// A state made of the other's stored rows alone.
fn rebuilt(state: &State) -> State {
    let mut fresh = State::default();
    for id in ids(state) {
        let stored = state.record(id).unwrap().encode().unwrap();
        let record = crate::row::Record::decode(id, &stored).unwrap();
        fresh.put(record).unwrap();
    }
    fresh
}

proptest! {
    #[test]
    fn a_state_is_what_its_rows_say(
        commits in prop::collection::vec(
            prop::collection::vec((0..18_u8, 0..3_u8, 0..3_u8, 0..3_u8), 1..4),
            1..60,
        ),
    ) {
        let mut state = State::default();
        for commit in commits {
            let before: Vec<_> = ids(&state).into_iter().map(|id| state.record(id)).collect();
            let changes = commit.into_iter().map(change).collect();
            let Ok((next, touched)) = state.next(changes) else { continue };
            // What is not named as touched is stored as it was.
            for (id, old) in ids(&state).into_iter().zip(before) {
                if !touched.objects.contains(&id) {
                    let stored = |record: Option<crate::row::Record>| {
                        record.map(|record| record.encode().unwrap())
                    };
                    let derived = matches!(id, ObjectId::Table(_) | ObjectId::Function(_));
                    prop_assert!(derived || stored(next.record(id)) == stored(old), "{id}");
                }
            }
            let fresh = rebuilt(&next);
            prop_assert_eq!(fresh.indexes(), next.indexes());
            for id in ids(&next) {
                prop_assert_eq!(fresh.record(id), next.record(id));
            }
            for policy in next.policies() {
                let table = next.table(policy.table);
                prop_assert!(table.is_some_and(|table| table.protected));
                prop_assert!(next.function(policy.function).is_some());
            }
            for table in next.tables() {
                prop_assert!(next.schema(table.schema).is_some());
            }
            state = next;
        }
    }
}
