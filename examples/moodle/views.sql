-- Moodle (4.0 and later) as the tables that the pipeline reads: views over Moodle's own, in a schema of their own. Run it
-- after `americano schema --views` and `americano schema --sql --written`, as docs/adopt.md says. Moodle's tables are looked
-- for in the schema public, with Moodle's usual prefix mdl_. Nothing in them is changed; four indexes are added.
--
-- Throughout: ids are Moodle's numbers as text, with a word before them where two tables share a column. Times are seconds
-- since 1970 and become UTC without a zone. Marks become shares of what could be had, 0-1.
SET search_path = americano, public;

DROP VIEW IF EXISTS users, courses, lectures, learning_objectives, validation_prompts, validation_responses, study_sessions,
  missions, learners_of_courses, categories_of_quizzes;

-- Each night reads the answers of single days, and finds them by these. The expressions are those of the views below, and
-- the conditions theirs too: PostgreSQL uses an index only where it sees that they are the same.
CREATE INDEX IF NOT EXISTS americano_graded_steps ON mdl_question_attempt_steps ((to_timestamp(timecreated) AT TIME ZONE 'UTC'))
  WHERE state IN ('gradedright', 'gradedpartial', 'gradedwrong', 'mangrright', 'mangrpartial', 'mangrwrong', 'gaveup', 'mangaveup');
CREATE INDEX IF NOT EXISTS americano_assign_grades ON mdl_assign_grades ((to_timestamp(timemodified) AT TIME ZONE 'UTC'));
CREATE INDEX IF NOT EXISTS americano_quiz_attempts ON mdl_quiz_attempts ((to_timestamp(timefinish) AT TIME ZONE 'UTC'));
CREATE INDEX IF NOT EXISTS americano_slots ON mdl_question_references (itemid) WHERE component = 'mod_quiz';

-- Who may be analysed. Moodle asks nobody; here a learner opts out by a tick in a profile field of your own with the short
-- name nopredictions (Site administration, Users, User profile fields, Checkbox). Moodle keeps what deleted accounts answered:
-- they count as opted out. Names and addresses stay where they are.
CREATE VIEW users AS
SELECT
  u.id::text AS "id",
  to_timestamp(u.timecreated) AT TIME ZONE 'UTC' AS "createdAt",
  o.opted_in AS "behavioralAnalysisEnabled",
  o.opted_in AS "includeInAnalytics",
  o.opted_in AS "performanceTrackingEnabled"
FROM mdl_user u
CROSS JOIN LATERAL (
  SELECT u.deleted = 0 AND NOT EXISTS (
    SELECT FROM mdl_user_info_data d JOIN mdl_user_info_field f ON f.id = d.fieldid
    WHERE d.userid = u.id AND f.shortname = 'nopredictions' AND d.data = '1'
  ) AS opted_in
) o;

-- Moodle's own front page is a course too, in no category: it is left out. A term is not known.
CREATE VIEW courses AS
SELECT c.id::text AS "id", c.fullname::text AS "name", c.shortname::text AS "code", NULL::text AS "term"
FROM mdl_course c
WHERE c.category <> 0;

-- One lecture a course: an objective belongs to a lecture, and Moodle's sections say nothing that a prediction needs.
CREATE VIEW lectures AS
SELECT c.id::text AS "id", c.id::text AS "courseId", '{}'::text[] AS "topicTags"
FROM mdl_course c
WHERE c.category <> 0;

-- What there is to learn: the categories of the question bank, of a course or of an activity in it, and each assignment.
-- Categories of the whole site belong to no course and are lost. How demanding they are nobody says: INTERMEDIATE.
CREATE VIEW learning_objectives AS
SELECT
  'category-' || c.id::text AS "id",
  COALESCE(m.course, x.instanceid)::text AS "lectureId",
  c.name::text AS "objective",
  false AS "isHighYield",
  'INTERMEDIATE' AS "complexity",
  '{}'::text[] AS "boardExamTags"
FROM mdl_question_categories c
JOIN mdl_context x ON x.id = c.contextid AND x.contextlevel IN (50, 70)
LEFT JOIN mdl_course_modules m ON x.contextlevel = 70 AND m.id = x.instanceid
WHERE c.parent <> 0 AND (x.contextlevel = 50 OR m.id IS NOT NULL)
UNION ALL
SELECT 'assign-' || a.id::text, a.course::text, a.name::text, false, 'INTERMEDIATE', '{}'
FROM mdl_assign a;

