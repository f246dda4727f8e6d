-- Grain: one row a (course, learner) with a pair that a night scored and whose outcome is looked at, of learners who count in
-- aggregates; held-out episodes are nobody's. struggled: with any of them; null: of none can it be told.
-- Reads: pairs.
SELECT course_id, learner_id, bool_or(struggled) AS struggled FROM pairs GROUP BY course_id, learner_id
