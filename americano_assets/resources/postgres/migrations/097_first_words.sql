-- The first of several texts in which there is anything to read, else the last that is given: what has no name is called by
-- its code, or its id, wherever it is shown. An expression, which PostgreSQL puts in the place of the call.
CREATE FUNCTION ml.first_words(first text, second text, third text DEFAULT NULL, last text DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN first ~ '\S' THEN first WHEN second ~ '\S' THEN second WHEN third ~ '\S' THEN third
    ELSE COALESCE(last, third, second) END
$$;
