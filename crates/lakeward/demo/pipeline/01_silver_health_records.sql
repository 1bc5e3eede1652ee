-- Silver: one row per patient. Tags follow from bronze by lineage; masks do not exist yet.
CREATE OR REPLACE TABLE silver_health_records
COMMENT 'one row per patient'
AS SELECT
  patient_id,
  tenant,
  concat(first_name, ' ', last_name) AS full_name,
  ssn,
  mrn,
  birth_date,
  sex,
  zip,
  phone,
  email
FROM bronze.patients;
