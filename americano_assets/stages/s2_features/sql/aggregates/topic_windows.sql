-- Grain: one row a (learner, objective, window) that has a label: whether it was a struggle. Windows of length H, back to
-- back before the cut-off. closes_day: the first study day after the window (of a cut-off within a day the window ends at
-- its hour, a day or part of one later). course_key: the one that the last answer was stored with, for an objective that
-- the curriculum does not know any more.
-- What a window says depends on its own days alone, a skipped validation included: it is kept (topic_windows.py). Hence
-- objectives, not topics: which topic an objective is of is the curriculum's to say, and may change.
SELECT learner_key, objective_key, course_key, $cutoff_day - window_back * $horizon_days AS closes_day, struggled
FROM (
  SELECT learner_key, objective_key, age // $horizon_days AS window_back,
    arg_max(course_key, chronological(study_day, last_place)) AS course_key,
    struggled_by(sum(n_reviews), sum(n_validations), sum(n_again),
      sum(score_nano(n_reviews, n_again, validation_nano)), $struggle_below) AS struggled
  FROM objective_days WHERE objective_key IS NOT NULL AND age // $horizon_days < 180 // $horizon_days
  GROUP BY learner_key, objective_key, window_back
)
WHERE struggled IS NOT NULL
