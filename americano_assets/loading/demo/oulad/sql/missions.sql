-- One row a planned pair, future ones included, in the state known at `until`.
SELECT
  oulad_id('mission', pair.key) AS id,
  pair.user_id AS "userId",
  pair.due_at AS date,
  CASE WHEN pair.closed_at <= getvariable('until') THEN pair.closed_as ELSE 'PENDING' END AS status,
  o.minutes AS "estimatedMinutes",
  CASE WHEN pair.closed_at <= getvariable('until') THEN pair.closed_at END AS "completedAt",
  json_array(json_object(
    'id', o.objective_id,
    'objective', json_object(
      'id', o.objective_id, 'objective', o.text, 'complexity', o.complexity,
      'isHighYield', o.is_high_yield, 'lectureId', o.lecture_id),
    'cardCount', 0,
    'estimatedMinutes', o.minutes,
    'completed', status = 'COMPLETED'
  ))::VARCHAR AS objectives
FROM pair
JOIN objective AS o USING (objective_id)
WHERE pair.planned