-- What is answered: a question of the bank, whichever version of it, or an assignment.
CREATE VIEW validation_prompts AS
SELECT 'question-' || e.id::text AS "id", 'category-' || e.questioncategoryid::text AS "objectiveId"
FROM mdl_question_bank_entries e
UNION ALL
SELECT 'assign-' || a.id::text, 'assign-' || a.id::text
FROM mdl_assign a;

-- Answers with a mark. A question counts from the moment its first mark was given: at the end of an attempt, or when a
-- teacher had read it. So no night knows a mark that nobody could know yet, and a mark that was changed later counts as it
-- was first. Left blank is skipped. Below zero is zero. An assignment's mark counts when it was given or last changed;
-- assignments with a scale in place of a number are lost, and so are offline marks of the grade book.
-- What is joined here is joined by ids: an aggregate or DISTINCT would have every night read all of it.
CREATE VIEW validation_responses AS
SELECT
  'question-attempt-' || q.id::text AS "id",
  'question-' || v.questionbankentryid::text AS "promptId",
  'quiz-attempt-' || t.id::text AS "sessionId",
  t.userid::text AS "userId",
  least(1, greatest(0, COALESCE(s.fraction, 0)))::double precision AS "score",
  s.state IN ('gaveup', 'mangaveup') AS "skipped",
  to_timestamp(s.timecreated) AT TIME ZONE 'UTC' AS "respondedAt"
FROM mdl_question_attempt_steps s
JOIN mdl_question_attempts q ON q.id = s.questionattemptid
JOIN mdl_quiz_attempts t ON t.uniqueid = q.questionusageid AND t.preview = 0
JOIN mdl_question_versions v ON v.questionid = q.questionid
WHERE s.state IN ('gradedright', 'gradedpartial', 'gradedwrong', 'mangrright', 'mangrpartial', 'mangrwrong', 'gaveup', 'mangaveup')
  AND NOT EXISTS (
    SELECT FROM mdl_question_attempt_steps e
    WHERE e.questionattemptid = s.questionattemptid AND e.sequencenumber < s.sequencenumber
      AND e.state IN ('gradedright', 'gradedpartial', 'gradedwrong', 'mangrright', 'mangrpartial', 'mangrwrong', 'gaveup', 'mangaveup')
  )
UNION ALL
SELECT
  'assign-grade-' || g.id::text || '-' || g.timemodified::text,
  'assign-' || g.assignment::text,
  NULL,
  g.userid::text,
  least(1, g.grade / a.grade)::double precision,
  false,
  to_timestamp(g.timemodified) AT TIME ZONE 'UTC'
FROM mdl_assign_grades g
JOIN mdl_assign a ON a.id = g.assignment AND a.grade > 0
WHERE g.grade >= 0;

-- When somebody studied: finished attempts at quizzes. How long an attempt was is not known where it lay open for hours.
-- What was read, watched or handed in leaves no session.
CREATE VIEW study_sessions AS
SELECT
  'quiz-attempt-' || t.id::text AS "id",
  t.userid::text AS "userId",
  to_timestamp(t.timestart) AT TIME ZONE 'UTC' AS "startedAt",
  to_timestamp(t.timefinish) AT TIME ZONE 'UTC' AS "completedAt",
  CASE WHEN t.timefinish - t.timestart BETWEEN 0 AND 4 * 3600 THEN (t.timefinish - t.timestart) * 1000 END::integer AS "durationMs"
FROM mdl_quiz_attempts t
WHERE t.state = 'finished' AND t.preview = 0;

-- Who is to learn what: students with an open enrolment. No table of the pipeline's: the plans below are made of it.
CREATE VIEW learners_of_courses AS
SELECT DISTINCT n.userid, e.courseid
FROM mdl_user_enrolments n
JOIN mdl_enrol e ON e.id = n.enrolid AND e.status = 0
JOIN mdl_context x ON x.contextlevel = 50 AND x.instanceid = e.courseid
JOIN mdl_role_assignments a ON a.contextid = x.id AND a.userid = n.userid
JOIN mdl_role r ON r.id = a.roleid AND r.archetype = 'student'
WHERE n.status = 0 AND (n.timeend = 0 OR n.timeend > extract(epoch FROM now()));

