"""A sweep in a process of its own: on so many devices, or one of several processes.

python devices_child.py FILE [INDEX COUNT PORT [FOLDER]]
"""

import sys

import jax

import boostsim as bs


def swept(**how):
    task = bs.random_table(2, prompts=5, responses=3, solvable=0.6)
    rule = bs.boosting(attempts=2, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3))
    gammas = [0.01 * number for number in range(41)]
    over = {"gamma": gammas, "attempts": [1, 2]}
    return bs.sweep(rule, task, 3, over=over, visits=20, seeds=3, key=0, **how)


def exact(**how):
    task = bs.random_table(2, prompts=5, responses=3, solvable=0.6)
    rule = bs.boosting(attempts=2, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3))
    gammas = [0.0001 * number for number in range(5000)]
    over = {"gamma": gammas, "beta": [0.2, 0.3]}
    return bs.sweep(rule, task, 3, over=over, record=("diversity",), **how)


if __name__ == "__main__":
    file, *rest = sys.argv[1:]
    if rest:
        index, count, port, *folder = rest
        told = {"num_processes": int(count), "process_id": int(index)}
        jax.distributed.initialize(f"localhost:{port}", **told)
        how = {"folder": folder[0]} if folder else {}
        bs.save(swept(**how), file)
    else:
        for devices in (1, 2, 4, 8):
            bs.save(swept(devices=devices), f"{file}-{devices}.nc")
            bs.save(exact(devices=devices), f"{file}-exact-{devices}.nc")
