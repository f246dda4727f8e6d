-- Each graded interaction once, however often it was recorded: score 0-1, times UTC.
-- Grain: one row a card review, or an answered or skipped validation. Reads: interactions (with `day`), participants.
SELECT day AS study_day, learner_id, occurred_at, objective_id, course_id, kind, score, rating, skipped, source
FROM interactions SEMI JOIN participants USING (learner_id)
ORDER BY study_day, learner_id, occurred_at, objective_id
