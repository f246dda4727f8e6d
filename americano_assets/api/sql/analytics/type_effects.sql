-- What each type of intervention changed, as of the newest night, of one period.
-- Grain: one row a type that was ever chosen in the experiment. Treated minus holdout.
WITH newest AS (
  SELECT max(study_day) AS study_day FROM ml.effects
)
SELECT e.scope_id AS intervention_type,
  COALESCE((e.details ->> 'applications')::integer, 0) AS applications,
  (e.details ->> 'success_rate')::double precision AS success_rate,
  e.estimate AS effect, e.low, e.high, e.n_treated + e.n_holdout AS n, e.reason
FROM ml.effects AS e
JOIN newest USING (study_day)
WHERE e.scope = 'type' AND e.evidence = 'experiment' AND e.period = %(period)s::text
ORDER BY e.scope_id
