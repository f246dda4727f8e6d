-- Grain: one row a study day of the look-back: the weight at the cut-off of what happens as that day opens. Weights
-- halve every 90 days of exact age; `growth` says what a later hour of the day adds.
SELECT (day - DATE '1970-01-01')::INTEGER AS study_day, decay(opens_at, $cutoff) AS weight
FROM calendar
WHERE day BETWEEN DATE '1970-01-01' + ($cutoff_day - 181) AND DATE '1970-01-01' + $cutoff_day
