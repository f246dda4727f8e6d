-- What became of the first flag's window, which is the experiment's outcome and nobody's word; and every verdict that
-- was changed after it had been told.

CREATE TABLE ml.first_flag_outcomes ( -- one row an assignment whose window has closed; computed from the log alone
  prediction_id text PRIMARY KEY,
  user_id text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('struggled', 'not_struggled', 'unstudied')), -- by the label
  mean_struggle boolean NOT NULL,     -- studied, and the mean graded score below the bar: the effect's criterion
  mean_score double precision,        -- 0-1; null: nothing was graded
  n_reviews integer NOT NULL,
  n_validations integer NOT NULL,
  n_again integer NOT NULL,
  struggle_below double precision NOT NULL,
  applied_types text[] NOT NULL,      -- interventions that the learner applied before the window closed
  outcome_at timestamp(3) NOT NULL    -- end of the window
);
CREATE INDEX ON ml.first_flag_outcomes (user_id);
CREATE INDEX ON ml.first_flag_outcomes (outcome_at);

CREATE TABLE ml.outcome_changes (     -- one row a verdict that was told and then changed
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  prediction_id text NOT NULL,
  user_id text NOT NULL,
  basis text NOT NULL CHECK (basis IN ('last_refresh', 'first_flag', 'feedback')), -- whose window, or the learner's word
  old_outcome text,
  new_outcome text NOT NULL,
  known_at timestamp(3) NOT NULL,     -- cut-off of the night that found it; of feedback when it was said
  reason text NOT NULL
);
CREATE INDEX ON ml.outcome_changes (prediction_id);
CREATE INDEX ON ml.outcome_changes (user_id);
CREATE UNIQUE INDEX ON ml.outcome_changes (prediction_id, known_at) WHERE basis = 'feedback';
