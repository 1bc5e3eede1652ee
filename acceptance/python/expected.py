"""What DuckDB answers over raw CSV files, as JSON: the other side of a differential test.

usage: expected.py OUT FOLDER=SCHEMA [FOLDER=SCHEMA ...]

Every CSV of a folder becomes a table of its schema. The types are what DuckDB infers, but for
columns whose leading zeros or dots are meaning (KEPT_AS_TEXT): DuckDB would read a ZIP as a number.
The queries below run unchanged in both engines.
"""

import datetime
import decimal
import json
import pathlib
import sys

import duckdb

KEPT_AS_TEXT = {"zip", "phone", "code_text"}

QUERIES = {
    "syn": """
-- patients
SELECT count(*), count(deathdate), min(birthdate), max(birthdate) FROM syn.patients
SELECT gender, race, count(*) FROM syn.patients GROUP BY gender, race ORDER BY 1, 2
SELECT state, county, city, count(*) FROM syn.patients GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
SELECT marital, count(*) FROM syn.patients GROUP BY marital ORDER BY 1 NULLS LAST
SELECT first, last, zip FROM syn.patients WHERE zip LIKE '02%' ORDER BY 1, 2
SELECT extract(year FROM birthdate) AS y, count(*) FROM syn.patients GROUP BY 1 ORDER BY 1
SELECT sum(healthcare_expenses), avg(healthcare_coverage), max(healthcare_expenses) FROM syn.patients
SELECT first || ' ' || last AS name, ssn FROM syn.patients WHERE deathdate IS NOT NULL ORDER BY 1
SELECT id, lat, lon FROM syn.patients WHERE lat > 42.3 ORDER BY id
SELECT upper(gender), lower(last), length(address) FROM syn.patients ORDER BY 2, 3
SELECT coalesce(maiden, '-') AS m, count(*) FROM syn.patients GROUP BY 1 ORDER BY 1
SELECT id FROM syn.patients WHERE birthdate BETWEEN DATE '1980-01-01' AND DATE '1999-12-31' ORDER BY 1
-- encounters
SELECT encounterclass, count(*), sum(total_claim_cost), avg(base_encounter_cost) FROM syn.encounters GROUP BY 1 ORDER BY 1
SELECT extract(year FROM start) AS y, count(*) FROM syn.encounters GROUP BY 1 ORDER BY 1
SELECT date_trunc('month', start) AS m, count(*) FROM syn.encounters GROUP BY 1 ORDER BY 1
SELECT count(*) FROM syn.encounters WHERE start >= TIMESTAMP '2015-01-01 00:00:00' AND start < TIMESTAMP '2016-01-01 00:00:00'
SELECT description, count(*) AS n FROM syn.encounters GROUP BY 1 HAVING count(*) > 5 ORDER BY 2 DESC, 1
SELECT avg(extract(epoch FROM stop) - extract(epoch FROM start)) FROM syn.encounters
SELECT id, start, stop FROM syn.encounters ORDER BY start DESC, id LIMIT 25
SELECT code, count(DISTINCT patient) FROM syn.encounters GROUP BY code ORDER BY 1
SELECT count(*), count(reasoncode), count(DISTINCT reasoncode) FROM syn.encounters
SELECT encounterclass, max(total_claim_cost) - min(total_claim_cost) FROM syn.encounters GROUP BY 1 ORDER BY 1
SELECT payer, sum(payer_coverage) AS c FROM syn.encounters GROUP BY payer ORDER BY 1
SELECT CAST(start AS DATE) AS d, count(*) FROM syn.encounters GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20
SELECT sum(CASE WHEN payer_coverage = 0 THEN 1 ELSE 0 END), sum(CASE WHEN payer_coverage > 0 THEN total_claim_cost END) FROM syn.encounters
SELECT stddev_pop(total_claim_cost), var_samp(base_encounter_cost) FROM syn.encounters
-- patients and encounters
SELECT p.last, count(*) AS n, sum(e.total_claim_cost) AS c FROM syn.patients p JOIN syn.encounters e ON e.patient = p.id GROUP BY p.last ORDER BY 1
SELECT p.gender, e.encounterclass, count(*) FROM syn.patients p JOIN syn.encounters e ON e.patient = p.id GROUP BY 1, 2 ORDER BY 1, 2
SELECT p.id, max(e.start) AS latest FROM syn.patients p LEFT JOIN syn.encounters e ON e.patient = p.id GROUP BY p.id ORDER BY p.id
SELECT count(*) FROM syn.patients p WHERE EXISTS (SELECT 1 FROM syn.encounters e WHERE e.patient = p.id AND e.encounterclass = 'emergency')
SELECT count(*) FROM syn.patients p WHERE NOT EXISTS (SELECT 1 FROM syn.encounters e WHERE e.patient = p.id AND e.encounterclass = 'inpatient')
SELECT p.id, (SELECT count(*) FROM syn.encounters e WHERE e.patient = p.id) AS n FROM syn.patients p ORDER BY 1
SELECT count(*) FROM syn.encounters e JOIN syn.patients p ON e.patient = p.id AND CAST(e.start AS DATE) > p.birthdate
SELECT p.race, avg(e.total_claim_cost) FROM syn.patients p JOIN syn.encounters e ON e.patient = p.id GROUP BY ROLLUP (p.race) ORDER BY 1 NULLS LAST
SELECT e.id, row_number() OVER (PARTITION BY e.patient ORDER BY e.start, e.id) AS rn FROM syn.encounters e ORDER BY 1
SELECT patient, start, lag(start) OVER (PARTITION BY patient ORDER BY start, id) AS before FROM syn.encounters ORDER BY 1, 2
SELECT patient, sum(total_claim_cost) OVER (PARTITION BY patient ORDER BY start, id ROWS UNBOUNDED PRECEDING) AS running FROM syn.encounters ORDER BY 1, 2
SELECT patient, total_claim_cost FROM (SELECT patient, total_claim_cost, rank() OVER (PARTITION BY patient ORDER BY total_claim_cost DESC) AS r FROM syn.encounters) x WHERE r <= 2 ORDER BY 1, 2
WITH first AS (SELECT patient, min(start) AS s FROM syn.encounters GROUP BY 1) SELECT extract(year FROM s) AS y, count(*) FROM first GROUP BY 1 ORDER BY 1
-- organisations, providers, payers
SELECT o.name, count(*) FROM syn.encounters e JOIN syn.organizations o ON e.organization = o.id GROUP BY 1 ORDER BY 2 DESC, 1
SELECT o.zip, count(DISTINCT p.id) FROM syn.providers p JOIN syn.organizations o ON p.organization = o.id GROUP BY 1 ORDER BY 1
SELECT pr.speciality, count(*) FROM syn.encounters e JOIN syn.providers pr ON e.provider = pr.id GROUP BY 1 ORDER BY 1
SELECT py.name, count(e.id) FROM syn.payers py LEFT JOIN syn.encounters e ON e.payer = py.id GROUP BY 1 ORDER BY 1
SELECT name, revenue, amount_covered + amount_uncovered AS total FROM syn.payers ORDER BY 1
SELECT state, sum(utilization), min(lat), max(lon) FROM syn.organizations GROUP BY 1 ORDER BY 1
SELECT o.id FROM syn.organizations o EXCEPT SELECT e.organization FROM syn.encounters e ORDER BY 1
SELECT o.id FROM syn.organizations o INTERSECT SELECT e.organization FROM syn.encounters e ORDER BY 1
-- claims
SELECT status1, count(*), sum(outstanding1) FROM syn.claims GROUP BY 1 ORDER BY 1 NULLS LAST
SELECT count(*) FROM syn.claims c JOIN syn.patients p ON c.patientid = p.id JOIN syn.encounters e ON c.appointmentid = e.id
SELECT p.id, count(DISTINCT c.id), count(DISTINCT e.id) FROM syn.patients p LEFT JOIN syn.claims c ON c.patientid = p.id LEFT JOIN syn.encounters e ON e.id = c.appointmentid GROUP BY 1 ORDER BY 1
SELECT extract(year FROM servicedate) AS y, extract(month FROM servicedate) AS m, count(*) FROM syn.claims GROUP BY 1, 2 ORDER BY 1, 2
SELECT diagnosis1, count(*) FROM syn.claims GROUP BY 1 ORDER BY 2 DESC, 1 NULLS LAST LIMIT 30
SELECT healthcareclaimtypeid1, healthcareclaimtypeid2, count(*) FROM syn.claims GROUP BY 1, 2 ORDER BY 1, 2
SELECT e.encounterclass, count(c.id), min(c.servicedate), max(c.currentillnessdate) FROM syn.encounters e JOIN syn.claims c ON c.appointmentid = e.id GROUP BY 1 ORDER BY 1
SELECT count(*) FROM syn.claims WHERE servicedate <> currentillnessdate
SELECT departmentid, patientdepartmentid, count(*) FROM syn.claims GROUP BY 1, 2 ORDER BY 1, 2
SELECT type, count(*), sum(amount), sum(payments), sum(outstanding) FROM syn.claims_transactions GROUP BY 1 ORDER BY 1
SELECT method, count(*), avg(payments) FROM syn.claims_transactions GROUP BY 1 ORDER BY 1 NULLS LAST
SELECT c.id, sum(t.amount) AS charged FROM syn.claims c JOIN syn.claims_transactions t ON t.claimid = c.id WHERE t.type = 'CHARGE' GROUP BY c.id ORDER BY 2 DESC, 1 LIMIT 40
SELECT p.last, sum(t.payments) FROM syn.claims_transactions t JOIN syn.patients p ON p.id = t.patientid GROUP BY 1 ORDER BY 1
SELECT count(*) FROM syn.claims_transactions t LEFT JOIN syn.claims c ON c.id = t.claimid WHERE c.id IS NULL
SELECT procedurecode, count(*), sum(unitamount * units) FROM syn.claims_transactions GROUP BY 1 ORDER BY 2 DESC, 1 NULLS LAST LIMIT 30
SELECT notes, count(*) FROM syn.claims_transactions WHERE notes IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 30
SELECT CAST(fromdate AS DATE) AS d, sum(amount) FROM syn.claims_transactions GROUP BY 1 ORDER BY 2 DESC NULLS LAST, 1 LIMIT 30
-- the clinical tables
SELECT description, count(*), count(stop) FROM syn.conditions GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50
SELECT count(*) FROM syn.conditions WHERE stop IS NULL OR stop > DATE '2020-01-01'
SELECT c.code, count(DISTINCT p.id) FROM syn.conditions c JOIN syn.patients p ON p.id = c.patient GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 40
SELECT p.gender, c.description, count(*) FROM syn.conditions c JOIN syn.patients p ON p.id = c.patient GROUP BY 1, 2 HAVING count(*) > 2 ORDER BY 3 DESC, 1, 2
SELECT a.description, b.description, count(*) FROM syn.conditions a JOIN syn.conditions b ON a.patient = b.patient AND a.code < b.code GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 20
SELECT description, sum(totalcost), sum(dispenses), avg(base_cost) FROM syn.medications GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 30
SELECT count(*), count(stop), min(start), max(stop) FROM syn.medications
SELECT m.description FROM syn.medications m JOIN syn.encounters e ON e.id = m.encounter WHERE e.encounterclass = 'wellness' GROUP BY 1 ORDER BY 1
SELECT reasondescription, count(*) FROM syn.medications GROUP BY 1 ORDER BY 2 DESC, 1 NULLS LAST LIMIT 20
SELECT category, type, count(*) FROM syn.observations GROUP BY 1, 2 ORDER BY 1 NULLS LAST, 2
SELECT units, count(*) FROM syn.observations GROUP BY 1 ORDER BY 2 DESC, 1 NULLS LAST
SELECT description, count(*) FROM syn.observations WHERE type = 'numeric' GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 40
SELECT o.code, avg(TRY_CAST(o.value AS DOUBLE)) FROM syn.observations o WHERE o.type = 'numeric' GROUP BY 1 ORDER BY 1
SELECT p.id, max(TRY_CAST(o.value AS DOUBLE)) AS tallest FROM syn.observations o JOIN syn.patients p ON p.id = o.patient WHERE o.description = 'Body Height' GROUP BY 1 ORDER BY 1
SELECT count(*) FROM syn.observations WHERE encounter IS NULL
SELECT description, sum(base_cost), count(*) FROM syn.procedures GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 40
SELECT avg(extract(epoch FROM stop) - extract(epoch FROM start)) / 60 FROM syn.procedures
SELECT description, count(*), min(base_cost) FROM syn.immunizations GROUP BY 1 ORDER BY 1
SELECT category, type, count(*) FROM syn.allergies GROUP BY 1, 2 ORDER BY 1, 2
SELECT description, severity1, count(*) FROM syn.allergies GROUP BY 1, 2 ORDER BY 1, 2 NULLS LAST
SELECT description, count(*), min(start) FROM syn.careplans GROUP BY 1 ORDER BY 1
SELECT description, sum(quantity) FROM syn.supplies GROUP BY 1 ORDER BY 1
SELECT udi, description FROM syn.devices ORDER BY 1
SELECT modality_code, bodysite_description, count(*) FROM syn.imaging_studies GROUP BY 1, 2 ORDER BY 1, 2
SELECT ownership, count(*), min(start_year), max(end_year) FROM syn.payer_transitions GROUP BY 1 ORDER BY 1 NULLS LAST
SELECT p.last, py.name, count(*) FROM syn.payer_transitions t JOIN syn.patients p ON p.id = t.patient JOIN syn.payers py ON py.id = t.payer GROUP BY 1, 2 ORDER BY 1, 2
SELECT 'c' AS what, count(*) FROM syn.conditions UNION ALL SELECT 'm', count(*) FROM syn.medications UNION ALL SELECT 'p', count(*) FROM syn.procedures ORDER BY 1
""",
    "omop": """
SELECT count(*), count(DISTINCT person_id), min(year_of_birth), max(year_of_birth) FROM omop.person
SELECT gender_concept_id, gender_source_value, count(*) FROM omop.person GROUP BY 1, 2 ORDER BY 1, 2
SELECT race_source_value, ethnicity_source_value, count(*) FROM omop.person GROUP BY 1, 2 ORDER BY 1, 2
SELECT year_of_birth / 10 * 10 - (year_of_birth / 10 * 10) AS zero, count(*) FROM omop.person GROUP BY 1 ORDER BY 1
SELECT month_of_birth, day_of_birth, count(*) FROM omop.person GROUP BY 1, 2 ORDER BY 1, 2
SELECT count(*), count(location_id), count(provider_id), count(care_site_id) FROM omop.person
SELECT person_id, birth_datetime FROM omop.person ORDER BY person_id LIMIT 40
SELECT visit_concept_id, count(*), count(DISTINCT person_id) FROM omop.visit_occurrence GROUP BY 1 ORDER BY 1
SELECT extract(year FROM visit_start_date) AS y, count(*) FROM omop.visit_occurrence GROUP BY 1 ORDER BY 1
SELECT count(*) FROM omop.visit_occurrence WHERE visit_end_date > visit_start_date
SELECT p.gender_source_value, v.visit_concept_id, count(*) FROM omop.person p JOIN omop.visit_occurrence v ON v.person_id = p.person_id GROUP BY 1, 2 ORDER BY 1, 2
SELECT p.person_id, count(v.visit_occurrence_id) AS n FROM omop.person p LEFT JOIN omop.visit_occurrence v ON v.person_id = p.person_id GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50
SELECT observation_concept_id, count(*) FROM omop.observation GROUP BY 1 ORDER BY 2 DESC, 1
SELECT o.observation_concept_id, c.concept_name, count(*) FROM omop.observation o JOIN omop.concept c ON c.concept_id = o.observation_concept_id GROUP BY 1, 2 ORDER BY 3 DESC, 1
SELECT p.race_source_value, count(DISTINCT o.person_id), count(*) FROM omop.person p JOIN omop.observation o ON o.person_id = p.person_id GROUP BY 1 ORDER BY 1
SELECT p.person_id, v.visit_occurrence_id, o.observation_id FROM omop.person p JOIN omop.visit_occurrence v ON v.person_id = p.person_id JOIN omop.observation o ON o.visit_occurrence_id = v.visit_occurrence_id ORDER BY 1, 2, 3 LIMIT 100
SELECT extract(year FROM observation_date) AS y, count(*) FROM omop.observation GROUP BY 1 ORDER BY 1
SELECT min(observation_date), max(observation_date) FROM omop.observation
SELECT count(*) FROM omop.person p WHERE NOT EXISTS (SELECT 1 FROM omop.observation o WHERE o.person_id = p.person_id)
SELECT count(*) FROM omop.person WHERE person_id IN (SELECT person_id FROM omop.visit_occurrence)
SELECT count(*), min(observation_period_start_date), max(observation_period_end_date) FROM omop.observation_period
SELECT extract(year FROM observation_period_start_date) - p.year_of_birth AS age, count(*) FROM omop.observation_period o JOIN omop.person p ON p.person_id = o.person_id GROUP BY 1 ORDER BY 1
SELECT condition_concept_id, count(*), sum(condition_occurrence_count) FROM omop.condition_era GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 60
SELECT c.concept_name, count(DISTINCT e.person_id) AS n FROM omop.condition_era e JOIN omop.concept c ON c.concept_id = e.condition_concept_id GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 30
SELECT p.gender_source_value, c.concept_name, count(*) FROM omop.condition_era e JOIN omop.person p ON p.person_id = e.person_id JOIN omop.concept c ON c.concept_id = e.condition_concept_id GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 40
SELECT min(condition_era_start_date), max(condition_era_end_date) FROM omop.condition_era
SELECT drug_concept_id, count(*), sum(gap_days), avg(drug_exposure_count) FROM omop.drug_era GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 60
SELECT c.concept_name, count(*) FROM omop.drug_era d JOIN omop.concept c ON c.concept_id = d.drug_concept_id GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 40
SELECT a.person_id, count(*) FROM omop.drug_era a JOIN omop.condition_era b ON a.person_id = b.person_id AND a.drug_era_start_date = b.condition_era_start_date GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 40
SELECT extract(year FROM drug_era_start_date) AS y, count(*) FROM omop.drug_era GROUP BY 1 ORDER BY 1
SELECT procedure_concept_id, count(*), count(DISTINCT person_id) FROM omop.procedure_occurrence GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 60
SELECT procedure_source_value, count(*) FROM omop.procedure_occurrence GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 60
SELECT p.person_id, count(DISTINCT x.procedure_concept_id) FROM omop.person p JOIN omop.procedure_occurrence x ON x.person_id = p.person_id GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 40
SELECT domain_id, vocabulary_id, count(*) FROM omop.concept GROUP BY 1, 2 ORDER BY 1, 2
SELECT concept_class_id, standard_concept, count(*) FROM omop.concept GROUP BY 1, 2 ORDER BY 1, 2 NULLS LAST
SELECT min(valid_start_date), max(valid_end_date), count(DISTINCT concept_code) FROM omop.concept
SELECT c.domain_id, count(*) FROM omop.concept c JOIN omop.concept_synonym s ON s.concept_id = c.concept_id GROUP BY 1 ORDER BY 1
SELECT min_levels_of_separation, max_levels_of_separation, count(*) FROM omop.concept_ancestor GROUP BY 1, 2 ORDER BY 1, 2
SELECT c.concept_name, count(*) FROM omop.concept_ancestor a JOIN omop.concept c ON c.concept_id = a.ancestor_concept_id GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 30
SELECT count(*), count(DISTINCT relationship_id), sum(is_hierarchical) FROM omop.relationship
SELECT a.relationship_id, b.relationship_id FROM omop.relationship a JOIN omop.relationship b ON a.relationship_id = b.reverse_relationship_id ORDER BY 1, 2 LIMIT 60
SELECT vocabulary_id, vocabulary_name FROM omop.vocabulary ORDER BY 1
SELECT domain_id, domain_name FROM omop.domain ORDER BY 1
SELECT * FROM omop.cdm_source
WITH v AS (SELECT person_id, visit_start_date, row_number() OVER (PARTITION BY person_id ORDER BY visit_start_date, visit_occurrence_id) AS rn FROM omop.visit_occurrence) SELECT rn, count(*), min(visit_start_date) FROM v GROUP BY 1 ORDER BY 1
SELECT d.person_id, d.drug_era_end_date, max(d.drug_era_end_date) OVER (PARTITION BY d.person_id) AS last FROM omop.drug_era d WHERE d.person_id < 60 ORDER BY 1, 2, 3
""",
}


