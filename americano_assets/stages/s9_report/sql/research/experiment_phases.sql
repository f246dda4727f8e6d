-- In which phase of an experiment of the app's a learner was when, as their events say.
-- Grain: one row a (learner, phase). Times UTC. Reads: behavioral_events (with `day`), participants.
SELECT learner_id, experiment_phase, min(occurred_at) AS first_event_at, max(occurred_at) AS last_event_at,
  count(*) AS events, count(DISTINCT day) AS study_days
FROM behavioral_events SEMI JOIN participants USING (learner_id)
WHERE experiment_phase IS NOT NULL
GROUP BY learner_id, experiment_phase
ORDER BY learner_id, first_event_at, experiment_phase
