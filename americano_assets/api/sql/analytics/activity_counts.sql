-- How many predictions, applied interventions and feedbacks there are, of one learner or (user_id null) of all.
-- Archived ones count.
-- Grain: one row. Over all learners, those who opted out today are left out.
WITH silent AS (
    SELECT id AS user_id
    FROM users
    WHERE %(user_id)s::text IS NULL
      AND NOT ("behavioralAnalysisEnabled" AND "includeInAnalytics" AND "performanceTrackingEnabled")
)
SELECT (SELECT count(*)
        FROM struggle_predictions AS p
        WHERE (%(user_id)s::text IS NULL OR p."userId" = %(user_id)s::text)
          AND p."userId" NOT IN (SELECT user_id FROM silent)) + archived.predictions AS total_predictions,
       (SELECT count(*)
        FROM intervention_recommendations AS r
        WHERE (%(user_id)s::text IS NULL OR r."userId" = %(user_id)s::text)
          AND r."appliedAt" IS NOT NULL
          AND r."userId" NOT IN (SELECT user_id FROM silent)) + archived.applied AS total_interventions_applied,
       (SELECT count(*)
        FROM ml.prediction_feedback AS f
        WHERE (%(user_id)s::text IS NULL OR f.user_id = %(user_id)s::text)
          AND f.user_id NOT IN (SELECT user_id FROM silent)) AS user_feedback_count
FROM (SELECT count(*) AS predictions, COALESCE(sum(a.applied), 0) AS applied
      FROM ml.struggle_predictions_archive AS a
      WHERE (%(user_id)s::text IS NULL OR a.user_id = %(user_id)s::text)
        AND a.user_id NOT IN (SELECT user_id FROM silent)) AS archived
