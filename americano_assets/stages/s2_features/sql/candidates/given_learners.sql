-- Grain: one row a learner of `given_pairs` who may be analysed.
SELECT DISTINCT learner_key FROM learners_known SEMI JOIN given_pairs USING (learner_id)
