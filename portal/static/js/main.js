// Starts the module of every component on the page, and what holds for all pages: forms that are sent once, tips that Esc hides.

import "./modules/dialog.js";
import "./modules/form.js";
import "./modules/moved.js";

const NAMES = /^[a-z_]+$/;
const started = new WeakSet();

// Gives each [data-module] inside root its module: modules/<name>.js, whose default export takes the element. Safe to call again.
export async function start(root = document) {
  const found = [...root.querySelectorAll("[data-module]")];
  if (root instanceof Element && root.matches("[data-module]")) found.unshift(root);
  await Promise.all(found.filter((element) => !started.has(element)).map(startOne));
}

async function startOne(element) {
  started.add(element);
  const name = element.dataset.module;
  if (!NAMES.test(name)) return;
  try {
    const module = await import(`./modules/${name}.js`);
    module.default(element);
  } catch (error) {
    // One broken component must not stop the others; the page works without any of them.
    console.error(`The module ${name} did not start.`, error);
  }
}

document.addEventListener("portal:inserted", (event) => start(event.target));

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.documentElement.dataset.tips = "off";
});
for (const kind of ["pointermove", "focusin"]) {
  document.addEventListener(kind, () => delete document.documentElement.dataset.tips, { passive: true });
}

start();
