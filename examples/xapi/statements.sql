-- A small made-up statement store, to try views.sql on: forty learners, two courses of four chapters, six exercises each, eight
-- weeks of answers up to yesterday; some graded by a tool that speaks Caliper; and what a real one holds besides: statements
-- about other things, one that was voided, scores below zero, raw ones, success alone, times with and without a zone, and
-- some that are no times. Not for a real store's database.
CREATE TABLE statements (id uuid PRIMARY KEY, stored timestamptz NOT NULL, statement jsonb NOT NULL);

-- A number from 0 to 1 that is the same whenever a name is the same.
CREATE FUNCTION pg_temp.chance(name text) RETURNS double precision LANGUAGE sql IMMUTABLE
  AS $$ SELECT ('x' || left(md5(name), 7))::bit(28)::integer / 268435456.0 $$;
CREATE FUNCTION pg_temp.written(at timestamptz, format text) RETURNS text LANGUAGE sql STABLE
  AS $$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS') || format $$;

CREATE TEMP TABLE answers AS
SELECT
  md5('answer' || l || '/' || d)::uuid AS id, l AS learner, 1 + d / 28 AS course, 1 + d / 7 % 4 AS chapter, e AS exercise,
  date_trunc('day', now()) - (56 - d) * interval '1 day' + interval '9 hours' + pg_temp.chance('at' || l || '/' || d) * interval '10 hours' AS at,
  0.5 * pg_temp.chance('able' || l) + 0.3 * pg_temp.chance('easy' || d / 7) + 0.4 * pg_temp.chance('luck' || l || '/' || d) > 0.5 AS knows
FROM generate_series(1, 40) l, generate_series(0, 55) d, LATERAL (SELECT 1 + (d + l) % 6) x (e)
WHERE pg_temp.chance('comes' || l || '/' || d) < 0.6;

INSERT INTO statements
SELECT a.id, a.at + interval '2 seconds', jsonb_build_object(
  'actor', CASE WHEN a.learner % 2 = 0 THEN jsonb_build_object('mbox', 'mailto:learner' || a.learner || '@example.org')
    ELSE jsonb_build_object('account', jsonb_build_object('homePage', 'https://lms.example.org', 'name', 'learner' || a.learner)) END,
  'verb', jsonb_build_object('id', 'http://adlnet.gov/expapi/verbs/answered'),
  'object', jsonb_build_object('id', format('https://lms.example.org/course/%s/chapter/%s/exercise/%s', a.course, a.chapter, a.exercise), 'objectType', 'Activity'),
  'result', jsonb_build_object('response', 'somebody''s own words') || CASE a.learner % 4
    WHEN 0 THEN jsonb_build_object('score', jsonb_build_object('scaled', CASE WHEN a.knows THEN 1 ELSE -0.25 END))
    WHEN 1 THEN jsonb_build_object('score', jsonb_build_object('raw', CASE WHEN a.knows THEN 9 ELSE 2 END, 'min', 0, 'max', 10))
    ELSE jsonb_build_object('success', a.knows) END,
  'timestamp', pg_temp.written(a.at, CASE a.learner % 3 WHEN 0 THEN 'Z' WHEN 1 THEN '+00:00' ELSE '' END),
  'context', jsonb_build_object(
    'registration', md5('session' || a.learner || '/' || a.at::date)::uuid,
    'contextActivities', jsonb_build_object(
      'parent', jsonb_build_array(jsonb_build_object('id', format('https://lms.example.org/course/%s/chapter/%s', a.course, a.chapter),
        'definition', jsonb_build_object('name', jsonb_build_object('en-US', format('Chapter %s of course %s', a.chapter, a.course))))),
      'grouping', jsonb_build_array(jsonb_build_object('id', format('https://lms.example.org/course/%s', a.course))))))
FROM answers a WHERE a.exercise < 6;

