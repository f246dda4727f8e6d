-- Grain: one row a graded interaction of the look-back before a cut-off; what DERIVED_TABLES are made of where nothing
-- was kept, or the cut-off lies within a day.
FROM interactions WHERE occurred_at < $cutoff AND study_day >= $cutoff_day - 181
