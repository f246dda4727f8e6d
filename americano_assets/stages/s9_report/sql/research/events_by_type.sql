-- The aggregation by which the researchers' file is compared with PostgreSQL (events_by_type_postgres).
-- Grain: one row a type of event. Reads: research.events.
SELECT event_type, count(*) AS events, count(DISTINCT learner_id) AS learners
FROM research.events
GROUP BY event_type
ORDER BY event_type