-- The sixth exercise of a chapter is graded by another tool, for the same people.
INSERT INTO statements
SELECT a.id, a.at, jsonb_build_object(
  '@context', 'http://purl.imsglobal.org/ctx/caliper/v1p2', 'id', 'urn:uuid:' || a.id, 'type', 'GradeEvent', 'action', 'Graded',
  'actor', jsonb_build_object('id', 'https://tool.example.org/autograder', 'type', 'SoftwareApplication'),
  'object', jsonb_build_object('type', 'Attempt',
    'assignee', jsonb_build_object('type', 'Person', 'id', CASE WHEN a.learner % 2 = 0 THEN 'mailto:learner' || a.learner || '@example.org' ELSE 'https://lms.example.org|learner' || a.learner END),
    'assignable', jsonb_build_object('id', format('https://tool.example.org/%s/%s/6', a.course, a.chapter), 'type', 'AssignableDigitalResource',
      'isPartOf', jsonb_build_object('id', format('https://lms.example.org/course/%s/chapter/%s', a.course, a.chapter), 'name', format('Chapter %s of course %s', a.chapter, a.course)))),
  'generated', jsonb_build_object('type', 'Score', 'maxScore', 15, 'scoreGiven', CASE WHEN a.knows THEN 12 ELSE 3 END),
  'eventTime', pg_temp.written(a.at, 'Z'), 'group', jsonb_build_object('id', format('https://lms.example.org/course/%s', a.course), 'type', 'CourseSection'))
FROM answers a WHERE a.exercise = 6;

-- The end of each sitting.
INSERT INTO statements
SELECT md5('end' || a.learner || '/' || a.at::date)::uuid, max(a.at), jsonb_build_object(
  'actor', CASE WHEN a.learner % 2 = 0 THEN jsonb_build_object('mbox', 'mailto:learner' || a.learner || '@example.org')
    ELSE jsonb_build_object('account', jsonb_build_object('homePage', 'https://lms.example.org', 'name', 'learner' || a.learner)) END,
  'verb', jsonb_build_object('id', 'http://adlnet.gov/expapi/verbs/terminated'),
  'object', jsonb_build_object('id', format('https://lms.example.org/course/%s', max(a.course))),
  'result', jsonb_build_object('duration', 'PT' || 10 + a.learner % 20 || 'M'),
  'timestamp', pg_temp.written(max(a.at) + interval '5 minutes', 'Z'),
  'context', jsonb_build_object('registration', md5('session' || a.learner || '/' || a.at::date)::uuid))
FROM answers a GROUP BY a.learner, a.at::date;

-- What must not count, or not stop a night: no time, no score, words in place of either, another verb, and a voided answer.
INSERT INTO statements
SELECT md5('odd' || n)::uuid, now(), s.statement || odd.part
FROM (SELECT statement FROM statements WHERE id = (SELECT id FROM answers WHERE exercise < 6 AND learner = 4 ORDER BY at LIMIT 1)) s,
  LATERAL (VALUES (1, '{"timestamp": "yesterday"}'::jsonb), (2, '{"timestamp": "2026-13-45T99:00:00Z"}'), (3, '{"result": {"score": {"scaled": "very good"}}}'),
    (4, '{"verb": {"id": "http://adlnet.gov/expapi/verbs/experienced"}}'), (5, '{"result": {}}'), (6, '{"actor": {"name": "nobody"}}')) odd (n, part);
INSERT INTO statements
SELECT md5('void')::uuid, now(), jsonb_build_object('actor', '{"mbox": "mailto:teacher@example.org"}'::jsonb,
  'verb', jsonb_build_object('id', 'http://adlnet.gov/expapi/verbs/voided'),
  'object', jsonb_build_object('objectType', 'StatementRef', 'id', (SELECT id FROM answers WHERE exercise < 6 ORDER BY at LIMIT 1)),
  'timestamp', pg_temp.written(now(), 'Z'));
ANALYZE statements;
