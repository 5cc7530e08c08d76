"""Logs made by a few lines of NumPy, with everything known: who errs, how often, how it repeats."""

import numpy as np

from boostsim.logs.log import Log
from boostsim.logs.looks import Looks


def rates(generator, mean, correlation, shape):
    """Rates of a beta law: two draws at one rate have that correlation."""
    if correlation == 0.0:
        return np.full(shape, mean)
    size = (1.0 - correlation) / correlation
    return generator.beta(mean * size, (1.0 - mean) * size, shape)


def log(
    generator,
    prompts=60,
    iterations=4,
    visits=4,
    attempts=4,
    audited=8,
    gamma=(0.1, 0.1),  # false accept, false reject
    uneven=0.0,  # correlation of verdict errors within a prompt
    together=0.0,  # share of visits whose attempts share one draw
    creeping=0.0,  # false accept, more an iteration
    beta=0.4,
    drift=0.0,  # of beta, an iteration
    focus=True,  # labels where nothing was accepted, else by a coin
    persistent=False,  # labels of a prompt
    unfair=0.0,  # chance that a rejected response that would be audited is not
):
    """A run whose pass rates do not move, with visits, a joint audit and labels."""
    rows = {name: [] for name in ("prompt", "iteration", "attempts", "accepted", "correct")}
    rows |= {name: [] for name in ("audited", "audited_correct", "audited_accepted")}
    rows |= {name: [] for name in ("audited_accepted_correct", "labelled", "label_correct")}
    of_visits = []
    p = generator.beta(0.7, 0.9, prompts)
    false_accept = rates(generator, gamma[0], uneven, prompts)
    false_reject = rates(generator, gamma[1], uneven, prompts)
    answer = generator.random(prompts) < beta
    for x in range(prompts):
        for t in range(iterations):
            alike = generator.random((visits, 1)) < together
            draw = np.where(alike, generator.random((visits, 1)), 1.0)
            draw = np.where(alike, draw, generator.random((visits, attempts)))
            right = draw < p[x]
            wrongly = np.where(right, false_reject[x], false_accept[x] + creeping * t)
            accepted = right ^ (generator.random((visits, attempts)) < wrongly)
            of_visits += [(len(rows["prompt"]), attempts, int(a)) for a in accepted.sum(1)]
            flat, taken = right.ravel(), accepted.ravel()
            seen = generator.permutation(visits * attempts)[:audited]
            seen = seen[taken[seen] | (generator.random(len(seen)) >= unfair)]
            failed = int((accepted.sum(1) == 0).sum())
            bought = failed if focus else int(generator.random() < 0.5) * 2
            hits = generator.binomial(bought, np.clip(beta + drift * t, 0.0, 1.0))
            told = (x, t, visits * attempts, taken.sum(), flat.sum(), len(seen), flat[seen].sum())
            told += (taken[seen].sum(), (flat & taken)[seen].sum(), bought)
            told += (bought * answer[x] if persistent else hits,)
            for name, number in zip(rows, told, strict=True):
                rows[name].append(int(number))
    visit = np.array(of_visits)
    columns = {name: np.array(held) for name, held in rows.items()}
    return Log(
        list(range(prompts)),
        list(range(iterations)),
        visit_record=visit[:, 0],
        visit_attempts=visit[:, 1],
        visit_accepted=visit[:, 2],
        **columns,
    )


def looks(generator, prompts=60, responses=4, many=2, gamma=0.2, share=0.0, uneven=0.0):
    """Several looks at each response, half of them right; a share of them shares one draw."""
    wrongly = np.repeat(rates(generator, gamma, uneven, prompts), responses)
    number = prompts * responses
    errs = generator.random((number, many)) < wrongly[:, None]
    shared = generator.random(number) < share
    errs[shared] = errs[shared][:, :1]
    right = np.arange(number) % 2
    prompt = np.repeat(np.arange(prompts), responses)
    response = np.tile(np.arange(responses), prompts)
    verdicts = right[:, None] ^ errs
    return Looks(list(range(prompts)), prompt, list(range(responses)), response, verdicts, right)


def counts(generator, prompts, trials, mean, correlation):
    """Hits and trials by prompt; trials ``"few"`` (1 to 4), ``"even"`` (8) or ``"geometric"``."""
    if trials == "few":
        made = generator.integers(1, 5, prompts)
    elif trials == "even":
        made = np.full(prompts, 8)
    else:
        made = generator.geometric(0.1, prompts)
    return generator.binomial(made, rates(generator, mean, correlation, prompts)), made
