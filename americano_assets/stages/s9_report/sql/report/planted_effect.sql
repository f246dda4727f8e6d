-- Grain: one row, or none: the truth beside the estimate, as of %(day)s, where learners are simulated. Rates 0-1;
-- nothing of fewer than %(least)s episodes.
SELECT effect, rate_helped, rate_alone, episodes
FROM ml.planted_effects
WHERE study_day = %(day)s AND episodes >= %(least)s
