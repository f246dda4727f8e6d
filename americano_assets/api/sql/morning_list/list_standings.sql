-- Grain: one row a (course, learner) about whom something was decided after %(since)s (UTC), the newest; of %(courses)s where
-- they are given. Notes decide nothing.
SELECT DISTINCT ON (course_id, user_id) course_id, user_id, action, until, taken_at
FROM ml.list_actions
WHERE action <> 'note' AND taken_at > %(since)s::timestamp
  AND (%(courses)s::text[] IS NULL OR course_id = ANY (%(courses)s::text[]))
ORDER BY course_id, user_id, id DESC
