-- A learner's own word on a prediction: one row a (prediction, learner). Saying the same again changes nothing, saying
-- something else replaces it.
-- Grain: one row where anything was written, none where it stood there already.
INSERT INTO ml.prediction_feedback AS f
  (id, prediction_id, user_id, actual_struggle, feedback_type, comments, submitted_at)
VALUES (%(id)s::text, %(prediction_id)s::text, %(user_id)s::text, %(actual_struggle)s::boolean,
  %(feedback_type)s::text, %(comments)s::text, %(now)s::timestamp)
ON CONFLICT (prediction_id, user_id) DO UPDATE
SET actual_struggle = EXCLUDED.actual_struggle, feedback_type = EXCLUDED.feedback_type,
    comments = EXCLUDED.comments, submitted_at = EXCLUDED.submitted_at
WHERE (f.actual_struggle, f.feedback_type, f.comments)
      IS DISTINCT FROM (EXCLUDED.actual_struggle, EXCLUDED.feedback_type, EXCLUDED.comments)
RETURNING f.id
