//! One patient.
//!
//! Surrogate id and tenant come without the rest (a claim needs no more). Numbers are distinct by
//! construction; names and telephone numbers repeat, as they do in life.

use crate::Clinic;
use crate::date::Date;
use crate::planted::PlantKind;
use crate::random::{Random, Stream, spread};
use crate::words::{
    EMPLOYERS, FEMALE, LAST, MAIL_DOMAINS, MALE, MEN, PLACES, Place, STREETS, SUFFIXES, TENANTS,
    WOMEN,
};

/// A patient with all that the registration desk knows.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) patient_id: i64,
    pub(crate) tenant: String,
    pub(crate) mrn: String,
    pub(crate) ssn: Ssn,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) birth: Date,
    pub(crate) sex: &'static str,
    pub(crate) address: String,
    pub(crate) place: Place,
    pub(crate) zip: String,
    pub(crate) phone: String,
    pub(crate) email: String,
    pub(crate) relative: Relative,
    pub(crate) employer: &'static str,
    pub(crate) prefers: &'static str,
}

/// Somebody else whose identifiers are in the patient's record.
#[derive(Debug)]
pub(crate) struct Relative {
    pub(crate) name: String,
    pub(crate) relation: &'static str,
    pub(crate) phone: String,
}

/// Area, group and serial, and how the registration desk typed them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ssn {
    area: u64,
    group: u64,
    serial: u64,
    shape: Shape,
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    Dashed,
    Spaced,
    Bare,
}

impl Person {
    pub(crate) fn of(clinic: &Clinic, index: usize) -> Self {
        let mut random = Random::new(clinic.seed, Stream::Person, index);
        let (sex, firsts) = if random.chance(51) {
            ("F", FEMALE)
        } else {
            ("M", MALE)
        };
        let mut first_name = random.pick(firsts).to_owned();
        if random.chance(6) {
            first_name = format!("{first_name}-{}", random.pick(firsts));
        }
        let last_name = last_name(&mut random);
        let place = random.pick(PLACES);
        let (tenant, letters) = tenant(clinic, index);
        let number = spread(index, clinic.seed ^ 2, 100_000_000);
        let ascii: String = last_name
            .chars()
            .map(unaccented)
            .filter(char::is_ascii_alphabetic)
            .collect();
        let initial = first_name
            .chars()
            .find(char::is_ascii_alphabetic)
            .unwrap_or('x');
        Self {
            patient_id: patient_id(index),
            tenant,
            mrn: format!("{letters}{number:08}"),
            ssn: Ssn::of(clinic, index, &mut random),
            first_name,
            last_name,
            // From 1919 to 2018, before anybody's first visit; some are past 89, an age that Safe
            // Harbor folds into one.
            birth: Date::from_days(-18_600 + random.below(36_400) as i64),
            sex,
            address: format!(
                "{} {} {}",
                100 + random.below(9_800),
                random.pick(STREETS),
                random.pick(SUFFIXES)
            ),
            place,
            zip: format!("{}{:02}", place.zip3, 1 + random.below(98)),
            phone: phone(&mut random, place),
            email: format!(
                "{initial}.{ascii}{}@{}",
                10 + index % 9_990,
                random.pick(MAIL_DOMAINS)
            )
            .to_ascii_lowercase(),
            relative: Relative::of(&mut random, place),
            employer: random.pick(EMPLOYERS),
            prefers: random.pick(&["phone", "email", "portal"]),
        }
    }

    pub(crate) fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }

    /// The row of `patients.csv`.
    pub(crate) fn write_csv(&self, out: &mut Vec<u8>) {
        let contact = serde_json::json!({
            "preferred": self.prefers,
            "emergency": {
                "name": self.relative.name,
                "relationship": self.relative.relation,
                "phone": self.relative.phone,
            },
            "employer": { "name": self.employer },
        });
        let row = format!(
            "{},{},{},{},{},{},{},{},{},{},{},{},{},{},\"{}\"\n",
            self.patient_id,
            self.tenant,
            self.mrn,
            self.ssn,
            self.first_name,
            self.last_name,
            self.birth,
            self.sex,
            self.address,
            self.place.city,
            self.place.state,
            self.zip,
            self.phone,
            self.email,
            contact.to_string().replace('"', "\"\""),
        );
        out.extend_from_slice(row.as_bytes());
    }

    /// What [`Person::write_csv`] plants.
    pub(crate) fn plant(&self, planted: &mut Vec<(PlantKind, String)>) {
        planted.extend([
            (PlantKind::Mrn, self.mrn.clone()),
            (PlantKind::Ssn, self.ssn.to_string()),
            (PlantKind::Address, self.address.clone()),
            (PlantKind::Phone, self.phone.clone()),
            (PlantKind::Email, self.email.clone()),
            (PlantKind::Name, self.relative.name.clone()),
            (PlantKind::Phone, self.relative.phone.clone()),
        ]);
        // A single common name is a word of the language; a double one is a person.
        for name in [&self.first_name, &self.last_name] {
            if name.contains('-') && name.len() >= 10 {
                planted.push((PlantKind::Name, name.clone()));
            }
        }
    }

    pub(crate) const HEADER: &str = "patient_id,tenant,mrn,ssn,first_name,last_name,birth_date,\
        sex,address,city,state,zip,phone,email,contact\n";
}