def plain(value):
    """A value as text that both sides can print; the test compares numbers as numbers."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, decimal.Decimal)):
        return repr(value) if isinstance(value, float) else str(value)
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat()
    return str(value)


def rows_of(connection, sql):
    return [[plain(value) for value in row] for row in connection.execute(sql).fetchall()]


def main():
    out = pathlib.Path(sys.argv[1])
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    tables, queries = [], []
    for argument in sys.argv[2:]:
        folder, schema = argument.rsplit("=", 1)
        connection.execute(f"CREATE SCHEMA {schema}")
        for path in sorted(pathlib.Path(folder).glob("*.csv")):
            header = path.open(encoding="utf-8").readline().strip().split(",")
            text = {name: "VARCHAR" for name in header if name.strip('"').lower() in KEPT_AS_TEXT}
            options = f", types={text}" if text else ""
            name = f"{schema}.{path.stem.lower()}"
            connection.execute(
                f"CREATE TABLE {name} AS SELECT * FROM read_csv('{path}', header=true, "
                f"sample_size=-1, normalize_names=false{options})"
            )
            columns = [
                {"name": column.lower(), "type": kind}
                for column, kind, *_ in connection.execute(f"DESCRIBE {name}").fetchall()
            ]
            count = connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            tables.append({"table": name, "path": str(path), "rows": count, "columns": columns})
            # Every column of every table: how many values, how many different ones.
            parts = ", ".join(
                f'count("{c["name"]}") AS n{i}, count(DISTINCT "{c["name"]}") AS d{i}'
                for i, c in enumerate(columns)
            )
            queries.append(f"SELECT count(*) AS n, {parts} FROM {name}")
        queries += [
            line for line in QUERIES.get(schema, "").strip().splitlines() if not line.startswith("--")
        ]
    answers = [{"sql": sql, "rows": rows_of(connection, sql)} for sql in queries]
    out.write_text(json.dumps({"tables": tables, "queries": answers}))


if __name__ == "__main__":
    main()
