// The selection of a list: ticked rows, or all that match, kept while pages turn. What is sent is either the ids or the
// query as it was at the click; the bulk form carries it, so the server sees the same fields as without JavaScript.

export default class Selection {
  constructor(grid) {
    this.grid = grid;
    this.root = grid.root;
    this.form = this.root.querySelector("[data-grid-bulk]");
    this.all = this.root.querySelector("[data-grid-all]");
    this.said = this.root.querySelector("[data-grid-selected]");
    this.clearer = this.root.querySelector("[data-grid-deselect]");
    this.load();
    this.root.addEventListener("change", (event) => {
      if (event.target === this.all) this.toggleAll();
      else if (event.target.matches("[data-grid-tick]")) this.toggle(event.target);
    });
    this.root.addEventListener("click", (event) => this.range(event));
    this.clearer.addEventListener("click", (event) => {
      event.preventDefault();
      this.clear();
    });
    this.form.addEventListener("submit", () => this.fill());
    // Coming back from the page of the act, the browser may restore boxes that are no longer meant.
    addEventListener("pageshow", (event) => { if (event.persisted) { this.load(); this.show(); } });
    this.show();
  }

  get store() { return `grid:${location.pathname}?${this.root.dataset.query}`; }
  get boxes() { return [...this.root.querySelectorAll("[data-grid-tick]")]; }
  get count() { return this.whole ? Math.max(0, this.whole.count - this.but.size) : this.ids.size; }

  load() {
    this.key = this.store;
    this.ids = new Set();
    this.but = new Set();
    this.whole = null;
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.key) || "{}");
      this.ids = new Set(kept.ids);
      this.but = new Set(kept.but);
      this.whole = kept.whole ?? null;
    } catch { /* a store that cannot be read holds no selection */ }
  }

  save() {
    try {
      if (!this.count) sessionStorage.removeItem(this.key);
      else sessionStorage.setItem(this.key, JSON.stringify({ ids: [...this.ids], but: [...this.but], whole: this.whole }));
    } catch { /* without a store the selection lasts as long as the page */ }
  }

  // The grid has put other rows in place, perhaps of another question.
  placed() {
    if (this.store !== this.key) this.load();
    this.show();
  }

  has(id) { return this.whole ? !this.but.has(id) : this.ids.has(id); }

  set(id, wanted) {
    const set = this.whole ? this.but : this.ids;
    if (wanted !== Boolean(this.whole)) set.add(id);
    else set.delete(id);
  }

  toggle(box) {
    this.set(box.value, box.checked);
    this.changed();
  }

  // With Shift, everything between the last box and this one.
  range(event) {
    const box = event.target.closest?.("[data-grid-tick]");
    if (!box) return;
    const boxes = this.boxes;
    const [from, to] = [boxes.indexOf(this.last), boxes.indexOf(box)].sort((a, b) => a - b);
    if (event.shiftKey && from >= 0) for (const one of boxes.slice(from, to + 1)) this.set(one.value, box.checked);
    this.last = box;
    if (event.shiftKey) this.changed();
  }

  async toggleAll() {
    if (!this.all.checked) return this.clear();
    const key = this.key;
    this.root.setAttribute("aria-busy", "true");
    try {
      // The exact number and the last row of this moment: what comes later was not part of the click.
      const answer = await this.grid.ask(this.grid.url, "count");
      const { count, upto, query } = await answer.json();
      if (key !== this.key || count === undefined) return;
      this.ids.clear();
      this.but.clear();
      this.whole = count ? { count, upto, query } : null;
    } catch (error) {
      if (error.name !== "AbortError") this.grid.showFault();
    } finally {
      this.root.removeAttribute("aria-busy");
    }
    this.changed();
  }

  clear() {
    this.ids.clear();
    this.but.clear();
    this.whole = null;
    this.changed();
  }

  changed() {
    this.save();
    this.show();
  }

  show() {
    const count = this.count;
    for (const box of this.boxes) {
      box.checked = this.has(box.value);
      box.closest("tr").classList.toggle("is-selected", box.checked);
    }
    this.all.checked = count > 0 && Boolean(this.whole);
    this.all.indeterminate = count > 0 && (!this.whole || this.but.size > 0);
    this.root.toggleAttribute("data-selecting", count > 0);
    this.clearer.hidden = !count;
    for (const button of this.form.querySelectorAll("[formaction]")) button.disabled = !count;
    const { sayThing, sayThings, saySelected } = this.root.dataset;
    const things = `${count.toLocaleString("en-GB")} ${count === 1 ? sayThing : sayThings}`;
    for (const button of this.form.querySelectorAll("[data-say-counted]")) this.label(button, count, things);
    const sentence = count ? saySelected.replace("{things}", things) : "";
    if (this.said.textContent !== sentence) this.said.textContent = sentence;
  }

  // "Export 268 records" while they are chosen, "Export" while none is.
  label(button, count, things) {
    const words = button.querySelector(".button__label");
    if (!words) return;
    button.dataset.plain ??= words.textContent;
    const wanted = count ? button.dataset.sayCounted.replace("%(things)s", things) : button.dataset.plain;
    if (words.textContent !== wanted) words.textContent = wanted;
  }

  // Put the selection into the form at the moment it is sent. Boxes of this page are left out: the hidden fields say all.
  fill() {
    for (const old of this.form.querySelectorAll("[data-grid-sent]")) old.remove();
    const plain = [...this.boxes, this.all, this.root.querySelector('[data-part="frozen"] input')].filter(Boolean);
    for (const field of plain) field.disabled = true;
    setTimeout(() => { for (const field of plain) field.disabled = false; });
    const fields = this.whole
      ? { selection: "all", query: this.whole.query, but: [...this.but].join(","), upto: this.whole.upto ?? "" }
      : { ids: [...this.ids].join(",") };
    for (const [name, value] of Object.entries(fields)) {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name, value });
      input.dataset.gridSent = "";
      this.form.append(input);
    }
  }
}