impl Relative {
    pub(crate) fn of(random: &mut Random, place: Place) -> Self {
        let (firsts, relations) = if random.chance(50) {
            (FEMALE, WOMEN)
        } else {
            (MALE, MEN)
        };
        let first = random.pick(firsts);
        Self {
            name: format!("{first} {}", last_name(random)),
            relation: random.pick(relations),
            phone: phone(random, place),
        }
    }
}

impl Ssn {
    /// Most are valid; the others were never issued, which is what synthetic records often carry
    /// and what a strict detector misses.
    fn of(clinic: &Clinic, index: usize, random: &mut Random) -> Self {
        let kind = random.below(100);
        let areas = match kind {
            0..84 => 898,
            84..92 => 100,
            _ => 1,
        };
        let number = spread(index, clinic.seed ^ 1, areas * 99 * 9_999);
        let (area, rest) = (number / (99 * 9_999), number % (99 * 9_999));
        let (mut group, mut serial) = (1 + rest / 9_999, 1 + rest % 9_999);
        let area = match kind {
            0..84 if area + 1 >= 666 => area + 2,
            0..84 => area + 1,
            84..92 => 900 + area,
            92..96 => 666,
            _ => 0,
        };
        match kind {
            80 | 81 => group = 0,
            82 | 83 => serial = 0,
            _ => {}
        }
        let shape = match random.below(100) {
            0..80 => Shape::Dashed,
            80..90 => Shape::Spaced,
            _ => Shape::Bare,
        };
        Self {
            area,
            group,
            serial,
            shape,
        }
    }

    pub(crate) fn dashed(self) -> String {
        self.joined("-")
    }

    pub(crate) fn spaced(self) -> String {
        self.joined(" ")
    }

    pub(crate) fn bare(self) -> String {
        self.joined("")
    }

    /// Broken by a line end, as a fax or a narrow form does.
    pub(crate) fn split(self) -> String {
        format!("{:03}-{:02}-\n{:04}", self.area, self.group, self.serial)
    }

    /// In the full-width digits of East Asian input methods.
    pub(crate) fn full_width(self) -> String {
        self.dashed()
            .chars()
            .map(|c| match c.to_digit(10) {
                Some(digit) => char::from_u32(0xFF10 + digit).unwrap_or(c),
                None => c,
            })
            .collect()
    }

    fn joined(self, by: &str) -> String {
        format!(
            "{:03}{by}{:02}{by}{:04}",
            self.area, self.group, self.serial
        )
    }
}

impl std::fmt::Display for Ssn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&match self.shape {
            Shape::Dashed => self.dashed(),
            Shape::Spaced => self.spaced(),
            Shape::Bare => self.bare(),
        })
    }
}

/// The surrogate: says nothing about whom it stands for.
pub(crate) fn patient_id(index: usize) -> i64 {
    1_000_001 + index as i64
}

/// Slug and record letters of a patient's tenant.
pub(crate) fn tenant(clinic: &Clinic, index: usize) -> (String, &'static str) {
    let tenant = spread(index, clinic.seed ^ 3, 1_000_003) as usize % clinic.tenants.max(1);
    let (slug, letters) = TENANTS[tenant % TENANTS.len()];
    let round = tenant / TENANTS.len();
    let slug = if round == 0 {
        slug.to_owned()
    } else {
        format!("{slug}_{}", round + 1)
    };
    (slug, letters)
}

/// The health plan's number of a patient.
pub(crate) fn member_id(clinic: &Clinic, index: usize) -> String {
    format!("XQJ{:09}", spread(index, clinic.seed ^ 4, 1_000_000_000))
}

/// As a mail box spells it.
fn unaccented(letter: char) -> char {
    match letter {
        'á' => 'a',
        'ç' => 'c',
        'é' | 'ë' => 'e',
        'ñ' => 'n',
        'ö' => 'o',
        'ú' | 'ü' => 'u',
        other => other,
    }
}

fn last_name(random: &mut Random) -> String {
    let last = random.pick(LAST);
    if random.chance(12) {
        format!("{last}-{}", random.pick(LAST))
    } else {
        last.to_owned()
    }
}

/// Lines 0100 to 0199 of exchange 555 belong to nobody.
fn phone(random: &mut Random, place: Place) -> String {
    let (area, line) = (place.area_code, 100 + random.below(100));
    match random.below(8) {
        0 => format!("{area}.555.{line:04}"),
        1 => format!("+1 {area} 555 {line:04}"),
        2 | 3 => format!("{area}-555-{line:04}"),
        _ => format!("({area}) 555-{line:04}"),
    }
}
