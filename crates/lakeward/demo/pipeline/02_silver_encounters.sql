-- Silver: encounters with their scrubbed notes.
CREATE OR REPLACE TABLE silver.encounters
COMMENT 'one row per encounter'
AS SELECT encounter_id, patient_id, tenant, "date", department, dx, note
FROM bronze.encounters;
