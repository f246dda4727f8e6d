-- Of a simulated cohort alone, whose learners take the help that is published: whom it reached, and what it truly
-- changed. Empty wherever learners are real. No step of a night reads them but the report, which shows the truth beside
-- the estimate.

CREATE TABLE ml.simulated_help (      -- one row a planned study of an objective that published help made easier
  user_id text NOT NULL,
  learning_objective_id text NOT NULL,
  planned_day date NOT NULL,
  given_at timestamp(3) NOT NULL,     -- where the app's tables ended then: nothing before it was eased
  PRIMARY KEY (user_id, learning_objective_id, planned_day)
);

CREATE TABLE ml.planted_effects (     -- the truth over the very episodes whose first window closed by this cut-off
  study_day date PRIMARY KEY,
  effect double precision NOT NULL,   -- helped minus alone: the share of struggles, by the mean graded score, 0-1
  rate_helped double precision NOT NULL, -- had all of these episodes been helped
  rate_alone double precision NOT NULL,  -- had nobody
  episodes integer NOT NULL,          -- drawn by chance and live, of learners who may be counted
  help_logits double precision NOT NULL  -- by how much help eases an answer
);
