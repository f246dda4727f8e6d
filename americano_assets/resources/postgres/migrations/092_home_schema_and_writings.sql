-- Where the app's tables are, and how often database and home were opened for writing: files of the home that counted less
-- are an older copy of them.
ALTER TABLE ml.home
  ADD COLUMN schema_name text,
  ADD COLUMN writings bigint NOT NULL DEFAULT 0;
