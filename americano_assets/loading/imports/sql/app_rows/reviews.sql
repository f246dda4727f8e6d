-- Grain: one row a review. Its id is of learner, item and instant, so a log that has more, or corrects one, doubles none.
-- FSRS's state after it where it is known, else as a new card has it (0). Times UTC. Reads: numbered, memory.
SELECT import_id('review', n.key) AS id, n.learner_id AS "userId",
  import_id('card', item_key(n.objective_id, n.item_id)) AS "cardId", n.session_key AS "sessionId", n.rating,
  n.duration_ms AS "timeSpentMs", n.occurred_at AS "reviewedAt", 0.0::DOUBLE AS "difficultyBefore",
  0.0::DOUBLE AS "stabilityBefore", COALESCE(m.difficulty, 0.0) AS "difficultyAfter",
  COALESCE(m.stability, 0.0) AS "stabilityAfter"
FROM numbered n LEFT JOIN memory m USING (item_id, occurred_at)
WHERE n.kind = 'review'
