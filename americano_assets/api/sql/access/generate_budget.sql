-- When a learner's budget of calls is whole again.
-- Grain: one row, or none where they never called. UTC without zone.
SELECT whole_at FROM ml.generate_budget WHERE user_id = %(user_id)s::text
