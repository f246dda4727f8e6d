-- A small made-up Moodle, to try views.sql on: its own tables (of each the columns that matter here), two courses, 42
-- accounts, ten weeks of quizzes and hand-ins up to yesterday, and what a real one holds besides: a teacher and her preview, an
-- account that is deleted, a learner who opted out, another who was given more time, questions left blank, below zero, drawn
-- by chance, read by hand days later, a mark that was changed, an attempt that is still open. Not for a real Moodle's database.
CREATE TABLE mdl_user (id bigserial PRIMARY KEY, username varchar(100) NOT NULL DEFAULT '', firstname varchar(100) NOT NULL DEFAULT '',
  lastname varchar(100) NOT NULL DEFAULT '', email varchar(100) NOT NULL DEFAULT '', deleted smallint NOT NULL DEFAULT 0,
  suspended smallint NOT NULL DEFAULT 0, timecreated bigint NOT NULL DEFAULT 0);
CREATE TABLE mdl_user_info_field (id bigserial PRIMARY KEY, shortname varchar(255) NOT NULL, datatype varchar(255) NOT NULL);
CREATE TABLE mdl_user_info_data (id bigserial PRIMARY KEY, userid bigint NOT NULL, fieldid bigint NOT NULL, data text NOT NULL,
  UNIQUE (userid, fieldid));
CREATE TABLE mdl_course (id bigserial PRIMARY KEY, category bigint NOT NULL DEFAULT 0, fullname varchar(1333) NOT NULL DEFAULT '',
  shortname varchar(255) NOT NULL DEFAULT '', visible smallint NOT NULL DEFAULT 1);
CREATE TABLE mdl_modules (id bigserial PRIMARY KEY, name varchar(20) NOT NULL);
CREATE TABLE mdl_course_modules (id bigserial PRIMARY KEY, course bigint NOT NULL, module bigint NOT NULL, instance bigint NOT NULL,
  visible smallint NOT NULL DEFAULT 1, deletioninprogress smallint NOT NULL DEFAULT 0);
CREATE TABLE mdl_context (id bigserial PRIMARY KEY, contextlevel bigint NOT NULL, instanceid bigint NOT NULL, UNIQUE (contextlevel, instanceid));
CREATE TABLE mdl_role (id bigserial PRIMARY KEY, shortname varchar(100) NOT NULL, archetype varchar(30) NOT NULL DEFAULT '');
CREATE TABLE mdl_role_assignments (id bigserial PRIMARY KEY, roleid bigint NOT NULL, contextid bigint NOT NULL, userid bigint NOT NULL);
CREATE INDEX ON mdl_role_assignments (userid, contextid, roleid);
CREATE TABLE mdl_enrol (id bigserial PRIMARY KEY, enrol varchar(20) NOT NULL, status bigint NOT NULL DEFAULT 0, courseid bigint NOT NULL);
CREATE TABLE mdl_user_enrolments (id bigserial PRIMARY KEY, status bigint NOT NULL DEFAULT 0, enrolid bigint NOT NULL, userid bigint NOT NULL,
  timestart bigint NOT NULL DEFAULT 0, timeend bigint NOT NULL DEFAULT 2147483647, UNIQUE (enrolid, userid));
CREATE TABLE mdl_question_categories (id bigserial PRIMARY KEY, name varchar(255) NOT NULL, contextid bigint NOT NULL, parent bigint NOT NULL DEFAULT 0);
CREATE TABLE mdl_question (id bigserial PRIMARY KEY, name varchar(1333) NOT NULL, questiontext text NOT NULL, qtype varchar(20) NOT NULL);
CREATE TABLE mdl_question_bank_entries (id bigserial PRIMARY KEY, questioncategoryid bigint NOT NULL);
CREATE TABLE mdl_question_versions (id bigserial PRIMARY KEY, questionbankentryid bigint NOT NULL, version bigint NOT NULL DEFAULT 1,
  questionid bigint NOT NULL, status varchar(10) NOT NULL DEFAULT 'ready');
