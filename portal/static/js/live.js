// Keeps an open page in step with the database, and says honestly whether it is: watch(room, since, handlers).
//
// The server numbers the steps of each room. A message covers the steps after "from" up to "seq": what joins on to the last
// step known here is applied, what is older is dropped, and a gap is asked for. The page asks again on connecting, on
// waking up and every quarter of a minute even when the connection looks healthy, because one that looks healthy may be deaf.

const ASK_EVERY = 15000;
const SPREAD = 0.2; // so that many pages do not ask at the same moment
const ANSWER_IN = 10000;
const ANSWER_IN_ON_WAKING = 4000;
const CONFIRMED_FOR = 20000;
const OFFLINE_AFTER = 10000; // without a connection
const DEAF_AFTER = 40000; // connected, but nothing confirmed
const ASK_APART = 250;
const MOST_ROOMS = 20;
const NOT_AGAIN_BEFORE = 15000; // between two reloads because of an ended session
const LEFT = "portal:left";
const GOING_TAKES = 3000;

const rooms = new Map(); // name → { last, refused, watchers }
const listeners = new Set();
const page = document.documentElement;

let socket = null;
let state = "offline";
let confirmedAt = 0;
let downSince = Date.now();
let overdue = false;
let asking = false;
let askAgain = false;
let askedAt = 0;
let nextAsk = 0;
let soon = 0;
let aside = false;
let comeBack = 0;
let beat = Date.now();
let goingAt = 0;
addEventListener("beforeunload", () => { goingAt = Date.now(); });

// Watch a room from the step its rows were read at. handlers: changed(ids or null for "all", seq), tick(data),
// status(payload) for verify rooms, state("live" | "stale" | "offline"). Gives the function that stops watching.
export function watch(name, since, handlers = {}) {
  let room = rooms.get(name);
  if (!room) {
    room = { last: Number(since) || 0, refused: false, watchers: new Set() };
    rooms.set(name, room);
  } else if ((Number(since) || 0) < room.last) {
    // These rows are older than what this room was told already.
    queueMicrotask(() => handlers.changed?.(null, room.last));
  }
  const watcher = { ...handlers };
  room.watchers.add(watcher);
  watcher.state?.(state);
  connect();
  askSoon();
  return () => {
    if (!room.watchers.delete(watcher) || room.watchers.size) return;
    rooms.delete(name);
    socket?.connected && socket.emit("unwatch", { rooms: [name] });
  };
}

// Be told the state of the page, at once and whenever it changes. Gives the function that stops it.
export function onState(listener) {
  listeners.add(listener);
  listener(state);
  return () => listeners.delete(listener);
}

// Asking

function askSoon(patience = ANSWER_IN) {
  clearTimeout(soon);
  soon = setTimeout(() => ask(patience), Math.max(0, askedAt + ASK_APART - Date.now()));
}

function ask(patience = ANSWER_IN) {
  if (!socket?.connected) return;
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  askedAt = Date.now();
  nextAsk = askedAt + ASK_EVERY * (1 + SPREAD * (2 * Math.random() - 1));
  const known = Object.fromEntries([...rooms].slice(0, MOST_ROOMS).map(([name, room]) => [name, room.last]));
  const asked = socket.id;
  socket.timeout(patience).emit("watch", { rooms: known }, (silence, answer) => {
    if (asked !== socket.id) return;
    asking = false;
    if (silence) {
      // The connection looks open and says nothing: take a new one.
      overdue = true;
      show();
      socket.io.engine?.close();
      return;
    }
    answered(answer);
    if (askAgain) {
      askAgain = false;
      askSoon();
    }
  });
}

function answered(answer) {
  if (!answer?.ok) {
    // The server cannot read the database at this moment, or is about to say that the session has ended.
    nextAsk = Date.now() + 2000;
    overdue = true;
    show();
    return;
  }
  if (!answer.signed_in && isPrivate()) return leave();
  overdue = false;
  confirmedAt = Date.now();
  for (const [name, told] of Object.entries(answer.rooms)) {
    const room = rooms.get(name);
    if (!room) continue;
    room.refused = !told.ok;
    if (told.ok) take(room, told);
  }
  show();
}

// Taking what was told

function take(room, told) {
  if (told.status) tell(room, "status", told.status);
  if (told.from === null) {
    room.last = told.seq;
    tell(room, "changed", null, told.seq);
  } else if (told.seq > room.last) {
    if (told.from > room.last) return askSoon();
    room.last = told.seq;
    if (told.ids === null || told.ids.length) tell(room, "changed", told.ids, told.seq);
  }
}

