-- Grain: one row a row of `evaluated` (row, learner_id, objective_id, cutoff: UTC): what the log said before the
-- cut-off, for rules of thumb that a model has to beat. Sums of scores, each 0-1. last_struggle: whether the last score
-- on the objective, else on its course, was a struggle's; null where nothing was answered.
-- Running sums are joined as of the cut-off, so one pass serves all cut-offs; a learner's own are of those who are asked
-- about. Reads: evaluated, interactions.
WITH asked AS MATERIALIZED (
  SELECT row, cutoff, md5_number_lower(learner_id) AS learner_key, md5_number_lower(objective_id) AS objective_key,
    md5_number_lower(course_id) AS course_key
  FROM evaluated
),
steps AS (
  SELECT learner_key, objective_key, course_key, occurred_at, 1 AS n, score, source, source_id
  FROM interactions WHERE objective_key IS NOT NULL AND course_key IS NOT NULL
  UNION ALL BY NAME
  -- A skipped validation stops counting once it is answered.
  SELECT s.learner_key, s.objective_key, s.course_key, min(a.occurred_at) AS occurred_at, -1 AS n, 0.0 AS score,
    s.source, s.source_id
  FROM interactions s
  JOIN interactions a ON a.learner_key = s.learner_key AND a.item_key = s.item_key AND a.kind = 'validation'
    AND NOT a.skipped AND a.occurred_at >= s.occurred_at
  WHERE s.skipped AND s.objective_key IS NOT NULL AND s.course_key IS NOT NULL
  GROUP BY ALL
),
pairs AS (
  SELECT learner_key, objective_key, any_value(course_key) AS course_key, occurred_at, sum(n) AS n,
    sum(nano(score)) AS nano, arg_max(score, (source, source_id)) FILTER (n = 1) AS last_score
  FROM steps SEMI JOIN (SELECT DISTINCT learner_key FROM asked) a USING (learner_key)
  GROUP BY learner_key, objective_key, occurred_at
),
of_pair AS (
  SELECT learner_key, objective_key, occurred_at, sum(n) OVER past AS n, sum(nano) OVER past AS nano,
    last_value(last_score IGNORE NULLS) OVER past AS last_score
  FROM pairs WINDOW past AS (PARTITION BY learner_key, objective_key ORDER BY occurred_at)
),
of_course AS (
  SELECT learner_key, course_key, occurred_at, last_value(last_score IGNORE NULLS) OVER past AS last_score
  FROM (
    SELECT learner_key, course_key, occurred_at, arg_max(last_score, objective_key) AS last_score
    FROM pairs GROUP BY ALL
  )
  WINDOW past AS (PARTITION BY learner_key, course_key ORDER BY occurred_at)
),
of_learner AS (
  SELECT learner_key, occurred_at, sum(n) OVER past AS n, sum(nano) OVER past AS nano
  FROM (SELECT learner_key, occurred_at, sum(n) AS n, sum(nano) AS nano FROM pairs GROUP BY ALL)
  WINDOW past AS (PARTITION BY learner_key ORDER BY occurred_at)
),
-- Of everybody only what each cut-off finds is wanted, and of those there are few.
at_cutoffs AS (
  SELECT s.objective_key, c.cutoff, sum(s.n) AS n, sum(nano(s.score)) AS nano
  FROM steps s ASOF JOIN (SELECT DISTINCT cutoff FROM asked) c ON s.occurred_at < c.cutoff
  GROUP BY ALL
),
of_objective AS (
  SELECT objective_key, cutoff, sum(n) OVER past AS n, sum(nano) OVER past AS nano
  FROM at_cutoffs WINDOW past AS (PARTITION BY objective_key ORDER BY cutoff)
),
of_all AS (
  SELECT cutoff, sum(n) OVER past AS n, sum(nano) OVER past AS nano
  FROM (SELECT cutoff, sum(n) AS n, sum(nano) AS nano FROM at_cutoffs GROUP BY ALL)
  WINDOW past AS (ORDER BY cutoff)
)
SELECT a.row,
  COALESCE(p.n, 0)::INTEGER AS pair_n, COALESCE(p.nano, 0) / 1000000000.0 AS pair_sum,
  mean_struggles(nano(COALESCE(p.last_score, c.last_score)), 1, $struggle_below) AS last_struggle,
  COALESCE(l.n, 0)::INTEGER AS learner_n, COALESCE(l.nano, 0) / 1000000000.0 AS learner_sum,
  COALESCE(o.n, 0)::INTEGER AS objective_n, COALESCE(o.nano, 0) / 1000000000.0 AS objective_sum,
  COALESCE(w.n, 0)::BIGINT AS all_n, COALESCE(w.nano, 0) / 1000000000.0 AS all_sum
FROM asked a
ASOF LEFT JOIN of_pair p ON a.learner_key = p.learner_key AND a.objective_key = p.objective_key AND a.cutoff > p.occurred_at
ASOF LEFT JOIN of_course c ON a.learner_key = c.learner_key AND a.course_key = c.course_key AND a.cutoff > c.occurred_at
ASOF LEFT JOIN of_learner l ON a.learner_key = l.learner_key AND a.cutoff > l.occurred_at
ASOF LEFT JOIN of_objective o ON a.objective_key = o.objective_key AND a.cutoff >= o.cutoff
ASOF LEFT JOIN of_all w ON a.cutoff >= w.cutoff
ORDER BY a.row
