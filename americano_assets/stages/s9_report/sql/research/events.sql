-- What learners did, as the app recorded it: no free text, times UTC.
-- Grain: one row an event. Reads: behavioral_events (with `day`), participants.
SELECT day AS study_day, learner_id, occurred_at, event_type, event_id, session_id, objective_id, course_id, card_id,
  rating, score, duration_ms, is_pause, session_performance_score, experiment_phase
FROM behavioral_events SEMI JOIN participants USING (learner_id)
ORDER BY study_day, learner_id, occurred_at, event_id
