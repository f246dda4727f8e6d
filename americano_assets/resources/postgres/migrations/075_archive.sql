-- Predictions whose outcome is long known, taken out of the app's tables as they stood, with all that belongs to them.

CREATE TABLE ml.struggle_predictions_archive (
  prediction_id text PRIMARY KEY,
  user_id text NOT NULL,
  predicted_at timestamp(3) NOT NULL,
  prediction_date timestamp(3) NOT NULL,
  applied integer NOT NULL,           -- its recommendations that the learner applied
  prediction jsonb NOT NULL,          -- the app's row, every column that it had
  indicators jsonb NOT NULL,          -- [rows of struggle_indicators]
  recommendations jsonb NOT NULL,     -- [rows of intervention_recommendations]
  archived_at timestamp(3) NOT NULL
);
CREATE INDEX ON ml.struggle_predictions_archive (user_id);
CREATE INDEX ON ml.struggle_predictions_archive (prediction_date);
