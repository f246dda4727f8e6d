"""What a column of the pipeline's own files means, by its name; `table.column` where it means something else there."""

from americano_assets.core.models.risk import CONFIDENCE_MEANS, P_MEANS

_SHARE = "0-1"
_UTC = "UTC"

WORDS: dict[str, str] = {
    # Whose, of what, when.
    "learner_id": "The learner: the app's users.id.",
    "objective_id": "The learning objective: the app's learning_objectives.id.",
    "course_id": "The topic: the course of the objective's lecture.",
    "session_id": "The study session, where the app names one.",
    "study_sessions.session_id": "The study session: the app's study_sessions.id.",
    "card_id": "The card.",
    "prompt_id": "The validation prompt.",
    "review_id": "The review, as its row or its event names it.",
    "response_id": "The answer to a validation prompt, as its row or its event names it.",
    "event_id": "The event: the app's behavioral_events.id.",
    "mission_id": "The mission in which the objective is planned.",
    "exam_id": "The exam.",
    "prerequisite_id": "The objective that the other builds on directly.",
    "prediction_id": "The episode (learner, objective, planned day): id of its prediction.",
    "occurred_at": f"When it happened ({_UTC}).",
    "started_at": f"When the session began ({_UTC}).",
    "created_at": f"When the app made the row ({_UTC}).",
    "study_day": "The study day, in days since 1970-01-01.",
    "into_day": "Since the study day opened, in milliseconds.",
    "learner_key": "64 bits of the MD5 of learner_id.",
    "objective_key": "64 bits of the MD5 of objective_id.",
    "course_key": "64 bits of the MD5 of course_id.",
    "item_key": "64 bits of the MD5 of the card's or prompt's id.",
    "session_key": "64 bits of the MD5 of session_id.",
    "source": "The log table that recorded it first.",
    "source_id": "Id of that record.",
    # What was done.
    "event_type": "What the learner did, as the app names it.",
    "kind": "A card review or a validation.",
    "rating": "How well a card was recalled, by the learner.",
    "score": f"Score of a graded validation, {_SHARE}.",
    "skipped": "The prompt was left unanswered.",
    "duration_ms": "Length of the session, in milliseconds.",
    "time_spent_ms": "Time spent on the review, in milliseconds.",
    "stability_after": "FSRS stability after the review, in days.",
    "difficulty_after": "FSRS difficulty after the review, 1-10.",
    "is_pause": "The session was paused, not ended.",
    "session_performance_score": "How well the session went by the app, 0-100.",
    "experiment_phase": "Phase of the app's own experiment in which the learner was.",
    "performance": f"How well the session went, {_SHARE}; null where the app does not say.",
    "interactions.score": f"0 for AGAIN or a skipped prompt, 1 for another review, a validation's score; {_SHARE}.",
    # Curriculum, plans and profiles.
    "in_analytics": "The learner counts in aggregates of others.",
    "complexity": "How demanding the objective is, as the app labels it.",
    "is_high_yield": "The app marks it as often examined.",
    "objective_text": "The objective in words.",
    "tags": "Tags of the objective and its lecture, separated by blanks.",
    "has_card": "There is a card to review for it.",
    "strength": "How much the objective builds on it; weighs prerequisites against each other.",
    "planned_at": f"When the objective is planned ({_UTC}); unplanned candidates: cut-off and horizon.",
    "status": "How far the mission is.",
    "completed_at": f"When the mission was completed ({_UTC}).",
    "objective_completed": "The objective is marked as done in its mission.",
    "exam_at": f"When the exam is ({_UTC}).",
    "optimal_session_minutes": "Length of session that suits the learner, in minutes.",
    "average_session_minutes": "Usual length of the learner's sessions, in minutes.",
    "visual": f"Share of visual in the learning style, {_SHARE}.",
    "reading": f"Share of reading in the learning style, {_SHARE}.",
    "kinesthetic": f"Share of hands-on in the learning style, {_SHARE}.",
    "preferred_study_times": "JSON: when the learner likes to study.",
    # Candidates.
    "planned": "The objective stands in an open mission; otherwise it is among the learner's weakest.",
    "planned_day": "The day for which it is planned, in days since 1970-01-01; part of the episode.",
    "validation_mean_180": f"Mean of the objective's graded validations of 180 days, drawn to 0.6; {_SHARE}.",
    "unmastered_prerequisites": "The three strongest prerequisites that are not mastered, by id.",
    "cohort_lapse_rate": f"Share of AGAIN of all learners on the objective, {_SHARE}; null where nobody reviewed it.",
    "data_quality": f"Share of the fifteen features that were observed, {_SHARE}.",
    # The fifteen features.
    "retention_score": f"Share of the topic's reviews of 30 days that were not AGAIN, {_SHARE}.",
    "retention_decline_rate": f"How fast that share falls by the day, ten times over, {_SHARE}.",
    "review_lapse_rate": f"Share of AGAIN among the objective's reviews of 30 days, {_SHARE}.",
    "features.session_performance_score": f"Mean performance of the last five sessions within 14 days, {_SHARE}.",
    "validation_score": f"Mean of the last ten graded validations of 30 days, {_SHARE}.",
    "prerequisite_gap_count": f"Share of the direct prerequisites that are not mastered, by strength, {_SHARE}.",
    "prerequisite_mastery_gap": f"1 minus mean mastery of the direct prerequisites, by strength, {_SHARE}.",
    "content_complexity": "BASIC 0.3, INTERMEDIATE 0.6, ADVANCED 0.9.",
    "complexity_mismatch": f"Complexity above the learner's mastery of the topic, {_SHARE}.",
    "historical_struggle_score": f"Share of earlier windows of the topic that ended in a struggle, {_SHARE}.",
    "content_type_mismatch": "0.6 where the format suits the learner least, 0.3 in between, 0 where it suits best.",
    "cognitive_load_indicator": f"How heavy the last day of study was, {_SHARE}.",
    "days_until_exam": f"1 minus days to the topic's next exam ÷ 90, {_SHARE}; 1 is today.",
    "days_since_last_study": f"Days since the objective, or else its topic, was studied ÷ 30, {_SHARE}.",
    "workload_level": f"Unmastered objectives planned for 14 days ÷ 50, {_SHARE}.",
    # The extended features.
    "elo_chance": f"Chance of a right answer by the skill ratings, {_SHARE}.",
    "elo_learner": f"The learner's rating, as 0.5 + log-odds ÷ 12, {_SHARE}.",
    "elo_topic": f"The learner's rating on the topic, as 0.5 + log-odds ÷ 12, {_SHARE}.",
    "elo_pair": f"The learner's rating on the objective, as 0.5 + log-odds ÷ 12, {_SHARE}.",
    "elo_practice": f"What practice left of the objective, as 0.5 + log-odds ÷ 12, {_SHARE}.",
    "elo_difficulty": f"The objective's difficulty, as 0.5 + log-odds ÷ 12, {_SHARE}.",
    "cohort_first_try": f"Mean first score of other learners on the objective, 180 days, {_SHARE}.",
    "cohort_recent": f"Mean score of other learners on the objective, 30 days, {_SHARE}.",
    "cohort_before": f"How many others have studied the objective: ln(1 + n) ÷ ln(1001), {_SHARE}.",
    "last_score": f"The learner's last score on the objective, 180 days, {_SHARE}.",
    "objective_success": f"The learner's mean score on the objective, 180 days, drawn to 0.6; {_SHARE}.",
    "topic_last_score": f"The learner's last score on the topic, 180 days, {_SHARE}.",
    "topic_success": f"The learner's mean score on the topic, 180 days, drawn to 0.6; {_SHARE}.",
    "log_successes": f"ln(1 + scores) ÷ ln(101) on the objective, 180 days, {_SHARE}.",
    "log_failures": f"ln(1 + what scores lacked to 1) ÷ ln(101) on the objective, 180 days, {_SHARE}.",
    "topic_log_successes": f"ln(1 + scores) ÷ ln(1001) on the topic, 180 days, {_SHARE}.",
    "topic_log_failures": f"ln(1 + what scores lacked to 1) ÷ ln(1001) on the topic, 180 days, {_SHARE}.",
    "days_since_lapse": f"Days since the last AGAIN on the objective ÷ 30, {_SHARE}.",
    # Labels and training.
    "n_reviews": "Reviews in the window.",
    "n_validations": "Graded validations in the window.",
    "n_again": "Reviews in the window that were AGAIN.",
    "mean_score": f"Mean graded score in the window, {_SHARE}; null where nothing was graded.",
    "struggled": "The window ended in a struggle; null where the learner did not study enough to tell.",
    "mean_struggle": "Studied enough to tell, and the mean graded score is below the threshold.",
    "cutoff_day": "The study day at whose cut-off the features stand.",
    "told_by_learner": "The label is the learner's own word.",
    "treated": "Help that the learner could see may have changed the label.",
    "weight": "How much the row counts in fitting and calibration.",
    "split": "What the row serves for.",
    # Scores.
    "probability": f"p of a struggle within the horizon: {P_MEANS}.",
    "confidence": f"How sure p is: {CONFIDENCE_MEANS}.",
    "flagged": "At or above the threshold, and no cold start.",
    "cold_start": "Too little is known of the learner for a flag.",
    "factors": "JSON: what speaks for and against a struggle, in a student's words.",
    "threshold": f"p from which on the model flags, {_SHARE}.",
    "model_version": "Content hash of the model that scored.",
    "model_type": "Kind of that model.",
    # Ratings.
    "level": "Whose rating: learner, topic, pair, objective, item, forgetting or coefficient, by number.",
    "key": "Key of the learner, objective or item; place of a coefficient.",
    "other": "Key of the topic or objective where the level is a pair, else 0; of coefficients the other's place.",
    "mean": "The rating, in log-odds; of objectives and items the difficulty.",
    "variance": "Variance of the mean, in squared log-odds.",
    "day": "Study day of the last answer, in days since 1970-01-01.",
    "counted": "The learner's answers moved objectives, items and coefficients.",
    "right": "Scores of the learner's answers on the objective, added up.",
    "wrong": "What those scores lacked to 1, added up.",
    # Advice.
    "indicators.id": "Id of the indicator: a function of prediction and type.",
    "interventions.id": "Id of the intervention: a function of prediction and type.",
    "indicator_type": "What speaks for a struggle.",
    "severity": "How much it speaks for it.",
    "context": "JSON: the values behind it.",
    "intervention_type": "What kind of help it is.",
    "description": "What to do, in a student's words.",
    "reasoning": "Why, in a student's words.",
    "priority": "1-10, 10 first, with what the holdout showed of its type.",
    "base_priority": "1-10, before anything was learned of its type.",
    "related_objective_id": "The objective that the help is about.",
    "actions": "JSON: what a machine needs to carry it out.",
    # The researchers' file.
    "research.study_day": "The study day, by the day on which it opens.",
    "research.planned_day": "The day for which it is planned.",
    "first_event_at": f"First event of the learner in the phase ({_UTC}).",
    "last_event_at": f"Last event of the learner in the phase ({_UTC}).",
    "events": "Events of the learner in the phase.",
    "study_days": "Study days with an event in the phase.",
    "first_flagged_at": f"Cut-off of the first flag ({_UTC}); null: never flagged.",
    "predicted_at": f"Cut-off of the last prediction before the planned day ({_UTC}).",
    "window_end": f"End of the window in which the outcome shows ({_UTC}).",
    "live": "Published in time for the learner to see it.",
    "outcome": "struggled, not_struggled or unstudied.",
    "built_at": f"When the file was built ({_UTC}).",
    "through_study_day": "The last study day that is in the file.",
    "timezone": "Time zone in which study days end at 23:00.",
    "horizon_days": "How far ahead a prediction looks, in study days.",
    "struggle_below": f"A mean score below is a struggle, {_SHARE}.",
}
# Tables whose words are those of another where they have none of their own.
_ALIKE = {"training_set": "features", "scored_predictions": "features", "research.features": "features"}


def words(table: str, column: str) -> str:
    """What a column means.

    Raises:
        KeyError: Nothing is said of it.
    """
    schema = table.partition(".")[0]
    for name in (f"{table}.{column}", f"{_ALIKE.get(table)}.{column}", f"{schema}.{column}", column):
        if name in WORDS:
            return WORDS[name]
    observed, _, feature = column.partition("_")
    if observed == "observed" and feature in WORDS:
        return f"Whether {feature} was observed; otherwise it has its neutral value."
    raise KeyError(f"{table}.{column}: no description in stages/common/dictionary/words.py")
