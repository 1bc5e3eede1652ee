//! What changes do, and that they are still there after opening again.

use lakeward_domain::{Code, Door, PrincipalId, SchemaId, TableId};
use lakeward_policy::{Facts, Grantee, Securable};

use super::house::*;
use crate::{Catalog, Change, Error, ObjectId, State};

fn same(left: &State, right: &State) {
    assert_eq!(left.epoch, right.epoch);
    assert_eq!(left.catalog_tags(), right.catalog_tags());
    assert!(left.schemas().eq(right.schemas()));
    assert!(left.tables().eq(right.tables()));
    assert!(left.functions().eq(right.functions()));
    assert!(left.policies().eq(right.policies()));
    assert!(left.principals().eq(right.principals()));
    assert!(left.grants().eq(right.grants()));
    assert!(left.keks().eq(right.keks()));
}

#[tokio::test]
async fn a_state_reads_back_as_it_was() {
    let mut house = House::furnished().await;
    let before = house.catalog.state();
    house.reopen().await;
    same(&before, &house.catalog.state());
    let publish = Change::Publish {
        table: TABLE,
        expected: Some(0),
        published: published(1),
    };
    let changes = vec![publish, Change::DropGrant(GRANT)];
    house.commit(changes).await.unwrap();
    let before = house.catalog.state();
    assert_eq!(before.epoch, 2);
    house.reopen().await;
    same(&before, &house.catalog.state());
    assert_eq!(
        house.catalog.state().table(TABLE).unwrap().published,
        published(1)
    );
}

#[tokio::test]
async fn a_state_in_hand_does_not_change() {
    let house = House::furnished().await;
    let before = house.catalog.state();
    house.commit(vec![Change::DropTable(TABLE)]).await.unwrap();
    assert!(before.table(TABLE).is_some());
    assert!(house.catalog.state().table(TABLE).is_none());
}

#[tokio::test]
async fn no_changes_make_no_epoch() {
    let house = House::furnished().await;
    house.commit(vec![]).await.unwrap();
    assert_eq!(house.catalog.epoch(), 1);
}

#[tokio::test]
async fn a_commit_with_one_bad_change_changes_nothing() {
    let mut house = House::furnished().await;
    let missing = SchemaId::from_bytes([99; 16]);
    let changes = vec![Change::DropTable(TABLE), Change::DropSchema(missing)];
    assert_eq!(
        house.commit(changes).await,
        Err(Error::NotFound(ObjectId::Schema(missing)))
    );
    assert!(house.catalog.state().table(TABLE).is_some());
    house.reopen().await;
    assert!(house.catalog.state().table(TABLE).is_some());
}

#[tokio::test]
async fn names_are_found_in_any_case() {
    let house = House::furnished().await;
    let state = house.catalog.state();
    assert_eq!(state.schema_by_name(&name("SILVER")).unwrap().id, SCHEMA);
    assert_eq!(
        state
            .table_by_name(&table_name("Silver.PATIENTS"))
            .unwrap()
            .id,
        TABLE
    );
    assert_eq!(
        state
            .function_by_name(&table_name("SILVER.Redact_SSN"))
            .unwrap()
            .id,
        FUNCTION
    );
    assert_eq!(state.group_by_name(&name("Billing")).unwrap().id(), BILLING);
    assert!(state.user_by_name(&name("billing")).is_none());
    assert!(state.group_by_name(&name("anna@quillfeather")).is_none());
    assert!(state.table_by_name(&table_name("gold.patients")).is_none());
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let house = House::furnished().await;
    let mut schema = schema();
    schema.id = SchemaId::random();
    let mut table = table();
    table.id = TableId::random();
    let mut function = function();
    function.id = lakeward_domain::FunctionId::random();
    let cases = [
        Change::PutSchema(schema),
        Change::PutTable(table),
        Change::PutFunction(function),
        Change::PutPrincipal(user(PrincipalId::random(), "Billing")),
        Change::PutPrincipal(group(PrincipalId::random(), "anna@quillfeather", &[])),
    ];
    for change in cases {
        let refused = house.commit(vec![change.clone()]).await;
        assert_eq!(
            refused.map_err(|error| error.code()),
            Err(Code::AlreadyExists),
            "{change:?}"
        );
    }
}

