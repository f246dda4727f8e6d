-- Whose figures an MLflow run of `single-case` holds: the run itself names nobody, and goes when its learner is forgotten.
CREATE TABLE ml.single_cases (
  mlflow_run_id text PRIMARY KEY,
  user_id text NOT NULL,
  analysed_at timestamp(3) NOT NULL
);
CREATE INDEX ON ml.single_cases (user_id);
