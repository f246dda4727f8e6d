-- Grain: no row: a log has no profiles.
SELECT '' AS learner_id, NULL::INTEGER AS optimal_session_minutes, NULL::DOUBLE AS visual, NULL::DOUBLE AS reading,
  NULL::DOUBLE AS kinesthetic, NULL::VARCHAR AS preferred_study_times WHERE false
