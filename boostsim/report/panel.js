// The panel: sliders, the curves that they redraw, the same numbers in words and in a table; and the
// buttons that enlarge a picture.
"use strict";

(() => {
  const WEIGHTS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 1, 1.25, 2, 5, 10, 20, 50, 100];
  const VISITS = [1, 2, 3, 4, 6, 8, 10, 16, 24, 32, 48, 64, 100, Infinity];
  // Colour-blind safe, and told apart by their strokes as well.
  const LOOK = {
    exact: { color: "#0072B2", width: 2, dash: "" },
    law: { color: "#000000", width: 1.6, dash: "2 4" },
    floor: { color: "#B33C00", width: 1.8, dash: "8 4" },
    finite: { color: "#007A5A", width: 2.4, dash: "6 3" },
  };
  const SMALLEST = 1e-30;
  const panel = document.getElementById("panel");
  const chart = document.getElementById("chart");
  const find = (name) => panel.querySelector(`[name=${name}]`);
  const short = (number) => {
    if (number === 0) return "0";
    const plain = number >= 0.001 && number < 1000;
    return plain ? String(Number(number.toPrecision(4))) : number.toExponential(3);
  };

  function settings() {
    const value = (name) => Number(find(name).value);
    return {
      beta: value("beta"),
      gamma: value("gamma"),
      attempts: value("attempts"),
      weight: WEIGHTS[value("weight")],
      accuracy: value("accuracy"),
      visits: VISITS[value("visits")],
      iterations: value("iterations"),
    };
  }

  function show(name, text) {
    panel.querySelector(`output[for=${name}]`).textContent = text;
    find(name).setAttribute("aria-valuetext", text);
  }

  function redraw() {
    const now = settings();
    show("beta", short(now.beta));
    show("gamma", short(now.gamma));
    show("attempts", String(now.attempts));
    show("weight", short(now.weight));
    show("accuracy", short(now.accuracy));
    show("iterations", String(now.iterations));
    const few = Number.isFinite(now.visits);
    // The chain has so few states only where labels weigh as much as what is kept.
    const chained = few && now.weight === 1;
    const visits = few ? String(now.visits) : "infinitely many";
    show("visits", few && !chained ? `${visits} (not drawn: label weight is not 1)` : visits);

    const exact = dynamics.exact(now, now.iterations);
    const law = dynamics.law(now, now.iterations);
    const floor = dynamics.floor(now);
    const finite = chained ? dynamics.finite(now, now.visits, now.iterations) : null;
    const curves = [{ kind: "exact", told: "exact, infinitely many visits", errors: exact }];
    if (law) curves.push({ kind: "law", told: `law ${law.name}`, errors: law.errors });
    if (floor) {
      const errors = exact.map(() => floor.error);
      curves.push({ kind: "floor", told: `limit, ${floor.name}: ${short(floor.error)}`, errors });
    }
    if (finite) {
      const told = `mean at ${visits} visit${now.visits === 1 ? "" : "s"}, T21`;
      curves.push({ kind: "finite", told, errors: finite.error });
    }
    draw(curves, now.iterations);
    tell(now, exact, law, floor, finite);
    fill(exact, law, finite);
  }

  function tell(now, exact, law, floor, finite) {
    const last = now.iterations;
    const parts = [`After ${last} iterations the error is ${short(exact[last])}.`];
    if (floor) parts.push(`It tends to ${short(floor.error)} (${floor.name}).`);
    else if (now.beta === 0) parts.push("Labels are never right: no limit is proved.");
    else parts.push("No law: with heavy labels and several attempts the limit may depend on the first model.");
    if (!law) parts.push("There is no closed form on the way there: the curve is the map, iterated.");
    if (finite) {
      parts.push(
        `With ${now.visits} visit${now.visits === 1 ? "" : "s"} to the prompt in each iteration the ` +
          `mean error is ${short(finite.error[last])}; all examples are right with probability ` +
          `${short(finite.solved[last])}, all wrong with ${short(finite.lost[last])}.`,
      );
    } else if (Number.isFinite(now.visits)) {
      parts.push("Finitely many visits are drawn for label weight 1; what is shown is the limit.");
    }
    document.getElementById("told").textContent = parts.join(" ");
  }

  function fill(exact, law, finite) {
    const columns = [["iteration", exact.map((_, iteration) => String(iteration))]];
    columns.push(["exact", exact.map(short)]);
    if (law) columns.push([`law ${law.name}`, law.errors.map(short)]);
    if (finite) columns.push(["mean at finite visits", finite.error.map(short)]);
    const row = (cells, tag) => `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
    const body = exact.map((_, index) => row(columns.map(([, cells]) => cells[index]), "td"));
    document.getElementById("numbers").innerHTML =
      `<thead>${row(columns.map(([name]) => name), 'th')}</thead><tbody>${body.join("")}</tbody>`;
  }

  // Errors below what is shown leave the picture at its lower edge.
  function draw(curves, iterations) {
    const width = Math.max(chart.clientWidth, 280);
    const height = Math.min(Math.max(0.6 * width, 240), 400);
    const left = 52;
    const right = width - 12;
    const top = 12;
    const bottom = height - 40;
    const seen = curves.flatMap(({ errors }) => errors).filter((error) => error >= SMALLEST);
    const lowest = Math.floor(Math.log10(Math.min(0.1, ...seen)));
    const x = (iteration) => left + ((right - left) * iteration) / iterations;
    const y = (error) => {
      const depth = Math.max(Math.log10(Math.max(error, 1e-300)), lowest - 0.15);
      return top + ((bottom - top) * depth) / (lowest - 0.15);
    };
    const parts = [];
    const text = (at, down, anchor, told) =>
      parts.push(`<text x="${at}" y="${down}" text-anchor="${anchor}">${told}</text>`);
    const every = Math.ceil(-lowest / 6);
    for (let power = 0; power >= lowest; power -= every) {
      const down = y(10 ** power);
      parts.push(`<line class="grid" x1="${left}" x2="${right}" y1="${down}" y2="${down}"/>`);
      text(left - 6, down + 4, "end", power === 0 ? "1" : power === -1 ? "0.1" : `1e${power}`);
    }
    for (let part = 0; part <= 5; part++) {
      const iteration = Math.round((iterations * part) / 5);
      text(x(iteration), bottom + 18, part === 5 ? "end" : "middle", String(iteration));
    }
    text((left + right) / 2, height - 4, "middle", "iteration");
    parts.push(
      `<text transform="rotate(-90)" x="${-(top + bottom) / 2}" y="12" text-anchor="middle">error</text>`,
    );
    for (const { kind, errors } of curves) {
      const { color, width: stroke, dash } = LOOK[kind];
      const points = errors.map((error, iteration) => `${x(iteration).toFixed(1)},${y(error).toFixed(1)}`);
      const line = `points="${points.join(" ")}" stroke="${color}" stroke-width="${stroke}"`;
      parts.push(`<polyline class="curve ${kind}" ${line} stroke-dasharray="${dash}"/>`);
    }
    chart.innerHTML = `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true">${parts.join("")}</svg>`;
    document.getElementById("legend").innerHTML = curves
      .map(({ kind, told }) => {
        const { color, width: stroke, dash } = LOOK[kind];
        const line = `stroke="${color}" stroke-width="${stroke}" stroke-dasharray="${dash}"`;
        return `<li><svg viewBox="0 0 34 10" aria-hidden="true"><path d="M0 5H34" ${line}/></svg>${told}</li>`;
      })
      .join("");
  }

  // On a narrow screen a picture is as wide as that, or as wide as its text needs, and scrolls.
  document.documentElement.classList.add("scripted");
  for (const button of document.querySelectorAll(".enlarge")) {
    button.addEventListener("click", () => {
      const large = button.closest("figure").classList.toggle("large");
      button.setAttribute("aria-pressed", String(large));
    });
  }
  panel.addEventListener("input", redraw);
  panel.addEventListener("reset", () => setTimeout(redraw));
  window.addEventListener("resize", redraw);
  redraw();
})();
