-- Grain: one row an episode (prediction_id): its last score before its planned day opens, or its first where all came
-- later, with the outcome of that score's window as known now (null: not studied enough to tell).
-- scored_day is in days since 1970-01-01.
-- Reads: scored and labels (with `day`), nights (day, predicted_at, window_end), learners (learner_id, in_analytics).
-- Of the learners from $first to $last alone: files are sorted by learner, so little else is read.
WITH inside AS (
  SELECT *, date_diff('day', DATE '1970-01-01', day) AS scored_day
  FROM scored WHERE learner_id BETWEEN $first AND $last
),
counting AS (
  SELECT prediction_id, COALESCE(max(scored_day) FILTER (scored_day < planned_day), min(scored_day)) AS scored_day
  FROM inside GROUP BY prediction_id
)
SELECT {columns}
FROM inside
JOIN counting USING (prediction_id, scored_day)
JOIN (FROM labels WHERE learner_id BETWEEN $first AND $last) USING (day, learner_id, objective_id)
JOIN learners USING (learner_id)
JOIN nights USING (day)
ORDER BY prediction_id
