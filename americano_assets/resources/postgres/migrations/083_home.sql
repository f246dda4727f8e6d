-- Which home this database belongs to: its files and these rows speak of each other. The home holds the same.
CREATE TABLE ml.home (                -- one row, from the first write on
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  id text NOT NULL,                   -- drawn when it was adopted
  database_name text NOT NULL,        -- where this row was written; a copy of the database says something else of itself
  database_oid bigint NOT NULL,
  system_identifier text,             -- the server's; null where it does not tell
  adopted_at timestamp(3) NOT NULL
);
