-- What some objectives and their courses are called; one without words by its code or id.
-- Grain: one row an objective.
SELECT o.id, ml.first_words(o.objective, o.id) AS objective_name, ml.first_words(c.name, c.code::text, c.id) AS course_name
FROM learning_objectives AS o
LEFT JOIN lectures AS l ON l.id = o."lectureId"
LEFT JOIN courses AS c ON c.id = l."courseId"
WHERE o.id = ANY (%(ids)s::text[])
