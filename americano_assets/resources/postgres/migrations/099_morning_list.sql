-- The morning list: who may open it, what advisers did about whom, and what lists would have reached.

ALTER TABLE ml.api_tokens
  ADD COLUMN courses text[],          -- an adviser's: the morning list of these courses and nothing else; null: no adviser's
  ADD CONSTRAINT api_tokens_one_kind CHECK (courses IS NULL OR learner_id IS NULL AND cardinality(courses) > 0);

CREATE TABLE ml.adviser_sessions (    -- one row a browser that is signed in
  session_hash text PRIMARY KEY,      -- SHA-256 of what the cookie holds, hexadecimal
  token_name text NOT NULL REFERENCES ml.api_tokens (name) ON UPDATE CASCADE ON DELETE CASCADE,
  created_at timestamp(3) NOT NULL,
  expires_at timestamp(3) NOT NULL
);

CREATE TABLE ml.list_actions (        -- one row each time that somebody did something about a learner; none is ever changed
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  course_id text,                     -- null: of objectives that belong to no course
  user_id text NOT NULL,              -- about whom it is
  action text NOT NULL CHECK (action IN ('acknowledge', 'snooze', 'reopen', 'note')),
  note text CHECK (char_length(note) <= 2000),
  until date,                         -- of a snooze: the local date on which it ends
  taken_by text,                      -- name of the token; null: nobody was asked for one
  taken_at timestamp(3) NOT NULL,
  CHECK ((action = 'note') = (note IS NOT NULL) AND (action = 'snooze') = (until IS NOT NULL))
);
CREATE INDEX ON ml.list_actions (user_id);
CREATE INDEX ON ml.list_actions (taken_at);

CREATE TABLE ml.list_outcomes (       -- one row a course and night whose window has closed
  listed_on date NOT NULL,            -- the night
  course_id text NOT NULL DEFAULT '', -- empty: objectives that belong to no course
  outcomes boolean[] NOT NULL,        -- by rank, whether that learner struggled within the horizon; null: cannot be told
  struggled integer NOT NULL,         -- learners of the course who did, on the list or not
  study_day date NOT NULL,            -- the night that found it
  PRIMARY KEY (listed_on, course_id)
);
