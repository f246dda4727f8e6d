-- Grain: one row a graded interaction (a card review, or an answered or skipped validation), however often it was
-- recorded. Times UTC; score 0-1; study_day in days since 1970-01-01; into_day in ms since the day opened.
-- Keys are 64 bits of MD5 of the ids: integers group several times faster than strings, and need no shared counter.
-- Reads: reviews, validation_responses, behavioral_events (all with `day`), calendar (day, opens_at).
WITH recorded AS (
  SELECT learner_id, objective_id, course_id, card_id AS item_id, 'review' AS kind, occurred_at, day, session_id,
    CASE WHEN rating = 'AGAIN' THEN 0.0 ELSE 1.0 END AS score, rating, false AS skipped,
    'reviews' AS source, 0 AS source_rank, review_id AS source_id, review_id AS recorded_id
  FROM reviews
  UNION ALL BY NAME
  SELECT learner_id, objective_id, course_id, card_id AS item_id, 'review' AS kind, occurred_at, day, session_id,
    CASE WHEN rating = 'AGAIN' THEN 0.0 ELSE 1.0 END AS score, rating, false AS skipped,
    'behavioral_events' AS source, 1 AS source_rank, event_id AS source_id, review_id AS recorded_id
  FROM behavioral_events
  WHERE event_type = 'CARD_REVIEWED' AND rating IS NOT NULL
  UNION ALL BY NAME
  SELECT learner_id, objective_id, course_id, prompt_id AS item_id, 'validation' AS kind, occurred_at, day, session_id,
    CASE WHEN skipped THEN 0.0 ELSE score END AS score, NULL AS rating, skipped,
    'validation_responses' AS source, 0 AS source_rank, response_id AS source_id, response_id AS recorded_id
  FROM validation_responses
  UNION ALL BY NAME
  -- A self-assessment is recorded as an event without a score: it is not graded.
  SELECT learner_id, objective_id, course_id, prompt_id AS item_id, 'validation' AS kind, occurred_at, day, session_id,
    score, NULL AS rating, false AS skipped,
    'behavioral_events' AS source, 1 AS source_rank, event_id AS source_id, response_id AS recorded_id
  FROM behavioral_events
  WHERE event_type = 'VALIDATION_COMPLETED' AND score IS NOT NULL
),
numbered AS (
  SELECT *, (day - DATE '1970-01-01')::INTEGER AS study_day,
    lag(day) OVER same_record AS day_recorded_before,
    lag(occurred_at) OVER same_item AS item_seen_at,
    lag(source) OVER same_item AS item_seen_in,
    lag(recorded_id IS NULL) OVER same_item AS item_seen_without_id
  FROM recorded
  WINDOW
    same_record AS (PARTITION BY kind, learner_id, COALESCE(recorded_id, source || source_id)
      ORDER BY occurred_at, source_rank, source_id),
    same_item AS (PARTITION BY kind, learner_id, item_id ORDER BY occurred_at, source_rank, source_id)
)
-- The first record of an interaction counts, later ones do not: so what is recorded at or after a cut-off cannot
-- change what counted before it. One day of memory is enough for a record and its event, and keeps days local.
SELECT
  md5_number_lower(learner_id) AS learner_key,
  md5_number_lower(objective_id) AS objective_key,
  md5_number_lower(course_id) AS course_key,
  md5_number_lower(item_id) AS item_key,
  md5_number_lower(session_id) AS session_key,
  learner_id, objective_id, course_id, kind, occurred_at, study_day,
  (epoch_ms(occurred_at) - epoch_ms(c.opens_at))::INTEGER AS into_day,
  score, rating, skipped, source, source_id
FROM numbered JOIN calendar c USING (day)
WHERE day BETWEEN $first_day AND $last_day
  AND (day_recorded_before IS NULL OR day_recorded_before < day - 1)
  AND NOT COALESCE(
    item_id IS NOT NULL AND item_seen_in <> source AND (recorded_id IS NULL OR item_seen_without_id)
    AND occurred_at - item_seen_at <= INTERVAL 5 SECOND, false)
ORDER BY study_day, learner_key, occurred_at, source, source_id
