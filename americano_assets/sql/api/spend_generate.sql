-- Takes one call out of a learner's budget, whichever worker serves it (the generic cell rate algorithm: one instant
-- a learner says when the budget is whole again).
-- Grain: one row where the call fits in, none where it does not.
-- spacing: interval that a call uses up; burst: calls that fit in at once; now: UTC without zone.
INSERT INTO ml.generate_budget AS b (user_id, whole_at)
VALUES (%(user_id)s::text, %(now)s::timestamp + %(spacing)s::interval)
ON CONFLICT (user_id) DO UPDATE
SET whole_at = greatest(b.whole_at, %(now)s::timestamp) + %(spacing)s::interval
WHERE greatest(b.whole_at, %(now)s::timestamp) + %(spacing)s::interval
      <= %(now)s::timestamp + %(burst)s::int * %(spacing)s::interval
RETURNING b.whole_at
