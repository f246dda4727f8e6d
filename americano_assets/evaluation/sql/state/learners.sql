-- Grain: one row a learner of the log. Reads: staged.
SELECT learner_id, true AS in_analytics, min(occurred_at) AS created_at FROM staged GROUP BY learner_id ORDER BY learner_id
