"""What the public functions say, as text to the last bit: under any switches of JAX the same."""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np

import boostsim as bs

NOISY, WEAK = bs.NoisyFilter(0.1), bs.WeakLabeler(0.4)
TINY = bs.Transformer(width=8, heads=2, layers=1, steps=2, batch=8, first_steps=2)
LOOKUP = bs.lookup(8, 4)
# Not jax.random.key, which a switch changes too.
KEY = jax.random.wrap_key_data(jnp.array([0, 3], jnp.uint32), impl="threefry2x32")


@bs.criterion
def uneven(visits):
    return (1.0 - visits.pass_rate) * visits.disagreement + 0.1


def table():
    return bs.random_table(3, prompts=6, responses=4, solvable=0.5)


def told(values):
    """Numbers to the last bit."""
    return np.asarray(values, np.float64).tobytes().hex()


def of(trace):
    return {name: told(values) for name, values in trace.items() if name != "seconds"}


def exact():
    procedure = bs.boosting(attempts=2, filter=NOISY, criterion=uneven, budget=0.2, labeler=WEAK)
    return of(bs.simulate(procedure, table(), 3, record=("diversity", "entropy", "rows")))


def exact_with_a_memory():
    procedure = bs.boosting(
        attempts=2, filter=NOISY, criterion=bs.criteria.thompson(), budget=0.2, labeler=WEAK
    )
    return of(bs.simulate(procedure, table(), 3, key=5))


def sampled():
    answers = {
        "few": {"visits": 4, "visited_share": 0.5},
        "many": {"visits": 100},
    }
    lasting = bs.NoisyFilter(0.2, persistent=True)
    procedure = bs.boosting(
        attempts=2, filter=lasting, labeler=WEAK, sharpening=bs.Sharpening(0.7, top_k=3)
    )
    return {
        name: of(bs.simulate(procedure, table(), 3, seeds=2, key=7, **how))
        for name, how in answers.items()
    }


def tokens():
    rule = bs.criteria.hedge()
    procedure = bs.boosting(attempts=2, filter=NOISY, criterion=rule, budget=0.2, labeler=WEAK)
    how = {"learner": TINY, "prompts_per_iteration": 16, "pool": 20, "evaluate": 2, "key": 2}
    return of(bs.simulate(procedure, bs.arithmetic(), 2, devices=1, **how))


def fitted():
    procedure = bs.boosting(criterion=bs.criteria.disagreement, budget=0.5, labeler=WEAK)
    return of(bs.simulate(procedure, LOOKUP, 1, learner=TINY, exact=True, key=1, devices=1))


def laws():
    return [
        told(bs.laws.boosting_error(beta=0.3, attempts=2, initial_error=0.9, iterations=[1, 5])),
        told(
            bs.laws.uneven_error(
                beta_per_prompt=[0.1, 0.5],
                prompt_weights=[0.5, 0.5],
                initial_error=[0.9, 0.8],
                iterations=[2, 3],
            )
        ),
    ]


def designed():
    goal = bs.Objective(
        bs.boosting(filter=NOISY, labeler=WEAK),
        table(),
        2,
        spend=0.5,
        prices=bs.Prices(1.0, 0.0, 0.0),
    )
    found = bs.design(
        goal, {"budget": bs.Knob(0.0, 1.0, per_iteration=True)}, steps=1, restarts=1, grid=2
    )
    return told(found.values["budget"])


def certified():
    return bs.certify("T1", key=1, points=1, exact_points=2, levels=("exact",)).summary()


def compared():
    challenge = {"one": bs.Challenge(table(), WEAK, NOISY, 2)}
    played = bs.compare(["failed", "uniform"], challenge, 0.2, 2, iterations=2, visits=3)
    return of(played.results)


def checked():
    bs.testing.check_criterion(uneven)
    return "holds"


def stepped():
    """As bs.kernel is documented, but for the switches, which are the caller's."""
    with jax.enable_x64(True):
        loop = bs.kernel(bs.boosting(attempts=2, filter=NOISY, labeler=WEAK), table(), visits=100)
        step = jax.jit(loop.step)
        state, info = step(KEY, loop.init())
        state, info = step(KEY, state)
        return [told(info.labels), told(state.mass)]


CALLS = (
    exact,
    exact_with_a_memory,
    sampled,
    tokens,
    fitted,
    laws,
    designed,
    certified,
    compared,
    checked,
    stepped,
)


def everything():
    return {call.__name__: call() for call in CALLS}


if __name__ == "__main__":
    json.dump(everything(), sys.stdout)
