"""One pass over graded answers that moves every rating: the loop, and the constants that it depends on.

The log-odds that an answer is right are x = everyone + learner + learner on topic + learner on objective + practice -
objective - item. Practice is what the learner did with the objective before: how long ago, how much of it right, how
much wrong, each with a coefficient of all learners, the time since with one of the learner's own beside it (how fast
they forget). Each term is a mean with a variance; an answer moves every term towards what it showed, the more the less
was known of it.

Sources: the step of a term is Glicko's (Glickman, Applied Statistics 48:377, 1999) on log-odds, with the variances of
all terms in the denominator as in an extended Kalman filter (Fahrmeir, JASA 87:501, 1992). Practice: performance
factors analysis (Pavlik, Cen, Koedinger, AIED 2009) with time since, as in DAS3H (Choffin et al., EDM 2019). Answers
of a learner's day on one objective share its form and weigh by Kish's design effect (Survey Sampling, 1965, 5.4). A
rating period of Glicko is a study day here: objectives, items and coefficients move once it closes, by all its answers
at once; a learner's own terms move with each answer.
"""

import math
from typing import Any

import numpy as np

# The learner's own levels come first: a single learner's state is theirs of these and everybody's of the others.
LEARNER, FORGETTING, TOPIC, PAIR, OBJECTIVE, ITEM, COEFFICIENT = range(7)
LEVEL_NAMES = (
    "learner",
    "learner's forgetting",
    "learner on topic",
    "learner on objective",
    "objective",
    "item",
    "coefficients",
)
# Variance of each level before any answer, on the scale of log-odds: what a first answer may move.
PRIOR_VARIANCE = (8.0, 0.06, 0.5, 0.05, 0.5, 0.1)
# A learner changes: what is known of their levels gets less certain by so much a study day, up to the prior.
DAILY_VARIANCE = 0.0002
# Correlation of a learner's answers on an objective within a study day.
SAME_DAY = 0.4
# Coefficients of all learners: a constant, time since, studied before at all, right and wrong answers before.
COEFFICIENT_NAMES = ("everyone", "time since", "studied before", "right before", "wrong before")
PRIOR_PRECISION = (1.0, 4.0, 4.0, 4.0, 4.0)
# Practice counts ln(1 + answers / ANSWERS_SCALE): the first answers more than the hundredth.
ANSWERS_SCALE = 3.0
# Time since is ln(1 + weeks) less a usual one, so that it and how good a learner is hardly depend on each other.
USUAL_TIME_SINCE = 0.7
# What was known of an answer before it was given: seven terms of its log-odds, and the variance of what is not known.
TOLD_NAMES = ("everyone", "learner", "topic", "pair", "practice", "objective", "item", "variance")


