-- Grain: one row a table of schema ml; the column that names a learner, where it has one.
SELECT c.relname AS table_name,
  (SELECT a.attname FROM pg_attribute a
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY (%(person)s::text[])
   ORDER BY a.attnum LIMIT 1) AS person_column
FROM pg_class c
WHERE c.relnamespace = 'ml'::regnamespace AND c.relkind = 'r'
ORDER BY 1
