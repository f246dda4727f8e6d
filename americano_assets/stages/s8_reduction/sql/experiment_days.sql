-- Grain: one row a study day on which events of $learner carry a phase of an experiment of the app's, with its labels.
-- Reads: behavioral_events (with `day`).
SELECT day, list(DISTINCT experiment_phase ORDER BY experiment_phase) AS labels
FROM behavioral_events
WHERE learner_id = $learner AND experiment_phase IS NOT NULL
GROUP BY day
ORDER BY day
