-- Before and after judges week by week. Rows that stand were written by a version that judged one window of six weeks by one of
-- another length, so that even the sign could be wrong: they are kept, and shown nowhere, until their night is run again.
ALTER TABLE ml.struggle_reduction ADD COLUMN by_weeks boolean NOT NULL DEFAULT false;
ALTER TABLE ml.struggle_reduction ALTER COLUMN by_weeks SET DEFAULT true;
