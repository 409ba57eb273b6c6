// Short messages at the corner: for one's own finished work and for what a dialog did. Never the only place where something is said.

const STAY = 8000;

export function toast(message, { tone = "info", href = null, label = null } = {}) {
  const region = document.getElementById("toasts");
  const template = document.getElementById("toast-template");
  if (!region || !template || !message) return;
  const element = template.content.firstElementChild.cloneNode(true);
  element.classList.add(`toast--${tone}`);
  element.querySelector(".toast__text").textContent = message;
  const link = element.querySelector(".toast__link");
  if (href) {
    link.href = href;
    if (label) link.textContent = label;
  } else {
    link.remove();
  }
  const sign = { good: "check-circle", warn: "alert", bad: "alert" }[tone] || "info";
  const use = element.querySelector(".toast__icon use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${sign}`));

  let timer = 0;
  const leave = () => element.remove();
  // What is being read does not go away: the clock stands while the pointer or the focus is on it.
  const wait = () => { timer = setTimeout(leave, STAY); };
  const hold = () => clearTimeout(timer);
  element.addEventListener("pointerenter", hold);
  element.addEventListener("pointerleave", wait);
  element.addEventListener("focusin", hold);
  element.addEventListener("focusout", wait);
  element.querySelector("button").addEventListener("click", leave);
  region.append(element);
  while (region.children.length > 4) region.firstElementChild.remove();
  if (tone !== "bad") wait();
}

export default function toasts() {
  document.addEventListener("portal:toast", (event) => toast(event.detail.message, event.detail));
}
