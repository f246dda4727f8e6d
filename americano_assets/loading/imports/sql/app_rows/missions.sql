-- Grain: one row a planned (learner, objective, day); a calendar date, as midnight. plan: 'plan' of a file of plans,
-- 'due' of cards that Anki has due; an id begins with it, by which a later import knows its own.
-- Reads: planned (learner_id, objective_id, due_on, cards), places.
SELECT 'c' || plan || import_id('mission', concat_ws(chr(31), learner_id, objective_id, due_on))[1 + len(plan) + 1:] AS id,
  learner_id AS "userId", due_on::TIMESTAMP AS date, 'PENDING' AS status,
  greatest(1, round(cards * 8.0 / 60))::INTEGER AS "estimatedMinutes", NULL::TIMESTAMP AS "completedAt",
  NULL::INTEGER AS "actualMinutes", NULL::DOUBLE AS "successScore",
  json_array(json_object(
    'id', objective_id,
    'objective', json_object('id', objective_id, 'objective', objective, 'lectureId', lecture_id),
    'cardCount', cards, 'completed', false
  ))::VARCHAR AS objectives
FROM (SELECT *, getvariable('plan') AS plan FROM planned)
JOIN places USING (objective_id)
