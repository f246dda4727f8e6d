-- Grain: one row a (session, learner, study day) of the log, as evaluation/sql/study_sessions.sql has them. Times UTC.
-- Reads: staged.
SELECT import_id('session', concat_ws(chr(31), learner_id, session_id, day)) AS id, learner_id AS "userId",
  NULL::VARCHAR AS "missionId", min(occurred_at) AS "startedAt", max(occurred_at) AS "completedAt",
  date_diff('millisecond', min(occurred_at), max(occurred_at))::INTEGER AS "durationMs",
  count(*) FILTER (kind = 'review')::INTEGER AS "reviewsCompleted", 0 AS "newCardsStudied",
  NULL::VARCHAR AS "missionObjectives", NULL::VARCHAR AS "objectiveCompletions"
FROM staged WHERE session_id IS NOT NULL
GROUP BY learner_id, session_id, day