CREATE INDEX ON mdl_question_versions (questionid);
CREATE TABLE mdl_question_references (id bigserial PRIMARY KEY, usingcontextid bigint NOT NULL, component varchar(100), questionarea varchar(50),
  itemid bigint, questionbankentryid bigint NOT NULL, version bigint);
CREATE TABLE mdl_question_set_references (id bigserial PRIMARY KEY, usingcontextid bigint NOT NULL, component varchar(100),
  questionarea varchar(50), itemid bigint, questionscontextid bigint NOT NULL, filtercondition text);
CREATE TABLE mdl_quiz (id bigserial PRIMARY KEY, course bigint NOT NULL, name varchar(1333) NOT NULL, timeopen bigint NOT NULL DEFAULT 0,
  timeclose bigint NOT NULL DEFAULT 0, sumgrades numeric(10,5) NOT NULL DEFAULT 0, grade numeric(10,5) NOT NULL DEFAULT 0);
CREATE TABLE mdl_quiz_slots (id bigserial PRIMARY KEY, slot bigint NOT NULL, quizid bigint NOT NULL, page bigint NOT NULL,
  maxmark numeric(12,7) NOT NULL DEFAULT 0, UNIQUE (quizid, slot));
CREATE TABLE mdl_quiz_overrides (id bigserial PRIMARY KEY, quiz bigint NOT NULL, groupid bigint, userid bigint, timeclose bigint);
CREATE TABLE mdl_quiz_attempts (id bigserial PRIMARY KEY, quiz bigint NOT NULL, userid bigint NOT NULL, attempt integer NOT NULL DEFAULT 0,
  uniqueid bigint NOT NULL UNIQUE, preview smallint NOT NULL DEFAULT 0, state varchar(16) NOT NULL DEFAULT 'inprogress',
  timestart bigint NOT NULL DEFAULT 0, timefinish bigint NOT NULL DEFAULT 0, timemodified bigint NOT NULL DEFAULT 0,
  sumgrades numeric(10,5), UNIQUE (quiz, userid, attempt));
CREATE TABLE mdl_question_usages (id bigserial PRIMARY KEY, contextid bigint NOT NULL, component varchar(255) NOT NULL);
CREATE TABLE mdl_question_attempts (id bigserial PRIMARY KEY, questionusageid bigint NOT NULL, slot bigint NOT NULL, questionid bigint NOT NULL,
  maxmark numeric(12,7) NOT NULL, minfraction numeric(12,7) NOT NULL, maxfraction numeric(12,7) NOT NULL DEFAULT 1, responsesummary text,
  timemodified bigint NOT NULL, UNIQUE (questionusageid, slot));
CREATE TABLE mdl_question_attempt_steps (id bigserial PRIMARY KEY, questionattemptid bigint NOT NULL, sequencenumber bigint NOT NULL,
  state varchar(13) NOT NULL, fraction numeric(12,7), timecreated bigint NOT NULL, userid bigint, UNIQUE (questionattemptid, sequencenumber));
CREATE TABLE mdl_assign (id bigserial PRIMARY KEY, course bigint NOT NULL, name varchar(1333) NOT NULL, duedate bigint NOT NULL DEFAULT 0,
  grade bigint NOT NULL DEFAULT 0);
CREATE TABLE mdl_assign_overrides (id bigserial PRIMARY KEY, assignid bigint NOT NULL, groupid bigint, userid bigint, duedate bigint);
CREATE TABLE mdl_assign_user_flags (id bigserial PRIMARY KEY, userid bigint NOT NULL, assignment bigint NOT NULL, extensionduedate bigint NOT NULL DEFAULT 0);
CREATE TABLE mdl_assign_submission (id bigserial PRIMARY KEY, assignment bigint NOT NULL, userid bigint NOT NULL, timecreated bigint NOT NULL DEFAULT 0,
  timemodified bigint NOT NULL DEFAULT 0, status varchar(10), groupid bigint NOT NULL DEFAULT 0, attemptnumber bigint NOT NULL DEFAULT 0,
  latest smallint NOT NULL DEFAULT 0, UNIQUE (assignment, userid, groupid, attemptnumber));
