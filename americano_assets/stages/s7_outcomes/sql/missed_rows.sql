-- Grain: one row an episode (prediction_id) that nobody was warned of: all that was scored of it, by the score that counted.
-- Reads: scored (with `day`), misses (prediction_id, scored_day, predicted_at, window_end).
SELECT s.* EXCLUDE (day), m.predicted_at, m.window_end
FROM scored s JOIN misses m ON m.prediction_id = s.prediction_id AND m.scored_day = date_diff('day', DATE '1970-01-01', s.day)
ORDER BY s.prediction_id
