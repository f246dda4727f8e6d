-- Definitions used by more than one query.
-- Whole study days between a row and the cut-off: 0 within the last day. Study days may last 23 or 25 hours. At the
-- end of a day into_day decides nothing, and need not be read.
CREATE OR REPLACE MACRO age_days(study_day, into_day, cutoff_day, cutoff_into) AS
  cutoff_day - study_day - CASE WHEN cutoff_into = 0 THEN 1 ELSE (into_day >= cutoff_into)::INTEGER END;
-- Sums of fractions are taken over whole numbers of 10^-9: float sums change their last bits from run to run. A DOUBLE
-- holds such sums exactly up to 2^53, nine million times 1, and adds several times faster than a 128-bit integer.
CREATE OR REPLACE MACRO nano(x) AS round(x * 1000000000);
CREATE OR REPLACE MACRO nano_mean(total, n) AS total::DOUBLE / n / 1000000000;
-- Null stays null: least and greatest pass over nulls, which would turn "not observed" into a value.
CREATE OR REPLACE MACRO clip(x, low, high) AS CASE WHEN x IS NOT NULL THEN least(greatest(x, low), high) END;
-- Weight of an interaction in mastery: halves every 90 days.
CREATE OR REPLACE MACRO decay(occurred_at, cutoff) AS
  exp(-ln(2) * (epoch_ms(cutoff) - epoch_ms(occurred_at)) / 7776000000);
-- The weight of an hour of a day relative to the day's opening: decay(T, x) = decay(T, opening) * growth(into the day).
CREATE OR REPLACE MACRO growth(into_day) AS exp(ln(2) * into_day / 7776000000);
-- The order of interactions: of days, and within a day by learner, time, source, id.
CREATE OR REPLACE MACRO chronological(study_day, place) AS study_day::BIGINT * 4294967296 + place;
-- A review scores 1 unless AGAIN.
CREATE OR REPLACE MACRO score_nano(n_reviews, n_again, validation_nano) AS
  (n_reviews - n_again) * 1000000000::BIGINT + validation_nano;
-- Decayed, shrunk success: (sum of weight * score + 0.6) / (sum of weights + 1).
CREATE OR REPLACE MACRO mastery_of(weighted_score_nano, weight_nano) AS
  (weighted_score_nano + 600000000)::DOUBLE / (weight_nano + 1000000000);
CREATE OR REPLACE MACRO is_mastered(mastery, n_reviews, n_validations) AS
  mastery >= 0.65 AND (n_reviews >= 3 OR n_validations >= 1);
-- The threshold's rule: whether a mean graded score is a struggle's. It stands here alone.
CREATE OR REPLACE MACRO mean_struggles(score_nano, n, struggle_below) AS score_nano < nano(struggle_below) * n;
-- The label: null without evidence in both directions (3 reviews or 1 graded validation), else whether it was a
-- struggle: a mean graded score below the threshold, or at least 3 AGAIN that are at least 30 % of the reviews.
CREATE OR REPLACE MACRO struggled_by(n_reviews, n_validations, n_again, score_nano, struggle_below) AS
  CASE WHEN n_reviews < 3 AND n_validations < 1 THEN NULL
  ELSE mean_struggles(score_nano, n_reviews + n_validations, struggle_below)
    OR (n_again >= 3 AND 10 * n_again >= 3 * n_reviews) END;
-- Mean success shrunk towards 0.6 by two answers: (sum + 1.2) / (n + 2).
CREATE OR REPLACE MACRO shrunk(score_nano, n) AS (score_nano / 1000000000.0 + 1.2) / (n + 2);
-- The same of everybody but one. A row of theirs that came late is not in the stored numbers of everybody, so no less than
-- nothing is left, and no more than all of it right.
CREATE OR REPLACE MACRO less(total, own) AS clip(total - COALESCE(own, 0), 0, total);
CREATE OR REPLACE MACRO shrunk_others(score_nano, own_nano, n, own_n) AS
  shrunk(least(less(score_nano, own_nano), 1000000000.0 * less(n, own_n)), less(n, own_n));
-- Counts grow by their logarithm, 1 at `most`; log-odds from -6 to 6 are brought to 0-1.
CREATE OR REPLACE MACRO log_share(n, most) AS clip(ln(1 + n) / ln(1 + most), 0, 1);
CREATE OR REPLACE MACRO logit_share(x) AS clip(0.5 + x / 12, 0, 1);
-- The variance of a rating that grows day by day since the last answer, up to the one before any; of no rating that one.
CREATE OR REPLACE MACRO grown(variance, prior, daily, days) AS COALESCE(least(prior, variance + daily * days), prior);
