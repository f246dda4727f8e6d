-- Whether this account exists and has not opted out.
-- Grain: one row, or none.
SELECT id
FROM users
WHERE id = %(user_id)s::text AND "behavioralAnalysisEnabled" AND "performanceTrackingEnabled"
