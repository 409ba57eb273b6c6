// A part of a page that is read again when its room changed: <div id data-module="live_part" data-room data-seq>. data-ids: only when
// one of these ids changed. data-url: the page that holds the part, else this page. What the reader has open or in hand stays so.
// Where it holds [data-live] elements (each with an id), these alone are renewed and a form beside them keeps its draft; the data-say
// of one that came with other words is said by the [data-voice].

import { watch } from "../live.js";
import { doubted, standIn } from "../verdict.js";

const GATHER = 150; // ms in which changes are gathered into one request
const APART = 1000; // ms between two requests at least
const LONGEST_PAUSE = 15000;

export default function livePart(root) {
  const wanted = root.dataset.ids === undefined ? null : new Set(root.dataset.ids.split(","));
  let waiting = null;
  let asking = false;
  let again = false;
  let failures = 0;
  let askedAt = 0;

  const stop = watch(root.dataset.room, Number(root.dataset.seq || 0), {
    status: (payload) => {
      const verdict = root.querySelector("[data-verdict]");
      if (verdict && payload && payload.status !== verdict.dataset.status) soon();
    },
    changed: (ids) => {
      if (!root.isConnected) return stop();
      if (ids === null || wanted === null || ids.some((id) => wanted.has(String(id)))) soon();
    },
  });
  root.closest("dialog")?.addEventListener("close", () => stop(), { once: true });

  function soon() {
    again = true;
    if (waiting || asking) return;
    const pause = failures ? Math.min(LONGEST_PAUSE, 500 * 2 ** failures) * (0.75 + Math.random() / 2) : 0;
    waiting = setTimeout(() => { waiting = null; ask(); }, Math.max(GATHER, pause, askedAt + APART - Date.now()));
  }

  async function ask() {
    again = false;
    asking = true;
    askedAt = Date.now();
    const certain = doubted(root);
    try {
      const url = root.dataset.url || location.href;
      const answer = await fetch(url, { headers: { Accept: "text/html", "X-Requested-With": "fetch" }, redirect: "manual", credentials: "same-origin", cache: "no-store" });
      if (answer.type === "opaqueredirect" || [401, 403, 404].includes(answer.status)) return location.reload();
      if (!answer.ok) throw new Error(`answer ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.getElementById(root.id);
      if (!next) throw new Error("the part is not in the page");
      if (root.isConnected) place(next);
      failures = 0;
    } catch {
      standIn(root);
      failures += 1;
      again = true;
    } finally {
      certain();
      asking = false;
      if (again && root.isConnected) soon();
    }
  }

  function place(next) {
    const parts = [...root.querySelectorAll("[data-live]")];
    if (parts.length) {
      const said = parts.map((part) => renew(part, next.querySelector(`#${CSS.escape(part.id)}`))).filter(Boolean);
      const voice = root.querySelector("[data-voice]");
      if (voice && said.length) voice.textContent = said.join(" ");
      return;
    }
    const tab = [...root.querySelectorAll(".viewer__tab")].findIndex((one) => one.getAttribute("aria-current") === "true");
    const viewer = next.querySelector(".viewer");
    if (viewer && tab >= 0) viewer.dataset.selected = tab;
    const focus = mark();
    root.replaceChildren(...[...next.childNodes].map((node) => document.adoptNode(node)));
    root.querySelector(".verdict")?.classList.add("is-changed");
    root.dispatchEvent(new CustomEvent("portal:inserted", { bubbles: true }));
    if (focus) (root.querySelector(focus) || root.closest("dialog") || document.getElementById("main"))?.focus({ preventScroll: true });
  }

  // Puts the new content in, and gives what is to be said of it.
  function renew(part, fresh) {
    if (!fresh || part.innerHTML === fresh.innerHTML) return "";
    const focus = part.contains(document.activeElement) ? mark() : null;
    const said = fresh.dataset.say !== part.dataset.say ? fresh.dataset.say : "";
    part.dataset.say = fresh.dataset.say || "";
    part.replaceChildren(...[...fresh.childNodes].map((node) => document.adoptNode(node)));
    part.dispatchEvent(new CustomEvent("portal:inserted", { bubbles: true }));
    if (focus) (part.querySelector(focus) || part.querySelector("a, button"))?.focus({ preventScroll: true });
    return said;
  }

  // What had the focus, as a selector that finds the same thing in the new content.
  function mark() {
    const active = document.activeElement;
    if (!active || active === root || !root.contains(active)) return null;
    if (active.id) return `#${CSS.escape(active.id)}`;
    const href = active.getAttribute("href");
    if (href) return `a[href="${CSS.escape(href)}"]`;
    if (active.dataset.viewer) return `[data-viewer="${CSS.escape(active.dataset.viewer)}"]`;
    return active.classList.contains("viewer__stage") ? ".viewer__stage" : "a, button, input";
  }
}
