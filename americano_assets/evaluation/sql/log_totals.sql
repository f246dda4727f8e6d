-- Grain: one row: what the whole log holds. Times UTC. Reads: normal.
SELECT count(*) AS interactions, count(DISTINCT learner_id) AS learners, count(DISTINCT objective_id) AS objectives,
  count(DISTINCT course_id) AS courses, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
  count(*) FILTER (kind = 'review') AS reviews, count(*) FILTER (rating_from_score) AS ratings_from_scores
FROM normal
