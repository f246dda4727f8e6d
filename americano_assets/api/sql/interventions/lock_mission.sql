-- A mission as it is now, locked until the transaction ends.
-- Grain: one row, or none.
SELECT id, status::text AS status, objectives
FROM missions
WHERE id = %(id)s::text
FOR UPDATE
