-- One row a student of the sample: the first `learners` of all students in the order of a hash of their number.
SELECT
  id_student,
  oulad_id('learner', id_student::VARCHAR) AS user_id,
  registered_on
FROM (
  SELECT id_student, min(starts_on + registered) AS registered_on
  FROM enrolment
  GROUP BY id_student
  QUALIFY row_number() OVER (ORDER BY md5(id_student::VARCHAR), id_student) <= getvariable('learners')
)
