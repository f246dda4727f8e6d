-- One row a presentation. starts_on (day 0) is shifted onto the demo's calendar; last_day is a day number.
SELECT
  code_module,
  code_presentation,
  code_module || ' ' || code_presentation AS code,
  first_day(code_presentation) + getvariable('shift_days') AS starts_on,
  module_presentation_length::INTEGER AS last_day,
  oulad_id('course', code_module || '-' || code_presentation) AS course_id,
  oulad_id('lecture', code_module || '-' || code_presentation) AS lecture_id,
  -- Four weeks before day 0: earlier than any hand-in (the earliest is day -11).
  noon(first_day(code_presentation) + getvariable('shift_days') - 28) AS published_at
FROM course
