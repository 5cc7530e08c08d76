"""Ctrl-C in the middle of a run: put off until what was started is known, and then waited for."""

import signal

import pytest

from boostsim.simulation.interrupts import unbroken, waited_for


@pytest.fixture(autouse=True)
def python_s_own_handler():
    # A process that a shell started in the background ignores interrupts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_is_put_off_and_not_lost():
    done = []

    def work():
        with unbroken():
            signal.raise_signal(signal.SIGINT)
            done.append("the rest of the block")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["the rest of the block"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_was_begun_is_waited_for():
    class Slow:
        waited = False

        def block_until_ready(self):
            Slow.waited = True
            return self

    def work(begun):
        with waited_for(lambda: begun):
            begun.append([Slow()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work([])
    assert Slow.waited
