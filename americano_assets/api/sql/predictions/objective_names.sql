-- What some objectives and their courses are called; an objective without words by its id.
-- Grain: one row an objective.
SELECT o.id, CASE WHEN o.objective ~ '\S' THEN o.objective ELSE o.id END AS objective_name, c.name AS course_name
FROM learning_objectives AS o
LEFT JOIN lectures AS l ON l.id = o."lectureId"
LEFT JOIN courses AS c ON c.id = l."courseId"
WHERE o.id = ANY (%(ids)s::text[])
