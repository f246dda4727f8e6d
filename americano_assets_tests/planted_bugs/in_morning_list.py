"""Bugs in the morning list: who stands on it, in which order, what is told of whom, who may open it, its reach."""

from americano_assets_tests.planted_bugs.planting import Mutation

_T = "americano_assets_tests"
_ORDER = f"{_T}/core/morning_list/test_order.py"
_CAPACITY = f"{_T}/core/morning_list/test_capacity.py"
_LIST = f"{_T}/api/morning_list/test_the_list.py"
_DOOR = f"{_T}/api/morning_list/test_the_door.py"
_OUTCOMES = f"{_T}/stages/s8_reduction/test_list_outcomes.py"
_ACT = f"{_DOOR}::test_an_action_is_one_of_a_few"
_FOREIGN = f"{_DOOR}::test_a_foreign_page_writes_nothing"
_COURSES = f"{_DOOR}::test_an_adviser_sees_and_touches_the_courses_of_the_token_alone"
_SQL = "api/sql/morning_list"
_DOOR_FILE = "api/morning_list/door.py"

MUTATIONS = (
    *(
        Mutation(f"morning list: {touches}", file, text, planted, tests)
        for touches, file, text, planted, tests in (
            (
                "held out, listed",
                f"{_SQL}/list_episodes.sql",
                " AND a.arm = 'treated'",
                "",
                f"{_LIST}::test_who_is_held_out_or_opted_out_stands_nowhere_and_takes_no_place",
            ),
            (
                "opted out, listed",
                f"{_SQL}/list_episodes.sql",
                ' AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled"',
                "",
                f"{_LIST}::test_who_is_held_out_or_opted_out_stands_nowhere_and_takes_no_place",
            ),
            (
                "held out, in the history",
                f"{_SQL}/list_history.sql",
                "a.arm IS DISTINCT FROM 'holdout'",
                "true",
                f"{_LIST}::test_of_a_held_out_episode_the_history_says_nothing_until_it_has_closed",
            ),
            (
                "held out, early outcome",
                f"{_SQL}/list_history.sql",
                " AND greatest(e.window_end, a.window_end) <= %(now)s::timestamp",
                "",
                f"{_LIST}::test_of_a_held_out_episode_the_history_says_nothing_until_it_has_closed",
            ),
            (
                "another course's list",
                f"{_SQL}/list_episodes.sql",
                """(%(courses)s::text[] IS NULL OR p."topicId" = ANY (%(courses)s::text[]))""",
                "(%(courses)s::text[] IS NULL OR true)",
                _COURSES,
            ),
            (
                "another course's history",
                f"{_SQL}/list_history.sql",
                "(%(courses)s::text[] IS NULL OR COALESCE(e.course_id, '') = ANY (%(courses)s::text[]))",
                "(%(courses)s::text[] IS NULL OR true)",
                _COURSES,
            ),
            (
                "another course's notes",
                f"{_SQL}/list_actions.sql",
                "(%(courses)s::text[] IS NULL OR course_id = ANY (%(courses)s::text[]))",
                "(%(courses)s::text[] IS NULL OR true)",
                _COURSES,
            ),
            (
                "acts on another course",
                "api/morning_list/routes.py",
                "if not visitor.may_see(course):",
                "if False:",
                _COURSES,
            ),
            (
                "any course may be chosen",
                "api/morning_list/routes.py",
                "if course is not None and course not in courses:",
                "if False:",
                _COURSES,
            ),
            (
                "a revoked token's session",
                f"{_SQL}/adviser_session.sql",
                "AND t.revoked_at IS NULL ",
                "",
                f"{_DOOR}::test_a_session_ends_with_its_token_its_time_or_its_adviser",
            ),
            (
                "an endless session",
                f"{_SQL}/adviser_session.sql",
                " AND s.expires_at > %(now)s::timestamp",
                "",
                f"{_DOOR}::test_a_session_ends_with_its_token_its_time_or_its_adviser",
            ),
            (
                "the cookie that a browser brought",
                _DOOR_FILE,
                "    secret = new_secret()\n    async",
                "    secret = request.cookies[COOKIE]\n    async",
                f"{_DOOR}::test_a_token_is_asked_for_by_a_form_and_gives_a_cookie",
            ),
            ("no csrf token", _DOOR_FILE, "if has_cookie and not (", "if False and not (", _FOREIGN),
            ("a foreign site", _DOOR_FILE, "    if not is_own:", "    if False:", _FOREIGN),
            (
                "anybody's header",
                _DOOR_FILE,
                "given[0] and _is_trusted(request)",
                "given[0]",
                f"{_DOOR}::test_a_proxys_word_counts_from_its_address_alone",
            ),
            (
                "two headers",
                _DOOR_FILE,
                "len(given) == 1 and",
                "given and",
                f"{_DOOR}::test_who_a_proxy_signs_in_writes_by_a_form_of_ours",
            ),
            (
                "the app's token by the form",
                _DOOR_FILE,
                "caller is None or caller.courses is None",
                "caller is None",
                f"{_DOOR}::test_a_wrong_token_is_told_and_signs_nobody_in",
            ),
            (
                "an adviser's token everywhere",
                "api/middleware/authentication.py",
                "if found.courses is not None:",
                "if False:",
                f"{_DOOR}::test_an_advisers_token_opens_nothing_else",
            ),
            ("any snooze", "api/morning_list/routes.py", "if str(one) == given), None)", "), int(given))", _ACT),
            (
                "a note of nothing",
                "api/morning_list/routes.py",
                "if not note or len(note)",
                "if len(note)",
                f"{_LIST}::test_notes_are_words_with_their_writer",
            ),
            (
                "confidence left out",
                "core/morning_list/order.py",
                "episode.probability * episode.confidence * known",
                "episode.probability * known",
                _ORDER,
            ),
            ("all episodes count", "core/morning_list/order.py", "ordered[:BEST]", "ordered", _ORDER),
            (
                "who is in hand takes a place",
                "core/morning_list/order.py",
                "in (Standing.IN_HAND, Standing.SNOOZED)",
                "in (Standing.SNOOZED,)",
                _ORDER,
            ),
            (
                "a new flag changes nothing",
                "core/morning_list/order.py",
                "if newest_flag > last.at:",
                "if False:",
                _ORDER,
            ),
            (
                "too few learners make it known",
                "core/interventions/measured_help.py",
                "if measured.learners < MIN_LEARNERS:",
                "if False:",
                _ORDER,
            ),
            ("harm counts", "core/interventions/measured_help.py", "max(one, 0.0) for", "one for", _ORDER),
            (
                "rates of a few rows",
                "core/morning_list/capacity.py",
                " if whole >= LEAST_ROWS else None",
                "",
                _CAPACITY,
            ),
            (
                "unknown outcomes count as none",
                "core/morning_list/capacity.py",
                "for outcome in shown if outcome is not None",
                "for outcome in map(bool, shown)",
                _CAPACITY,
            ),
            (
                "held out, in the curve",
                "stages/s8_reduction/sql/list_pairs.sql",
                "WHERE s.prediction_id NOT IN (SELECT prediction_id FROM held)",
                "",
                _OUTCOMES,
            ),
            (
                "only who was flagged struggles",
                "stages/s8_reduction/sql/list_outcomes.sql",
                "FROM pairs GROUP BY",
                "FROM pairs WHERE flagged GROUP BY",
                _OUTCOMES,
            ),
            (
                "known too early",
                "stages/s8_reduction/list_outcomes.py",
                '{"day": night}',
                '{"day": None}',
                _OUTCOMES,
            ),
        )
    ),
)
