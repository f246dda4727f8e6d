-- Ids under which files of this database's home were written before home and database were bound anew.
CREATE TABLE ml.former_homes (
  id text PRIMARY KEY
);
