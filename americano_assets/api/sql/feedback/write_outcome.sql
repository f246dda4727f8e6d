-- Sets what a learner said became of their prediction.
-- Grain: one row, or none where it stands there already.
-- recorded_at: UTC without zone; status goes into an enum or a text column, status_text is compared as text.
UPDATE struggle_predictions
SET "predictionStatus" = %(status)s, "actualOutcome" = %(outcome)s, "actualOutcomeRecordedAt" = %(recorded_at)s
WHERE id = %(id)s::text
  AND ("predictionStatus"::text, "actualOutcome") IS DISTINCT FROM (%(status_text)s::text, %(outcome)s::boolean)
RETURNING id
