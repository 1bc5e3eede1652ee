//! The fixture: two lakes that differ only in what eve may not see.
//!
//! The hidden side is made so that every oracle has something to say: a hidden id 77 that the other
//! world lacks, texts that cannot be cast in one world only, a charge that only one world has, NULLs
//! and lengths that differ, files that hold hidden rows only, and counts that differ.

use lakeward_acceptance::World;

/// Strings that stand in hidden rows or cells only.
pub(crate) const CANARIES: [&str; 6] = [
    "canary",
    "666-00-000",
    "31337",
    "1901-01-01",
    "hiddenco",
    "900-10-",
];

const RULES: &str = "
CREATE SCHEMA phi;
CREATE SCHEMA lab;
CREATE TABLE phi.patients (id BIGINT NOT NULL, tenant STRING, mrn STRING, ssn STRING NOT NULL,
  name STRING, dob DATE, zip STRING, dx STRING, charge DECIMAL(10,2), hiv STRING, consent BOOLEAN,
  note STRING, payload STRUCT<ssn: STRING, addr: STRING>) PARTITIONED BY (tenant);
CREATE TABLE phi.visits (id BIGINT, patient BIGINT, tenant STRING, day DATE, cost BIGINT);
CREATE TABLE phi.secret (id BIGINT);
CREATE TABLE lab.my_list (v STRING, n BIGINT);
CREATE FUNCTION phi.mask_ssn(ssn STRING)
  RETURN CASE WHEN is_member('billing') THEN ssn ELSE '***-**-****' END;
CREATE FUNCTION phi.mask_name(name STRING)
  RETURN CASE WHEN is_member('billing') THEN name ELSE NULL END;
CREATE FUNCTION phi.mask_dob(dob DATE) RETURN CASE WHEN is_member('billing') THEN dob
  ELSE TRY_CAST(concat(CAST(hipaa_year(dob) AS STRING), '-01-01') AS DATE) END;
CREATE FUNCTION phi.mask_zip(zip STRING)
  RETURN CASE WHEN is_member('billing') THEN zip ELSE hipaa_zip3(zip) END;
CREATE FUNCTION phi.mask_mrn(mrn STRING)
  RETURN CASE WHEN is_member('billing') THEN mrn ELSE token('mrn', mrn) END;
CREATE FUNCTION phi.mask_charge(charge DECIMAL(10,2))
  RETURN CASE WHEN is_member('billing') THEN charge ELSE NULL END;
CREATE FUNCTION phi.mask_payload(payload STRUCT<ssn: STRING, addr: STRING>)
  RETURN CASE WHEN is_member('billing') THEN payload ELSE NULL END;
CREATE FUNCTION phi.own_rows(tenant STRING, consent BOOLEAN)
  RETURN is_member('insiders') OR (tenant = 'A' AND consent);
CREATE FUNCTION phi.own_tenant(tenant STRING) RETURN is_member('insiders') OR tenant = 'A';
ALTER TABLE phi.patients ALTER COLUMN ssn SET MASK phi.mask_ssn;
ALTER TABLE phi.patients ALTER COLUMN name SET MASK phi.mask_name;
ALTER TABLE phi.patients ALTER COLUMN dob SET MASK phi.mask_dob;
ALTER TABLE phi.patients ALTER COLUMN zip SET MASK phi.mask_zip;
ALTER TABLE phi.patients ALTER COLUMN mrn SET MASK phi.mask_mrn;
ALTER TABLE phi.patients ALTER COLUMN charge SET MASK phi.mask_charge;
ALTER TABLE phi.patients ALTER COLUMN payload SET MASK phi.mask_payload;
ALTER TABLE phi.patients ALTER COLUMN ssn SET TAGS ('phi' = 'ssn');
ALTER TABLE phi.patients SET ROW FILTER phi.own_rows ON (tenant, consent);
ALTER TABLE phi.visits SET ROW FILTER phi.own_tenant ON (tenant);
GRANT SELECT ON TABLE phi.patients TO GROUP researchers;
GRANT SELECT ON TABLE phi.visits TO GROUP researchers;
GRANT SELECT ON TABLE lab.my_list TO GROUP researchers;
GRANT USAGE, CREATE ON SCHEMA lab TO GROUP researchers;
GRANT MODIFY ON TABLE phi.patients TO GROUP editors;
GRANT UNMASK ON TABLE phi.patients TO USER root;
ALTER GROUP insiders ADD USER root;
INSERT INTO lab.my_list VALUES ('666-00-0001', 1), ('***-**-****', 2), ('900-10-0003', 3),
  ('MRN00003', 4), ('B20', 5), (NULL, 6);
";

/// Both worlds. Eve is a researcher, ed may also write, sam has no right at all, and root sees all.
pub(crate) struct Twins {
    pub(crate) one: World,
    pub(crate) two: World,
}

impl Twins {
    pub(crate) async fn new() -> Self {
        let mut one = World::new().await;
        one.users(&[
            ("eve", &["researchers"]),
            ("ed", &["researchers", "editors"]),
            ("sam", &[]),
        ])
        .await;
        one.script("CREATE GROUP billing; CREATE GROUP insiders")
            .await;
        one.script(RULES).await;
        let two = one.copy().await;
        // As many statements in each world, so that versions and epochs tell nothing.
        for insert in data(1) {
            one.script(&insert).await;
        }
        for insert in data(2) {
            two.script(&insert).await;
        }
        Self { one, two }
    }
}

