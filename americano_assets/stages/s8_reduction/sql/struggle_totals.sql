-- Grain: one row a (learner, course, segment): (objective, week)s studied enough for a verdict, those struggled with by the
-- label, how many objectives they are of, and before the first prediction the graded sessions.
-- Weeks are windows of equal length, back to back: before a learner's first published prediction counted backwards from it
-- ($baseline_weeks of them), since then, and for the timeline, backwards from $end_day; the newest is 0. A segment takes some
-- of them; one that is `since` whole weeks since the first prediction alone.
-- The course is the one that the curriculum has the objective in now, on both sides of the comparison; of an objective that
-- it does not know it is the one that the last answer of the week was stored with.
-- Reads: first_predictions (learner_key, learner_id, first_day: the study day that it opened, whole_weeks: since then),
-- segments (segment, is_before, newest, oldest: weeks, since), interactions, objectives (the curriculum).
WITH sides AS (
  SELECT *, first_day AS end_day, first_day - 7 * $baseline_weeks AS begin_day, true AS is_before FROM first_predictions
  UNION ALL
  SELECT *, $end_day AS end_day, $begin_day AS begin_day, false AS is_before FROM first_predictions
),
stored AS (
  SELECT s.learner_id, s.is_before, s.whole_weeks, (s.end_day - 1 - i.study_day) // 7 AS week,
    i.* EXCLUDE (learner_id, course_id), i.course_id AS stored_course_id
  FROM interactions i JOIN sides s USING (learner_key)
  WHERE i.study_day >= s.begin_day AND i.study_day < s.end_day AND i.objective_key IS NOT NULL
),
courses AS (
  SELECT s.learner_key, s.is_before, s.week, s.objective_id,
    COALESCE(any_value(o.course_id),
      arg_max(s.stored_course_id, (s.occurred_at, s.source, s.source_id)) FILTER (o.course_id IS NULL)) AS course_id
  FROM stored s LEFT JOIN objectives o USING (objective_id)
  GROUP BY ALL
),
inside AS (FROM stored JOIN courses USING (learner_key, is_before, week, objective_id)),
answered AS (
  SELECT learner_key, is_before, week, item_key, max(occurred_at) AS last_answer_at
  FROM inside WHERE kind = 'validation' AND NOT skipped GROUP BY ALL
),
counted AS (
  SELECT i.* FROM inside i LEFT JOIN answered a USING (learner_key, is_before, week, item_key)
  WHERE NOT i.skipped OR a.last_answer_at IS NULL OR a.last_answer_at < i.occurred_at
),
outcomes AS (
  SELECT learner_id, course_id, is_before, week, whole_weeks, objective_key,
    list(DISTINCT session_key) FILTER (is_before) AS sessions,
    struggled_by(count(*) FILTER (kind = 'review'), count(*) FILTER (kind = 'validation'),
      count(*) FILTER (rating = 'AGAIN'), sum(nano(score)), $struggle_below) AS struggled
  FROM counted GROUP BY ALL
)
SELECT o.learner_id, o.course_id, s.segment, count(o.struggled)::INTEGER AS studied,
  count(*) FILTER (o.struggled)::INTEGER AS struggled,
  count(DISTINCT o.objective_key) FILTER (o.struggled IS NOT NULL)::INTEGER AS objectives,
  COALESCE(len(list_distinct(flatten(list(o.sessions)))), 0)::INTEGER AS sessions
FROM outcomes o
JOIN segments s ON s.is_before = o.is_before AND o.week BETWEEN s.newest AND s.oldest
WHERE NOT s.since OR o.week < o.whole_weeks
GROUP BY o.learner_id, o.course_id, s.segment
ORDER BY o.learner_id, o.course_id, s.segment
