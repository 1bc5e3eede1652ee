//! Encounters and the claims made for them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Clinic;
use crate::date::Date;
use crate::note;
use crate::person::{Person, member_id, patient_id, tenant};
use crate::planted::PlantKind;
use crate::random::{Random, Stream};
use crate::words::{DEPARTMENTS, DIAGNOSES, Diagnosis, PROCEDURES, STATUSES};

/// The head of an encounter: cheap, so that claims can find their patient.
#[derive(Debug)]
pub(crate) struct Encounter {
    pub(crate) index: usize,
    /// The patient's index.
    pub(crate) patient: usize,
    pub(crate) date: Date,
    pub(crate) department: &'static str,
    pub(crate) diagnosis: Diagnosis,
}

impl Encounter {
    pub(crate) fn of(clinic: &Clinic, index: usize) -> Self {
        let mut random = Random::new(clinic.seed, Stream::Encounter, index);
        // Everybody comes once; after that, some come far more often than others.
        let patient = if index < clinic.patients {
            index
        } else {
            random
                .below(clinic.patients)
                .min(random.below(clinic.patients))
        };
        Self {
            index,
            patient,
            date: Date::from_days(FIRST_DAY + random.below(DAYS) as i64),
            department: random.pick(DEPARTMENTS),
            diagnosis: random.pick(DIAGNOSES),
        }
    }

    pub(crate) fn id(&self) -> i64 {
        7_000_001 + self.index as i64
    }

    /// The line of `encounters.ndjson`; what it plants is added to `planted`.
    pub(crate) fn write_json(
        &self,
        clinic: &Clinic,
        out: &mut Vec<u8>,
        planted: &mut Vec<(PlantKind, String)>,
    ) {
        let person = Person::of(clinic, self.patient);
        let note = note::write(clinic, self, &person, planted);
        let line = json!({
            "encounter_id": self.id(),
            "patient_id": person.patient_id,
            "tenant": person.tenant,
            "date": self.date.to_string(),
            "department": self.department,
            "dx": self.diagnosis.code,
            "note": note,
            "payload": self.payload(clinic, &person, planted),
        });
        out.extend_from_slice(line.to_string().as_bytes());
        out.push(b'\n');
    }

    /// What the outside system sent: nested, and full of identifiers in unexpected places.
    fn payload(
        &self,
        clinic: &Clinic,
        person: &Person,
        planted: &mut Vec<(PlantKind, String)>,
    ) -> Value {
        let mut random = Random::new(clinic.seed, Stream::Relative, self.index);
        let mut plant = |kind, text: String| {
            planted.push((kind, text.clone()));
            text
        };
        let mut payload = json!({
            "vitals": {
                "systolic": 96 + random.below(70),
                "diastolic": 58 + random.below(40),
                "pulse": 52 + random.below(60),
                "temperature_f": (970 + random.below(50)) as f64 / 10.0,
            },
            "subject": {
                "display": plant(PlantKind::Name, person.full_name()),
                "identifiers": [
                    { "system": "mrn", "value": plant(PlantKind::Mrn, person.mrn.clone()) },
                    { "system": "ssn", "value": plant(PlantKind::Ssn, person.ssn.dashed()) },
                ],
            },
        });
        match random.below(4) {
            0 => {
                payload["contact"] = json!({
                    "telecom": [
                        { "use": "home", "value": plant(PlantKind::Phone, person.phone.clone()) },
                        { "use": "email", "value": plant(PlantKind::Email, person.email.clone()) },
                    ],
                    "address": {
                        "line": [plant(PlantKind::Address, person.address.clone())],
                        "city": person.place.city,
                        "state": person.place.state,
                        "zip": person.zip,
                    },
                });
            }
            1 => {
                let member = plant(PlantKind::HealthPlan, member_id(clinic, self.patient));
                payload["coverage"] = json!({ "member": member, "plan": "PPO" });
            }
            2 => {
                let letter = format!(
                    "Dear colleague, thank you for seeing {}, SSN {}, born {}.",
                    plant(PlantKind::Name, person.full_name()),
                    plant(PlantKind::Ssn, person.ssn.dashed()),
                    plant(PlantKind::Date, person.birth.american()),
                );
                payload["attachment"] = json!({
                    "content_type": "text/plain",
                    "data": STANDARD.encode(letter),
                });
            }
            _ => {
                // HL7 version 2 hides bytes behind \X..\ escapes.
                let hidden: String = plant(PlantKind::Ssn, person.ssn.dashed())
                    .bytes()
                    .map(|byte| format!("{byte:02X}"))
                    .collect();
                payload["hl7"] = json!(format!(
                    "PID|1||{}^^^{}^MR||{}||{}|{}|||{}^^{}^{}^{}||||||||\\X{hidden}\\",
                    plant(PlantKind::Mrn, person.mrn.clone()),
                    person.tenant,
                    plant(
                        PlantKind::Name,
                        format!("{}^{}", person.last_name, person.first_name)
                    ),
                    person.birth.compact(),
                    person.sex,
                    plant(PlantKind::Address, person.address.clone()),
                    person.place.city,
                    person.place.state,
                    person.zip,
                ));
            }
        }
        payload
    }
}

/// Appends the row of `claims.csv`.
pub(crate) fn write_claim(clinic: &Clinic, index: usize, out: &mut Vec<u8>) {
    let mut random = Random::new(clinic.seed, Stream::Claim, index);
    let encounter = if index < clinic.encounters {
        index
    } else {
        random.below(clinic.encounters)
    };
    let encounter = Encounter::of(clinic, encounter);
    let procedure = random.pick(PROCEDURES);
    // Charges vary around the usual one, to the cent.
    let cents = procedure.cents * (70 + random.below(61) as u64) / 100 + random.below(100) as u64;
    let (tenant, _) = tenant(clinic, encounter.patient);
    let row = format!(
        "{},{},{},{tenant},{},{},{}.{:02},{},{}\n",
        90_000_001 + index,
        encounter.id(),
        patient_id(encounter.patient),
        encounter.date,
        procedure.code,
        cents / 100,
        cents % 100,
        random.pick(STATUSES),
        member_id(clinic, encounter.patient),
    );
    out.extend_from_slice(row.as_bytes());
}

pub(crate) const CLAIMS_HEADER: &str =
    "claim_id,encounter_id,patient_id,tenant,service_date,code,amount,status,member_id\n";

/// 2019-01-01.
const FIRST_DAY: i64 = 17_897;
/// Seven years.
const DAYS: usize = 2_556;