function tell(room, what, ...values) {
  for (const watcher of room.watchers) {
    try {
      watcher[what]?.(...values);
    } catch (error) {
      // One broken list must not keep the others from the news.
      console.error("A live handler failed.", error);
    }
  }
}

// The state of the page

function stateNow() {
  const moment = Date.now();
  if (!confirmedAt) return "offline";
  if (!socket?.connected) return moment - downSince < OFFLINE_AFTER ? "stale" : "offline";
  if (moment - confirmedAt > DEAF_AFTER || [...rooms.values()].some((room) => room.refused)) return "offline";
  return overdue || moment - confirmedAt > CONFIRMED_FOR ? "stale" : "live";
}

function show() {
  const now = stateNow();
  if (now === state) return;
  state = now;
  page.dataset.live = state;
  for (const room of rooms.values()) tell(room, "state", state);
  for (const listener of listeners) listener(state);
  document.dispatchEvent(new CustomEvent("portal:live", { detail: { state } }));
}

// The connection

async function connect() {
  if (socket) return;
  if (!globalThis.io) await load().catch(() => {});
  if (socket) return;
  if (!globalThis.io) {
    setTimeout(connect, 10000);
    return;
  }
  socket = globalThis.io({
    transports: ["websocket", "polling"],
    tryAllTransports: true, // long polling where a proxy blocks websockets
    transportOptions: { polling: { extraHeaders: { "X-Portal-Live": "1" } } },
    reconnectionDelay: 500,
    reconnectionDelayMax: 4000,
    timeout: 8000,
  });
  socket.on("connect", () => {
    asking = askAgain = false;
    ask();
  });
  socket.on("disconnect", (reason) => {
    if (confirmedAt && downSince < confirmedAt) downSince = Date.now();
    asking = askAgain = false;
    show();
    if (reason === "io server disconnect" && !comeBack && !aside) reconnectIn(1000 + Math.random() * 2000);
  });
  socket.on("connect_error", () => {
    if (!socket.active) reconnectIn(2000 + Math.random() * 3000);
    show();
  });
  socket.on("changed", (told) => {
    const room = rooms.get(told.room);
    if (room) take(room, told);
  });
  socket.on("tick", (data) => {
    const room = rooms.get(data.room);
    if (room) tell(room, "tick", data);
  });
  socket.on("signed_out", leave);
  socket.on("step_aside", () => { aside = true; });
  socket.on("too_fast", () => reconnectIn(10000));
  socket.on("server_restart", ({ delay }) => {
    reconnectIn(Math.min(Math.max(Number(delay) || 0, 0), 5000));
    socket.disconnect();
  });
}

function reconnectIn(pause) {
  clearTimeout(comeBack);
  comeBack = setTimeout(() => {
    comeBack = 0;
    socket.connect();
  }, pause);
}

let loading = null;
function load() {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = new URL("../vendor/socket.io.min.js", import.meta.url);
    script.onload = done;
    script.onerror = () => {
      loading = null;
      script.remove();
      failed(new Error("the live client did not load"));
    };
    document.head.append(script);
  });
  return loading;
}

// A page of somebody who is signed in, as opposed to one that anybody may open.
function isPrivate() {
  return Boolean(document.querySelector(".account")) || [...rooms.keys()].some((name) => !name.startsWith("verify:"));
}

// The session has ended: the page itself knows where to go. Not again and again, should the server see it otherwise.
// Somebody who is just logging out is on the way already, and a reload would cut that way short.
function leave() {
  if (!isPrivate()) return;
  if (Date.now() - goingAt < GOING_TAKES) {
    setTimeout(leave, GOING_TAKES);
    return;
  }
  const last = Number(sessionStorage.getItem(LEFT)) || 0;
  if (Date.now() - last < NOT_AGAIN_BEFORE) {
    overdue = true;
    show();
    return;
  }
  sessionStorage.setItem(LEFT, String(Date.now()));
  location.reload();
}

// Waking up

function wake() {
  if (!socket) return;
  if (socket.connected) return askSoon(ANSWER_IN_ON_WAKING);
  aside = false;
  if (!comeBack) socket.connect();
}

document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake());
addEventListener("focus", () => aside && wake());
addEventListener("online", wake);
addEventListener("offline", () => {
  overdue = true;
  show();
});
addEventListener("pageshow", (event) => event.persisted && wake());

setInterval(() => {
  const moment = Date.now();
  const slept = moment - beat > 5000;
  beat = moment;
  if (slept) wake();
  else if (moment >= nextAsk) ask();
  show();
}, 1000);

// A page that says whether it is live, or that somebody is signed in on, is connected even when it watches nothing.
if (isPrivate() || document.querySelector('[data-module="live_indicator"]')) connect();
