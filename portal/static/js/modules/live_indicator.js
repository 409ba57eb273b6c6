// Says in a word whether the page is live. It only reads <html data-live>, which live.js sets. A page on which nothing moves has nothing
// to say, so the word appears only where something is watched.

const PATIENCE = 4000;

export default function liveIndicator(root) {
  const word = root.querySelector(".live-indicator__word");
  const page = document.documentElement;
  let wasLive = false;
  let since = null;
  let late = false;

  function show() {
    const state = page.dataset.live;
    root.classList.toggle("is-speaking", document.querySelector("[data-room]") !== null);
    if (state === "live") {
      wasLive = true;
      since = null;
      word.textContent = root.dataset.wordLive;
    } else if (state === "stale") {
      word.textContent = root.dataset.wordStale;
    } else if (!wasLive && !late) {
      word.textContent = root.dataset.wordWaiting;
    } else {
      since ??= new Date();
      const time = since.toLocaleTimeString(page.lang, { hour: "2-digit", minute: "2-digit" });
      word.textContent = `${root.dataset.wordOffline} ${time}`;
    }
    root.classList.toggle("was-live", wasLive || late);
  }

  new MutationObserver(show).observe(page, { attributes: true, attributeFilter: ["data-live"] });
  setTimeout(() => { late = true; show(); }, PATIENCE);
  show();
}