CREATE TABLE mdl_assign_grades (id bigserial PRIMARY KEY, assignment bigint NOT NULL, userid bigint NOT NULL, timecreated bigint NOT NULL DEFAULT 0,
  timemodified bigint NOT NULL DEFAULT 0, grader bigint NOT NULL DEFAULT 0, grade numeric(10,5) DEFAULT 0, attemptnumber bigint NOT NULL DEFAULT 0,
  UNIQUE (assignment, userid, attemptnumber));

-- A number from 0 to 1 that is the same whenever a name is the same.
CREATE FUNCTION pg_temp.chance(name text) RETURNS double precision LANGUAGE sql IMMUTABLE
  AS $$ SELECT ('x' || left(md5(name), 7))::bit(28)::integer / 268435456.0 $$;
-- Seconds since 1970 at so many days from this morning.
CREATE FUNCTION pg_temp.day(days double precision) RETURNS bigint LANGUAGE sql STABLE
  AS $$ SELECT floor(extract(epoch FROM date_trunc('day', now())) + days * 86400)::bigint $$;

-- 1 is the guest, 2 the teacher, 3 to 42 learn: 41 is deleted, 42 opted out.
INSERT INTO mdl_user (username, firstname, lastname, email, deleted, timecreated)
SELECT 'user' || n, 'First' || n, 'Last' || n, 'user' || n || '@example.org', (n = 41)::int, pg_temp.day(-120) FROM generate_series(1, 42) n;
INSERT INTO mdl_user_info_field (shortname, datatype) VALUES ('nopredictions', 'checkbox');
INSERT INTO mdl_user_info_data (userid, fieldid, data) VALUES (42, 1, '1'), (3, 1, '0');

INSERT INTO mdl_course (category, fullname, shortname) VALUES (0, 'Our school', 'school'), (1, 'Physiology', 'PHY1'), (1, 'Pharmacology', 'PHA1');
INSERT INTO mdl_modules (name) VALUES ('assign'), ('quiz');
INSERT INTO mdl_role (shortname, archetype) VALUES ('editingteacher', 'editingteacher'), ('student', 'student');
INSERT INTO mdl_context (contextlevel, instanceid) VALUES (10, 0), (50, 1), (50, 2), (50, 3);
INSERT INTO mdl_enrol (enrol, courseid) VALUES ('manual', 2), ('manual', 3);
INSERT INTO mdl_user_enrolments (enrolid, userid) SELECT e, u FROM generate_series(1, 2) e, generate_series(2, 42) u;
INSERT INTO mdl_role_assignments (roleid, contextid, userid)
SELECT CASE u WHEN 2 THEN 1 ELSE 2 END, x, u FROM generate_series(3, 4) x, generate_series(2, 42) u;

-- Each course has a top category and four below it, of six questions each.
INSERT INTO mdl_question_categories (name, contextid, parent) VALUES ('top', 3, 0), ('top', 4, 0);
INSERT INTO mdl_question_categories (name, contextid, parent) VALUES
  ('Heart', 3, 1), ('Kidney', 3, 1), ('Lung', 3, 1), ('Nerve', 3, 1), ('Uptake', 4, 2), ('Doses', 4, 2), ('Receptors', 4, 2), ('Antidotes', 4, 2);
INSERT INTO mdl_question_bank_entries (questioncategoryid) SELECT 3 + (n - 1) / 6 FROM generate_series(1, 48) n;
INSERT INTO mdl_question (name, questiontext, qtype)
SELECT 'Question ' || n, '…', CASE WHEN n % 12 = 0 THEN 'essay' ELSE 'multichoice' END FROM generate_series(1, 48) n;
INSERT INTO mdl_question_versions (questionbankentryid, questionid) SELECT n, n FROM generate_series(1, 48) n;

