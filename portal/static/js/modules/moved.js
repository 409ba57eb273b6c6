// Every [data-figure]: when its text changes it shows so once. Nothing moves: figures are tabular and their room is kept.

const quiet = matchMedia("(prefers-reduced-motion: reduce)");

new MutationObserver((changes) => {
  const moved = new Set();
  for (const change of changes) {
    const element = change.target instanceof Element ? change.target : change.target.parentElement;
    const figure = element?.closest("[data-figure]");
    if (figure) moved.add(figure);
  }
  for (const figure of moved) {
    if (quiet.matches) continue;
    figure.classList.remove("is-moved");
    void figure.offsetWidth;
    figure.classList.add("is-moved");
  }
}).observe(document.documentElement, { subtree: true, childList: true, characterData: true });
