-- Gold: what a tenant billed and was paid, by procedure. Nobody in particular is in it.
CREATE OR REPLACE TABLE gold.revenue
COMMENT 'claims by tenant, procedure and status'
AS SELECT tenant, procedure_code, status, count(*) AS claims, sum(amount) AS amount
FROM silver.claims
GROUP BY tenant, procedure_code, status;
