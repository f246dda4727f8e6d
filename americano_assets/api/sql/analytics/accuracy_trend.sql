-- Accuracy of one scope over the thirty study days that end with its newest.
-- Grain: one row a study day that has figures, oldest first. accuracy 0-1; n in scored pairs with a known outcome.
WITH scoped AS (
    SELECT p.study_day, p.accuracy, p.n, p.reason
    FROM ml.model_performance AS p
    WHERE p.scope = %(scope)s::text
      AND p.scope_id = %(scope_id)s::text
)
SELECT study_day AS "date", accuracy, n, reason
FROM scoped
WHERE study_day > (SELECT max(study_day) FROM scoped) - 30
ORDER BY study_day
