// A list that stays true while it is open: search, sort and pages without a reload, rows that change by themselves.
// The server draws every row; this module only puts rows in place. Without it the list works by links and a form.

import { watch } from "../live.js";
import Selection from "./select_all.js";

const TYPING = 250; // ms of quiet in the search box before the list is asked
const GATHER = 80; // ms in which changed ids are gathered into one request, unless all was quiet before
const SETTLE = 3000; // ms after which a page is compared whole, when rows that are not on screen have changed
const MOST_ROWS = 200;
const LONGEST_PAUSE = 15000;
const METER = '[data-module="progress"]';

export default (root) => new Grid(root);

export class Grid {
  constructor(root) {
    this.root = root;
    this.form = root.querySelector("[data-grid-form]");
    this.news = root.querySelector("[data-grid-news]");
    this.url = new URL(location.href);
    this.pending = new Set();
    this.fresh = new Set();
    this.failures = 0;
    for (const cell of this.body.querySelectorAll("td")) sources.set(cell, cell.innerHTML);
    this.selection = root.querySelector("[data-grid-bulk]") ? new Selection(this) : null;
    this.listen();
    this.noticeRoom();
    this.closePanelFromOutside();
    this.noticeEarlySteps();
    if (root.dataset.room) {
      this.unwatch = watch(root.dataset.room, Number(root.dataset.seq || 0), {
        changed: (ids) => this.changed(ids),
        tick: (data) => this.tick(data),
        state: (state) => { root.dataset.live = state; },
      });
    }
  }

  get body() { return this.root.querySelector("tbody"); }
  get rows() { return [...this.body.children]; }
  row(id) { return this.body.querySelector(`[data-id="${CSS.escape(id)}"]`); }

  // Where the table fits its frame, the page alone scrolls and the headings stick to the window; else the frame scrolls.
  noticeRoom() {
    const scroll = this.root.querySelector(".grid__scroll");
    const table = scroll.querySelector("table");
    const look = () => this.root.toggleAttribute("data-fits", table.offsetWidth <= scroll.clientWidth + 1);
    this.room = new ResizeObserver(look);
    this.room.observe(scroll);
    this.room.observe(table);
    look();
  }

  // Whoever went back before this module had started has another address than the page was drawn for.
  noticeEarlySteps() {
    const drawn = performance.getEntriesByType("navigation")[0]?.name;
    if (drawn && new URL(drawn).search !== location.search) this.go(this.url, { remember: "no" });
  }

  // What the reader does