#[tokio::test]
async fn a_dropped_name_is_free_in_the_same_commit() {
    let mut house = House::furnished().await;
    let mut next = table();
    next.id = TableId::random();
    let changes = vec![Change::DropTable(TABLE), Change::PutTable(next.clone())];
    house.commit(changes).await.unwrap();
    house.reopen().await;
    let state = house.catalog.state();
    let found = state.table_by_name(&table_name("silver.patients"));
    assert_eq!(found.unwrap().id, next.id);
}

#[tokio::test]
async fn two_tables_can_swap_names() {
    let mut house = House::furnished().await;
    let (mut one, mut two, mut between) = (table(), other_table(), table());
    between.name = table_name("silver.between");
    std::mem::swap(&mut one.name, &mut two.name);
    let changes = vec![
        Change::PutTable(between),
        Change::PutTable(two),
        Change::PutTable(one),
    ];
    house.commit(changes).await.unwrap();
    house.reopen().await;
    let state = house.catalog.state();
    assert_eq!(
        state
            .table_by_name(&table_name("silver.claims"))
            .unwrap()
            .id,
        TABLE
    );
}

#[tokio::test]
async fn a_renamed_schema_and_its_tags_reach_tables_and_functions() {
    let mut house = House::furnished().await;
    let mut renamed = schema();
    renamed.name = name("trusted");
    renamed.tags = tags(&[("phi", "yes")]);
    house
        .commit(vec![Change::PutSchema(renamed)])
        .await
        .unwrap();
    for _ in 0..2 {
        let state = house.catalog.state();
        let table = state
            .table_by_name(&table_name("trusted.patients"))
            .unwrap();
        assert_eq!(table.name, table_name("trusted.patients"));
        assert_eq!(
            table.inherited_tags,
            tags(&[("lake", "clinic"), ("phi", "yes")])
        );
        assert!(
            state
                .table_by_name(&table_name("silver.patients"))
                .is_none()
        );
        assert_eq!(
            state.function(FUNCTION).unwrap().name,
            table_name("trusted.redact_ssn")
        );
        house.reopen().await;
    }
}

#[tokio::test]
async fn catalog_tags_reach_every_table() {
    let house = House::furnished().await;
    let changes = vec![Change::SetCatalogTags(tags(&[("pii", "yes")]))];
    house.commit(changes).await.unwrap();
    for table in house.catalog.state().tables() {
        assert_eq!(
            table.inherited_tags,
            tags(&[("layer", "silver"), ("pii", "yes")])
        );
    }
}

#[tokio::test]
async fn a_table_once_protected_stays_protected() {
    let mut house = House::furnished().await;
    assert!(house.catalog.state().table(TABLE).unwrap().protected);
    assert!(!house.catalog.state().table(OTHER_TABLE).unwrap().protected);
    let changes = vec![Change::DropPolicy(POLICY), Change::PutTable(table())];
    house.commit(changes).await.unwrap();
    house.reopen().await;
    let state = house.catalog.state();
    assert!(state.table(TABLE).unwrap().protected);
    assert!(state.policies_on(TABLE).is_empty());
}

#[tokio::test]
async fn a_dropped_table_takes_its_policies_and_grants_but_not_its_keys() {
    let house = House::furnished().await;
    house.commit(vec![Change::DropTable(TABLE)]).await.unwrap();
    let state = house.catalog.state();
    assert_eq!(state.policies().count(), 0);
    assert_eq!(state.grants().count(), 0);
    assert!(state.kek(KEY, 1).is_some());
}

#[tokio::test]
async fn explicit_drops_beside_a_dropped_table_are_fine() {
    let house = House::furnished().await;
    let changes = vec![
        Change::DropTable(TABLE),
        Change::DropPolicy(POLICY),
        Change::DropGrant(GRANT),
    ];
    house.commit(changes).await.unwrap();
}

#[tokio::test]
async fn a_dropped_principal_leaves_groups_and_grants() {
    let mut house = House::furnished().await;
    house
        .commit(vec![Change::DropPrincipal(ANNA)])
        .await
        .unwrap();
    house.reopen().await;
    let state = house.catalog.state();
    assert_eq!(
        state.principal(BILLING),
        Some(&group(BILLING, "billing", &[]))
    );
    assert_eq!(state.grants().count(), 1);
    let drop = vec![Change::DropPrincipal(BILLING)];
    house.commit(drop).await.unwrap();
    assert_eq!(house.catalog.state().grants().count(), 0);
}

