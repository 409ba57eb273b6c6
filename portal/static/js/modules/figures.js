// Figures that move by themselves: <… data-module="figures" data-room data-seq data-url> reads the address again whenever its room
// changed and sets the text of each [data-figure] inside. data-say, if there, is the sentence for screen readers: "{completed} of
// {requested} …"; it is said when the figures have come to rest, and in between now and then, never for each step.

import { watch } from "../live.js";

const GATHER = 100; // ms in which changes are gathered into one request
const APART = 400; // ms between two requests at least
const LONGEST_PAUSE = 15000;
const AT_REST = 1500;
const SAID_APART = 15000;

export default (root) => new Figures(root);

class Figures {
  constructor(root) {
    this.root = root;
    this.failures = 0;
    this.askedAt = 0;
    this.saidAt = Date.now();
    if (root.dataset.say) {
      this.voice = document.createElement("p");
      this.voice.className = "visually-hidden";
      this.voice.setAttribute("role", "status");
      root.append(this.voice);
    }
    watch(root.dataset.room, Number(root.dataset.seq || 0), {
      changed: () => this.soon(),
      tick: (figures) => this.place(figures),
    });
  }

  soon() {
    this.wanted = true;
    if (this.waiting || this.asking) return;
    const pause = this.failures ? Math.min(LONGEST_PAUSE, 500 * 2 ** this.failures) * (0.75 + Math.random() / 2) : 0;
    // The first change after a quiet time is shown at once.
    const gather = Date.now() - this.askedAt > 3 * GATHER ? 0 : GATHER;
    const wait = Math.max(gather, pause, this.askedAt + APART - Date.now());
    this.waiting = setTimeout(() => { this.waiting = null; this.ask(); }, wait);
  }

  async ask() {
    this.wanted = false;
    this.asking = true;
    this.askedAt = Date.now();
    try {
      const answer = await fetch(this.root.dataset.url, { headers: { Accept: "application/json" }, redirect: "manual", credentials: "same-origin", cache: "no-store" });
      if (answer.type === "opaqueredirect" || [401, 403, 404].includes(answer.status)) return location.reload();
      if (!answer.ok) throw new Error(`answer ${answer.status}`);
      this.place(await answer.json());
      this.failures = 0;
    } catch {
      this.failures += 1;
      this.wanted = true;
    } finally {
      this.asking = false;
      if (this.wanted) this.soon();
    }
  }

  place(figures) {
    let moved = false;
    for (const [name, value] of Object.entries(figures)) {
      for (const element of this.root.querySelectorAll(`[data-figure="${CSS.escape(name)}"]`)) {
        if (!Number.isFinite(value) || element.textContent === String(value)) continue;
        element.textContent = value;
        moved = true;
      }
    }
    if (moved && this.voice) this.say(figures);
  }

  say(figures) {
    this.sentence = this.root.dataset.say.replace(/\{(\w+)\}/g, (_all, name) => figures[name] ?? "");
    clearTimeout(this.resting);
    const speak = () => {
      this.saidAt = Date.now();
      this.voice.textContent = this.sentence;
    };
    if (Date.now() - this.saidAt > SAID_APART) speak();
    else this.resting = setTimeout(speak, AT_REST);
  }
}
