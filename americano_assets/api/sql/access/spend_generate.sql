-- Takes one call out of a learner's budget, whichever worker serves it (the generic cell rate algorithm: one instant
-- a learner says when the budget is whole again).
-- Grain: one row where the call fits in, none where it does not.
-- spacing: interval that a call uses up; burst: calls that fit in at once; now: UTC without zone.
-- An instant much later than a used-up budget gives was left by a clock that was ahead, and counts for nothing.
INSERT INTO ml.generate_budget AS b (user_id, whole_at)
VALUES (%(user_id)s::text, %(now)s::timestamp + %(spacing)s::interval)
ON CONFLICT (user_id) DO UPDATE
SET whole_at = CASE WHEN b.whole_at > %(now)s::timestamp + INTERVAL '5 minutes' + %(burst)s::int * %(spacing)s::interval
    THEN %(now)s::timestamp ELSE greatest(b.whole_at, %(now)s::timestamp) END + %(spacing)s::interval
WHERE b.whole_at > %(now)s::timestamp + INTERVAL '5 minutes' + %(burst)s::int * %(spacing)s::interval
  OR greatest(b.whole_at, %(now)s::timestamp) + %(spacing)s::interval
      <= %(now)s::timestamp + %(burst)s::int * %(spacing)s::interval
RETURNING b.whole_at
