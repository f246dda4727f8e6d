-- Grain: one row a course, of %(courses)s where they are given, and what people call it; by that name.
SELECT id, ml.first_words(code::text, name, id) AS name
FROM courses
WHERE %(courses)s::text[] IS NULL OR id = ANY (%(courses)s::text[])
ORDER BY 2, 1
