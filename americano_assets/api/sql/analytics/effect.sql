-- The newest effect of one scope and period: by chance where that gave an estimate, else the observational one where
-- that gave one, else why there is none.
-- Grain: one row, or none where none was ever computed. Rates 0-1; treated minus holdout.
WITH newest AS (
  SELECT max(study_day) AS study_day FROM ml.effects
)
SELECT e.evidence, e.estimate, e.low, e.high, e.method, e.n_treated, e.n_holdout, e.rate_treated, e.rate_holdout,
  e.reason
FROM ml.effects AS e
JOIN newest USING (study_day)
WHERE e.scope = %(scope)s::text
  AND e.scope_id = %(scope_id)s::text
  AND e.estimand = 'intention_to_treat'
  AND (e.evidence = 'experiment' AND e.period = %(period)s::text OR e.evidence = 'observational')
ORDER BY e.estimate IS NULL, e.evidence
LIMIT 1
