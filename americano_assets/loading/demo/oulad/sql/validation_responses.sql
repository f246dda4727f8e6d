-- One row a graded answer in (after, until]: a scored hand-in, or a skip where nothing was handed in by 7 days after the due day.
SELECT
  oulad_id(CASE WHEN skipped THEN 'skip' ELSE 'answer' END, key) AS id,
  prompt_id AS "promptId",
  NULL::VARCHAR AS "sessionId",
  user_id AS "userId",
  '' AS "userAnswer",
  '' AS "aiEvaluation",
  score,
  skipped,
  responded_at AS "respondedAt",
  responded_at AS "updatedAt"
FROM (
  SELECT key, prompt_id, user_id, score, false AS skipped, handed_in_at AS responded_at FROM pair WHERE score IS NOT NULL
  UNION ALL
  SELECT key, prompt_id, user_id, 0, true, skipped_at FROM pair WHERE skipped_at IS NOT NULL
)
WHERE in_window(responded_at)
