-- Whether a planned objective has an episode is asked of each plan, wherever days begin at another hour than UTC's.
CREATE INDEX episodes_of_an_objective ON ml.episodes (user_id, learning_objective_id);

-- As in 087, where a text that is no JSON has to be tried: only then, since each try is a transaction within the other.
DO $$
BEGIN
  IF current_setting('server_version_num')::integer < 160000 THEN
    CREATE OR REPLACE FUNCTION ml.json_content(given jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $body$
    BEGIN
      IF jsonb_typeof(given) IS DISTINCT FROM 'string' THEN
        RETURN given;
      END IF;
      BEGIN
        RETURN (given #>> '{}')::jsonb;
      EXCEPTION WHEN OTHERS THEN
        RETURN given;
      END;
    END $body$;
  END IF;
END $$;
