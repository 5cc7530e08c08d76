"""Verifiers and judges that others ran: what their audits and looks say. Aggregates only."""

import numpy as np
import real_logs
from scipy.stats import binomtest

from boostsim.fitting.repeats import repeated_errors
from boostsim.fitting.verdicts import verdict_rates


def test_a_verifier_of_plans():
    """Each plan is looked at once by each: the exact interval, counted from the file by hand."""
    found = {}
    for verifier in ("gpt-4_chat", "text-davinci-002"):
        rows = [row for row in real_logs.rows("planbench_verifier") if row["verifier"] == verifier]
        rates = found[verifier] = verdict_rates(real_logs.planbench_verifier(verifier))
        for truth, rate in ((0, rates.false_accept), (1, rates.false_reject)):
            of = [row["accepted"] != row["correct"] for row in rows if row["correct"] == truth]
            wanted = binomtest(sum(of), len(of)).proportion_ci(0.95, "exact")
            np.testing.assert_allclose(rate.interval, (wanted.low, wanted.high), rtol=1e-9)
            assert rate.homogeneity.why_not == "no two trials are of one group"
        assert rates.symmetric.rejects(0.001)
    # Neither is a filter of one gamma, and they are no one verifier.
    accepts = [rates.false_accept.interval for rates in found.values()]
    assert accepts[0][1] < accepts[1][0]
    both = verdict_rates(real_logs.planbench_verifier())
    assert both.models_alike[0].rejects(0.001)
    assert not both.models_alike[1].rejects(0.05)


def test_judges_of_pairs():
    """A good judge's errors repeat; of one with an eye for the first place looks disagree."""
    good = repeated_errors(real_logs.llmbar_judges("GPT-4/CoT"))
    for side in (good.false_accepts, good.false_rejects):
        assert side.fresh.rejects(1e-6)
        assert 0.4 < side.interval[0] < side.share < side.interval[1] < 0.85
        assert not side.order.rejects(0.05)
    placed = repeated_errors(real_logs.llmbar_judges("Falcon/CoT"))
    for side in (placed.false_accepts, placed.false_rejects):
        assert side.share is None
        assert abs(side.order.statistic) > 0.7
