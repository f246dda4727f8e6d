-- Where too many predictions have matured for one look, figures over many learners are of a part of them, drawn whole.
ALTER TABLE ml.model_performance
  ADD COLUMN drawn_share double precision; -- share of the learners, 0-1; null: all of them
