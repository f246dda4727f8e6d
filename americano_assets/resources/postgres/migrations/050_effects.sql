-- What the help changed, as far as can be told: every comparison of a study day, with its interval or with the reason
-- why there is none. The before/after figure stands apart, in ml.struggle_reduction.

CREATE TABLE ml.effects (
  study_day date NOT NULL,            -- outcomes known at this day's cut-off
  evidence text NOT NULL CHECK (evidence IN ('experiment', 'rehearsal', 'observational')),
  scope text NOT NULL CHECK (scope IN ('all', 'course', 'learner', 'type')),
  scope_id text NOT NULL DEFAULT '',  -- course or learner id, type of intervention
  period text NOT NULL CHECK (period IN ('week', 'month', 'all')),
  estimand text NOT NULL CHECK (estimand IN
    ('intention_to_treat', 'first_flag_only', 'studied_only', 'unstudied', 'mean_score', 'answers')),
  method text NOT NULL,
  estimate double precision,          -- treated minus holdout; of struggle rates: negative where it helps
  low double precision,               -- interval, 95 %, valid under nightly looks
  high double precision,
  standard_error double precision,
  rate_treated double precision,      -- plain means of the arms
  rate_holdout double precision,
  n_treated integer NOT NULL,         -- episodes
  n_holdout integer NOT NULL,
  learners_treated integer NOT NULL,
  learners_holdout integer NOT NULL,
  bound_low double precision,         -- of comparisons that selective study touches
  bound_high double precision,
  details jsonb NOT NULL,             -- checks of an observational estimate; applications and success rate of a type
  reason text,                        -- why there is no estimate, or why not to believe it
  computed_at timestamp(3) NOT NULL,  -- the cut-off
  PRIMARY KEY (scope, scope_id, evidence, period, estimand, study_day)
);
