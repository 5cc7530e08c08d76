"""What an accelerator does, in one command: ``make accelerator``, at most eight minutes.

Five parts, each in processes of its own and each with a budget of seconds, which is printed: a
transformer's run twice, cold and then again, whose numbers must be the same bits; speeds, beside
PyTorch where that is installed; the tests of the transformer and of the samplers; the speed of
PyTorch where it compiles, too; and the figures of transformers at full scale, as far as the time
goes (they go on from there the next time). What is known is written after each part.
``SCALE=smoke`` is the same in small, for any machine.
"""

import argparse
import datetime
import hashlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCALES = {
    "full": {
        "seconds": {"identity": 80, "speed": 140, "tests": 80, "compiled": 90, "figures": 90},
        "run": ["--task", "programs", "--iterations", "8"],
        "training": [(64, 2, 128, 32), (256, 4, 256, 32), (512, 8, 1024, 64)],
        "sampling": [(64, 2, 8192, 12), (256, 4, 16384, 16)],
        "table": (100_000, 64),
        "tests": [
            "tests/test_transformer.py",
            "tests/test_networks.py",
            "tests/test_layers.py",
            "tests/test_samplers.py",
            "tests/test_checkpoints.py",
            "tests/test_sequences.py",
            "tests/test_weighted_examples.py",
        ],
        "figures": ["arithmetic", "programs", "strata", "gap"],
    },
    "smoke": {
        "seconds": {"identity": 120, "speed": 120, "tests": 120, "figures": 120},
        "run": ["--task", "lookup", "--iterations", "1", "--prompts-per-iteration", "64"],
        "training": [(16, 1, 8, 8)],
        "sampling": [(16, 1, 8, 4)],
        "table": (100, 8),
        "tests": ["tests/test_transformer.py::test_a_row_is_drawn_alike_in_any_company"],
        "figures": ["convergence"],
    },
}
# Symbols of the frames that are timed, and steps of training: those of an iteration.
VOCABULARY, STEPS = 16, 64


def identity(scale):
    """The same run in two processes: bits, and what the first one compiles."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {
            "BOOSTSIM_CACHE": f"{folder}/models",
            "JAX_COMPILATION_CACHE_DIR": f"{folder}/programs",
        }
        command = [sys.executable, "-m", "boostsim", "run", "boosting", *scale["run"]]
        for name in ("cold", "warm"):
            began, path = time.monotonic(), f"{folder}/{name}.nc"
            asked = [*command, "--key", "0", "--save", path]
            subprocess.run(asked, env=os.environ | kept, check=True, stdout=subprocess.DEVNULL)
            yield f"a run, {name}", time.monotonic() - began, "s", ""
        digests = [digest(f"{folder}/{name}.nc") for name in ("cold", "warm")]
    yield "the same bits in both", float(digests[0] == digests[1]), "1 = yes", digests[0][:16]


def digest(path):
    """Return the hash of a trace's numbers, all but its clock."""
    import boostsim as bs

    trace, whole = bs.load(path), hashlib.sha256()
    for name in sorted(set(trace.data_vars) - {"seconds"}):
        whole.update(name.encode() + trace[name].values.tobytes())
    return whole.hexdigest()


def speed(scale):
    """Steps of training, tokens that are said, and iterations of a table under a budget."""
    import jax
    import jax.numpy as jnp

    import boostsim as bs

    size = 256 if scale is SCALES["smoke"] else 8192
    square = jnp.ones((size, size), jnp.bfloat16)
    multiply = jax.jit(lambda a: (a @ a) * jnp.bfloat16(1e-4))
    limit = 2 * size**3 / best(lambda: jax.block_until_ready(multiply(square)))
    yield f"product of {size} x {size} in bfloat16", limit / 1e12, "TFLOP/s", ""
    for width, layers, batch, length in scale["training"]:
        yield from training(width, layers, batch, length, limit)
    for width, layers, batch, length in scale["sampling"]:
        yield from sampling(width, layers, batch, length)
    prompts, responses = scale["table"]
    task = bs.random_table(0, prompts=prompts, responses=responses)
    rule = bs.boosting(attempts=4, labeler=bs.WeakLabeler(0.3), budget=0.2)
    for what, given in (
        ("exact", {}),
        ("exact, diversity", {"record": "diversity"}),
        ("sampled, diversity", {"record": "diversity", "visits": 100, "key": 0}),
    ):
        began = time.perf_counter()
        bs.simulate(rule, task, 20, **given)
        first = time.perf_counter() - began
        short, long = (
            best(lambda given=given, count=count: bs.simulate(rule, task, count, **given), 2)
            for count in (20, 120)
        )
        name = f"table {prompts} x {responses}, {what}"
        note = f"{first - short:.1f} s more the first time"
        yield f"{name}: a call of 20", short * 1e3, "ms", note
        yield f"{name}: an iteration more", (long - short) / 100 * 1e3, "ms", ""


