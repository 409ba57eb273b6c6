// Moves the meter of a summary bar to its figures, whoever sets them.

export default function summaryBar(root) {
  const read = (name) => Number.parseInt(root.querySelector(`[data-figure="${name}"]`)?.textContent.replace(/\D/g, "") || "0", 10);
  const completedBar = root.querySelector(".summary-bar__completed");
  const failedBar = root.querySelector(".summary-bar__failed");

  function draw() {
    const whole = Math.max(read("requested"), 1);
    const completed = read("completed");
    const failed = read("failed");
    completedBar.style.width = `${(100 * completed) / whole}%`;
    failedBar.style.width = `${(100 * failed) / whole}%`;
    failedBar.style.setProperty("x", `${(100 * completed) / whole}%`);
    root.querySelector(".summary-bar__item--failed").classList.toggle("is-some", failed > 0);
    root.querySelector(".summary-bar__item--completed").classList.toggle("is-all", completed > 0 && completed >= whole);
  }

  draw();
  new MutationObserver(draw).observe(root.querySelector("dl"), { subtree: true, childList: true, characterData: true });
}