#[tokio::test]
async fn what_is_needed_cannot_be_dropped() {
    let house = House::furnished().await;
    let mut narrow = table();
    narrow.columns.retain(|column| column.id != SSN);
    let cases = [
        (vec![Change::DropSchema(SCHEMA)], ObjectId::Schema(SCHEMA)),
        (
            vec![Change::DropFunction(FUNCTION)],
            ObjectId::Function(FUNCTION),
        ),
        (vec![Change::PutTable(narrow)], ObjectId::Table(TABLE)),
    ];
    for (changes, needed) in cases {
        match house.commit(changes).await {
            Err(Error::InUse { id, .. }) => assert_eq!(id, needed),
            other => panic!("{needed}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_referred_to_must_be_there() {
    let house = House::with(vec![Change::PutPrincipal(user(ANNA, "anna"))]).await;
    let mut public = grant();
    public.grantee = Grantee::AccountUsers;
    let cases = [
        (
            vec![Change::PutKek(kek()), Change::PutTable(table())],
            ObjectId::Schema(SCHEMA),
        ),
        (
            vec![Change::PutSchema(schema()), Change::PutTable(table())],
            ObjectId::Kek(KEY, 1),
        ),
        (
            vec![Change::PutFunction(function())],
            ObjectId::Schema(SCHEMA),
        ),
        (
            vec![Change::PutPolicy(policy())],
            ObjectId::Function(FUNCTION),
        ),
        (vec![Change::PutGrant(public)], ObjectId::Table(TABLE)),
        (
            vec![Change::PutPrincipal(group(ANNA, "x", &[]))],
            ObjectId::Principal(ANNA),
        ),
        (
            vec![Change::PutPrincipal(group(
                BILLING,
                "billing",
                &[ANNA, BILLING],
            ))],
            ObjectId::Catalog,
        ),
        (
            vec![Change::PutPrincipal(group(
                PrincipalId::from_bytes([77; 16]),
                "g",
                &[PrincipalId::from_bytes([78; 16])],
            ))],
            ObjectId::Principal(PrincipalId::from_bytes([78; 16])),
        ),
    ];
    for (changes, missing) in cases {
        match (house.commit(changes).await, missing) {
            // A group may name itself.
            (Ok(()), ObjectId::Catalog) => {}
            (Err(Error::NotFound(id) | Error::Invalid { id, .. }), _) => assert_eq!(id, missing),
            (other, _) => panic!("{missing}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_same_right_is_granted_once() {
    let house = House::furnished().await;
    let mut again = grant();
    again.id = lakeward_domain::GrantId::random();
    house
        .commit(vec![Change::PutGrant(again.clone())])
        .await
        .unwrap();
    assert_eq!(house.catalog.state().grants().count(), 1);
    again.on = Securable::Catalog;
    house.commit(vec![Change::PutGrant(again)]).await.unwrap();
    assert_eq!(house.catalog.state().grants().count(), 2);
}

#[tokio::test]
async fn groups_are_closed_over_nesting_and_cycles() {
    let id = |byte| PrincipalId::from_bytes([byte; 16]);
    let empty = |byte, text| Change::PutPrincipal(group(id(byte), text, &[]));
    let house = House::with(vec![
        Change::PutPrincipal(user(ANNA, "anna")),
        empty(20, "ward"),
        empty(21, "clinic"),
        empty(22, "region"),
        empty(23, "elsewhere"),
        Change::PutPrincipal(group(id(20), "ward", &[ANNA, id(22)])),
        Change::PutPrincipal(group(id(21), "clinic", &[id(20)])),
        Change::PutPrincipal(group(id(22), "region", &[id(21), id(22)])),
    ])
    .await;
    let state = house.catalog.state();
    let names = |of| {
        let groups = state.groups_of(of).into_iter();
        groups.map(|g| g.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(ANNA), ["ward", "clinic", "region"]);
    assert_eq!(names(id(20)), ["ward", "clinic", "region"]);
    assert_eq!(names(id(23)), Vec::<String>::new());
    let requester = state.requester(&name("ANNA"), Door::Cli).unwrap();
    assert!(requester.is_member(&name("region")));
    assert!(!requester.is_member(&name("elsewhere")));
}

#[tokio::test]
async fn members_that_leave_are_no_members() {
    let house = House::furnished().await;
    let changes = vec![Change::PutPrincipal(group(BILLING, "billing", &[]))];
    house.commit(changes).await.unwrap();
    assert!(house.catalog.state().groups_of(ANNA).is_empty());
}

#[tokio::test]
async fn disabled_users_groups_and_strangers_cannot_ask() {
    let house = House::furnished().await;
    let ask = |text: &str| house.catalog.state().requester(&name(text), Door::Cli);
    assert_eq!(ask("anna@quillfeather").unwrap().id, ANNA);
    assert!(ask("billing").is_none());
    assert!(ask("nobody").is_none());
    let mut anna = user(ANNA, "anna@quillfeather");
    if let lakeward_domain::Principal::User { disabled, .. } = &mut anna {
        *disabled = true;
    }
    house
        .commit(vec![Change::PutPrincipal(anna)])
        .await
        .unwrap();
    assert!(ask("anna@quillfeather").is_none());
}

#[tokio::test]
async fn grants_reach_a_requester_by_name_by_group_and_as_everybody() {
    let house = House::furnished().await;
    let mut own = grant();
    own.id = lakeward_domain::GrantId::random();
    own.grantee = Grantee::Principal(ANNA);
    let mut all = own.clone();
    all.id = lakeward_domain::GrantId::random();
    all.grantee = Grantee::AccountUsers;
    let changes = vec![
        Change::PutGrant(own),
        Change::PutGrant(all),
        Change::PutPrincipal(user(PrincipalId::from_bytes([50; 16]), "bob")),
    ];
    house.commit(changes).await.unwrap();
    let state = house.catalog.state();
    let count = |text: &str| {
        let requester = state.requester(&name(text), Door::Cli).unwrap();
        state.grants_to(&requester).len()
    };
    assert_eq!(count("anna@quillfeather"), 3);
    assert_eq!(count("bob"), 1);
}

#[tokio::test]
async fn a_place_holds_one_catalog() {
    let house = House::furnished().await;
    let again = Catalog::create(&house.path(), LAKE, &keys(), vec![]).await;
    assert_eq!(again.map(drop), Err(Error::Occupied));
    let nowhere = house.folder.path().join("other.db");
    let missing = Catalog::open(&nowhere, LAKE, &keys()).await;
    assert_eq!(missing.map(drop), Err(Error::Missing));
    let second = Catalog::open(&house.path(), LAKE, &keys()).await;
    assert_eq!(second.map(drop), Err(Error::Busy));
}

#[tokio::test]
async fn an_interrupted_creation_is_started_afresh() {
    let folder = tempfile::tempdir().unwrap();
    for leftover in ["catalog.db.new", "catalog.db.new-journal"] {
        std::fs::write(folder.path().join(leftover), "half a catalog").unwrap();
    }
    let path = folder.path().join("catalog.db");
    let catalog = Catalog::create(&path, LAKE, &keys(), furniture()).await;
    assert_eq!(catalog.unwrap().epoch(), 1);
    let left = std::fs::read_dir(folder.path()).unwrap();
    let left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut left: Vec<_> = left.filter(|name| name != "catalog.db-journal").collect();
    left.sort();
    assert_eq!(left, ["catalog.db"]);
}

#[tokio::test]
async fn a_closed_catalog_still_answers_but_takes_no_commits() {
    let house = House::furnished().await;
    house.catalog.close().await.unwrap();
    assert!(house.catalog.state().table(TABLE).is_some());
    let refused = house.commit(vec![Change::DropTable(TABLE)]).await;
    assert_eq!(refused, Err(Error::Closed));
}

#[tokio::test]
async fn roots_are_kept_for_every_epoch() {
    let mut house = House::furnished().await;
    let first = house.catalog.root(1).await.unwrap().unwrap();
    house.commit(vec![Change::DropGrant(GRANT)]).await.unwrap();
    house.reopen().await;
    assert_eq!(house.catalog.root(1).await.unwrap(), Some(first.clone()));
    let second = house.catalog.root(2).await.unwrap().unwrap();
    assert_ne!(first, second);
    assert_eq!(second.len(), 64);
    for epoch in [0, 3, u64::MAX] {
        assert_eq!(house.catalog.root(epoch).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_watcher_hears_of_each_epoch() {
    let house = House::furnished().await;
    let mut watch = house.catalog.watch();
    house.commit(vec![Change::DropGrant(GRANT)]).await.unwrap();
    watch.changed().await.unwrap();
    assert_eq!(watch.borrow().epoch, 2);
}
