// Keeps the figures inside it right: when its room changes it asks for them again, and puts each where [data-figure] names it.
//   data-room, data-seq   the room, and how far it had come when the page was read      data-url   answers {name: number}

import { watch } from "../live.js";

const GATHER = 150;
const AGAIN = 3000;

export default function figures(root) {
  const { room, seq, url } = root.dataset;
  let waiting = 0;
  let asking = false;
  let onceMore = false;

  function put(values) {
    for (const figure of root.querySelectorAll("[data-figure]")) {
      const value = values[figure.dataset.figure];
      if (Number.isFinite(value) && figure.textContent !== String(value)) figure.textContent = String(value);
    }
  }

  // The first change starts the clock and later ones do not put it off, so a steady stream is followed too.
  function soon(delay = GATHER) {
    waiting ||= setTimeout(ask, delay);
  }

  async function ask() {
    waiting = 0;
    if (asking) {
      onceMore = true;
      return;
    }
    asking = true;
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      put(await answer.json());
    } catch {
      // What is shown may now be old, and nothing else would ask again.
      soon(AGAIN);
    } finally {
      asking = false;
      if (onceMore) {
        onceMore = false;
        soon();
      }
    }
  }

  watch(room, seq, { changed: () => soon(), tick: put });
}
