-- Grain: one row a graded interaction (a card review, or an answered or skipped validation), however often it was
-- recorded. Times UTC; score 0-1; study_day in days since 1970-01-01; into_day in ms since the day opened.
-- Keys are 64 bits of MD5 of the ids: integers group several times faster than strings, and need no shared counter.
-- Reads: reviews, validation_responses, behavioral_events (all with `day`), calendar (day, opens_at).
WITH every AS (
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
numbered AS MATERIALIZED (SELECT *, row_number() OVER () AS row FROM every),
-- The first record of an interaction counts, later ones do not: so what is recorded at or after a cut-off cannot
-- change what counted before it. $memory_days of memory keep days local: a copy may be sent when a phone is online again.
-- Only an event can repeat anything, so rows that no event speaks of need not be looked at.
spoken_of AS MATERIALIZED (
  SELECT row, day, kind, learner_id, recorded_id, occurred_at, source_rank, source_id,
    2 * epoch_us(occurred_at) + source_rank AS instant
  FROM numbered SEMI JOIN (FROM numbered WHERE source_rank = 1) USING (recorded_id)
),
records AS MATERIALIZED (
  SELECT kind, learner_id, recorded_id, count(*) AS n, max(instant) AS last_instant,
    max(instant) > min(instant) AS in_order, max(day) - min(day) AS days
  FROM spoken_of GROUP BY kind, learner_id, recorded_id
),
recorded_again AS (
  -- Nearly all are recorded twice at different instants: which is the later is known without sorting.
  SELECT row FROM spoken_of JOIN records USING (kind, learner_id, recorded_id)
  WHERE n = 2 AND in_order AND days <= $memory_days AND instant = last_instant
  UNION ALL
  SELECT row FROM (
    SELECT row, day, lag(day) OVER (
      PARTITION BY kind, learner_id, recorded_id ORDER BY occurred_at, source_rank, source_id) AS day_recorded_before
    FROM spoken_of SEMI JOIN (FROM records WHERE n > 2 OR n = 2 AND NOT in_order) USING (kind, learner_id, recorded_id)
  )
  WHERE day_recorded_before >= day - $memory_days
),
-- An event that does not name its record is the same as one of the same item within a few seconds, and so are its copies.
-- Records of an item that follow each other so closely are one chain: it holds as many interactions as records with a name
-- in it, or one. What has no name counts only where it begins a chain, and then in place of the first that has one.
unnamed_items AS (
  SELECT row, kind, learner_id, item_id, occurred_at, source_rank, source_id, recorded_id IS NULL AS unnamed,
    row IN (FROM recorded_again) AS again
  FROM numbered SEMI JOIN (FROM numbered WHERE recorded_id IS NULL) USING (kind, learner_id, item_id)
),
chained AS (
  SELECT *, sum(apart::INTEGER) OVER same_item AS chain FROM (
    SELECT *, COALESCE(occurred_at - lag(occurred_at) OVER same_item > INTERVAL 5 SECOND, true) AS apart
    FROM unnamed_items
    WINDOW same_item AS (PARTITION BY kind, learner_id, item_id ORDER BY occurred_at, source_rank, source_id)
  )
  WINDOW same_item AS (PARTITION BY kind, learner_id, item_id ORDER BY occurred_at, source_rank, source_id)
),
seen_again AS (
  SELECT row FROM (
    SELECT row, unnamed, row_number() OVER chained_before AS place, first(unnamed) OVER chained_before AS begins_unnamed,
      count(*) FILTER (NOT unnamed AND NOT again) OVER chained_before AS named
    FROM chained
    WINDOW chained_before AS (
      PARTITION BY kind, learner_id, item_id, chain ORDER BY occurred_at, source_rank, source_id ROWS UNBOUNDED PRECEDING)
  )
  WHERE CASE WHEN unnamed THEN place > 1 ELSE begins_unnamed AND named = 1 END
),
recorded AS MATERIALIZED (
  SELECT * EXCLUDE (row, source_rank, recorded_id) FROM numbered
  ANTI JOIN (FROM recorded_again UNION ALL FROM seen_again) USING (row)
),
keys AS (
  -- Each id's key once: MD5 of every row's ids would cost more than all the rest.
  SELECT id, md5_number_lower(id) AS key FROM (
    SELECT learner_id AS id FROM recorded UNION SELECT objective_id FROM recorded UNION SELECT course_id FROM recorded
    UNION SELECT item_id FROM recorded UNION SELECT session_id FROM recorded)
),
keyed AS (
  SELECT r.*, l.key AS learner_key, o.key AS objective_key, c.key AS course_key, i.key AS item_key, s.key AS session_key
  FROM recorded r
  LEFT JOIN keys l ON l.id = r.learner_id
  LEFT JOIN keys o ON o.id = r.objective_id
  LEFT JOIN keys c ON c.id = r.course_id
  LEFT JOIN keys i ON i.id = r.item_id
  LEFT JOIN keys s ON s.id = r.session_id
)
SELECT
  learner_key, objective_key, course_key, item_key, session_key,
  learner_id, objective_id, course_id, kind, occurred_at,
  (day - DATE '1970-01-01')::INTEGER AS study_day,
  (epoch_ms(occurred_at) - epoch_ms(c.opens_at))::INTEGER AS into_day,
  score, rating, skipped, source, source_id
FROM keyed JOIN calendar c USING (day)
WHERE day BETWEEN $first_day AND $last_day
ORDER BY study_day, learner_key, occurred_at, source, source_id