struct Patient {
    id: u32,
    tenant: &'static str,
    mrn: String,
    ssn: String,
    name: Option<String>,
    dob: String,
    zip: String,
    dx: &'static str,
    charge: String,
    hiv: Option<String>,
    consent: &'static str,
    note: String,
    payload: (String, String),
}

fn quoted(text: Option<&str>) -> String {
    text.map_or_else(|| "NULL".into(), |text| format!("'{text}'"))
}

impl Patient {
    fn values(&self) -> String {
        format!(
            "({}, '{}', '{}', '{}', {}, '{}', '{}', '{}', {}, {}, {}, '{}', named_struct('ssn', '{}', 'addr', '{}'))",
            self.id,
            self.tenant,
            self.mrn,
            self.ssn,
            quoted(self.name.as_deref()),
            self.dob,
            self.zip,
            self.dx,
            self.charge,
            quoted(self.hiv.as_deref()),
            self.consent,
            self.note,
            self.payload.0,
            self.payload.1,
        )
    }
}

fn ssn(world: u32, number: u32) -> String {
    // Only the second world's can be cast to a number.
    if world == 1 {
        format!("900-10-{number:04}")
    } else {
        format!("66600{number:04}")
    }
}

/// The same to eve in both worlds, and different in every masked cell.
fn visible(world: u32, number: u32) -> Patient {
    let other = world == 2;
    Patient {
        id: number * 10,
        tenant: "A",
        mrn: format!("MRN{number:05}"),
        ssn: if world == 1 && number == 1 {
            "666-00-0001".into()
        } else {
            ssn(world, number)
        },
        name: match (world, number % 4) {
            (1, 0) => None,
            (1, _) => Some(format!("CANARY Longer Name {number}")),
            _ => Some(format!("CANARY{}", number % 3)),
        },
        dob: format!(
            "{}-{:02}-{:02}",
            1950 + number % 30,
            if other { 11 } else { 2 },
            1 + number % 27
        ),
        zip: format!("021{:02}", if other { 99 - number } else { number }),
        dx: if number == 7 {
            "B20"
        } else {
            ["E11", "J45", "I10"][(number % 3) as usize]
        },
        charge: if world == 1 && number == 5 {
            "31337.13".into()
        } else {
            format!("{}.50", if other { 5000 - number * 7 } else { number * 3 })
        },
        hiv: [Some("0"), Some("1"), None][(number % 3) as usize].map(String::from),
        consent: "true",
        note: format!("a visible note, long enough for a buffer of its own, {number}"),
        payload: (
            ssn(world, number),
            format!("{number} CANARY street of world {world}"),
        ),
    }
}

fn hidden(world: u32, id: u32, tenant: &'static str, consent: &'static str) -> Patient {
    Patient {
        id,
        tenant,
        mrn: format!("MRN9{world}{id:05}"),
        ssn: ssn(world, id % 10_000),
        name: Some(format!("CANARY hidden {world}")),
        dob: if world == 1 {
            "1901-01-01".into()
        } else {
            "1999-05-05".into()
        },
        zip: format!("9021{world}"),
        dx: if world == 1 { "B20" } else { "Z99" },
        charge: if world == 1 {
            "31337.13".into()
        } else {
            "1.00".into()
        },
        hiv: Some(if world == 1 {
            "CANARY-hiv".into()
        } else {
            "1".into()
        }),
        consent,
        note: format!("CANARY-7f3a, a hidden note that is long enough for a buffer, world {world}"),
        payload: (ssn(world, id % 10_000), "CANARY hidden street".into()),
    }
}

fn data(world: u32) -> Vec<String> {
    let mut inserts = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for number in 1..=24 {
        inserts[(number % 2) as usize].push(visible(world, number));
    }
    inserts[3].extend((25..=30).map(|number| visible(world, number)));
    if world == 1 {
        inserts[0].push(hidden(1, 77, "A", "false"));
        inserts[0].push(hidden(1, 78, "A", "NULL"));
        inserts[1].push(hidden(1, 79, "HIDDENCO", "true"));
        inserts[1].extend((8000..8040).map(|id| hidden(1, id, "B", "true")));
        inserts[2].push(hidden(1, 81, "B", "false"));
    } else {
        inserts[0].push(hidden(2, 9001, "B", "true"));
        inserts[1].extend((9100..9103).map(|id| hidden(2, id, "A", "false")));
        inserts[2].extend((9200..9300).map(|id| hidden(2, id, "A", "NULL")));
        inserts[2].extend((9300..9310).map(|id| hidden(2, id, "C", "true")));
    }
    let mut all: Vec<String> = inserts
        .iter()
        .map(|rows| {
            let rows: Vec<String> = rows.iter().map(Patient::values).collect();
            format!("INSERT INTO phi.patients VALUES {}", rows.join(", "))
        })
        .collect();
    let mut visits: Vec<String> = (1..=60)
        .map(|n| {
            format!(
                "({n}, {}, 'A', '2024-{:02}-11', {})",
                (n % 30 + 1) * 10,
                n % 12 + 1,
                n * 5
            )
        })
        .collect();
    visits.extend((0..if world == 1 { 5 } else { 50 }).map(|n| {
        format!(
            "({}, {}, 'HIDDENCO', '1901-01-01', 31337{n})",
            500 + n,
            if world == 1 { 77 } else { 10 }
        )
    }));
    all.push(format!(
        "INSERT INTO phi.visits VALUES {}",
        visits.join(", ")
    ));
    all
}
