-- The experiment inside: what each flagged episode's arm is, fixed at its first flag. Rows are written once; the
-- database itself refuses to change them. They may be deleted: who asks to be forgotten is.

CREATE FUNCTION ml.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'A row of %.% never changes: it is what the experiment rests on.', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END $$;

CREATE TABLE ml.experiment (          -- one row: what arms are drawn with, made at the first publication
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  salt text NOT NULL CHECK (salt <> ''),
  created_at timestamp(3) NOT NULL
);
CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE ON ml.experiment
  FOR EACH ROW EXECUTE FUNCTION ml.refuse_change();

CREATE TABLE ml.assignments (         -- one row a flagged episode, as it stood at its first flag
  prediction_id text PRIMARY KEY,
  user_id text NOT NULL,
  learning_objective_id text NOT NULL,
  course_id text,
  planned_day date NOT NULL,
  arm text NOT NULL CHECK (arm IN ('treated', 'holdout')),
  unit text NOT NULL CHECK (unit IN ('learner', 'episode')),
  holdout_share double precision NOT NULL CHECK (holdout_share BETWEEN 0 AND 1), -- in force then
  eligible boolean NOT NULL,          -- chance decided: the share was neither 0 nor 1, the learner counts in aggregates
  live boolean NOT NULL,              -- published on time, or by the API: a learner could have seen it
  flagged_at timestamp(3) NOT NULL,   -- cut-off of the first flag; its label window begins there
  window_end timestamp(3) NOT NULL,   -- and ends here
  probability double precision NOT NULL,
  threshold double precision NOT NULL,
  model_version text NOT NULL,
  intervention_types text[] NOT NULL, -- chosen for the episode at its first flag, whatever its arm
  CHECK (eligible OR arm = 'treated' OR holdout_share = 1)
);
CREATE INDEX ON ml.assignments (user_id);
CREATE INDEX ON ml.assignments (window_end);
CREATE INDEX ON ml.assignments (prediction_id) WHERE arm = 'holdout';
CREATE TRIGGER never_changes BEFORE UPDATE ON ml.assignments
  FOR EACH ROW EXECUTE FUNCTION ml.refuse_change();

-- Episodes from before there was an experiment: nobody was held out.
INSERT INTO ml.assignments (prediction_id, user_id, learning_objective_id, course_id, planned_day, arm, unit,
  holdout_share, eligible, live, flagged_at, window_end, probability, threshold, model_version, intervention_types)
SELECT prediction_id, user_id, learning_objective_id, course_id, planned_day, 'treated', 'episode',
  0, false, live, first_flagged_at, first_flagged_at + (window_end - refreshed_at), first_probability, threshold,
  model_version, '{}'
FROM ml.episodes WHERE first_flagged_at IS NOT NULL;

ALTER TABLE ml.study_days             -- as in force when the day was first published
  ADD COLUMN experiment_unit text NOT NULL DEFAULT 'episode' CHECK (experiment_unit IN ('learner', 'episode')),
  ADD COLUMN holdout_share double precision NOT NULL DEFAULT 0,
  ADD COLUMN held_out integer NOT NULL DEFAULT 0; -- published episodes in the holdout: without intervention or alert
