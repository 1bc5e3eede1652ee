-- Silver: claims.
CREATE OR REPLACE TABLE silver.claims
COMMENT 'one row per claim'
AS SELECT claim_id, encounter_id, patient_id, tenant, service_date, code AS procedure_code, amount, status
FROM bronze.claims;