def best(call, rounds=5):
    """Return the least seconds of a call, after one that may compile."""
    call()
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def training(width, layers, batch, length, limit):
    """Milliseconds of a step, ours and PyTorch's."""
    import jax

    from boostsim.learners import train

    model, parameters, frames = trained(width, layers, batch, length)
    given = {"steps": model.steps, "learning_rate": 1e-3}

    def ours():
        return train.train(model, parameters, frames, length // 2, jax.random.key(0), **given)

    began = time.perf_counter()
    ours()
    first = time.perf_counter() - began
    step = best(ours) / model.steps
    weights = sum(leaf.size for leaf in parameters.values())
    share = 6 * weights * batch * length / step / limit
    said = f"{100 * share:.0f}% of the product's rate, {first:.1f} s the first time"
    what = training_of(width, layers, batch, length)
    yield f"{what}: ours", step * 1e3, "ms a step", said
    theirs = pytorch(model, parameters, frames, length // 2)
    if theirs is not None:
        yield f"{what}: PyTorch eager", theirs * 1e3, "ms a step", f"{theirs / step:.2f} times ours"


def training_of(width, layers, batch, length):
    """Say what is trained."""
    return f"training, width {width}, {layers} layers, {batch} x {length}"


def trained(width, layers, batch, length):
    """Return a model, its weights, and frames of its batch."""
    import jax
    import numpy as np

    import boostsim as bs

    model = bs.Transformer(width=width, layers=layers, steps=STEPS, batch=batch)
    parameters = model.network.initial(VOCABULARY, length, jax.random.key(0))
    frames = np.random.default_rng(0).integers(2, VOCABULARY, (batch, length)).astype(np.int32)
    return model, parameters, frames


def compiled(scale):
    """Milliseconds of a step of PyTorch's where it compiles, and replays CUDA graphs."""
    for sizes in reversed(scale["training"]):
        model, parameters, frames = trained(*sizes)
        theirs = pytorch(model, parameters, frames, sizes[-1] // 2, compiles=True)
        if theirs is not None:
            yield f"{training_of(*sizes)}: PyTorch compiled", theirs * 1e3, "ms a step", ""


def pytorch(model, parameters, frames, prompt, compiles=False):
    """Return the seconds of a step of the same model by PyTorch in bfloat16, or None."""
    try:
        import peers
        import torch
    except ImportError:
        return None
    device = "cuda" if torch.cuda.is_available() else "cpu"
    theirs = peers.peer(model, parameters).to(device)
    if compiles:
        theirs.compile(mode="reduce-overhead")
    wide = torch.from_numpy(frames.astype("int64")).to(device)
    adam = torch.optim.Adam(theirs.parameters(), lr=1e-3, betas=(0.9, 0.98), fused=True)

    def steps():
        for _ in range(model.steps):
            adam.zero_grad()
            with torch.autocast(device, torch.bfloat16):
                surprise = peers.loss(theirs, wide, prompt)
            surprise.backward()
            torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
            adam.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return best(steps, 3) / model.steps


def sampling(width, layers, batch, length):
    """Tokens a second of responses as long as their prompts, ours and Hugging Face's."""
    import jax
    import numpy as np

    import boostsim as bs
    from boostsim.learners.generate import generate

    model = bs.Transformer(width=width, layers=layers)
    parameters = model.network.initial(VOCABULARY, 2 * length, jax.random.key(0))
    prompts = np.full((batch, length), 3, np.int32)
    ours = best(lambda: generate(model, parameters, prompts, length, jax.random.key(1)), 3)
    what = f"sampling, width {width}, {layers} layers, {batch} x ({length} + {length})"
    tokens = batch * length / 1e6
    yield f"{what}: ours", tokens / ours, "million tokens a second", ""
    many = np.repeat(prompts, 8, axis=0)
    ours_many = best(lambda: generate(model, parameters, many, length, jax.random.key(1)), 3)
    rate = 8 * tokens / ours_many
    yield f"{what}, 8 times as many: ours", rate, "million tokens a second", ""
    theirs = hugging_face(model, prompts, length)
    if theirs is not None:
        note = f"ours {theirs / ours:.2f} times"
        yield f"{what}: Hugging Face", tokens / theirs, "million tokens a second", note


def hugging_face(model, prompts, length):
    """Return the seconds in which a GPT-2 of the same size says as much, or None."""
    try:
        import peers
        import torch
    except ImportError:
        return None
    device = "cuda" if torch.cuda.is_available() else "cpu"
    gpt2 = peers.gpt2(model, VOCABULARY, 2 * length).to(device, torch.bfloat16)
    asked = torch.from_numpy(prompts).long().to(device)
    given = {"attention_mask": torch.ones_like(asked), "do_sample": True, "use_cache": True}
    given |= {"max_new_tokens": length, "min_new_tokens": length, "top_k": 0, "top_p": 1.0}

    @torch.inference_mode()
    def says():
        said = gpt2.generate(asked, **given)
        assert said.shape[1] == 2 * length
        return said.cpu()

    return best(says, 2)


def tests(scale, seconds):
    """The tests that a kind of device may break."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow"]
    if importlib.util.find_spec("xdist") and (os.cpu_count() or 1) > 8:
        # What takes long is compiled, by a core each.
        command += ["-n", "8", "-p", "no:benchmark"]
    done = subprocess.run(
        [*command, *scale["tests"]], cwd=ROOT, capture_output=True, text=True, timeout=seconds
    )
    print(*(line for line in done.stdout.splitlines() if line.startswith("FAILED")), sep="\n")
    yield "tests failed", float(done.returncode != 0), "0 = none", done.stdout.splitlines()[-1]


def figures(scale, name, seconds):
    """Figures, until the time is up: an interrupt keeps what is done."""
    command = [sys.executable, "-m", "boostsim", "reproduce", *scale["figures"], "--scale", name]
    folder = ROOT / "figures" / name if name == "full" else Path(tempfile.mkdtemp())
    running = subprocess.Popen([*command, "--folder", str(folder)], cwd=ROOT)
    try:
        running.wait(seconds)
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGINT)
        running.wait()
    drawn = [figure for figure in scale["figures"] if (folder / f"{figure}.csv").exists()]
    yield "figures drawn", float(len(drawn)), f"of {len(scale['figures'])}", ", ".join(drawn)


def part(name, scale_name, seconds):
    """Return the rows of a part; of speeds by a process that ends, and gives the memory back."""
    scale = SCALES[scale_name]
    if name == "identity":
        return list(identity(scale))
    if name == "tests":
        return list(tests(scale, seconds))
    if name == "figures":
        return list(figures(scale, scale_name, seconds))
    command = [sys.executable, __file__, "--scale", scale_name, "--only", name]
    unfinished = []
    with tempfile.TemporaryFile("w+") as said:
        try:
            subprocess.run(command, stdout=said, timeout=seconds, check=True)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            unfinished = [(name, None, "", f"not finished: {type(error).__name__}")]
        said.seek(0)
        rows = [json.loads(line) for line in said if line.startswith("[")]
    return rows + unfinished


def main():
    """Run the parts, print each row as it comes, and keep all of them."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--scale", choices=SCALES, default="full")
    asked.add_argument(
        "--only", choices=["speed", "compiled"], help="print one part's rows as JSON"
    )
    asked.add_argument("--out", type=Path)
    given = asked.parse_args()
    from boostsim.commands.device import same_every_time

    same_every_time()
    if given.only:
        for row in {"speed": speed, "compiled": compiled}[given.only](SCALES[given.scale]):
            print(json.dumps(row), flush=True)
        return 0
    from boostsim.files import write_whole

    # The next process wants the memory, too.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    about = [sys.executable, "-m", "boostsim", "info", "--json"]
    facts = json.loads(subprocess.run(about, capture_output=True, text=True, check=True).stdout)
    names = ("boostsim_version", "backend", "device", "jax_version", "python_version", "xla_flags")
    kept = {name: facts[name] for name in names}
    kept |= {"date": datetime.date.today().isoformat(), "scale": given.scale, "rows": []}
    print(", ".join(f"{name} {value}" for name, value in kept.items() if name != "rows"))
    for name, seconds in SCALES[given.scale]["seconds"].items():
        print(f"-- {name}, at most {seconds} s", flush=True)
        try:
            rows = part(name, given.scale, seconds)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            rows = [(name, None, "", f"not done: {type(error).__name__}")]
        for what, value, unit, note in rows:
            told = "-" if value is None else f"{value:.4g}"
            print(f"{what:60} {told:>10} {unit:24} {note}", flush=True)
            kept["rows"].append({"what": what, "value": value, "unit": unit, "note": note})
        if given.out:
            given.out.parent.mkdir(parents=True, exist_ok=True)
            write_whole(given.out, (json.dumps(kept, indent=2) + "\n").encode())
    values = {row["what"]: row["value"] for row in kept["rows"]}
    return 0 if values.get("the same bits in both") == 1 and values.get("tests failed") == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
