-- What has shifted since the models were taught; see core/drift.py.
CREATE TABLE ml.drift (
  study_day date NOT NULL,            -- as seen at this day's cut-off
  scope text NOT NULL CHECK (scope IN ('all', 'course')),
  scope_id text NOT NULL DEFAULT '',  -- course id
  measure text NOT NULL CHECK (measure IN ('psi', 'psi_mean', 'label_rate', 'ece')),
  feature text NOT NULL DEFAULT '',   -- of a psi
  value double precision,             -- index; change of the struggle rate; calibration error beyond chance
  reference double precision,         -- mean of the feature or rate before; of ece what chance alone would show
  current double precision,           -- the same now
  n_reference integer NOT NULL,       -- rows
  n_current integer NOT NULL,
  status text NOT NULL CHECK (status IN ('ok', 'warn', 'alarm', 'too_few')),
  computed_at timestamp(3) NOT NULL,  -- the cut-off
  PRIMARY KEY (study_day, scope, scope_id, measure, feature)
);