-- A quiz a week and course; the last two are yet to close. Five questions, the first drawn by chance; the eleventh is hidden.
INSERT INTO mdl_quiz (course, name, timeclose, sumgrades, grade)
SELECT c, 'Quiz ' || w, pg_temp.day((w - 9) * 7 + 2 + c * 0.5), 5, 100 FROM generate_series(1, 10) w, generate_series(2, 3) c;
INSERT INTO mdl_quiz (course, name, timeclose, sumgrades, grade) VALUES (2, 'Not ready', pg_temp.day(4), 5, 100);
INSERT INTO mdl_course_modules (course, module, instance, visible) SELECT course, 2, id, (name <> 'Not ready')::int FROM mdl_quiz;
INSERT INTO mdl_context (contextlevel, instanceid) SELECT 70, id FROM mdl_course_modules;
INSERT INTO mdl_quiz_slots (slot, quizid, page, maxmark) SELECT s, q.id, s, 1 FROM mdl_quiz q, generate_series(1, 5) s;
-- Two categories a quiz, in turn.
CREATE TEMP TABLE asked AS
SELECT s.id AS slotid, s.quizid, s.slot, q.course, q.timeclose,
  1 + (q.course - 2) * 24 + ((s.quizid / 2 + s.slot % 2) % 4) * 6 + (s.slot + s.quizid) % 6 AS entry
FROM mdl_quiz_slots s JOIN mdl_quiz q ON q.id = s.quizid;
INSERT INTO mdl_question_references (usingcontextid, component, questionarea, itemid, questionbankentryid)
SELECT 4 + a.quizid, 'mod_quiz', 'slot', a.slotid, a.entry FROM asked a WHERE a.slot > 1;
INSERT INTO mdl_question_set_references (usingcontextid, component, questionarea, itemid, questionscontextid, filtercondition)
SELECT 4 + a.quizid, 'mod_quiz', 'slot', a.slotid, 1 + a.course,
  json_build_object('filter', json_build_object('category', json_build_object('jointype', 1, 'values', json_build_array(e.questioncategoryid))))
FROM asked a JOIN mdl_question_bank_entries e ON e.id = a.entry WHERE a.slot = 1;
INSERT INTO mdl_quiz_overrides (quiz, userid, timeclose) SELECT max(id), 5, pg_temp.day(5) FROM mdl_quiz WHERE course = 3;

-- Who takes a quiz does so up to four days before it closes; 3 left the last attempt open. Teachers preview.
CREATE TEMP TABLE taken AS
SELECT row_number() OVER (ORDER BY q.id, u.id) AS id, q.id AS quiz, q.course, u.id AS userid,
  q.timeclose - floor(86400 * 4 * pg_temp.chance('when' || q.id || '/' || u.id))::bigint - 3600 AS began
FROM mdl_quiz q, mdl_user u
WHERE u.id BETWEEN 2 AND 42 AND q.name <> 'Not ready' AND pg_temp.chance('comes' || q.id || '/' || u.id) < 0.85;
DELETE FROM taken WHERE began > extract(epoch FROM now()) - 7200;
INSERT INTO mdl_question_usages (id, contextid, component) SELECT id, 4 + quiz, 'mod_quiz' FROM taken;
INSERT INTO mdl_quiz_attempts (id, quiz, userid, attempt, uniqueid, preview, state, timestart, timefinish, timemodified)
SELECT id, quiz, userid, 1, id, (userid = 2)::int, 'finished', began, began + 900 + userid, began + 900 + userid FROM taken;
UPDATE mdl_quiz_attempts SET state = 'inprogress', timefinish = 0 WHERE id = (SELECT max(id) FROM taken WHERE userid = 3);
INSERT INTO mdl_question_attempts (questionusageid, slot, questionid, maxmark, minfraction, timemodified, responsesummary)
SELECT t.id, a.slot, a.entry, 1, -0.25, t.began, 'somebody''s own words' FROM taken t JOIN asked a ON a.quizid = t.quiz ORDER BY t.id, a.slot;
INSERT INTO mdl_question_attempt_steps (questionattemptid, sequencenumber, state, timecreated, userid)
SELECT q.id, 0, 'todo', t.timestart, t.userid FROM mdl_question_attempts q JOIN mdl_quiz_attempts t ON t.uniqueid = q.questionusageid;
-- Marks: some learners are better, some categories harder; one in twelve is left blank.
INSERT INTO mdl_question_attempt_steps (questionattemptid, sequencenumber, state, fraction, timecreated, userid)
SELECT q.id, 1,
  CASE WHEN n.qtype = 'essay' THEN 'needsgrading' WHEN c.blank THEN 'gaveup' WHEN c.knows > 0.45 THEN 'gradedright' WHEN c.knows > 0.3 THEN 'gradedpartial' ELSE 'gradedwrong' END,
  CASE WHEN n.qtype = 'essay' OR c.blank THEN NULL WHEN c.knows > 0.45 THEN 1 WHEN c.knows > 0.3 THEN 0.5 ELSE -0.25 END,
  t.timefinish, t.userid
