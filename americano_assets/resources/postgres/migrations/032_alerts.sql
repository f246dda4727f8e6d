-- What the app reads besides its own tables: the few things that matter most to a learner now, and what a machine needs
-- to carry an intervention out. Neither ever holds anything of a holdout episode: the database itself refuses it.

CREATE FUNCTION ml.refuse_holdout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM ml.assignments a WHERE a.prediction_id = NEW.prediction_id AND a.arm = 'holdout') THEN
    RAISE EXCEPTION '%.% takes no row of a holdout episode (%): the effect would be off.',
      TG_TABLE_SCHEMA, TG_TABLE_NAME, NEW.prediction_id;
  END IF;
  RETURN NEW;
END $$;

CREATE TABLE ml.alerts (              -- at most three a learner, as of the last published night
  id text PRIMARY KEY,
  prediction_id text NOT NULL UNIQUE,
  user_id text NOT NULL,
  type text NOT NULL
    CHECK (type IN ('PROACTIVE_WARNING', 'PREREQUISITE_ALERT', 'REAL_TIME_ALERT', 'INTERVENTION_SUGGESTION')),
  title text NOT NULL,
  message text NOT NULL,
  severity text NOT NULL CHECK (severity IN ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL')),
  priority double precision NOT NULL CHECK (priority BETWEEN 0 AND 100),
  due_at timestamp(3) NOT NULL,
  intervention_id text,
  created_at timestamp(3) NOT NULL,   -- cut-off of the first night that had it
  study_day date NOT NULL             -- the night whose values these are
);
CREATE INDEX ON ml.alerts (user_id, priority DESC);
CREATE TRIGGER no_holdout BEFORE INSERT OR UPDATE ON ml.alerts FOR EACH ROW EXECUTE FUNCTION ml.refuse_holdout();

CREATE TABLE ml.intervention_actions ( -- one row a published intervention: the app's table has no column for it
  intervention_id text PRIMARY KEY,
  prediction_id text NOT NULL,
  user_id text NOT NULL,
  actions jsonb NOT NULL              -- {type, objective_ids, minutes, …}: docs/interventions.md
);
CREATE INDEX ON ml.intervention_actions (prediction_id);
CREATE INDEX ON ml.intervention_actions (user_id);
CREATE TRIGGER no_holdout BEFORE INSERT OR UPDATE ON ml.intervention_actions
  FOR EACH ROW EXECUTE FUNCTION ml.refuse_holdout();
