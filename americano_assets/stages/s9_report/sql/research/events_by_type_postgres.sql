-- events_by_type on the app's own tables: the same learners, the same days.
-- Grain: one row a type of event. Parameters: start, end (naive, UTC).
SELECT e."eventType"::text COLLATE "C" AS event_type, count(*) AS events, count(DISTINCT e."userId") AS learners
FROM behavioral_events e
JOIN users u ON u."id" = e."userId"
  AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled" AND u."includeInAnalytics"
WHERE e."timestamp" >= %(start)s AND e."timestamp" < %(end)s
GROUP BY 1
ORDER BY 1
