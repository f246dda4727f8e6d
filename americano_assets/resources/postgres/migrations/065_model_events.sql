-- Who decided which model scores, when and why: the gate's verdicts and what people did. Rows are only ever added; the
-- database itself refuses anything else.
CREATE TABLE ml.model_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  study_day date NOT NULL,            -- in force from this study day on
  event text NOT NULL CHECK (event IN ('promoted', 'refused', 'passed_over', 'rolled_back', 'released')),
  model_version text NOT NULL,        -- promoted, rolled back to, refused, passed over; released: what scores then
  instead_of text,                    -- what scored before; null: nothing did
  decided_by text NOT NULL,           -- gate, or a person's name
  by_hand boolean NOT NULL,
  forced boolean NOT NULL DEFAULT false, -- promoted although the gate refused
  reason text NOT NULL CHECK (reason <> ''),
  happened_at timestamp(3) NOT NULL,
  CHECK (by_hand OR (event IN ('promoted', 'refused', 'passed_over') AND NOT forced))
);
-- A night that runs again decides alike, and says so once.
CREATE UNIQUE INDEX ON ml.model_events (study_day, event, model_version) WHERE NOT by_hand;

CREATE FUNCTION ml.refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'Rows of %.% are only ever added: they tell who decided what.', TG_TABLE_SCHEMA, TG_TABLE_NAME;
END $$;
CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON ml.model_events
  FOR EACH STATEMENT EXECUTE FUNCTION ml.refuse_rewriting();
