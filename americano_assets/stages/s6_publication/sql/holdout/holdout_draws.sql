-- Grain: one row a design (unit, share) under which chance drew: how many units it drew, how many of them are held out,
-- and how many have episodes in both arms, which no unit may. A unit is a learner or a (learner, objective).
WITH drawn AS (
  SELECT unit, holdout_share, user_id, CASE WHEN unit = 'episode' THEN learning_objective_id END AS objective_id,
    bool_or(arm = 'holdout') AS held_out, bool_or(arm = 'treated') AS treated
  FROM ml.assignments
  WHERE eligible
  GROUP BY 1, 2, 3, 4
)
SELECT unit, holdout_share, count(*)::integer AS units, count(*) FILTER (WHERE held_out)::integer AS held_out,
  count(*) FILTER (WHERE held_out AND treated)::integer AS in_both
FROM drawn
GROUP BY 1, 2
ORDER BY 1, 2