  listen() {
    this.root.addEventListener("click", (event) => this.clicked(event));
    addEventListener("popstate", () => this.go(new URL(location.href), { remember: "no" }));
    // What was done here by a dialog is looked at once; what others do off the screen is gathered for a while.
    document.addEventListener("portal:done", () => this.changed(null));
    if (!this.form) return;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      clearTimeout(this.typing);
      this.closePanel();
      this.go(this.asked());
    });
    this.form.addEventListener("change", (event) => {
      if (event.target.matches("[data-grid-sort], [data-grid-size]")) this.go(this.asked());
    });
    this.form.querySelector("[data-grid-q]")?.addEventListener("input", (event) => {
      clearTimeout(this.typing);
      if (event.isComposing) return;
      this.typing = setTimeout(() => this.go(this.asked(), { remember: this.typed ? "instead" : "yes", typed: true }), TYPING);
    });
  }

  clicked(event) {
    if (event.target.closest("[data-grid-retry]")) return this.go(this.wanted || this.url, { remember: "no" });
    if (event.target.closest("[data-grid-show-new]")) return this.showNew();
    const link = event.target.closest("[data-grid-link]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (link.closest("[data-grid-panel]")) this.closePanel();
    this.go(new URL(link.href), { fill: true, toTop: Boolean(link.closest(".pager")) });
  }

  // The address of what stands in the form; what is the default is left out, so one question has one address.
  asked() {
    const url = new URL(this.form.action, location.href);
    url.search = "";
    for (const [name, value] of new FormData(this.form)) {
      const text = typeof value === "string" ? value.trim() : "";
      if (!text || (name === "sort" && text === this.root.dataset.defaultSort) || (name === "size" && text === "25")) continue;
      url.searchParams.append(name, text);
    }
    return url;
  }

  // Ask for a page of the list and put it in place. remember: "yes" adds to the history, "instead" replaces, "no".
  async go(url, { remember = "yes", typed = false, fill = remember === "no", toTop = false } = {}) {
    this.typed = typed;
    this.wanted = url;
    this.flight?.abort();
    const flight = this.flight = new AbortController();
    this.root.setAttribute("aria-busy", "true");
    try {
      const fragment = await this.fetchFragment(url, flight.signal);
      if (remember === "yes") history.pushState(null, "", url);
      if (remember === "instead") history.replaceState(history.state, "", url);
      this.url = url;
      this.fresh.clear();
      this.place(fragment, { lively: false });
      if (fill) this.fillForm();
      if (toTop) this.toTop();
    } catch (error) {
      if (error.name !== "AbortError") this.showFault();
    } finally {
      if (this.flight === flight) {
        this.flight = null;
        this.root.removeAttribute("aria-busy");
        if (this.pending.size || this.reload) this.soon();
      }
    }
  }

  async fetchFragment(url, signal) {
    const answer = await this.ask(url, "fragment", signal);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fragment = page.querySelector("[data-fragment]");
    if (!fragment) throw new Error("not a list");
    return fragment;
  }

  async ask(url, shape, signal) {
    const answer = await fetch(url, { headers: { "X-Grid": shape }, redirect: "manual", credentials: "same-origin", cache: "no-store", signal });
    if (answer.type === "opaqueredirect" || [401, 403, 404].includes(answer.status)) {
      // Signed out, or no longer theirs: the page itself knows what to say.
      location.assign(this.url);
      throw new DOMException("leaving", "AbortError");
    }
    if (!answer.ok && answer.status !== 422) throw new Error(`answer ${answer.status}`);
    return answer;
  }

  // Putting things in place

  // A fragment holds every part of the list that a question changes. lively: keep rows that stay, mark what changed.
  place(fragment, { lively }) {
    const focus = this.focusMark();
    for (const part of fragment.querySelectorAll("[data-part]")) {
      if (part.dataset.part === "rows") this.placeRows([...part.children], lively);
      else {
        const here = this.root.querySelector(`[data-part="${part.dataset.part}"]`);
        if (here && here.innerHTML !== part.innerHTML) here.replaceChildren(...part.childNodes);
      }
    }
    for (const name of ["state", "sort", "size", "query", "things", "seq", "newest", "grows", "more"]) {
      if (name in fragment.dataset) this.root.dataset[name] = fragment.dataset[name];
      else delete this.root.dataset[name];
    }
    this.placeNews();
    this.selection?.placed();
    this.restoreFocus(focus);
  }

  placeRows(drawn, lively) {
    const body = this.body;
    if (!lively) {
      body.replaceChildren(...drawn);
      this.began(body);
      return;
    }
    const staying = new Map(this.rows.map((row) => [row.dataset.id, row]));
    let before = body.firstElementChild;
    for (const next of drawn) {
      const here = staying.get(next.dataset.id);
      if (!here) {
        body.insertBefore(next, before);
        this.began(next);
        this.mark(next);
        continue;
      }
      staying.delete(next.dataset.id);
      this.patch(here, next);
      if (here === before) before = before.nextElementSibling;
      else body.insertBefore(here, before);
    }
    for (const gone of staying.values()) gone.remove();
  }

  // Change only the cells that differ; what is open or being used in a row stays as it is until it is let go.
  patch(here, next) {
    if (here.children.length !== next.children.length) {
      here.replaceWith(next);
      this.began(next);
      this.mark(next);
      return;
    }
    [...next.children].forEach((cell, index) => {
      const old = here.children[index];
      if (cell.classList.contains("grid__cell--tick") || isDrawnAs(old, cell) || onlyMetersMoved(old, cell)) return;
      if (old.querySelector("details[open], [aria-expanded='true'], dialog[open]")) {
        setTimeout(() => { this.pending.add(here.dataset.id); this.soon(); }, 1500);
        return;
      }
      const focus = this.focusMark(old);
      old.replaceChildren(...cell.childNodes);
      sources.set(old, sources.get(cell) ?? old.innerHTML);
      this.began(old);
      this.restoreFocus(focus, old);
      if (cell.dataset.column !== "actions") this.mark(old);
    });
  }

  mark(element) {
    element.classList.remove("is-changed");
    void element.offsetWidth;
    element.classList.add("is-changed");
    element.addEventListener("animationend", () => element.classList.remove("is-changed"), { once: true });
  }

  // New elements may hold components that have a module of their own.
  began(element) {
    for (const cell of element.querySelectorAll?.("td") ?? []) sources.set(cell, cell.innerHTML);
    element.dispatchEvent(new CustomEvent("portal:inserted", { bubbles: true }));
  }

  focusMark(within = this.root) {
    const active = document.activeElement;
    if (!active || active === document.body || !within.contains(active)) return null;
    const row = active.closest("tr[data-id]");
    return { active, key: active.dataset.focus, id: row?.dataset.id, column: active.closest("td")?.dataset.column, action: active.dataset.action };
  }

  restoreFocus(mark) {
    if (!mark || mark.active.isConnected) return;
    const keyed = mark.key && this.root.querySelector(`[data-focus="${CSS.escape(mark.key)}"]`);
    const cell = mark.id && this.row(mark.id)?.querySelector(`td[data-column="${mark.column}"]`);
    const inCell = cell && (cell.querySelector(`[data-action="${mark.action}"]`) || cell.querySelector("a, button, input"));
    const target = keyed || inCell || this.root.querySelector(".grid__scroll");
    target?.focus({ preventScroll: true });
  }

  toTop() {
    if (this.root.getBoundingClientRect().top < 0) this.root.scrollIntoView({ block: "start" });
  }

  fillForm() {
    if (!this.form) return;
    const asked = this.url.searchParams;
    for (const control of this.form.elements) {
      if (!control.name) continue;
      if (control.name === "sort") control.value = this.root.dataset.sort;
      else if (control.name === "size") control.value = this.root.dataset.size;
      else control.value = asked.get(control.name) ?? "";
    }
  }

  showFault() {
    const place = this.root.querySelector('[data-part="error"]');
    place.replaceChildren(this.root.querySelector("template[data-grid-failed]").content.cloneNode(true));
  }

  closePanel() {
    const panel = this.root.querySelector("[data-grid-panel]");
    if (panel?.open) panel.open = false;
  }

  closePanelFromOutside() {
    const panel = this.root.querySelector("[data-grid-panel]");
    if (!panel) return;
    document.addEventListener("click", (event) => {
      if (panel.open && !panel.contains(event.target)) panel.open = false;
    });
    panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !panel.open) return;
      event.stopPropagation();
      panel.open = false;
      panel.querySelector("summary").focus();
    });
  }

  // What happens elsewhere

  changed(ids) {
    if (ids === null) this.reload = true;
    else for (const id of ids) this.pending.add(String(id));
    this.soon(Date.now() - (this.caughtAt ?? 0) > GATHER ? 0 : GATHER);
  }

  soon(wait = GATHER) {
    if (this.gathering) return;
    this.gathering = setTimeout(() => {
      this.gathering = null;
      this.catchUp();
    }, wait);
  }

  async catchUp() {
    if (this.flight || this.catching) return; // whoever is under way calls again when done
    this.catching = true;
    try {
      if (this.reload) await this.compareWhole();
      else await this.catchUpRows();
      this.failures = 0;
    } catch (error) {
      if (error.name !== "AbortError") this.failures += 1;
    } finally {
      this.catching = false;
      this.caughtAt = Date.now();
      this.root.toggleAttribute("data-behind", this.failures > 0);
    }
    if (this.pending.size || this.reload) this.soon(this.failures ? this.pause() : GATHER);
  }

  pause() {
    return Math.min(LONGEST_PAUSE, 500 * 2 ** this.failures) * (0.75 + Math.random() / 2);
  }

  async catchUpRows() {
    const onScreen = [];
    for (const id of this.pending) {
      this.pending.delete(id);
      if (this.row(id)) onScreen.push(id);
      else this.happenedElsewhere(id);
    }
    this.placeNews();
    if (this.reload) return;
    for (let at = 0; at < onScreen.length; at += MOST_ROWS) await this.refresh(onScreen.slice(at, at + MOST_ROWS));
  }

  // A row that is not on screen has changed: it may be new, or may belong here now.
  happenedElsewhere(id) {
    const isNew = !this.root.dataset.newest || Number(id) > Number(this.root.dataset.newest);
    if ("grows" in this.root.dataset || this.root.dataset.state !== "rows") {
      if (isNew) this.reload = true;
      else this.settle ??= setTimeout(() => { this.settle = null; this.reload = true; this.soon(); }, SETTLE * (0.8 + Math.random() * 0.4));
    } else if (isNew) this.fresh.add(id);
  }

  async refresh(ids) {
    const url = new URL(this.url);
    url.searchParams.set("ids", ids.join(","));
    let drawn;
    try {
      const answer = await this.ask(url, "rows", this.rowsSignal());
      if (answer.status === 422) return;
      drawn = (await answer.json()).rows;
    } catch (error) {
      for (const id of ids) this.pending.add(id);
      throw error;
    }
    let gone = false;
    for (const [id, html] of Object.entries(drawn)) {
      const here = this.row(id);
      if (!here) continue;
      if (html) this.patch(here, rowOf(html));
      else { this.leave(here); gone = true; }
    }
    this.selection?.placed();
    if (gone) this.reload = true; // the count, and the row that moves up
  }

  rowsSignal() {
    this.rowsFlight = new AbortController();
    return this.rowsFlight.signal;
  }

  leave(row) {
    const focused = row.contains(document.activeElement);
    const next = row.nextElementSibling || row.previousElementSibling;
    row.remove();
    if (focused) (next?.querySelector("a, button, input") || this.root.querySelector(".grid__scroll")).focus({ preventScroll: true });
  }

  async compareWhole() {
    this.reload = false;
    const seen = new Set(this.pending);
    try {
      const url = this.url;
      const fragment = await this.fetchFragment(url);
      if (this.flight || url !== this.url) { this.reload = true; return; }
      for (const id of seen) this.pending.delete(id);
      this.fresh.clear();
      this.place(fragment, { lively: true });
    } catch (error) {
      this.reload = true;
      throw error;
    }
  }

  placeNews() {
    const count = this.fresh.size;
    const chip = this.news.querySelector("[data-grid-show-new]");
    if (!count) return chip?.remove();
    if (!chip) this.news.append(this.root.querySelector("template[data-grid-new]").content.cloneNode(true));
    this.news.querySelector(".grid__chip-count").textContent = this.root.dataset.sayOne.replace("{n}", count.toLocaleString("en-GB"));
  }

  showNew() {
    const url = new URL(this.url);
    url.searchParams.delete("page");
    url.searchParams.delete("sort");
    this.fresh.clear();
    this.go(url, { fill: true });
    this.root.querySelector(".grid__scroll").focus({ preventScroll: true });
  }

  // Passing progress of a row: absolute figures, so that a lost one harms nothing.
  tick(data) {
    const place = data && this.root.querySelector(`[data-tick="${CSS.escape(String(data.id))}"]`);
    if (!place) return;
    const meter = place.matches("[data-value]") ? place : place.querySelector("[data-value]");
    if (!meter) return;
    if (data.total != null) meter.dataset.maximum = data.total;
    meter.dataset.value = data.done;
    if (meter.localName === "progress") { meter.max = data.total; meter.value = data.done; }
  }

  stop() {
    this.unwatch?.();
    this.room.disconnect();
    this.flight?.abort();
    this.rowsFlight?.abort();
  }
}

// What the server drew in a cell. Components may have changed the cell since, so the cell itself is no measure.
const sources = new WeakMap();

function isDrawnAs(old, next) {
  const drawn = next.innerHTML;
  sources.set(next, drawn);
  return (sources.get(old) ?? old.innerHTML) === drawn;
}

// A meter that moves on is no news: it moves in place, and the cell is not marked.
function onlyMetersMoved(old, next) {
  const meters = [...old.querySelectorAll(METER)];
  const moved = [...next.querySelectorAll(METER)];
  if (!meters.length || meters.length !== moved.length) return false;
  if (withoutMeters(sources.get(old) ?? old.innerHTML) !== withoutMeters(next.innerHTML)) return false;
  meters.forEach((meter, index) => {
    meter.dataset.maximum = moved[index].dataset.maximum;
    meter.dataset.value = moved[index].dataset.value;
  });
  sources.set(old, sources.get(next));
  return true;
}

function withoutMeters(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  for (const meter of holder.content.querySelectorAll(METER)) {
    meter.replaceChildren();
    meter.dataset.value = meter.dataset.maximum = "";
  }
  return holder.innerHTML;
}

function rowOf(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content.firstElementChild;
}
