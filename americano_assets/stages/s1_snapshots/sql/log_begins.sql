-- Grain: one row: the first instant (UTC) of the log from %(first)s to before %(end)s; null where nothing is in it.
SELECT least(
  (SELECT min("timestamp") FROM behavioral_events WHERE "timestamp" >= %(first)s AND "timestamp" < %(end)s),
  (SELECT min("reviewedAt") FROM reviews WHERE "reviewedAt" >= %(first)s AND "reviewedAt" < %(end)s),
  (SELECT min("respondedAt") FROM validation_responses WHERE "respondedAt" >= %(first)s AND "respondedAt" < %(end)s),
  (SELECT min("completedAt") FROM study_sessions WHERE "completedAt" >= %(first)s AND "completedAt" < %(end)s)
)
