// The Document Viewer: one document at a time, zoom, fit, page by page, keyboard. Without it the pages stand one below the other.

const STEPS = [0.25, 0.33, 0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 2.5, 3, 4];
const NATURAL = 794; // An A4 page at 96 pixels to the inch: what 100% means.

export default function viewer(root) {
  const stage = root.querySelector(".viewer__stage");
  const tabs = [...root.querySelectorAll(".viewer__tab")];
  const documents = [...root.querySelectorAll(".viewer__document")];
  const count = root.querySelector("[data-viewer-count]");
  const shownZoom = root.querySelector("[data-viewer-zoom]");
  const buttons = Object.fromEntries([...root.querySelectorAll("[data-viewer]")].map((button) => [button.dataset.viewer, button]));
  let current = documents[Number(root.dataset.selected)] || documents[0];
  let page = 1;
  let mode = "easy";
  let zoom = 1;

  const pages = () => [...current.querySelectorAll(".viewer__page")];
  const stripHeight = () => current.querySelector(".viewer__strip").offsetHeight;

  function select(index) {
    current = documents[index];
    documents.forEach((one) => { one.hidden = one !== current; });
    tabs.forEach((tab, at) => (at === index ? tab.setAttribute("aria-current", "true") : tab.removeAttribute("aria-current")));
    stage.scrollTo(0, 0);
    page = 1;
    fit(mode);
    tell();
  }

  function setZoom(next) {
    const shown = pages();
    // Keep what is in the middle in the middle.
    const middle = (stage.scrollTop + stage.clientHeight / 2) / Math.max(stage.scrollHeight, 1);
    zoom = Math.min(Math.max(next, STEPS[0]), STEPS.at(-1));
    stage.style.setProperty("--page-width", `${Math.round(NATURAL * zoom)}px`);
    if (shown.length && stage.scrollTop > 0) stage.scrollTop = middle * stage.scrollHeight - stage.clientHeight / 2;
    stage.scrollLeft = (stage.scrollWidth - stage.clientWidth) / 2;
    shownZoom.textContent = `${Math.round(zoom * 100)}%`;
  }

  function fit(how) {
    mode = how;
    const image = current.querySelector("img");
    const width = stage.clientWidth - 32;
    if (how === "easy") {
      // To begin with: as wide as the stage, but no larger than on paper.
      setZoom(Math.min(width / NATURAL, 1));
    } else if (how === "width" || !image) {
      setZoom(Math.min(width, 1100) / NATURAL);
    } else if (how === "fit") {
      const ratio = image.width && image.height ? Number(image.getAttribute("width")) / Number(image.getAttribute("height")) : 0.707;
      const height = stage.clientHeight - stripHeight() - 32;
      setZoom(Math.min(width, height * ratio) / NATURAL);
    }
  }

  function step(direction) {
    mode = "free";
    const next = direction > 0 ? STEPS.find((one) => one > zoom + 0.01) : STEPS.findLast((one) => one < zoom - 0.01);
    setZoom(next ?? zoom);
  }

  function go(to) {
    const all = pages();
    const target = all[Math.min(Math.max(to, 1), all.length) - 1];
    if (target) stage.scrollTo({ top: target.offsetTop - stripHeight() - 16, behavior: "auto" });
  }

  function tell() {
    const all = pages();
    count.textContent = all.length ? count.dataset.pattern.replace("{page}", page).replace("{pages}", all.length) : "";
    buttons.previous.disabled = page <= 1;
    buttons.next.disabled = page >= all.length;
    for (const name of ["in", "out", "fit", "width"]) buttons[name].disabled = all.length === 0;
  }

  function watchScroll() {
    const line = stage.scrollTop + stripHeight() + stage.clientHeight / 3;
    const all = pages();
    const at = all.findLastIndex((one) => one.offsetTop <= line) + 1 || 1;
    const end = stage.scrollTop + stage.clientHeight >= stage.scrollHeight - 2;
    const now = end && all.length ? all.length : at;
    if (now !== page) {
      page = now;
      tell();
    }
  }

  const acts = {
    previous: () => go(page - 1), next: () => go(page + 1), in: () => step(1), out: () => step(-1), fit: () => fit("fit"), width: () => fit("width"),
  };

  root.addEventListener("click", (event) => {
    const act = event.target.closest("[data-viewer]")?.dataset.viewer;
    if (act) acts[act]();
    const tab = event.target.closest(".viewer__tab");
    if (tab) {
      event.preventDefault();
      select(tabs.indexOf(tab));
    }
  });

  root.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select")) return;
    const turn = {
      ArrowLeft: () => go(page - 1), PageUp: () => go(page - 1), ArrowRight: () => go(page + 1), PageDown: () => go(page + 1),
      Home: () => go(1), End: () => go(pages().length), "+": () => step(1), "=": () => step(1), "-": () => step(-1), 0: () => fit("easy"),
    }[event.key];
    // Sideways arrows scroll while the page is wider than the stage: that is what a reader who zoomed in expects.
    const wide = stage.scrollWidth > stage.clientWidth + 1 && event.key.startsWith("Arrow");
    if (!turn || wide) return;
    event.preventDefault();
    turn();
  });

  root.addEventListener("error", (event) => {
    if (!event.target.matches?.(".viewer__page img")) return;
    event.target.hidden = true;
    event.target.parentElement.querySelector(".viewer__broken").hidden = false;
  }, true);

  stage.addEventListener("scroll", watchScroll, { passive: true });
  new ResizeObserver(() => { if (mode !== "free") fit(mode); }).observe(stage);
  root.classList.add("is-running");
  select(Math.max(documents.indexOf(current), 0));
}
