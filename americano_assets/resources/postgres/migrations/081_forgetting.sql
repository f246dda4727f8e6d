-- Rows of ml.assignments go for one reason alone: their learner is forgotten. The transaction that forgets says whom, in
-- the setting ml.forgetting; rows of anybody else stay, whatever else the statement names.
CREATE FUNCTION ml.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'TRUNCATE' OR OLD.user_id IS DISTINCT FROM current_setting('ml.forgetting', true) THEN
    RAISE EXCEPTION 'A row of %.% is never removed but with all else of its learner: americano forget.',
      TG_TABLE_SCHEMA, TG_TABLE_NAME;
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER only_forgotten BEFORE DELETE ON ml.assignments
  FOR EACH ROW EXECUTE FUNCTION ml.refuse_removal();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ml.assignments
  FOR EACH STATEMENT EXECUTE FUNCTION ml.refuse_removal();

-- Without the id of the episode: what is raised goes into logs, where nobody finds it again.
CREATE OR REPLACE FUNCTION ml.refuse_holdout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM ml.assignments a WHERE a.prediction_id = NEW.prediction_id AND a.arm = 'holdout') THEN
    RAISE EXCEPTION '%.% takes no row of a holdout episode: the effect would be off.', TG_TABLE_SCHEMA, TG_TABLE_NAME;
  END IF;
  RETURN NEW;
END $$;

-- Tokens of learners who are forgotten keep no name.
UPDATE ml.api_tokens SET name = 'forgotten ' || left(token_hash, 16) WHERE learner_id = '';
