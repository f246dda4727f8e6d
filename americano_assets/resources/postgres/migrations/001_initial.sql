-- Our own tables. They live in schema ml because Prisma treats a stranger's table in public as drift.
-- Every timestamp is UTC without zone, as in the app's tables. Study days are named by the day on which they open.

CREATE TABLE ml.deployment (          -- one row: when this deployment began
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  first_study_day date NOT NULL,
  began_at timestamp(3) NOT NULL
);

CREATE TABLE ml.demo_load (           -- one row on a demo database: how the demo's days were shifted onto today
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  cohort text NOT NULL,
  shift_days integer NOT NULL,        -- added to a day of the source's own calendar
  learners integer NOT NULL,
  loaded_through timestamp(3) NOT NULL
);

CREATE TABLE ml.study_days (          -- one row a study day that was published
  study_day date PRIMARY KEY,
  cutoff_at timestamp(3) NOT NULL,
  kind text NOT NULL CHECK (kind IN ('nightly', 'replay')),
  live boolean NOT NULL,              -- true where a learner could have seen it in time
  model_version text NOT NULL,
  manifest_hash text NOT NULL,        -- what the day was computed from
  candidates integer NOT NULL,
  published integer NOT NULL,
  published_at timestamp(3) NOT NULL
);

CREATE TABLE ml.model_versions (      -- one row a trained model
  model_version text PRIMARY KEY,     -- content hash of the model file
  model_type text NOT NULL,
  study_day date NOT NULL,            -- trained on what was known at this day's cut-off
  threshold double precision NOT NULL,
  horizon_days integer NOT NULL,
  struggle_below double precision NOT NULL,
  dataset_version text NOT NULL,
  mlflow_run_id text,                 -- null where MLflow could not be reached
  registry_version text,
  metrics jsonb NOT NULL,             -- on learners held out: {model: {figure: value}}
  feature_importance jsonb NOT NULL,  -- {feature: share, summing to 1}
  created_at timestamp(3) NOT NULL
);

CREATE TABLE ml.published (           -- what we last wrote into the app's tables: only that may be written over
  table_name text NOT NULL,
  row_id text NOT NULL,
  user_id text NOT NULL,
  written jsonb NOT NULL,             -- column -> value as text
  study_day date NOT NULL,
  PRIMARY KEY (table_name, row_id)
);
CREATE INDEX ON ml.published (user_id);

CREATE TABLE ml.episodes (            -- ledger: one row a (learner, objective, planned day) that was flagged or missed
  prediction_id text PRIMARY KEY,
  user_id text NOT NULL,
  learning_objective_id text NOT NULL,
  course_id text,
  planned_day date NOT NULL,
  first_flagged_at timestamp(3),      -- null: never at or above the threshold
  first_probability double precision,
  refreshed_at timestamp(3) NOT NULL, -- cut-off of the last refresh before the planned day
  probability double precision NOT NULL,
  threshold double precision NOT NULL,
  model_version text NOT NULL,
  live boolean NOT NULL,
  window_end timestamp(3) NOT NULL,   -- end of the label window of the last refresh
  outcome text CHECK (outcome IN ('struggled', 'not_struggled', 'unstudied')),
  outcome_at timestamp(3)
);
CREATE INDEX ON ml.episodes (user_id);
CREATE INDEX ON ml.episodes (window_end);

CREATE TABLE ml.prediction_feedback (
  id text PRIMARY KEY,
  prediction_id text NOT NULL,
  user_id text NOT NULL,
  actual_struggle boolean NOT NULL,
  feedback_type text NOT NULL
    CHECK (feedback_type IN ('HELPFUL', 'NOT_HELPFUL', 'INACCURATE', 'INTERVENTION_GOOD', 'INTERVENTION_BAD')),
  comments text,
  submitted_at timestamp(3) NOT NULL,
  UNIQUE (prediction_id, user_id)
);
CREATE INDEX ON ml.prediction_feedback (user_id);

CREATE TABLE ml.model_performance (   -- on matured predictions, all of them scored before their outcome
  study_day date NOT NULL,            -- outcomes known at this day's cut-off
  scope text NOT NULL CHECK (scope IN ('all', 'course', 'learner')),
  scope_id text NOT NULL DEFAULT '',  -- course or learner id
  model_type text NOT NULL,
  model_version text NOT NULL,        -- of the newest matured prediction
  n integer NOT NULL,                 -- scored pairs with a known outcome
  base_rate double precision,
  always_no_accuracy double precision,
  accuracy double precision,
  "precision" double precision,
  recall double precision,
  f1_score double precision,
  auc_roc double precision,
  brier double precision,
  log_loss double precision,
  ece double precision,
  calibration jsonb NOT NULL,         -- {"prob_true": [], "prob_pred": [], "count": []}
  reason text,                        -- why a figure above is null
  computed_at timestamp(3) NOT NULL,  -- the cut-off
  PRIMARY KEY (scope, scope_id, study_day)
);

CREATE TABLE ml.struggle_reduction (  -- before/after: observational, never the effect
  study_day date NOT NULL,
  scope text NOT NULL CHECK (scope IN ('all', 'course', 'learner')),
  scope_id text NOT NULL DEFAULT '',
  period text NOT NULL CHECK (period IN ('week', 'month', 'all')),
  kind text NOT NULL CHECK (kind IN ('observational')),
  baseline_rate double precision,
  current_rate double precision,
  reduction_percentage double precision,
  baseline_start timestamp(3),
  baseline_end timestamp(3),
  current_start timestamp(3),
  current_end timestamp(3),
  baseline_studied integer NOT NULL,  -- objectives studied
  current_studied integer NOT NULL,
  replayed boolean NOT NULL,          -- the first prediction was a replay
  timeline jsonb NOT NULL,            -- [{"date", "struggle_rate", "struggles_count", "topics_studied"}]
  reason text,                        -- why a rate above is null
  computed_at timestamp(3) NOT NULL,
  PRIMARY KEY (scope, scope_id, period, study_day)
);
