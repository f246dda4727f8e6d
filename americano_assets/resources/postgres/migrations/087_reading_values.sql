-- What extraction reads of the app's values that a type of ours may not hold: no value ends a query, so that a bad one
-- can be set aside with its row.

-- What a JSON string holds if it is JSON itself (an app may stringify before it stores); anything else as it stands. That
-- a text is no JSON can be asked since PostgreSQL 16. Before, one has to try, which no parallel worker may.
DO $$
BEGIN
  IF current_setting('server_version_num')::integer >= 160000 THEN
    -- So many brackets, and not one more, are surely nested less deep than the server's stack.
    CREATE FUNCTION ml.json_content(given jsonb) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $body$
      SELECT CASE WHEN jsonb_typeof(given) = 'string' AND length(regexp_replace(given #>> '{}', '[^[{]', '', 'g')) <= 5000
        AND pg_input_is_valid(given #>> '{}', 'jsonb') THEN (given #>> '{}')::jsonb ELSE given END
    $body$;
  ELSE
    CREATE FUNCTION ml.json_content(given jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $body$
    BEGIN
      RETURN CASE WHEN jsonb_typeof(given) = 'string' THEN (given #>> '{}')::jsonb ELSE given END;
    EXCEPTION WHEN OTHERS THEN
      RETURN given;
    END $body$;
  END IF;
END $$;

-- A JSON number, or a text that is one, as a double; null of JSON's null. What a double cannot hold, and what is no number,
-- is infinite: no rule of a table allows that.
CREATE FUNCTION ml.json_number(given jsonb) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN jsonb_path_exists(given, 'strict $.double()', '{}', true) THEN (given #>> '{}')::double precision
    WHEN jsonb_typeof(given) <> 'null' THEN 'Infinity' END
$$;

-- An instant; of one that no calendar has (infinity, or before or after the years 1 to 9999) the first of year 1, which no
-- rule of a table allows.
CREATE FUNCTION ml.instant(given timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN given NOT BETWEEN '0001-01-01' AND '9999-12-31' THEN '0001-01-01' ELSE given END
$$;
