-- Sets the objectives of a mission, and nothing else of it.
-- Grain: one row.
UPDATE missions SET objectives = %(objectives)s WHERE id = %(id)s::text RETURNING id
