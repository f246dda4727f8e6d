-- Grain: one row a foreign key of one column from a table that is none of the three written ones to one of them: which
-- it points at, from where, and whether we may look there.
SELECT c.confrelid::regclass::text AS target, n.nspname AS schema_name, o.relname AS table_name, a.attname AS column_name,
  t.attname AS target_column, has_table_privilege(c.conrelid, 'SELECT') OR has_column_privilege(c.conrelid, a.attnum, 'SELECT') AS readable
FROM pg_constraint c
JOIN pg_class o ON o.oid = c.conrelid
JOIN pg_namespace n ON n.oid = o.relnamespace
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
JOIN pg_attribute t ON t.attrelid = c.confrelid AND t.attnum = c.confkey[1]
WHERE c.contype = 'f' AND c.confrelid = ANY (%(written)s::text[]::regclass[])
  AND NOT c.conrelid = ANY (%(written)s::text[]::regclass[])
ORDER BY 2, 3, 4
