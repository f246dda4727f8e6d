-- A statement store (xAPI, and grades of Caliper beside it) as the tables that the pipeline reads: one table
-- public.statements (id uuid, stored timestamptz, statement jsonb), and views over it in a schema of their own. Run it after
-- `americano schema --views` and `americano schema --sql --written`, as docs/adopt.md says.
--
-- Ids in statements are addresses and e-mails: here they become their MD5, so that nobody's address is in a table of ours, and
-- none is longer than the API takes. Whoever knows an address can compute its MD5: it is a pseudonym, no secret.
SET search_path = americano, public;

DROP VIEW IF EXISTS users, courses, lectures, learning_objectives, cards, validation_prompts, validation_responses, study_sessions;

-- A time as text, as UTC without a zone; null where it is none. What reads JSON must bear every row: one that raises an error
-- ends the night. Immutable, or PostgreSQL would make no index of it; it may say so, since a zone is always given.
CREATE OR REPLACE FUNCTION moment(written text) RETURNS timestamp LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN (written || CASE WHEN written ~ 'T.*(Z|[+-]\d\d(:?\d\d)?)$' THEN '' ELSE 'Z' END)::timestamptz AT TIME ZONE 'UTC';
EXCEPTION WHEN data_exception THEN RETURN NULL;
END $$;

-- An ISO 8601 duration, as PT12M30S, in milliseconds; null where it is none, or longer than three weeks.
CREATE OR REPLACE FUNCTION milliseconds(written text) RETURNS integer LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN (extract(epoch FROM written::interval) * 1000)::integer;
EXCEPTION WHEN data_exception THEN RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION number(value jsonb) RETURNS double precision LANGUAGE sql IMMUTABLE
  AS $$ SELECT CASE WHEN jsonb_typeof(value) = 'number' THEN value::double precision END $$;

-- The last part of an address, for what has no name of its own.
CREATE OR REPLACE FUNCTION short_name(address text) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT COALESCE(NULLIF(regexp_replace(rtrim(address, '/'), '^.*[/#]', ''), ''), address) $$;

-- The nightly question is for the answers of some days, the other one for what was voided.
CREATE INDEX IF NOT EXISTS americano_answered ON statements (moment(statement->>'timestamp'))
  WHERE statement->'verb'->>'id' IN ('http://adlnet.gov/expapi/verbs/answered', 'http://adlnet.gov/expapi/verbs/scored');
CREATE INDEX IF NOT EXISTS americano_terminated ON statements (moment(statement->>'timestamp'))
  WHERE statement->'verb'->>'id' = 'http://adlnet.gov/expapi/verbs/terminated';
CREATE INDEX IF NOT EXISTS americano_graded ON statements (moment(statement->>'eventTime'))
  WHERE statement->>'type' = 'GradeEvent' AND statement->>'action' = 'Graded';
CREATE INDEX IF NOT EXISTS americano_voided ON statements ((statement->'object'->>'id'))
  WHERE statement->'verb'->>'id' = 'http://adlnet.gov/expapi/verbs/voided';

-- Graded answers, from either language. A statement belongs to the objective that its activity is a part of
-- (contextActivities.parent), or else to the activity itself; to the course of its grouping. Shares of the score: scaled, or
-- raw between min and max, or success. What was answered, in words (result.response), is never looked at.
CREATE OR REPLACE VIEW graded AS
SELECT
  s.id,
  md5(COALESCE((a.actor->'account'->>'homePage') || '|' || (a.actor->'account'->>'name'), a.actor->>'mbox', a.actor->>'mbox_sha1sum', a.actor->>'openid')) AS learner,
  a.object->>'id' AS item,
  COALESCE(a.activities->'parent'->0->>'id', a.object->>'id') AS objective,
  COALESCE(p.names->>'en-US', p.names->>'en', (SELECT min(n.value) FROM jsonb_each_text(p.names) n)) AS objective_name,
  COALESCE(a.activities->'grouping'->0->>'id', 'none') AS course,
  a.statement->'context'->>'registration' AS session,
  CASE
    WHEN number(a.score->'scaled') IS NOT NULL THEN number(a.score->'scaled')
    WHEN number(a.score->'max') > COALESCE(number(a.score->'min'), 0)
      THEN (number(a.score->'raw') - COALESCE(number(a.score->'min'), 0)) / (number(a.score->'max') - COALESCE(number(a.score->'min'), 0))
    WHEN jsonb_typeof(a.statement->'result'->'success') = 'boolean' THEN (a.statement->'result'->>'success')::boolean::integer
  END AS score,
  moment(a.statement->>'timestamp') AS graded_at
FROM statements s
CROSS JOIN LATERAL (
  SELECT s.statement, s.statement->'actor' AS actor, s.statement->'object' AS object,
    s.statement->'context'->'contextActivities' AS activities, s.statement->'result'->'score' AS score
) a
CROSS JOIN LATERAL (
  SELECT CASE WHEN jsonb_typeof(d.named) = 'object' THEN d.named ELSE '{}' END AS names
  FROM (SELECT COALESCE(a.activities->'parent'->0, a.object)->'definition'->'name' AS named) d
) p
WHERE s.statement->'verb'->>'id' IN ('http://adlnet.gov/expapi/verbs/answered', 'http://adlnet.gov/expapi/verbs/scored')
  AND NOT EXISTS (
    SELECT FROM statements v
    WHERE v.statement->'verb'->>'id' = 'http://adlnet.gov/expapi/verbs/voided' AND v.statement->'object'->>'id' = s.id::text
  )
