-- Grain: one row a (learner, course, segment): objectives studied and struggled with, and graded sessions, in the six
-- weeks before the learner's first published prediction (`baseline`) and in each current period since.
-- A segment is one window: an objective is studied where the label's evidence is there, and struggled by the label.
-- Reads: segments (learner_key, learner_id, segment, from_at, to_at), interactions.
WITH inside AS (
  SELECT s.learner_id, s.segment, i.*
  FROM interactions i JOIN segments s ON s.learner_key = i.learner_key
  WHERE i.occurred_at >= s.from_at AND i.occurred_at < s.to_at AND i.objective_key IS NOT NULL
),
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
