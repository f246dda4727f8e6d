-- Events as people take them along: no free text, times UTC. In the order of the files: by study day, learner, time.
-- Grain: one row an event. Reads: behavioral_events (with `day`), participants.
SELECT day AS study_day, learner_id, occurred_at, event_type, event_id, session_id, objective_id, course_id, card_id,
  review_id, prompt_id, response_id, rating, score, duration_ms, is_pause, session_performance_score, experiment_phase
FROM behavioral_events
WHERE learner_id IN (SELECT learner_id FROM participants)