def move(
    day: Any, learner: Any, topic: Any, pair: Any, objective: Any, item: Any, score: Any, counted: Any,
    levels: Any, practised: Any, coefficient: Any, precision: Any, told: Any, close: bool,
) -> None:  # fmt: skip
    """Move the ratings in place. Runs compiled and plain alike, so it keeps to what both understand.

    Args:
        day: Study day of each answer, ascending; a learner's answers of a day in their order, shape (n,).
        learner: Place in its levels, as of the next four; the last one of a level, whose variance is 0, where an
            answer has none.
        topic: Of the learner on the topic.
        pair: Of the learner on the objective.
        objective: Of the objective.
        item: Of the item.
        score: 0-1.
        counted: Whether an answer moves what all learners share.
        levels: (mean, variance, day of the last answer) of the six levels, LEARNER to ITEM; FORGETTING by learner.
        practised: (right, wrong) answers by pair, before the day that moves.
        coefficient: Shape (5,).
        precision: Inverse of the coefficients' covariance, shape (5, 5).
        told: Gets TOLD_NAMES of each answer as they were before it, shape (n, 8); (0, 8) where nobody asks.
        close: Whether the last study day closes: until then only the learners' own ratings move.
    """
    l_mean, l_var, l_day = levels[0]
    f_mean, f_var, f_day = levels[1]
    t_mean, t_var, t_day = levels[2]
    p_mean, p_var, p_day = levels[3]
    o_mean, o_var, o_day = levels[4]
    i_mean, i_var, i_day = levels[5]
    right, wrong = practised
    l_prior, f_prior, t_prior, p_prior = PRIOR_VARIANCE[0], PRIOR_VARIANCE[1], PRIOR_VARIANCE[2], PRIOR_VARIANCE[3]
    no_topic, no_pair, terms = len(t_mean) - 1, len(p_mean) - 1, len(coefficient)
    # What the day's answers say of each objective, item and the coefficients: gradients and weights in 10^-9, since
    # whole numbers add up to the same whatever the order of the learners.
    o_gradient, o_weight = np.zeros(len(o_mean), np.int64), np.zeros(len(o_mean), np.int64)
    i_gradient, i_weight = np.zeros(len(i_mean), np.int64), np.zeros(len(i_mean), np.int64)
    c_gradient, c_weight = np.zeros(terms, np.int64), np.zeros((terms, terms), np.int64)
    answers, gained, missed = np.zeros(len(p_mean), np.int64), np.zeros(len(p_mean)), np.zeros(len(p_mean))
    z, solved = np.zeros(terms), np.zeros(terms)
    n, start = len(day), 0
    while start < n:
        today, end = day[start], start
        while end < n and day[end] == today:
            u, t, p = learner[end], topic[end], pair[end]
            if 0 < l_day[u] < today:
                grown = DAILY_VARIANCE * (today - l_day[u])
                l_var[u] = min(l_prior, l_var[u] + grown)
                f_var[u] = min(f_prior, f_var[u] + grown)
            l_day[u] = f_day[u] = today
            if t != no_topic:
                if 0 < t_day[t] < today:
                    t_var[t] = min(t_prior, t_var[t] + DAILY_VARIANCE * (today - t_day[t]))
                t_day[t] = today
            if p != no_pair and answers[p] == 0 and p_day[p] > 0:
                p_var[p] = min(p_prior, p_var[p] + DAILY_VARIANCE * (today - p_day[p]))
            answers[p] += 1
            end += 1
        for k in range(start, end):
            u, t, p, o, i = learner[k], topic[k], pair[k], objective[k], item[k]
            since = 0.0
            z[0], z[2] = 1.0, 0.0
            if p_day[p] > 0:
                since, z[2] = math.log(1.0 + (today - p_day[p]) / 7.0) - USUAL_TIME_SINCE, 1.0
            z[1] = since
            z[3], z[4] = math.log(1.0 + right[p] / ANSWERS_SCALE), math.log(1.0 + wrong[p] / ANSWERS_SCALE)
            x = l_mean[u] + f_mean[u] * since + t_mean[t] + p_mean[p] - o_mean[o] - i_mean[i]
            for j in range(terms):
                x += coefficient[j] * z[j]
            expected = 1.0 / (1.0 + math.exp(-x))
            said = 1.0 if p == no_pair else 1.0 / (1.0 + SAME_DAY * (answers[p] - 1))
            total = l_var[u] + f_var[u] * since * since + t_var[t] + p_var[p] + o_var[o] + i_var[i]
            if len(told) > 0:
                told[k, 0], told[k, 1], told[k, 2], told[k, 3] = coefficient[0], l_mean[u], t_mean[t], p_mean[p]
                told[k, 5], told[k, 6] = -o_mean[o], -i_mean[i]
                told[k, 4] = f_mean[u] * since
                for j in range(1, terms):
                    told[k, 4] += coefficient[j] * z[j]
                told[k, 7] = total
            weight, surprise = said * expected * (1.0 - expected), said * (score[k] - expected)
            if counted[k] and (close or end < n):
                # Weighed by how little the other terms were known; of one answer this is the step of a learner's term.
                share = 1.0 / (1.0 + weight * (total - o_var[o]))
                o_gradient[o] -= math.floor(1e9 * share * surprise + 0.5)
                o_weight[o] += math.floor(1e9 * share * weight + 0.5)
                share = 1.0 / (1.0 + weight * (total - i_var[i]))
                i_gradient[i] -= math.floor(1e9 * share * surprise + 0.5)
                i_weight[i] += math.floor(1e9 * share * weight + 0.5)
                share = 1.0 / (1.0 + weight * total)
                for j in range(terms):
                    c_gradient[j] += math.floor(1e9 * share * surprise * z[j] + 0.5)
                    for m in range(j + 1):
                        c_weight[j, m] += math.floor(1e9 * share * weight * z[j] * z[m] + 0.5)
            gain = 1.0 / (1.0 + weight * total)
            l_mean[u] += l_var[u] * gain * surprise
            f_mean[u] += f_var[u] * since * gain * surprise
            t_mean[t] += t_var[t] * gain * surprise
            p_mean[p] += p_var[p] * gain * surprise
            l_var[u] -= l_var[u] * l_var[u] * weight * gain
            f_var[u] -= f_var[u] * f_var[u] * since * since * weight * gain
            t_var[t] -= t_var[t] * t_var[t] * weight * gain
            p_var[p] -= p_var[p] * p_var[p] * weight * gain
            gained[p] += score[k]
            missed[p] += 1.0 - score[k]
        for k in range(start, end):
            p = pair[k]
            # The first of the day's answers that names a pair, an objective, an item moves it; the others find nothing.
            if p != no_pair and answers[p] > 0:
                right[p] += gained[p]
                wrong[p] += missed[p]
                p_day[p] = today
            answers[p], gained[p], missed[p] = 0, 0.0, 0.0
        if end == n and not close:
            return
        for k in range(start, end):
            o, i = objective[k], item[k]
            if o_weight[o] > 0:
                step = 1.0 + o_var[o] * o_weight[o] * 1e-9
                o_mean[o] += o_var[o] * o_gradient[o] * 1e-9 / step
                o_var[o] /= step
                o_day[o] = today
                o_gradient[o], o_weight[o] = 0, 0
            if i_weight[i] > 0:
                step = 1.0 + i_var[i] * i_weight[i] * 1e-9
                i_mean[i] += i_var[i] * i_gradient[i] * 1e-9 / step
                i_var[i] /= step
                i_day[i] = today
                i_gradient[i], i_weight[i] = 0, 0
        # The coefficients' step is precision^-1 gradient, by Cholesky's factor: libraries differ in the last bits.
        factor = np.zeros((terms, terms))
        for j in range(terms):
            for m in range(j + 1):
                precision[j, m] += c_weight[j, m] * 1e-9
                precision[m, j] = precision[j, m]
                c_weight[j, m] = 0
                left = precision[j, m]
                for q in range(m):
                    left -= factor[j, q] * factor[m, q]
                factor[j, m] = math.sqrt(left) if j == m else left / factor[m, m]
        for j in range(terms):
            left = c_gradient[j] * 1e-9
            for m in range(j):
                left -= factor[j, m] * solved[m]
            solved[j] = left / factor[j, j]
            c_gradient[j] = 0
        for back in range(terms):
            j = terms - 1 - back
            left = solved[j]
            for m in range(j + 1, terms):
                left -= factor[m, j] * solved[m]
            solved[j] = left / factor[j, j]
            coefficient[j] += solved[j]
        start = end
