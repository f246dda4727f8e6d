-- Grain: as day_totals, of the last 180 study days before the cut-off. age in whole study days.
-- A view: each query reads the columns and days that it names, and no others.
SELECT *, age_days(study_day, $cutoff_into * late::INTEGER, $cutoff_day, $cutoff_into) AS age
FROM day_totals {of_interest}
WHERE study_day >= $cutoff_day - 181 AND age >= 0 AND age < 180
