-- Adds what somebody did about a learner; nothing that stands is changed.
INSERT INTO ml.list_actions (course_id, user_id, action, note, until, taken_by, taken_at)
VALUES (%(course_id)s::text, %(user_id)s::text, %(action)s::text, %(note)s::text, %(until)s::date, %(taken_by)s::text,
  %(now)s::timestamp)
