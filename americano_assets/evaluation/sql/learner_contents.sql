-- Grain: one row a learner of `interactions`, in an order that their log alone decides, not their name nor the order of
-- the rows: folds and samples follow it. n: graded interactions; answered: those that were not skipped.
-- Reads: interactions.
SELECT learner_id, count(*) AS n, count(*) FILTER (NOT skipped) AS answered,
  sum(md5_number_lower(concat_ws('|', objective_id, kind, epoch_us(occurred_at), nano(score), rating))::HUGEINT) AS content
FROM interactions GROUP BY learner_id
ORDER BY md5(content::VARCHAR), n, learner_id
