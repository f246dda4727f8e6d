-- Grain: one row a (learner, format): the mismatch of that format with the learner's profile. 0 for the best-ranked,
-- 0.3 between, 0.6 for the lowest; equal shares share the better rank. Needs all three shares.
WITH shares AS (
  SELECT learner_key, unnest([
    {'format': 'visual', 'share': visual},
    {'format': 'text', 'share': reading},
    {'format': 'clinical', 'share': kinesthetic}], recursive := true)
  FROM learners_known WHERE visual IS NOT NULL AND reading IS NOT NULL AND kinesthetic IS NOT NULL
)
SELECT learner_key, format, 0.3 * (rank() OVER (PARTITION BY learner_key ORDER BY share DESC) - 1) AS mismatch
FROM shares
