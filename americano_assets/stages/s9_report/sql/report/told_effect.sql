-- Grain: at most one row an (evidence): the effect over everybody since the beginning, as of %(day)s. Rates 0-1.
SELECT evidence, estimate, low, high, n_treated, n_holdout, reason
FROM ml.effects
WHERE study_day = %(day)s AND scope = 'all' AND period = 'all' AND estimand = 'intention_to_treat'
ORDER BY array_position(ARRAY['experiment', 'observational', 'rehearsal'], evidence)
