-- Grain: one row a (learner, objective) of the spine: its ratings on the scale of log-odds at the cut-off, and the
-- chance of a right answer. Since a learner's last answer what was known fades (core/elo.py). The average item.
-- Reads: elo (level 0 learner, 1 learner on objective, 2 objective, 4 everyone).
WITH terms AS (
  SELECT s.learner_key, s.objective_key,
    e.mean AS everyone,
    COALESCE(l.mean * pow(0.5, ($cutoff_day - l.day) / $learner_half_life), 0) AS learner,
    COALESCE(p.mean * pow(0.5, ($cutoff_day - p.day) / $pair_half_life), 0) AS pair,
    COALESCE(o.mean, 0) AS objective,
    $learner_variance - COALESCE(($learner_variance - l.variance) * pow(0.25, ($cutoff_day - l.day) / $learner_half_life), 0)
      + $pair_variance - COALESCE(($pair_variance - p.variance) * pow(0.25, ($cutoff_day - p.day) / $pair_half_life), 0)
      + COALESCE(o.variance, $objective_variance) AS variance
  FROM spine s
  CROSS JOIN (FROM elo WHERE level = 4) e
  LEFT JOIN (FROM elo WHERE level = 0) l ON l.key = s.learner_key
  LEFT JOIN (FROM elo WHERE level = 1) p ON p.key = s.learner_key AND p.other = s.objective_key
  LEFT JOIN (FROM elo WHERE level = 2) o ON o.key = s.objective_key
)
-- The chance is averaged over what is not known of the terms (MacKay, Neural Computation 4:720, 1992).
SELECT *, 1 / (1 + exp(-(everyone + learner + pair - objective) / sqrt(1 + pi() / 8 * variance))) AS chance
FROM terms
