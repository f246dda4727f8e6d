-- Grain: no row: a log has no prerequisites.
SELECT '' AS objective_id, '' AS prerequisite_id, 0.0::DOUBLE AS strength WHERE false
