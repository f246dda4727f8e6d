-- What some objectives and their courses are called.
-- Grain: one row an objective.
SELECT o.id, o.objective AS objective_name, c.name AS course_name
FROM learning_objectives AS o
LEFT JOIN lectures AS l ON l.id = o."lectureId"
LEFT JOIN courses AS c ON c.id = l."courseId"
WHERE o.id = ANY (%(ids)s::text[])
