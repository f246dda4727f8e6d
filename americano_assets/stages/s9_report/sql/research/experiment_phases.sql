-- In which phase of an experiment of the app's a learner was when, as their events say.
-- Grain: one row a (learner, phase). Times UTC. Reads: research.events.
SELECT learner_id, experiment_phase, min(occurred_at) AS first_event_at, max(occurred_at) AS last_event_at,
  count(*) AS events, count(DISTINCT study_day) AS study_days
FROM research.events
WHERE experiment_phase IS NOT NULL
GROUP BY learner_id, experiment_phase
ORDER BY learner_id, first_event_at, experiment_phase
