// One's own finished work, on whatever page one is: <… data-module="desk" data-room="desk:7" data-seq data-url="/…/0/toast">. The room
// tells the ids of downloads; the server says what there is to say of each. Other work of one's own steps the room without ids.

import { watch } from "../live.js";
import { toast } from "./toast.js";

const MOST = 5; // of many at once the list itself says enough

export default function desk(root) {
  watch(root.dataset.room, Number(root.dataset.seq || 0), {
    changed: (ids) => (ids || []).slice(-MOST).forEach(say),
  });

  async function say(id) {
    try {
      const answer = await fetch(root.dataset.url.replace("/0/", `/${Number(id)}/`), { headers: { Accept: "application/json" }, redirect: "manual", credentials: "same-origin", cache: "no-store" });
      if (!answer.ok) return;
      const { message, tone, href, label } = await answer.json();
      if (message) toast(message, { tone, href, label });
    } catch { /* the list of downloads says it too */ }
  }
}
