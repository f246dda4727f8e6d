-- One row a (student, presentation). registered, unregistered?: day numbers of the half-open stay [registered, unregistered).
SELECT
  r.id_student,
  p.code_module,
  p.code_presentation,
  p.starts_on,
  -- Where the day is not known: since day 0, or since the day of leaving if that was earlier.
  coalesce(r.date_registration, least(0, r.date_unregistration))::INTEGER AS registered,
  r.date_unregistration::INTEGER AS unregistered
FROM student_registration AS r
JOIN presentation AS p USING (code_module, code_presentation)
