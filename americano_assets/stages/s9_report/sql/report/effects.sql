-- Grain: one row an (evidence, scope, id of the scope, estimand): a comparison over everybody, a course or a type, since
-- the beginning, as of %(day)s. Names may be those of several courses. Rates 0-1, none of fewer than %(least)s episodes.
SELECT e.evidence, e.scope, e.scope_id, ml.first_words(c."code"::text, c."name", e.scope_id) AS name, e.estimand, e.estimate, e.low, e.high,
  CASE WHEN e.n_treated >= %(least)s THEN e.rate_treated END AS rate_treated,
  CASE WHEN e.n_holdout >= %(least)s THEN e.rate_holdout END AS rate_holdout, e.n_treated, e.n_holdout, e.bound_low, e.bound_high, e.details, e.reason
FROM ml.effects e
LEFT JOIN courses c ON e.scope = 'course' AND c."id" = e.scope_id
WHERE e.study_day = %(day)s AND e.period = 'all' AND e.scope <> 'learner'
ORDER BY array_position(ARRAY['all', 'course', 'type'], e.scope), name
