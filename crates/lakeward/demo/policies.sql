-- The seed's mask the right way round: who may see it is named, everybody else gets the mask.
CREATE OR REPLACE FUNCTION redact_ssn(ssn STRING)
  RETURN CASE WHEN is_member('billing') THEN ssn
              ELSE '***-**-****' END;
CREATE FUNCTION for_billing(v STRING)
  RETURN CASE WHEN is_member('billing') THEN v END;
CREATE FUNCTION billing_or_token(v STRING)
  RETURN CASE WHEN is_member('billing') THEN v
              WHEN is_member('data_scientists') THEN token('mrn', v) END;
CREATE FUNCTION billing_or_zip3(zip STRING)
  RETURN CASE WHEN is_member('billing') THEN zip
              WHEN is_member('data_scientists') THEN hipaa_zip3(zip) END;
CREATE FUNCTION billing_or_last_4(v STRING)
  RETURN CASE WHEN is_member('billing') THEN v
              WHEN is_member('data_scientists') THEN mask_show_last_4(v) END;
CREATE FUNCTION billing_or_year(d DATE)
  RETURN CASE WHEN is_member('billing') THEN d
              WHEN is_member('data_scientists')
                THEN TRY_CAST(concat(CAST(hipaa_year(d) AS STRING), '-01-01') AS DATE) END;
CREATE FUNCTION for_staff(v STRING)
  RETURN CASE WHEN is_member('billing') OR is_member('data_scientists') THEN v END;
CREATE FUNCTION record_number(v BIGINT)
  RETURN CASE WHEN is_member('billing') OR is_member('data_scientists') THEN v END;
CREATE FUNCTION own_tenant(tenant STRING)
  RETURN is_member('data_scientists') OR is_member('pipelines')
      OR (is_member('billing') AND tenant = current_tenant());

ALTER TABLE silver_health_records ALTER COLUMN patient_id SET MASK record_number;
ALTER TABLE silver_health_records ALTER COLUMN full_name  SET MASK for_billing;
ALTER TABLE silver_health_records ALTER COLUMN mrn        SET MASK billing_or_token;
ALTER TABLE silver_health_records ALTER COLUMN birth_date SET MASK billing_or_year;
ALTER TABLE silver_health_records ALTER COLUMN zip        SET MASK billing_or_zip3;
ALTER TABLE silver_health_records ALTER COLUMN phone      SET MASK billing_or_last_4;
ALTER TABLE silver_health_records ALTER COLUMN email      SET MASK for_billing;
ALTER TABLE silver_health_records SET ROW FILTER own_tenant ON (tenant);

ALTER TABLE silver.encounters ALTER COLUMN encounter_id SET MASK record_number;
ALTER TABLE silver.encounters ALTER COLUMN patient_id   SET MASK record_number;
ALTER TABLE silver.encounters ALTER COLUMN "date"       SET MASK billing_or_year;
ALTER TABLE silver.encounters ALTER COLUMN note         SET MASK for_staff;
ALTER TABLE silver.encounters SET ROW FILTER own_tenant ON (tenant);

ALTER TABLE silver.claims ALTER COLUMN claim_id     SET MASK record_number;
ALTER TABLE silver.claims ALTER COLUMN encounter_id SET MASK record_number;
ALTER TABLE silver.claims ALTER COLUMN patient_id   SET MASK record_number;
ALTER TABLE silver.claims ALTER COLUMN service_date SET MASK billing_or_year;
ALTER TABLE silver.claims SET ROW FILTER own_tenant ON (tenant);

ALTER TABLE gold.revenue SET ROW FILTER own_tenant ON (tenant);

GRANT SELECT ON silver_health_records TO GROUP billing, GROUP data_scientists;
GRANT SELECT ON SCHEMA silver TO GROUP billing, GROUP data_scientists;
GRANT SELECT ON SCHEMA gold TO GROUP billing, GROUP data_scientists;