UNION ALL
SELECT
  s.id,
  md5(COALESCE(a.attempt->'assignee'->>'id', a.attempt->>'assignee')),
  COALESCE(a.attempt->'assignable'->>'id', a.attempt->>'assignable'),
  COALESCE(a.attempt->'assignable'->'isPartOf'->>'id', a.attempt->'assignable'->>'isPartOf', a.attempt->'assignable'->>'id', a.attempt->>'assignable'),
  COALESCE(a.attempt->'assignable'->'isPartOf'->>'name', a.attempt->'assignable'->>'name'),
  COALESCE(s.statement->'group'->>'id', s.statement->>'group', 'none'),
  COALESCE(s.statement->'session'->>'id', s.statement->>'session'),
  number(s.statement->'generated'->'scoreGiven') / NULLIF(number(s.statement->'generated'->'maxScore'), 0),
  moment(s.statement->>'eventTime')
FROM statements s
CROSS JOIN LATERAL (SELECT s.statement->'object' AS attempt) a
WHERE s.statement->>'type' = 'GradeEvent' AND s.statement->>'action' = 'Graded';

-- Who and what there is, is known from the statements alone: it takes reading all of them. So that is done once a night, by
-- REFRESH MATERIALIZED VIEW CONCURRENTLY americano.items, americano.learners, shortly before 23:00; not by each query.
CREATE MATERIALIZED VIEW IF NOT EXISTS items AS
SELECT DISTINCT ON (g.item)
  md5(g.item) AS item, md5(g.objective) AS objective, md5(g.course) AS course,
  COALESCE(g.objective_name, short_name(g.objective)) AS objective_name, short_name(g.course) AS course_name
FROM graded g
WHERE g.item IS NOT NULL AND g.score IS NOT NULL AND g.graded_at IS NOT NULL
ORDER BY g.item, g.graded_at DESC;
CREATE UNIQUE INDEX IF NOT EXISTS items_once ON items (item);

CREATE MATERIALIZED VIEW IF NOT EXISTS learners AS
SELECT g.learner, min(g.graded_at) AS since FROM graded g WHERE g.learner IS NOT NULL AND g.graded_at IS NOT NULL GROUP BY g.learner;
CREATE UNIQUE INDEX IF NOT EXISTS learners_once ON learners (learner);

-- A store knows nobody's wish: keep those who opted out here, by the same MD5.
CREATE TABLE IF NOT EXISTS opted_out (learner text PRIMARY KEY);

-- Whoever ever answered; the account began with the first answer.
CREATE VIEW users AS
SELECT l.learner AS "id", l.since AS "createdAt",
  o.learner IS NULL AS "behavioralAnalysisEnabled", o.learner IS NULL AS "includeInAnalytics", o.learner IS NULL AS "performanceTrackingEnabled"
FROM learners l LEFT JOIN opted_out o USING (learner);

CREATE VIEW courses AS
SELECT DISTINCT ON (i.course) i.course AS "id", i.course_name AS "name", NULL::text AS "code", NULL::text AS "term"
FROM items i ORDER BY i.course, i.course_name;

-- One lecture a course.
CREATE VIEW lectures AS
SELECT DISTINCT i.course AS "id", i.course AS "courseId", '{}'::text[] AS "topicTags" FROM items i;

CREATE VIEW learning_objectives AS
SELECT DISTINCT ON (i.objective)
  i.objective AS "id", i.course AS "lectureId", i.objective_name AS "objective",
  false AS "isHighYield", 'INTERMEDIATE' AS "complexity", '{}'::text[] AS "boardExamTags"
FROM items i ORDER BY i.objective, i.course, i.objective_name;

-- What can be done again is a card: a store has no plans, and without them only objectives with cards are predicted.
CREATE VIEW cards AS
SELECT i.item AS "id", i.course AS "courseId", i.objective AS "objectiveId" FROM items i;

CREATE VIEW validation_prompts AS
SELECT i.item AS "id", i.objective AS "objectiveId" FROM items i;

-- Below zero is zero: scaled goes down to -1.
CREATE VIEW validation_responses AS
SELECT g.id::text AS "id", md5(g.item) AS "promptId", g.session AS "sessionId", g.learner AS "userId",
  least(1, greatest(0, g.score)) AS "score", false AS "skipped", g.graded_at AS "respondedAt"
FROM graded g
WHERE g.score IS NOT NULL AND g.learner IS NOT NULL AND g.item IS NOT NULL AND g.graded_at IS NOT NULL;

-- Sessions as cmi5 ends them. In most stores there are none, and then how long somebody studies is not known.
CREATE VIEW study_sessions AS
SELECT
  s.statement->'context'->>'registration' AS "id",
  md5(COALESCE((s.statement->'actor'->'account'->>'homePage') || '|' || (s.statement->'actor'->'account'->>'name'), s.statement->'actor'->>'mbox')) AS "userId",
  moment(s.statement->>'timestamp') - make_interval(secs => COALESCE(milliseconds(s.statement->'result'->>'duration'), 0) / 1000.0) AS "startedAt",
  moment(s.statement->>'timestamp') AS "completedAt",
  milliseconds(s.statement->'result'->>'duration') AS "durationMs"
FROM statements s
WHERE s.statement->'verb'->>'id' = 'http://adlnet.gov/expapi/verbs/terminated' AND s.statement->'context'->>'registration' IS NOT NULL;
