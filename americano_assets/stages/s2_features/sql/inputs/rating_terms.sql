-- Grain: one row a (learner, objective) of the spine: its ratings on the scale of log-odds at the cut-off, and the
-- chance of a right answer (core/features/skill_update.py). What is known of a learner has got less certain since their last answer.
-- The average item.
-- Reads: ratings (level 0 learner, 1 learner's forgetting, 2 learner on topic, 3 learner on objective, 4 objective,
-- 6 coefficients: 0 everyone, 1 time since, 2 studied before, 3 right and 4 wrong before).
WITH coefficients AS (
  SELECT max(mean) FILTER (key = 0) AS everyone, max(mean) FILTER (key = 1) AS since,
    max(mean) FILTER (key = 2) AS studied, max(mean) FILTER (key = 3) AS rights, max(mean) FILTER (key = 4) AS wrongs
  FROM ratings
  WHERE level = 6 AND key = other
),
terms AS (
  SELECT s.learner_key, s.objective_key, c.everyone,
    COALESCE(l.mean, 0) AS learner,
    COALESCE(t.mean, 0) AS topic,
    COALESCE(p.mean, 0) AS pair,
    COALESCE(o.mean, 0) AS objective,
    -- Never studied: there is nothing that practice could have left.
    COALESCE(ln(1 + ($cutoff_day - p.day) / 7.0) - $usual_time_since, 0) AS time_since,
    CASE WHEN p.day IS NULL THEN 0 ELSE
      c.studied + c.rights * ln(1 + p.right / $answers_scale) + c.wrongs * ln(1 + p.wrong / $answers_scale)
      + (c.since + COALESCE(f.mean, 0)) * time_since
    END AS practice,
    grown(l.variance, $learner_variance, $daily_variance, $cutoff_day - l.day)
      + grown(t.variance, $topic_variance, $daily_variance, $cutoff_day - t.day)
      + grown(p.variance, $pair_variance, $daily_variance, $cutoff_day - p.day)
      + grown(f.variance, $forgetting_variance, $daily_variance, $cutoff_day - f.day) * time_since * time_since
      + COALESCE(o.variance, $objective_variance) AS variance
  FROM spine s
  JOIN objectives_known k USING (objective_key)
  CROSS JOIN coefficients c
  LEFT JOIN (FROM ratings WHERE level = 0) l ON l.key = s.learner_key
  LEFT JOIN (FROM ratings WHERE level = 1) f ON f.key = s.learner_key
  LEFT JOIN (FROM ratings WHERE level = 2) t ON t.key = s.learner_key AND t.other = k.course_key
  LEFT JOIN (FROM ratings WHERE level = 3) p ON p.key = s.learner_key AND p.other = s.objective_key
  LEFT JOIN (FROM ratings WHERE level = 4) o ON o.key = s.objective_key
)
-- The chance is averaged over what is not known of the terms (MacKay, Neural Computation 4:720, 1992).
SELECT *,
  1 / (1 + exp(-(everyone + learner + topic + pair + practice - objective) / sqrt(1 + pi() / 8 * variance))) AS chance
FROM terms
