-- Grain: one row: flagged episodes whose window closed in (%(since)s, %(cutoff)s] (UTC), how they ended, and of how many
-- learners who count in aggregates; `unseen`: made by replays, or too late to be seen.
SELECT count(*)::integer AS episodes,
  count(*) FILTER (WHERE e.outcome = 'struggled')::integer AS struggled,
  count(*) FILTER (WHERE e.outcome = 'not_struggled')::integer AS false_alarms,
  count(*) FILTER (WHERE e.outcome = 'unstudied')::integer AS unstudied,
  count(*) FILTER (WHERE NOT e.live)::integer AS unseen,
  count(DISTINCT e.user_id)::integer AS learners
FROM ml.episodes e
JOIN users u ON u."id" = e.user_id AND u."includeInAnalytics"
WHERE e.first_flagged_at IS NOT NULL AND e.outcome IS NOT NULL
  AND e.outcome_at > %(since)s AND e.outcome_at <= %(cutoff)s
