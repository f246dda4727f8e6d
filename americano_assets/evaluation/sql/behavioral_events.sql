-- Grain: no row at all: a log of interactions has no events beside them.
SELECT learner_id, objective_id, course_id, item_id AS card_id, item_id AS prompt_id, occurred_at, day, session_id,
  rating, score, source_id AS event_id, source_id AS review_id, source_id AS response_id, kind AS event_type,
  NULL::DOUBLE AS duration_ms, false AS is_pause, NULL::BIGINT AS session_performance_score
FROM staged WHERE false
