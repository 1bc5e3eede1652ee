CREATE FUNCTION redact_ssn(ssn STRING)
  RETURN CASE WHEN is_member('data_scientists') THEN '***-**-****'
              ELSE ssn END;
ALTER TABLE silver_health_records
ALTER COLUMN ssn SET MASKED WITH (FUNCTION redact_ssn(ssn));
