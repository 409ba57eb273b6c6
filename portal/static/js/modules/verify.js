// The open verify page turns by itself the moment the status changes, and never goes on saying "valid" when it cannot know.
import { watch } from "../live.js";

const PATIENCE = 5000;

export default (root) => new Verify(root);

class Verify {
  constructor(root) {
    this.root = root;
    this.turn = 0;
    if (!root.dataset.room) return;
    watch(root.dataset.room, Number(root.dataset.seq), {
      changed: () => this.refresh(),
      status: (payload) => payload && this.told(payload),
    });
  }

  // The live message carries the status itself; the words are fetched when it differs from what is shown.
  told(payload) {
    if (payload.status !== this.shown()) this.refresh(payload.status);
  }

  shown() {
    return this.root.querySelector("[data-verdict]")?.dataset.status;
  }

  async refresh(told) {
    const turn = ++this.turn;
    try {
      const answer = await fetch(location.href, {
        headers: { "X-Fragment": "answer" },
        cache: "no-store",
        signal: AbortSignal.timeout(PATIENCE),
      });
      const html = await answer.text();
      if (turn !== this.turn) return;
      if (answer.status !== 503 && !answer.ok && answer.status !== 404) throw new Error(`status ${answer.status}`);
      const holder = document.createElement("template");
      holder.innerHTML = html;
      this.root.replaceChildren(holder.content);
    } catch {
      // What we were told and could not read again must not stand beside an old "valid".
      if (turn === this.turn && told !== this.shown()) location.reload();
    }
  }
}
