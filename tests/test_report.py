"""The report: one page with everything in it, and a panel whose numbers are Python's."""

import itertools
import json
import re
from decimal import Decimal, localcontext

import browser
import numpy as np
import pytest
from scipy.special import comb

import boostsim as bs
from boostsim.figures import FIGURES
from boostsim.report import certificates, page, record
from boostsim.theory.step import weighted_step

DRAWING = (
    '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="600" height="300" '
    'viewBox="0 0 600 300"><text x="9" y="99" style="font: 9px \'A Font\', serif">β &lt; 1 &amp; '
    "50% #</text></svg>"
)
# A map that is iterated, at most 100 times, and sums of at most 65 products: far below.
RELATIVE = 1e-12


def entry(name, **changed):
    return {
        "claim": f"Of {name}, beta < 1 & so on (T1).",
        "title": f"The finding of {name}",
        "caption": f"How {name} was made.",
        "command": f"boostsim reproduce {name} --again",
        "scale": {"name": "smoke", "prompts": 1000, "seeds": 4, "visits": 30, "stride": 3},
        "runs": "4 to each sampled row",
        "files": [f"{name}.svg"],
        "sha256": {},
        "fingerprint": "0",
        "seconds": 12.3,
        "processor_seconds": 10.0,
        "drawn": "2026-11-27 03:57 UTC",
        "conditions": {"boostsim": "0.1", "processor": "one of them"},
        **changed,
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A report of two figures that nobody drew."""
    folder = tmp_path_factory.mktemp("report")
    for name in ("convergence", "label_price"):
        (folder / f"{name}.svg").write_text(DRAWING)
        record.keep(folder, name, entry(name))
    return page.write_page(folder, {"real_run": "its log is not here"}, {})


@pytest.fixture(scope="module")
def shown(made, tmp_path_factory):
    if browser.program() is None:
        pytest.skip(f"no browser is here, by none of {browser.NAMES}")
    with browser.opened(tmp_path_factory.mktemp("browser")) as told:
        told.open(made)
        yield told


def test_the_page_says_of_each_figure_what_is_known(made):
    text = made.read_text()
    for name in ("convergence", "label_price"):
        own = re.search(rf'<article id="{name}".*?</article>', text, re.DOTALL)[0]
        for told in (
            f"Of {name}, beta &lt; 1 &amp; so on (T1).",
            f"How {name} was made.",
            f"boostsim reproduce {name} --again",
            "tasks of 1,000 prompts",
            "4 to each sampled row",
            "12.3 s, 10.0 s of a processor; 2026-11-27 03:57 UTC",
        ):
            assert told in own, (name, told)
        assert f'alt="The finding of {name}"' in own
    assert f"2 of {len(FIGURES)} figures" in text
    missing = re.search(r'<article id="missing">.*?</article>', text, re.DOTALL)[0]
    assert "its log is not here" in missing
    assert "Procedures, " in missing
    assert "not drawn yet" in missing
    assert "make certificates" in text
    assert '<th scope="row">processor</th><td>one of them</td>' in text


def test_nothing_is_fetched_and_every_link_leads_somewhere(made):
    text = made.read_text()
    anchors = re.findall(r'\bid="([^"]+)"', text)
    assert len(anchors) == len(set(anchors))
    for link in re.findall(r'href="([^"]+)"', text):
        if link.startswith("#"):
            assert link[1:] in anchors
        elif link != "data:,":
            assert (made.parent / link).is_file(), link
    assert all(source.startswith("data:") for source in re.findall(r'src="([^"]{5})', text))
    assert not re.search(r"@import|url\(|<script src|fetch\(|XMLHttpRequest", text)
    assert not re.search(r"\$\{?(style|contents|figures|panel)\b", text)


def test_a_folder_with_nothing_drawn_has_a_report(tmp_path):
    text = page.write_page(tmp_path, {}, {}).read_text()
    assert f"0 of {len(FIGURES)} figures" in text
    assert "Nothing is drawn yet" in text


def certificate(claim, verdict):
    rows = [
        {"level": "exact", "verdict": "holds", "samples": 0},
        {"level": "statistical", "verdict": verdict, "samples": 5000},
        {"level": "statistical", "verdict": "inapplicable", "samples": 0},
    ]
    how = {"confidence": 0.999, "boostsim_version": "0.1", "jax_version": "1", "device": "cpu"}
    return {"claim": claim, "verdict": verdict, "table": rows, "conditions": how}


def test_certificates_are_shown_with_their_verdicts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = [certificate("T1", "holds"), certificate("T2<", "violated")]
    (tmp_path / "build").mkdir()
    certificates.KEPT.write_text(json.dumps(found))
    text = page.write_page(tmp_path, {}, {"T1": "the error & more"}).read_text()
    assert "2 claims: 1 holds, 1 violated" in text
    # Of both together: each has its share of it.
    assert "at most 0.002" in text
    row = re.search(r'<tr><th scope="row">T1</th>.*?</tr>', text)[0]
    assert "the error &amp; more" in row
    assert "<td>1 of 1</td><td>1 of 1</td><td>5,000</td>" in row
    assert '<td class="verdict violated">✗ violated</td>' in text
    assert "T2&lt;" in text
    assert certificates.verdict(found[0]).startswith(
        "holds: exactly at 1 of 1 points, by sampled runs at 1 of 1 points; 5,000 draws"
    )
    for damaged in ("", "{}", "[1]", '[{"claim": 1}]'):
        certificates.KEPT.write_text(damaged)
        assert "make certificates" in page.write_page(tmp_path, {}, {}).read_text()


def test_a_figure_stands_while_code_scale_sources_and_files_are_the_same(tmp_path):
    drawing, log = tmp_path / "a.svg", tmp_path / "log"
    drawing.write_text("drawn")
    log.write_text("seen")
    asked = {"figure": "a", "prompts": 3}
    known = record.fingerprint(asked, [log])
    record.keep(tmp_path, "a", entry("a", fingerprint=known, sha256=record.digests([drawing])))
    kept = record.read(tmp_path)["a"]
    assert record.stands(tmp_path, kept, record.fingerprint(asked, [log]))
    assert not record.stands(tmp_path, None, known)
    assert not record.stands(tmp_path, kept, record.fingerprint({**asked, "prompts": 4}, [log]))
    log.write_text("seen again")
    assert not record.stands(tmp_path, kept, record.fingerprint(asked, [log]))
    drawing.write_text("drawn otherwise")
    assert not record.stands(tmp_path, kept, known)
    drawing.unlink()
    assert not record.stands(tmp_path, kept, known)


def test_other_code_draws_again(tmp_path, monkeypatch):
    """But the code of the report and of the commands, which no figure can know."""
    package = tmp_path / "boostsim"
    for room in ("figures", "report"):
        (package / room).mkdir(parents=True)
        (package / room / "one.py").write_text("1")
    monkeypatch.setattr(record, "__file__", str(package / "report" / "record.py"))
    found = []
    for room, text in (("figures", "1"), ("report", "2"), ("figures", "2")):
        (package / room / "one.py").write_text(text)
        record._code.cache_clear()
        found.append(record.fingerprint({}))
    record._code.cache_clear()
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("damaged", ["", "[]", '{"figures": 3}', '{"figures": {"a": {}}}'])
def test_a_damaged_record_is_none(damaged, tmp_path):
    (tmp_path / record.RECORD).write_text(damaged)
    assert record.read(tmp_path) == {}
    record.keep(tmp_path, "b", entry("b"))
    assert set(record.read(tmp_path)) == {"b"}


# In a browser.


def test_a_reader_sees_everything_and_no_complaint(shown, made):
    for width in (1200, 360):
        shown.open(made, width)
        assert shown.complaints() == []
        assert shown.fetched() == []
        assert shown.run("[...document.images].map((image) => image.naturalWidth)") == [600, 600]
        # Nothing is wider than the screen, but what scrolls by itself.
        assert shown.run("document.documentElement.scrollWidth") <= width
    assert shown.run("getComputedStyle(document.querySelector('figcaption')).position") == "static"
    # A picture is enlarged by a button, and scrolls by itself.
    width = "document.querySelector('figure img').clientWidth"
    assert shown.run(width) < 360
    shown.run("document.querySelector('.enlarge').focus()")
    shown.press("Enter")
    assert shown.run(width) > 900
    assert shown.run("document.documentElement.scrollWidth") <= 360
    shown.ask("Emulation.setEmulatedMedia", media="print")
    hidden = "getComputedStyle(document.querySelector({!r})).display"
    assert shown.run(hidden.format("form input")) == "none"
    assert shown.run(hidden.format("article img")) == "block"
    shown.ask("Emulation.setEmulatedMedia", media="")


def test_sliders_move_by_keys_and_redraw_what_is_shown(shown, made):
    shown.open(made)
    told, curve = "document.getElementById('told').textContent", "document.querySelector({!r})"
    exact = f"{curve.format('.curve.exact')}.getAttribute('points')"
    numbers = "document.getElementById('numbers').textContent"
    first = shown.run(told)
    for name in ("beta", "gamma", "attempts", "accuracy", "iterations", "weight", "visits"):
        before = shown.run(f"[{told}, {exact}, {numbers}]")
        shown.run(f"document.getElementById('{name}').focus()")
        shown.press("ArrowLeft" if name == "visits" else "ArrowRight")
        after = shown.run(f"[{told}, {exact}, {numbers}]")
        assert after != before, name
        # Visits move no exact curve, and with heavy labels there is no other.
        assert (after[1] != before[1]) == (name != "visits"), name
    # Labels now weigh more than what is kept: the chain is not drawn, and it is said.
    assert "not drawn" in shown.run("document.querySelector('output[for=visits]').textContent")
    assert "label weight 1" in shown.run(told)
    assert not shown.run(f"Boolean({curve.format('.curve.finite')})")
    shown.run("document.getElementById('weight').focus()")
    shown.press("ArrowLeft")
    assert "mean error" in shown.run(told)
    assert shown.run(f"Boolean({curve.format('.curve.finite')})")
    shown.run("document.querySelector('button[type=reset]').click()")
    assert shown.run(f"new Promise((done) => setTimeout(() => done({told}), 50))") == first
    assert shown.complaints() == []


def test_every_slider_says_what_it_is_and_where_it_stands(shown):
    told = shown.run(
        "[...document.querySelectorAll('input')].map((each) => [each.labels[0].textContent, "
        "each.getAttribute('aria-valuetext')])"
    )
    assert len(told) == 7
    assert all(label and value for label, value in told)


def in_the_page(shown, name, points, *more):
    """What the page computes at points."""
    asked = json.dumps([list(point) for point in points])
    arguments = "".join(f", {each}" for each in more)
    return shown.run(
        f"{asked}.map(([beta, gamma, attempts, weight, accuracy]) => "
        f"dynamics.{name}({{beta, gamma, attempts, weight, accuracy}}{arguments}))"
    )


def wide(weights=(0.01, 0.5, 1.0, 20.0)):
    return list(
        itertools.product(
            (0.0, 0.01, 0.2, 0.97, 1.0),
            (0.0, 0.01, 0.3, 0.49),
            (1, 2, 5, 16),
            weights,
            (0.0, 0.01, 0.6, 0.99, 1.0),
        )
    )


def test_exact_dynamics_are_those_of_many_digits(shown):
    """The same map in fifty digits, at 1,600 points; errors down to 1e-30 keep theirs."""
    points, smallest = wide(), 1.0
    for point, found in zip(points, in_the_page(shown, "exact", points, 8), strict=True):
        beta, gamma, attempts, weight, accuracy = point
        with localcontext(prec=50):
            error = Decimal(1.0 - accuracy)
            for iteration, each in enumerate(found):
                if error < Decimal("1e-30"):
                    break
                wanted = float(error)
                assert each == pytest.approx(wanted, rel=RELATIVE, abs=0.0), (point, iteration)
                smallest = min(smallest, wanted)
                error = weighted_step(
                    Decimal(beta), Decimal(gamma), attempts, Decimal(weight), error
                )
    assert smallest < 1e-28


def test_exact_dynamics_are_those_of_simulate(shown):
    accuracies = [0.0, 0.01, 0.6, 0.99]
    rows = [[each, 1.0 - each] for each in accuracies]
    task = bs.table_task([[1.0, 0.0]] * len(rows), initial=rows)
    iterations = 12
    for attempts, weight in ((1, 1.0), (4, 1.0), (4, 0.2)):
        for beta, gamma in itertools.product((0.01, 0.2, 0.9), (0.0, 0.01, 0.3)):
            procedure = bs.boosting(
                attempts=attempts,
                filter=bs.NoisyFilter(gamma),
                labeler=bs.WeakLabeler(beta),
                label_weight=weight,
            )
            trace = bs.simulate(procedure, task, iterations, record="prompt")
            points = [(beta, gamma, attempts, weight, accuracy) for accuracy in accuracies]
            found = np.array(in_the_page(shown, "exact", points, iterations))
            wanted = trace.error.values[0].T
            seen = wanted > 1e-290
            np.testing.assert_allclose(found[seen], wanted[seen], rtol=RELATIVE, atol=0.0)


def test_laws_are_those_of_the_package(shown):
    points, iterations = wide(), np.arange(41)
    named = set()
    for point, found in zip(points, in_the_page(shown, "law", points, 40), strict=True):
        beta, gamma, attempts, weight, accuracy = point
        if found is None:
            assert gamma > 0.0 or weight != 1.0
            assert attempts > 1 or (gamma > 0.0 and weight != 1.0)
            continue
        start = dict(beta=beta, initial_error=1.0 - accuracy, iterations=iterations)
        if found["name"] == "T1":
            wanted = bs.laws.boosting_error(attempts=attempts, **start)
        elif found["name"] == "T16":
            wanted = bs.laws.weighted_boosting_error(label_weight=weight, **start)
        else:
            law = bs.laws.noisy_boosting(beta=beta, gamma=gamma)
            wanted = law.floor + law.rate**iterations * (1.0 - accuracy - law.floor)
        named.add(found["name"])
        wanted = np.asarray(wanted)
        seen = wanted > 1e-30
        got = np.array(found["errors"])
        np.testing.assert_allclose(got[seen], wanted[seen], rtol=RELATIVE, atol=0.0, err_msg=point)
        assert (got[~seen] <= 1.1e-30).all()
    assert named == {"T1", "T3", "T16"}


def test_limits_are_those_of_the_package(shown):
    points = wide()
    for point, found in zip(points, in_the_page(shown, "floor", points), strict=True):
        beta, gamma, attempts, weight, accuracy = point
        if beta == 0.0 or (attempts > 1 and weight > 1.0):
            assert found is None
        elif gamma == 0.0 and accuracy == 1.0:
            assert found["error"] == 0.0
        else:
            law = dict(beta=beta, gamma=gamma, attempts=attempts, label_weight=weight)
            wanted = float(bs.laws.weighted_floor(**law))
            assert found["error"] == pytest.approx(wanted, rel=RELATIVE, abs=0.0), point


def chain(beta, gamma, attempts, accuracy, visits, iterations):
    """T21 by its definition: Binomial counts of wrong examples, through the law's own map."""
    law, errors = None, [1.0 - accuracy]
    counts = np.arange(visits + 1)

    def row(error):
        wrong = weighted_step(beta, gamma, attempts, 1.0, error)
        # The same map with right and wrong exchanged: near 1 its complement has no digits.
        right = weighted_step(1.0 - beta, 1.0 - gamma, attempts, 1.0, 1.0 - error)
        return comb(visits, counts) * wrong**counts * right ** (visits - counts)

    rows = np.stack([row(count / visits) for count in counts])
    for _ in range(iterations):
        law = row(errors[0]) if law is None else law @ rows
        errors.append(float(law @ counts) / visits)
    return errors, law


@pytest.mark.parametrize("visits", [1, 6, 64])
def test_finite_visits_are_the_chain(shown, visits):
    points = [point for point in wide((1.0,)) if point[4] < 1.0]
    asked = in_the_page(shown, "finite", points, visits, 12)
    for (beta, gamma, attempts, _, accuracy), found in zip(points, asked, strict=True):
        wanted, law = chain(beta, gamma, attempts, accuracy, visits, 12)
        seen = np.array(wanted) > 1e-30
        got = np.array(found["error"])
        np.testing.assert_allclose(got[seen], np.array(wanted)[seen], rtol=RELATIVE, atol=0.0)
        assert found["solved"][-1] == pytest.approx(law[0], rel=RELATIVE, abs=1e-30)
        assert found["lost"][-1] == pytest.approx(law[-1], rel=RELATIVE, abs=1e-30)


def test_finite_visits_are_those_of_simulate(shown):
    accuracies, iterations = [0.0, 0.01, 0.6, 0.99], 12
    rows = [[each, 1.0 - each] for each in accuracies]
    for beta, gamma, attempts, visits in ((0.2, 0.0, 2, 6), (0.05, 0.1, 2, 6)):
        filt, labeler = bs.NoisyFilter(gamma), bs.WeakLabeler(beta)
        procedure = bs.boosting(attempts=attempts, filter=filt, labeler=labeler)
        points = [(beta, gamma, attempts, 1.0, accuracy) for accuracy in accuracies]
        asked = in_the_page(shown, "finite", points, visits, iterations)
        for row, found in zip(rows, asked, strict=True):
            task = bs.table_task([[1.0, 0.0]], initial=[row])
            trace = bs.simulate(procedure, task, iterations, visits=visits, exact=True)
            for name in ("error", "solved", "lost"):
                wanted = trace[name].values[0]
                seen = wanted > 1e-30
                got = np.array(found[name])
                np.testing.assert_allclose(got[seen], wanted[seen], rtol=RELATIVE, err_msg=name)


def test_the_chain_has_the_value_that_is_known(shown):
    """Six visits, from two of them right, five iterations: mean accuracy .97556."""
    found = in_the_page(shown, "finite", [(0.3, 0.1, 2, 1.0, 2 / 6)], 6, 5)[0]
    assert round(1.0 - found["error"][-1], 5) == 0.97556
