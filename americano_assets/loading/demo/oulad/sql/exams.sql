-- One row a (student, exam of a presentation the student registered for), stamped 12:00 UTC; undated: on the last day.
SELECT
  oulad_id('exam', a.id_assessment || '-' || e.id_student) AS id,
  l.user_id AS "userId",
  'Exam of ' || p.code AS name,
  noon(p.starts_on + coalesce(a.date::INTEGER, p.last_day)) AS date,
  p.course_id AS "courseId",
  '{}' AS "coverageTopics",
  noon(e.starts_on + e.registered) AS "createdAt",
  "createdAt" AS "updatedAt"
FROM enrolment AS e
JOIN learner AS l USING (id_student)
JOIN presentation AS p USING (code_module, code_presentation)
JOIN assessment AS a USING (code_module, code_presentation)
WHERE a.assessment_type = 'Exam'
