-- Time zone in which the nights' study days end: in another one the same date is another study day.
ALTER TABLE ml.home ADD COLUMN timezone text;
