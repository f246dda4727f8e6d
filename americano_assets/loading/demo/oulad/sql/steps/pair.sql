-- One row a (registered student, objective) that was not banked: what was planned, when it was handed in, how it was closed.
-- All stamps are 12:00 UTC, score is 0-1. Knows the whole future: whoever reads it cuts at `until`.
SELECT
  o.id_assessment || '-' || e.id_student AS key,
  l.user_id,
  o.objective_id,
  o.prompt_id,
  noon(o.starts_on + o.due) AS due_at,
  noon(o.starts_on + s.date_submitted::INTEGER) AS handed_in_at,
  s.score / 100 AS score,
  -- At any moment of the 7 days before the due day; both stays are half-open, so leaving on day -7 is too early.
  e.registered < o.due AND coalesce(e.unregistered > greatest(e.registered, o.due - 7), true) AS planned,
  CASE
    WHEN s.date_submitted <= e.unregistered OR e.unregistered IS NULL THEN handed_in_at
    ELSE noon(e.starts_on + e.unregistered)
  END AS closed_at,
  CASE
    WHEN s.date_submitted <= e.unregistered OR e.unregistered IS NULL THEN 'COMPLETED'
    ELSE 'SKIPPED'
  END AS closed_as,
  CASE
    WHEN planned
      AND coalesce(s.date_submitted > o.due + 7, true)
      AND coalesce(e.unregistered >= o.due + 7, true)
    THEN noon(o.starts_on + o.due + 7)
  END AS skipped_at
FROM enrolment AS e
JOIN learner AS l USING (id_student)
JOIN objective AS o USING (code_module, code_presentation)
LEFT JOIN student_assessment AS s USING (id_assessment, id_student)
WHERE s.is_banked IS NOT TRUE
