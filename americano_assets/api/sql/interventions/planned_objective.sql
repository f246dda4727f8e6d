-- An objective as a mission names it.
-- Grain: one row, or none where it was deleted.
SELECT o.id,
       o.objective,
       o.complexity::text AS complexity,
       o."isHighYield" AS is_high_yield,
       o."lectureId" AS lecture_id,
       (SELECT count(*)::int FROM cards AS c WHERE c."objectiveId" = o.id) AS card_count
FROM learning_objectives AS o
WHERE o.id = %(id)s::text
