//! Random SELECTs over the fixture, from a seed.
//!
//! `{t}` stands for the table, so that the same statement can be asked of a copy. What SQL leaves
//! open (which rows a LIMIT keeps, in which order an array is filled) is never asked for.

/// SplitMix64: small, and the same everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or(0)
    }

    fn one_of(&mut self, all: &[&str]) -> String {
        all[self.below(all.len())].to_owned()
    }

    fn sometimes(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

const TEXTS: [&str; 7] = ["tenant", "mrn", "ssn", "name", "zip", "dx", "hiv"];

fn text(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 {
        return dice.one_of(&TEXTS);
    }
    let inner = text(dice, depth - 1);
    match dice.below(10) {
        0 => format!("upper({inner})"),
        1 => format!(
            "substring({inner}, {}, {})",
            1 + dice.below(4),
            1 + dice.below(4)
        ),
        2 => format!("concat({inner}, '-', {})", text(dice, depth - 1)),
        3 => format!("coalesce({inner}, 'none')"),
        4 => format!("nullif({inner}, {})", text(dice, depth - 1)),
        5 => format!(
            "CASE WHEN {} THEN {inner} ELSE {} END",
            truth(dice, depth - 1),
            text(dice, 0)
        ),
        6 => format!("CAST({} AS STRING)", number(dice, depth - 1)),
        7 => "payload['ssn']".into(),
        8 => format!("reverse({inner})"),
        _ => inner,
    }
}

fn number(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 {
        return dice.one_of(&["id", "id", "length(ssn)", "length(note)", "77", "0"]);
    }
    let inner = number(dice, depth - 1);
    match dice.below(8) {
        0 => format!("({inner} + {})", number(dice, depth - 1)),
        1 => format!("({inner} % 7)"),
        2 => format!("1 / ({inner} - {})", dice.one_of(&["77", "78", "10", "0"])),
        3 => format!(
            "CAST({} AS BIGINT)",
            dice.one_of(&["ssn", "hiv", "charge", "zip"])
        ),
        4 => format!("TRY_CAST({} AS BIGINT)", text(dice, depth - 1)),
        5 => format!("length({})", text(dice, depth - 1)),
        6 => "date_part('year', dob)".replace("date_part", "CAST(date_part") + " AS BIGINT)",
        _ => inner,
    }
}

fn constant(dice: &mut Dice) -> String {
    dice.one_of(&[
        "'666-00-0001'",
        "'A'",
        "'B'",
        "'HIDDENCO'",
        "'B20'",
        "'E11'",
        "'Z99'",
        "'1'",
        "'***-**-****'",
        "'900-10-0003'",
        "'021'",
        "'CANARY'",
    ])
}

/// A predicate.
fn truth(dice: &mut Dice, depth: usize) -> String {
    if depth > 0 && dice.sometimes(2) {
        let (left, right) = (truth(dice, depth - 1), truth(dice, depth - 1));
        return match dice.below(4) {
            0 => format!("({left} OR {right})"),
            1 => format!("NOT ({left})"),
            _ => format!("({left} AND {right})"),
        };
    }
    let below = depth.saturating_sub(1);
    match dice.below(18) {
        0 => format!("{} = {}", text(dice, below), constant(dice)),
        1 => format!(
            "{} {} {}",
            dice.one_of(&TEXTS),
            dice.one_of(&["<", ">", "<>", "=", ">="]),
            constant(dice)
        ),
        2 => format!(
            "{} LIKE {}",
            text(dice, below),
            dice.one_of(&["'6%'", "'%-10-%'", "'CANARY%'", "'%'"])
        ),
        3 => format!(
            "{} IS {}NULL",
            dice.one_of(&["name", "charge", "hiv", "payload", "zip"]),
            dice.one_of(&["", "NOT "])
        ),
        4 => format!(
            "{} IN ({}, {})",
            dice.one_of(&TEXTS),
            constant(dice),
            constant(dice)
        ),
        5 => format!(
            "{} > {}",
            number(dice, below + 1),
            dice.one_of(&["0", "5", "77", "100"])
        ),
        6 => format!(
            "id {} {}",
            dice.one_of(&["=", "<", ">", "<>", "<="]),
            dice.one_of(&["77", "10", "150", "9100", "79"])
        ),
        7 => format!(
            "id BETWEEN {} AND {}",
            dice.below(100),
            50 + dice.below(10_000)
        ),
        8 => "consent".into(),
        9 => format!(
            "charge {} {}",
            dice.one_of(&["<", ">", "="]),
            dice.one_of(&["31337.13", "10.5", "100"])
        ),
        10 => format!(
            "dob {} DATE '{}'",
            dice.one_of(&["<", ">="]),
            dice.one_of(&["1901-01-02", "1960-01-01", "1965-06-01"])
        ),
        11 => format!(
            "EXISTS (SELECT 1 FROM {{t}} q WHERE q.{0} = p.{0} AND q.id <> p.id)",
            dice.one_of(&["ssn", "dx", "zip", "mrn"])
        ),
        12 => format!(
            "{} IN (SELECT {} FROM {{t}} WHERE {})",
            dice.one_of(&TEXTS),
            dice.one_of(&TEXTS),
            truth(dice, 0)
        ),
        13 => format!(
            "id {} (SELECT max(id) FROM {{t}} WHERE {})",
            dice.one_of(&["<", "=", ">="]),
            truth(dice, 0)
        ),
        14 => format!(
            "id IN (SELECT patient FROM phi.visits WHERE cost > {})",
            dice.below(300)
        ),
        15 => format!("{} = {}", dice.one_of(&TEXTS), dice.one_of(&TEXTS)),
        16 => format!(
            "ssn IN (SELECT v FROM lab.my_list WHERE n < {})",
            dice.below(7)
        ),
        _ => format!("{} IS DISTINCT FROM {}", text(dice, below), text(dice, 0)),
    }
}

fn column(dice: &mut Dice) -> String {
    match dice.below(9) {
        0 | 1 => text(dice, 2),
        2 => number(dice, 2),
        3 => format!("({})", truth(dice, 1)),
        4 => dice.one_of(&["dob", "charge", "payload", "note", "consent"]),
        5 => "charge + 1".into(),
        _ => dice.one_of(&["id", "ssn", "mrn", "name", "zip", "dx"]),
    }
}

fn aggregate(dice: &mut Dice) -> String {
    let inner = dice.one_of(&["ssn", "name", "zip", "dx", "mrn", "charge", "id", "dob"]);
    let call = match dice.below(8) {
        0 => "count(*)".into(),
        1 => format!("count({inner})"),
        2 => format!("count(DISTINCT {inner})"),
        3 => format!("min({inner})"),
        4 => format!("max({inner})"),
        5 => format!("sum({})", dice.one_of(&["id", "charge", "length(ssn)"])),
        6 => format!("array_agg({inner} ORDER BY id, ssn)"),
        _ => format!("sum(CASE WHEN {} THEN 1 ELSE 0 END)", truth(dice, 0)),
    };
    if dice.sometimes(4) {
        format!("{call} FILTER (WHERE {})", truth(dice, 0))
    } else {
        call
    }
}

fn filter(dice: &mut Dice) -> String {
    if dice.sometimes(5) {
        String::new()
    } else {
        format!(" WHERE {}", truth(dice, 2))
    }
}

/// One SELECT.
pub(crate) fn statement(dice: &mut Dice) -> String {
    let columns: Vec<String> = (0..1 + dice.below(4))
        .map(|i| format!("{} AS x{i}", column(dice)))
        .collect();
    let columns = columns.join(", ");
    let filter = filter(dice);
    match dice.below(11) {
        0 | 1 => format!("SELECT {columns} FROM {{t}} p{filter}"),
        2 => format!("SELECT DISTINCT {columns} FROM {{t}} p{filter}"),
        3 => format!(
            "SELECT p.id, {columns} FROM {{t}} p{filter} ORDER BY {}, p.id LIMIT {} OFFSET {}",
            dice.one_of(&[
                "charge",
                "ssn",
                "name DESC",
                "zip",
                "mrn",
                "dx",
                "dob DESC NULLS LAST",
                "p.id"
            ]),
            1 + dice.below(5),
            dice.below(3),
        ),
        4 => {
            let key = dice.one_of(&[
                "dx",
                "ssn",
                "zip",
                "dob",
                "name",
                "tenant, dx",
                "length(note)",
            ]);
            let (one, two) = (aggregate(dice), aggregate(dice));
            format!("SELECT {key}, {one} AS a, {two} AS b FROM {{t}} p{filter} GROUP BY {key}")
        }
        5 => format!(
            "SELECT {} AS a, {} AS b FROM {{t}} p{filter}",
            aggregate(dice),
            aggregate(dice)
        ),
        6 => {
            let key = dice.one_of(&["ssn", "dx", "mrn", "zip", "name", "id", "dob"]);
            let kind = dice.one_of(&["JOIN", "LEFT JOIN", "FULL JOIN"]);
            format!(
                "SELECT a.id AS i, b.id AS j, a.ssn AS k FROM (SELECT * FROM {{t}} p{filter}) a {kind} (SELECT * FROM {{t}} WHERE id < {}) b ON a.{key} = b.{key}",
                dice.below(300),
            )
        }
        7 => {
            let order = dice.one_of(&["ssn", "charge", "name", "zip", "id"]);
            let call = dice.one_of(&[
                "row_number()",
                "rank()",
                "sum(id)",
                "lag(ssn)",
                "max(charge)",
                "count(name)",
            ]);
            format!(
                "SELECT id, {call} OVER (PARTITION BY {} ORDER BY {order}, id) AS w FROM {{t}} p{filter}",
                dice.one_of(&["dx", "ssn", "zip"])
            )
        }
        8 => format!(
            "SELECT x0 FROM (SELECT {columns} FROM {{t}} p{filter}) {} SELECT {} FROM {{t}} p WHERE {}",
            dice.one_of(&["UNION ALL", "UNION", "EXCEPT", "INTERSECT"]),
            text(dice, 1),
            truth(dice, 1),
        ),
        9 => format!(
            "WITH c AS (SELECT *, {} AS y FROM {{t}} p{filter}) SELECT y, count(*), max(ssn) FROM c GROUP BY y",
            text(dice, 1)
        ),
        _ => format!(
            "SELECT p.dx, v.day, count(*), sum(v.cost) FROM (SELECT * FROM {{t}} p{filter}) p JOIN phi.visits v ON p.id = v.patient GROUP BY p.dx, v.day"
        ),
    }
}
