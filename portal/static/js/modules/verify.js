// The open verify page turns by itself the moment the status changes, and never goes on saying "valid" when it cannot know.
import { watch } from "../live.js";
import { doubted, standIn } from "../verdict.js";

const PATIENCE = 5000;
const LONGEST_PAUSE = 15000;

export default (root) => new Verify(root);

class Verify {
  constructor(root) {
    this.root = root;
    this.turn = 0;
    this.failures = 0;
    if (!root.dataset.room) return;
    watch(root.dataset.room, Number(root.dataset.seq), {
      changed: () => this.refresh(),
      status: (payload) => payload && this.told(payload),
    });
  }

  // The live message carries the status itself; the words are fetched when it differs from what is shown.
  told(payload) {
    if (payload.status !== this.shown()) this.refresh();
  }

  shown() {
    return this.root.querySelector("[data-verdict]")?.dataset.status;
  }

  async refresh() {
    const turn = ++this.turn;
    clearTimeout(this.again);
    const certain = doubted(this.root);
    try {
      const answer = await fetch(location.href, {
        headers: { "X-Fragment": "answer" },
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE),
      });
      const holder = document.createElement("template");
      holder.innerHTML = await answer.text();
      if (turn !== this.turn) return;
      // Any other page (busy, too many questions) says nothing about the document.
      if (!holder.content.querySelector("[data-verdict]")) throw new Error(`answer ${answer.status}`);
      this.root.replaceChildren(holder.content);
      this.failures = 0;
    } catch {
      if (turn !== this.turn) return;
      standIn(this.root);
      this.failures += 1;
      this.again = setTimeout(() => this.refresh(), Math.min(LONGEST_PAUSE, 1000 * 2 ** this.failures));
    } finally {
      certain();
    }
  }
}
