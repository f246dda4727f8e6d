-- Grain: one row a night up to %(day)s on which the effect over everybody had an interval, oldest first, the last twelve;
-- `truth`: what was planted, where learners are simulated. Rates 0-1.
SELECT * FROM (
  SELECT e.study_day, e.estimate, e.low, e.high, t.effect AS truth
  FROM ml.effects e
  LEFT JOIN ml.planted_effects t USING (study_day)
  WHERE e.study_day <= %(day)s AND e.low IS NOT NULL
    AND (e.evidence, e.scope, e.period, e.estimand) = ('experiment', 'all', 'all', 'intention_to_treat')
  ORDER BY e.study_day DESC
  LIMIT 12
) newest
ORDER BY study_day
