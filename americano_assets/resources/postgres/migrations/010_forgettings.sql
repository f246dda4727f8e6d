-- That a learner was forgotten, and what that removed; never who.
CREATE TABLE ml.forgettings (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  forgotten_at timestamp(3) NOT NULL,
  removed jsonb NOT NULL              -- {table: rows}
);
