// A line across the page while its figures may be old. A short gap is not worth a line: it waits a little first.

const PATIENCE = 5000;

export default function staleBanner(root) {
  const text = root.querySelector("[data-stale-text]");
  const page = document.documentElement;
  let timer = 0;
  let wasLive = false;

  function show() {
    const state = page.dataset.live;
    clearTimeout(timer);
    if (state === "live") {
      wasLive = true;
      root.hidden = true;
      return;
    }
    if (!wasLive) return;
    timer = setTimeout(() => {
      text.textContent = state === "stale" ? text.dataset.stale : text.dataset.offline;
      root.hidden = false;
    }, root.hidden ? PATIENCE : 0);
  }

  new MutationObserver(show).observe(page, { attributes: true, attributeFilter: ["data-live"] });
  show();
}
