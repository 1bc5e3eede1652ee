//! What a clinician types: one to four sentences, identifiers in the middle of them.

use crate::encounter::Encounter;
use crate::person::{Person, Relative, member_id};
use crate::planted::PlantKind;
use crate::random::{Random, Stream};
use crate::words::REMARKS;
use crate::{Clinic, words::Diagnosis};

type Plants<'a> = &'a mut Vec<(PlantKind, String)>;

/// The note of an encounter; what it plants is added to `planted`.
pub(crate) fn write(
    clinic: &Clinic,
    encounter: &Encounter,
    person: &Person,
    planted: Plants<'_>,
) -> String {
    let mut random = Random::new(clinic.seed, Stream::Note, encounter.index);
    let mut sentences = Vec::with_capacity(4);
    sentences.push(opening(&mut random, encounter.diagnosis, person, planted));
    let more = random.below(4);
    for _ in 0..more {
        sentences.push(if random.chance(55) {
            telling(clinic, &mut random, encounter, person, planted)
        } else {
            random.pick(REMARKS).to_owned()
        });
    }
    sentences.join(" ")
}

fn opening(random: &mut Random, dx: Diagnosis, person: &Person, planted: Plants<'_>) -> String {
    let words = dx.words;
    match random.below(5) {
        0 => {
            planted.push((PlantKind::Name, person.full_name()));
            format!("{} was seen today for {words}.", person.full_name())
        }
        1 => {
            planted.push((PlantKind::Mrn, person.mrn.clone()));
            format!("Patient (MRN {}) presents with {words}.", person.mrn)
        }
        2 => {
            let title = if person.sex == "F" { "Ms." } else { "Mr." };
            let name = format!("{title} {}", person.last_name);
            if name.len() >= 10 {
                planted.push((PlantKind::Name, name.clone()));
            }
            format!("{name} returns for follow-up of {words}.")
        }
        3 => format!("Follow-up for {words}, doing well."),
        _ => format!("Pt here for {words}."),
    }
}

/// A sentence that tells who this is.
fn telling(
    clinic: &Clinic,
    random: &mut Random,
    encounter: &Encounter,
    person: &Person,
    planted: Plants<'_>,
) -> String {
    let mut plant = |kind, text: String| {
        planted.push((kind, text.clone()));
        text
    };
    let ssn = person.ssn;
    match random.below(16) {
        0 => format!(
            "SSN {} verified at check-in.",
            plant(PlantKind::Ssn, ssn.dashed())
        ),
        1 => format!("Social on file: {}.", plant(PlantKind::Ssn, ssn.spaced())),
        2 => format!(
            "soc sec no. {} per insurance card.",
            plant(PlantKind::Ssn, ssn.bare())
        ),
        3 => format!(
            "Scanned form reads SSN {}.",
            plant(PlantKind::Ssn, ssn.split())
        ),
        4 => format!(
            "SSN({}) entered by kiosk.",
            plant(PlantKind::Ssn, ssn.full_width())
        ),
        5 => format!(
            "Chart {} merged with outside records.",
            plant(PlantKind::Mrn, person.mrn.clone())
        ),
        6 | 7 => format!(
            "Call the patient at {} with results.",
            plant(PlantKind::Phone, person.phone.clone())
        ),
        8 => format!(
            "Results to be sent to {}.",
            plant(PlantKind::Email, person.email.clone())
        ),
        9 | 10 => {
            let relative = Relative::of(random, person.place);
            format!(
                "{} {} ({}) was present and may be called.",
                capital(relative.relation),
                plant(PlantKind::Name, relative.name),
                plant(PlantKind::Phone, relative.phone)
            )
        }
        11 => format!(
            "DOB {} confirmed.",
            plant(PlantKind::Date, person.birth.american())
        ),
        12 => format!(
            "Home health to visit at {}, {}.",
            plant(PlantKind::Address, person.address.clone()),
            person.place.city
        ),
        13 => format!(
            "Plan member {} was contacted for authorization.",
            plant(PlantKind::HealthPlan, member_id(clinic, encounter.patient))
        ),
        14 => format!(
            "Works at {}; lives in {}, {} {}.",
            person.employer, person.place.city, person.place.state, person.zip
        ),
        _ => format!("Seen and dictated {}.", encounter.date.american()),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase())
        .into_iter()
        .chain(letters)
        .collect()
}
