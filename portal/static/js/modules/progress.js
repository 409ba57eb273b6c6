// A progress meter follows its data-value and data-maximum.

export default function progress(root) {
  const meter = root.querySelector("svg");
  const bar = root.querySelector(".progress__bar");
  const figure = root.querySelector(".progress__figure");

  function draw() {
    const known = root.dataset.value !== "";
    root.classList.toggle("progress--endless", !known);
    if (!known) {
      meter.removeAttribute("aria-valuenow");
      return;
    }
    const value = Number(root.dataset.value);
    const maximum = Number(root.dataset.maximum) || 100;
    const share = Math.min(Math.max((100 * value) / maximum, 0), 100);
    bar.style.width = `${share}%`;
    meter.setAttribute("aria-valuenow", String(Math.floor(share)));
    if (figure) figure.textContent = root.dataset.show === "count" ? `${value} / ${maximum}` : `${Math.floor(share)}%`;
  }

  new MutationObserver(draw).observe(root, { attributes: true, attributeFilter: ["data-value", "data-maximum"] });
}
