// Dialogs, for the whole document, so that links in rows that arrive live work too.
//   data-dialog-open="id"     opens the <dialog id>          data-dialog-close   closes the dialog around it
//   data-dialog-load="size"   on a link: shows the [data-dialog-content] of the page behind it in the portal's own dialog;
//                             on a button: sends its form, and shows the answer there or says it

import { busy, rest } from "./form.js";
import { toast } from "./toast.js";

const TONES = { success: "good", error: "bad", danger: "bad", warning: "warn" };
const SIZES = ["sm", "md", "lg", "full"];
let asked = 0;
let list = null; // that of the row whose button opened the dialog
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog-open]");
  const target = opener && document.getElementById(opener.dataset.dialogOpen);
  if (target instanceof HTMLDialogElement) {
    event.preventDefault();
    target.showModal();
    return;
  }
  const closer = event.target.closest("[data-dialog-close]");
  const around = closer?.closest("dialog");
  if (around) {
    event.preventDefault();
    around.close();
    return;
  }
  const link = event.target.closest("a[data-dialog-load]");
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (link && plain && host()) {
    event.preventDefault();
    load(link.href, link.dataset.dialogLoad, link.textContent.trim());
  }
});

// A press on the ground outside closes; a press that began inside (selecting text) does not.
document.addEventListener("pointerdown", (event) => {
  const dialog = event.target;
  if (!(dialog instanceof HTMLDialogElement) || !dialog.open) return;
  const box = dialog.getBoundingClientRect();
  const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!inside) dialog.close();
});

// form.js has looked at it before: what it stopped waits for an answer, or is being sent already.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const dialog = form.closest("#portal-dialog");
  if (event.defaultPrevented || form.method === "dialog" || form.dataset.wholePage !== undefined) return;
  if (!dialog && (event.submitter?.dataset.dialogLoad === undefined || !host())) return;
  event.preventDefault();
  if (!form.dataset.sending) send(form, event.submitter, dialog ? null : event.submitter.dataset.dialogLoad);
});

function host() {
  return document.getElementById("portal-dialog");
}

function slot() {
  return host().querySelector("[data-dialog-slot]");
}

function note(name) {
  slot().replaceChildren(document.getElementById(`portal-dialog-${name}`).content.cloneNode(true));
}

export async function load(url, size = "md", title = "") {
  const dialog = host();
  const mine = ++asked;
  open(size);
  dialog.querySelector(".dialog__title").textContent = title;
  note("loading");
  try {
    const answer = await fetch(url, { headers: { Accept: "text/html", "X-Requested-With": "fetch" }, credentials: "same-origin" });
    const page = await parse(answer);
    if (mine !== asked || !dialog.open) return;
    show(page, answer);
  } catch {
    if (mine === asked) note("failed");
  }
}

function open(size) {
  const dialog = host();
  for (const one of SIZES) dialog.classList.toggle(`dialog--${one}`, one === size);
  if (dialog.open) return;
  list ??= document.activeElement?.closest("[data-grid]");
  dialog.showModal();
}

async function parse(answer) {
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Shows the part of a page that is meant for a dialog. A page without one (signed out, an error) is gone to.
function show(page, answer) {
  const content = page.querySelector("[data-dialog-content]");
  if (!content) {
    if (answer.ok) location.assign(answer.url);
    else note("failed");
    return;
  }
  const dialog = host();
  dialog.querySelector(".dialog__title").textContent = content.dataset.dialogTitle || "";
  makeItsOwn(content);
  slot().replaceChildren(document.adoptNode(content));
  content.dispatchEvent(new CustomEvent("portal:inserted", { bubbles: true }));
  (content.querySelector("[autofocus], [aria-invalid=true], input:not([type=hidden]), .viewer__stage") || dialog).focus();
}

// A page and the page in its dialog may use the same ids ("email"); a label must then lead to its own field.
function makeItsOwn(content) {
  const renamed = new Map();
  for (const element of content.querySelectorAll("[id]")) {
    const there = document.getElementById(element.id);
    if (there && !slot().contains(there)) renamed.set(element.id, `dialog-${element.id}`);
  }
  if (!renamed.size) return;
  for (const name of ["id", "for", "form", "list", "aria-describedby", "aria-labelledby", "aria-controls"]) {
    for (const element of content.querySelectorAll(`[${name}]`)) {
      const words = element.getAttribute(name).split(/\s+/);
      element.setAttribute(name, words.map((word) => renamed.get(word) ?? word).join(" "));
    }
  }
  for (const link of content.querySelectorAll('a[href^="#"]')) {
    const target = renamed.get(link.getAttribute("href").slice(1));
    if (target) link.setAttribute("href", `#${target}`);
  }
}

// size: of the dialog that an answer needs, for a button outside of it.
async function send(form, submitter, size = null) {
  const dialog = host();
  const body = new FormData(form, submitter);
  busy(form, submitter);
  // The row may be gone before the answer is here.
  if (size !== null) list = submitter.closest("[data-grid]");
  try {
    const action = submitter?.getAttribute("formaction") || form.getAttribute("action") || form.dataset.url || location.href;
    const options = form.method === "get" ? {} : { method: "POST", body: form.enctype === "multipart/form-data" ? body : new URLSearchParams(body) };
    const url = form.method === "get" ? `${action}?${new URLSearchParams(body)}` : action;
    const answer = await fetch(url, { ...options, headers: { Accept: "text/html", "X-Requested-With": "fetch" }, credentials: "same-origin" });
    const page = await parse(answer);
    const content = page.querySelector("[data-dialog-content]");
    if (size !== null) rest(form);
    if (answer.redirected && !content) {
      arrive(page, answer, dialog);
      return;
    }
    if (size !== null && (content || !answer.ok)) open(size);
    show(page, answer);
  } catch {
    rest(form);
    toast(document.getElementById("portal-dialog-failed").content.textContent.trim(), { tone: "bad" });
  }
}

// The act is done. On the same page the rows follow by themselves, so only what the server wanted to say is said.
function arrive(page, answer, dialog) {
  if (new URL(answer.url).pathname !== location.pathname) {
    location.assign(answer.url);
    return;
  }
  dialog.close();
  for (const flash of page.querySelectorAll("#flashes [data-flash]")) {
    const link = flash.querySelector("a");
    link?.remove();
    toast(flash.textContent.trim(), { tone: TONES[flash.dataset.flash] || "info", href: link?.getAttribute("href"), label: link?.textContent });
  }
  document.dispatchEvent(new CustomEvent("portal:done", { detail: { page, url: answer.url } }));
}

host()?.addEventListener("close", () => {
  // Told a moment later: somebody may have opened it for something else since.
  if (host().open) return;
  asked += 1;
  slot().replaceChildren();
  // The browser gives focus back to the button that opened it; where its row is gone by now, to the list.
  if (list?.isConnected && (!document.activeElement || document.activeElement === document.body)) {
    list.querySelector(".grid__scroll")?.focus({ preventScroll: true });
  }
  list = null;
});
