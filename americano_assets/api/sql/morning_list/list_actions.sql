-- What was done about some learners, newest first, at most %(most)s of each in a course.
-- Grain: one row an action about a learner of %(learners)s in a course, of %(courses)s where they are given. Times UTC.
SELECT id, course_id, user_id, action, note, until, taken_by, taken_at
FROM (
  SELECT *, row_number() OVER (PARTITION BY course_id, user_id ORDER BY id DESC) AS place
  FROM ml.list_actions
  WHERE user_id = ANY (%(learners)s::text[]) AND (%(courses)s::text[] IS NULL OR course_id = ANY (%(courses)s::text[]))
) newest
WHERE place <= %(most)s::int
ORDER BY course_id, user_id, id DESC
