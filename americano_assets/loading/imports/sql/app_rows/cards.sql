-- Grain: one row an item of reviews, and one for each objective without any: what can be studied again is predicted also
-- where nobody plans it. FSRS's state as a new card has it (0) where none is known. Times UTC.
-- Reads: staged, places, known_cards.
WITH items AS (
  SELECT item_key(s.objective_id, s.item_id) AS key, any_value(s.objective_id) AS objective_id,
    any_value(s.item_id) AS item_id, min(s.occurred_at) AS created_at
  FROM staged s WHERE kind = 'review' GROUP BY ALL
  UNION ALL
  SELECT item_key(k.objective_id, k.item_id), k.objective_id, k.item_id, k.created_at
  FROM known_cards k ANTI JOIN (FROM staged WHERE kind = 'review') s USING (item_id)
  UNION ALL
  SELECT concat_ws(chr(31), 'objective', objective_id), objective_id, NULL, min(occurred_at)
  FROM staged GROUP BY objective_id HAVING count(*) FILTER (kind = 'review') = 0
)
SELECT import_id('card', i.key) AS id, p.course_id AS "courseId", p.lecture_id AS "lectureId",
  p.objective_id AS "objectiveId", 'BASIC' AS "cardType", COALESCE(k.created_at, i.created_at) AS "createdAt",
  COALESCE(k.difficulty, 0.0) AS difficulty, COALESCE(k.stability, 0.0) AS stability, 0.0::DOUBLE AS retrievability,
  k.last_reviewed_at AS "lastReviewedAt", k.next_review_at AS "nextReviewAt",
  COALESCE(k.reviews, 0)::INTEGER AS "reviewCount", COALESCE(k.lapses, 0)::INTEGER AS "lapseCount",
  '' AS front, '' AS back
FROM items i
LEFT JOIN known_cards k USING (item_id)
JOIN places p ON p.objective_id = COALESCE(k.objective_id, i.objective_id)
