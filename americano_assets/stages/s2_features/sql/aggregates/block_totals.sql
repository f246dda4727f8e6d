-- Grain: as day_totals, of the days of one block. Sorted by learner, so that adding up a learner's days finds them side
-- by side; within an objective by day.
FROM day_totals_kept
ORDER BY learner_key, course_key, objective_key, study_day, late
