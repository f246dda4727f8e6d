-- The prediction that a recommendation belongs to, locked until the transaction ends. It is locked before the
-- recommendation, as a publication does: who locks in another order waits for a publication that waits for them.
-- Grain: one row, or none.
SELECT p.id
FROM struggle_predictions AS p
WHERE p.id = (SELECT r."predictionId" FROM intervention_recommendations AS r WHERE r.id = %(id)s::text)
FOR UPDATE
