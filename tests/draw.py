"""The strategies of ``bs.testing`` with criteria of all kinds."""

import boostsim as bs


@bs.criterion
def struggling(visits):
    return (visits.pass_rate < 0.6) * (1.0 + visits.attempts - visits.accepted)


@bs.criterion
def at_most_two_thirds(visits):
    """A threshold that single precision would miss."""
    return (1.0 - visits.pass_rate >= 1.0 / 3.0) * 1.0


@bs.criterion
def asked_each_time(visits):
    """The same priorities, but reading the mass: not known before the run."""
    return struggling.function(visits) + 0.0 * visits.mass


@bs.criterion(allocation="proportional")
def soft(visits):
    return (1.0 - visits.pass_rate) ** 2


RANKED = [bs.criteria.failed, bs.criteria.uniform, struggling, at_most_two_thirds, asked_each_time]


def worlds(budgets=True, all_slots=False):
    """A task and a procedure that fits it, over all slots."""
    return bs.testing.worlds(budgets, all_slots, ranked=tuple(RANKED), proportional=(soft,))