-- What a quiz asks about: the categories of its questions, and those out of which it draws some by chance.
CREATE VIEW categories_of_quizzes AS
SELECT s.quizid, e.questioncategoryid AS category
FROM mdl_quiz_slots s
JOIN mdl_question_references r ON r.itemid = s.id AND r.component = 'mod_quiz' AND r.questionarea = 'slot'
JOIN mdl_question_bank_entries e ON e.id = r.questionbankentryid
UNION
SELECT s.quizid, COALESCE(f.drawn->'filter'->'category'->'values'->>0, f.drawn->>'questioncategoryid')::bigint
FROM mdl_quiz_slots s
JOIN mdl_question_set_references r ON r.itemid = s.id AND r.component = 'mod_quiz' AND r.questionarea = 'slot'
CROSS JOIN LATERAL (SELECT r.filtercondition::jsonb AS drawn) f;

-- Plans: a quiz that closes, an assignment that is due, for each learner of the course, with that learner's own extension.
-- The last second counts, since a plan of exactly midnight would be taken for a whole day. Extensions of groups are lost, and
-- so is what has no date. It is done when it was first finished or handed in. Plans of more than a year ago are left out.
CREATE VIEW missions AS
SELECT
  'quiz-' || q.id::text || '-' || l.userid::text AS "id",
  l.userid::text AS "userId",
  to_timestamp(due.at - 1) AT TIME ZONE 'UTC' AS "date",
  CASE WHEN done.at IS NULL THEN 'PENDING' ELSE 'COMPLETED' END AS "status",
  to_timestamp(done.at) AT TIME ZONE 'UTC' AS "completedAt",
  planned.objectives AS "objectives"
FROM mdl_quiz q
JOIN mdl_course_modules m ON m.instance = q.id AND m.visible = 1 AND m.deletioninprogress = 0
JOIN mdl_modules k ON k.id = m.module AND k.name = 'quiz'
JOIN learners_of_courses l ON l.courseid = q.course
LEFT JOIN mdl_quiz_overrides o ON o.quiz = q.id AND o.userid = l.userid
CROSS JOIN LATERAL (SELECT COALESCE(o.timeclose, q.timeclose) AS at) due
LEFT JOIN LATERAL (
  SELECT min(t.timefinish) AS at FROM mdl_quiz_attempts t
  WHERE t.quiz = q.id AND t.userid = l.userid AND t.state = 'finished' AND t.preview = 0
) done ON true
JOIN (
  SELECT c.quizid, jsonb_agg(jsonb_build_object('id', 'category-' || c.category::text) ORDER BY c.category) AS objectives
  FROM categories_of_quizzes c GROUP BY c.quizid
) planned ON planned.quizid = q.id
WHERE due.at > extract(epoch FROM now()) - 366 * 86400
UNION ALL
SELECT
  'assign-' || a.id::text || '-' || l.userid::text,
  l.userid::text,
  to_timestamp(due.at - 1) AT TIME ZONE 'UTC',
  CASE WHEN done.at IS NULL THEN 'PENDING' ELSE 'COMPLETED' END,
  to_timestamp(done.at) AT TIME ZONE 'UTC',
  jsonb_build_array(jsonb_build_object('id', 'assign-' || a.id::text))
FROM mdl_assign a
JOIN mdl_course_modules m ON m.instance = a.id AND m.visible = 1 AND m.deletioninprogress = 0
JOIN mdl_modules k ON k.id = m.module AND k.name = 'assign'
JOIN learners_of_courses l ON l.courseid = a.course
LEFT JOIN mdl_assign_overrides o ON o.assignid = a.id AND o.userid = l.userid
LEFT JOIN mdl_assign_user_flags f ON f.assignment = a.id AND f.userid = l.userid
CROSS JOIN LATERAL (SELECT COALESCE(NULLIF(f.extensionduedate, 0), o.duedate, a.duedate) AS at) due
LEFT JOIN LATERAL (
  SELECT min(s.timemodified) AS at FROM mdl_assign_submission s
  WHERE s.assignment = a.id AND s.userid = l.userid AND s.status = 'submitted'
) done ON true
WHERE due.at > extract(epoch FROM now()) - 366 * 86400;
