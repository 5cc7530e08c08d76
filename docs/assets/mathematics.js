// Typesets what arithmatex has marked: \( ... \) in a line, \[ ... \] on its own.
document.addEventListener("DOMContentLoaded", () => {
  for (const element of document.querySelectorAll(".arithmatex")) {
    const [, open, formula] = /^\s*\\([([])([^]*)\\[)\]]\s*$/.exec(element.textContent);
    katex.render(formula, element, { displayMode: open === "[" });
  }
});
