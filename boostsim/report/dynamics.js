// The lumped map of boosting, its laws and its chain at finite visits, as in boostsim.theory.
// An error and its accuracy go side by side, and neither is 1 minus the other: an error of 1e-30
// keeps its digits. All settings are plain numbers: beta, gamma, attempts, weight, accuracy.
"use strict";

const dynamics = (() => {
  // One iteration with infinitely many visits (T4, T16).
  function step({ beta, gamma, attempts, weight }, [error, accuracy]) {
    const rejected = gamma * accuracy + (1 - gamma) * error;
    let terms = 0;
    let power = 1;
    for (let attempt = 0; attempt < attempts; attempt++) {
      terms += power;
      power *= rejected;
    }
    const wrong = gamma * error * terms;
    const right = (1 - gamma) * accuracy * terms;
    const labels = weight * power;
    const all = wrong + right + labels;
    return [(wrong + labels * (1 - beta)) / all, (right + labels * beta) / all];
  }

  const start = ({ accuracy }) => [1 - accuracy, accuracy];

  // The error after 0, 1, ..., iterations.
  function exact(settings, iterations) {
    let state = start(settings);
    const errors = [state[0]];
    for (let iteration = 0; iteration < iterations; iteration++) {
      state = step(settings, state);
      errors.push(state[0]);
    }
    return errors;
  }

  // Binomial(visits, error): the probability of 0, 1, ..., visits wrong ones.
  function binomial(visits, [error, accuracy]) {
    const law = new Array(visits + 1).fill(1);
    for (let wrong = 1; wrong <= visits; wrong++) {
      law[wrong] = (law[wrong - 1] * (visits - wrong + 1)) / wrong;
    }
    for (let wrong = 1, power = error; wrong <= visits; wrong++, power *= error) law[wrong] *= power;
    for (let right = 1, power = accuracy; right <= visits; right++, power *= accuracy) {
      law[visits - right] *= power;
    }
    return law;
  }

  // T21: with so many visits in each iteration, keep one and labels of weight 1, the number of
  // wrong examples is a Markov chain. Its mean error, and how probable none and all wrong are.
  function finite(settings, visits, iterations) {
    const rows = [];
    for (let wrong = 0; wrong <= visits; wrong++) {
      rows.push(binomial(visits, step(settings, [wrong / visits, (visits - wrong) / visits])));
    }
    const first = start(settings);
    const found = { error: [first[0]], solved: [Number(first[0] === 0)], lost: [Number(first[1] === 0)] };
    let law = null;
    for (let iteration = 0; iteration < iterations; iteration++) {
      law = law === null ? binomial(visits, step(settings, first)) : moved(law, rows);
      found.error.push(law.reduce((sum, each, wrong) => sum + each * wrong, 0) / visits);
      found.solved.push(law[0]);
      found.lost.push(law[visits]);
    }
    return found;
  }

  function moved(law, rows) {
    const next = new Array(law.length).fill(0);
    rows.forEach((row, from) => {
      if (law[from] > 0) row.forEach((each, to) => (next[to] += law[from] * each));
    });
    return next;
  }

  // The closed form of the error after 0, 1, ... iterations and its theorem, where there is one.
  function law(settings, iterations) {
    const { beta, gamma, attempts, weight } = settings;
    const [error] = start(settings);
    let form = null;
    let name = null;
    if (gamma === 0 && weight === 1) {
      name = "T1";
      form = (rounds) => {
        const power = attempts ** rounds;
        const terms = attempts === 1 ? rounds : (power - 1) / (attempts - 1);
        return Math.exp(power * Math.log1p(-settings.accuracy) + terms * Math.log1p(-beta));
      };
    } else if (attempts === 1 && weight === 1) {
      name = "T3";
      const rate = (1 - gamma) * (1 - beta) + gamma * beta;
      const lost = gamma * (1 - beta) + beta * (1 - gamma);
      form = (rounds) => {
        const power = Math.exp(rounds * Math.log(rate));
        return power * error + (gamma * (1 - beta) * -Math.expm1(rounds * Math.log(rate))) / lost;
      };
    } else if (gamma === 0 && attempts === 1) {
      name = "T16";
      form = (rounds) => {
        const ratio = (1 - beta) * weight;
        let terms = 0;
        for (let round = 0, power = 1; round < rounds; round++, power *= ratio) terms += power;
        const power = ratio ** rounds;
        const whole = settings.accuracy + error * (power + beta * weight * terms);
        return whole > 0 ? (error * power) / whole : error;
      };
    }
    if (form === null) return null;
    const errors = [error];
    for (let round = 1; round <= iterations; round++) errors.push(form(round));
    return { name, errors };
  }

  // The limit error and its theorem (T3, T4, T16), where one is proved: it depends on no first
  // model, save that a prompt which is solved stays so where the filter is perfect.
  function floor(settings) {
    const { beta, gamma, attempts, weight } = settings;
    if (beta === 0 || (weight > 1 && attempts > 1)) return null;
    const name = weight !== 1 ? "T16" : gamma === 0 ? "T1" : attempts === 1 ? "T3" : "T4";
    if (gamma === 0 && settings.accuracy === 1) return { name, error: 0 };
    if (attempts === 1) return { name, error: single(beta, gamma, weight) };
    if (gamma === 0 || beta === 1) return { name, error: 0 };
    // Where it changes from below 0 to above, halved in the logarithm; nothing in it cancels but
    // at the root itself.
    const excess = (error) => {
      const rejected = gamma + (1 - 2 * gamma) * error;
      let terms = 0;
      let power = 1;
      for (let attempt = 0; attempt < attempts; attempt++) {
        terms += power;
        power *= rejected;
      }
      const kept = (1 - 2 * gamma) * error * (1 - error) * terms;
      return kept - weight * power * (1 - beta - error);
    };
    let low = Math.log(0.5 * (1 - beta) * weight) + attempts * Math.log(gamma);
    let high = Math.log(1 - beta);
    for (let halving = 0; halving < 64; halving++) {
      const middle = 0.5 * (low + high);
      if (excess(Math.exp(middle)) < 0) low = middle;
      else high = middle;
    }
    return { name, error: Math.exp(0.5 * (low + high)) };
  }

  // The root of a quadratic, written so that nothing cancels.
  function single(beta, gamma, weight) {
    const unit = Math.max(weight, 1);
    const light = weight / unit;
    const beyond = (weight - 1) / unit;
    const square = (1 - 2 * gamma) * beyond;
    const linear = (1 - 2 * gamma) * (beta * light - beyond) + light * gamma;
    const right = light * gamma * (1 - beta);
    const root = Math.sqrt(Math.max(linear * linear + 4 * square * right, 0));
    if (linear < 0) return (root - linear) / (2 * square);
    return linear + root > 0 ? (2 * right) / (linear + root) : 0;
  }

  return { exact, finite, floor, law };
})();
