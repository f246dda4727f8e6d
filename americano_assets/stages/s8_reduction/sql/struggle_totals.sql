-- Grain: one row a (learner, course, segment): objectives studied and struggled with, and graded sessions, in the six
-- weeks before the learner's first published prediction (`baseline`) and in each current period since.
-- A segment is one window: an objective is studied where the label's evidence is there, and struggled by the label.
-- The course is the one that the curriculum has the objective in now, on both sides of the comparison; of an objective that
-- it does not know it is the one that the last answer of the segment was stored with.
-- Reads: segments (learner_key, learner_id, segment, from_at, to_at), interactions, objectives (the curriculum).
WITH stored AS (
  SELECT s.learner_id, s.segment, i.* EXCLUDE (learner_id, course_id), i.course_id AS stored_course_id
  FROM interactions i JOIN segments s ON s.learner_key = i.learner_key
  WHERE i.occurred_at >= s.from_at AND i.occurred_at < s.to_at AND i.objective_key IS NOT NULL
),
courses AS (
  SELECT s.learner_key, s.segment, s.objective_id,
    COALESCE(any_value(o.course_id),
      arg_max(s.stored_course_id, (s.occurred_at, s.source, s.source_id)) FILTER (o.course_id IS NULL)) AS course_id
  FROM stored s LEFT JOIN objectives o USING (objective_id)
  GROUP BY ALL
),
inside AS (FROM stored JOIN courses USING (learner_key, segment, objective_id)),
answered AS (
  SELECT learner_key, segment, item_key, max(occurred_at) AS last_answer_at
  FROM inside WHERE kind = 'validation' AND NOT skipped GROUP BY ALL
),
counted AS (
  SELECT i.* FROM inside i LEFT JOIN answered a USING (learner_key, segment, item_key)
  WHERE NOT i.skipped OR a.last_answer_at IS NULL OR a.last_answer_at < i.occurred_at
),
outcomes AS (
  SELECT learner_id, course_id, segment, objective_key,
    struggled_by(count(*) FILTER (kind = 'review'), count(*) FILTER (kind = 'validation'),
      count(*) FILTER (rating = 'AGAIN'), sum(nano(score)), $struggle_below) AS struggled
  FROM counted GROUP BY ALL
),
sessions AS (
  SELECT learner_id, course_id, segment, count(DISTINCT session_key) AS sessions FROM counted GROUP BY ALL
)
SELECT learner_id, course_id, segment, count(struggled)::INTEGER AS studied,
  count(*) FILTER (struggled)::INTEGER AS struggled, any_value(sessions)::INTEGER AS sessions
FROM outcomes JOIN sessions USING (learner_id, course_id, segment)
GROUP BY learner_id, course_id, segment
ORDER BY learner_id, course_id, segment
