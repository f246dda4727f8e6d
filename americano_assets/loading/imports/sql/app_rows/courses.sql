-- Grain: one row a course. Reads: places, staged.
SELECT course_id AS id, getvariable('owner_id') AS "userId", any_value(course) AS name, NULL::VARCHAR AS code,
  NULL::VARCHAR AS term, (SELECT max(occurred_at) FROM staged) AS "updatedAt"
FROM places GROUP BY course_id
