-- Grain: one row a (learner, topic, objective, study day, whole days before the cut-off): the skipped validations that
-- count, in a label window until an answer inside it replaces them, in anything else until any later answer does. n_late of them count in the label alone.
SELECT learner_key, course_key, objective_key, study_day, age,
  count(*)::INTEGER AS n_validations,
  (count(*) FILTER (replaced))::INTEGER AS n_late,
  COALESCE(sum(nano(growth(into_day))) FILTER (NOT replaced), 0) AS weight_nano,
  max(occurred_at) FILTER (NOT replaced) AS last_studied_at,
  max(place) FILTER (NOT replaced) AS last_place
FROM skips WHERE NOT replaced_in_window
GROUP BY learner_key, course_key, objective_key, study_day, age
