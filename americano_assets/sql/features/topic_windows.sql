-- Grain: one row a (learner, topic, window) with graded interactions: of the topic's objectives, how many had a label in
-- the window, and how many a struggle. Windows of length H, back to back before the cut-off. closes_day: the first study
-- day after the window (of a cut-off within a day the window ends at its hour, a day or part of one later).
-- What a window says depends on its own days alone, a skipped validation included: it is kept (topic_windows.py).
SELECT learner_key, course_key, $cutoff_day - window_back * $horizon_days AS closes_day,
  count(*) FILTER (struggled) AS n_struggles, count(struggled) AS n_windows
FROM (
  SELECT learner_key, course_key, objective_key, age // $horizon_days AS window_back,
    struggled_by(sum(n_reviews), sum(n_validations), sum(n_again),
      sum(score_nano(n_reviews, n_again, validation_nano)), $struggle_below) AS struggled
  FROM objective_days WHERE objective_key IS NOT NULL AND age // $horizon_days < 180 // $horizon_days
  GROUP BY ALL
)
GROUP BY ALL
ORDER BY closes_day, learner_key, course_key