FROM mdl_question_attempts q
JOIN mdl_quiz_attempts t ON t.uniqueid = q.questionusageid AND t.state = 'finished'
JOIN mdl_question n ON n.id = q.questionid
JOIN mdl_question_bank_entries e ON e.id = q.questionid
CROSS JOIN LATERAL (
  SELECT pg_temp.chance('blank' || q.id) < 0.08 AS blank,
    0.5 * pg_temp.chance('able' || t.userid) + 0.3 * pg_temp.chance('easy' || e.questioncategoryid) + 0.4 * pg_temp.chance('luck' || q.id) AS knows
) c;
-- Essays are read three days later where that has come; the mark of the first was raised another two days later.
INSERT INTO mdl_question_attempt_steps (questionattemptid, sequencenumber, state, fraction, timecreated, userid)
SELECT s.questionattemptid, 2, 'mangrpartial', 0.4, s.timecreated + 3 * 86400, 2
FROM mdl_question_attempt_steps s WHERE s.state = 'needsgrading' AND s.timecreated < pg_temp.day(-3);
INSERT INTO mdl_question_attempt_steps (questionattemptid, sequencenumber, state, fraction, timecreated, userid)
SELECT s.questionattemptid, 3, 'mangrright', 0.9, s.timecreated + 2 * 86400, 2
FROM mdl_question_attempt_steps s
JOIN mdl_question_attempts q ON q.id = s.questionattemptid
JOIN mdl_quiz_attempts t ON t.uniqueid = q.questionusageid AND t.preview = 0
WHERE s.state = 'mangrpartial' ORDER BY s.id LIMIT 1;

-- A hand-in a fortnight and course, of 20 points, read within three days; one with a scale in place of points.
INSERT INTO mdl_assign (course, name, duedate, grade)
SELECT c, 'Hand-in ' || w, pg_temp.day((w - 5) * 14 + 4 + c), 20 FROM generate_series(1, 5) w, generate_series(2, 3) c;
INSERT INTO mdl_assign (course, name, duedate, grade) VALUES (2, 'Taking part', pg_temp.day(-20), -2);
INSERT INTO mdl_course_modules (course, module, instance) SELECT course, 1, id FROM mdl_assign;
INSERT INTO mdl_assign_user_flags (userid, assignment, extensionduedate) SELECT 6, max(id), pg_temp.day(9) FROM mdl_assign WHERE course = 2 AND grade > 0;
INSERT INTO mdl_assign_submission (assignment, userid, timecreated, timemodified, status, latest)
SELECT a.id, u.id, a.duedate - 7200, a.duedate - 3600, CASE WHEN u.id % 11 = 0 THEN 'draft' ELSE 'submitted' END, 1
FROM mdl_assign a, mdl_user u WHERE u.id BETWEEN 3 AND 42 AND a.duedate < pg_temp.day(-1);
INSERT INTO mdl_assign_grades (assignment, userid, timecreated, timemodified, grader, grade)
SELECT s.assignment, s.userid, s.timemodified + 86400, s.timemodified + 86400 * (1 + s.userid % 3), 2,
  CASE WHEN s.userid % 13 = 0 THEN -1 WHEN a.grade < 0 THEN 2 ELSE round(20 * pg_temp.chance('able' || s.userid)) END
FROM mdl_assign_submission s JOIN mdl_assign a ON a.id = s.assignment
WHERE s.status = 'submitted' AND s.timemodified + 3 * 86400 < extract(epoch FROM now());
SELECT setval('mdl_quiz_attempts_id_seq', max(id)), setval('mdl_question_usages_id_seq', max(id)) FROM mdl_quiz_attempts;
ANALYZE;
