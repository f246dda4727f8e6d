-- One row a presentation.
SELECT
  course_id AS id,
  getvariable('owner_id') AS "userId",
  'Module ' || code_module || ', presentation ' || code_presentation AS name,
  code,
  code_presentation AS term,
  published_at AS "updatedAt"
FROM presentation
