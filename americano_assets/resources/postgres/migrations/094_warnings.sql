-- Of each type of model what became of its warnings: precision is of those alone whose outcome can be told.
ALTER TABLE ml.model_performance
  ADD COLUMN warnings jsonb;         -- {right, known, unknown}; null: not kept in this scope, or by an earlier version
