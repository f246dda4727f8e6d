-- What help changed by chance, over everybody and by type of intervention, since the beginning, as of the newest night,
-- where %(day)s is given up to that study day.
-- Grain: one row a type, with type null once over everybody. Struggle rates, treated minus holdout; learners in the smaller arm.
SELECT CASE WHEN scope = 'type' THEN scope_id END AS type, estimate, standard_error,
  least(learners_treated, learners_holdout) AS learners
FROM ml.effects
WHERE study_day = (SELECT max(study_day) FROM ml.effects WHERE %(day)s::date IS NULL OR study_day <= %(day)s::date)
  AND scope IN ('all', 'type') AND evidence = 'experiment' AND period = 'all' AND estimand = 'intention_to_treat'
