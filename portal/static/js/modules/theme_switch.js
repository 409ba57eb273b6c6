// Light, dark, or as the system has it. Kept in this browser only.

const KEY = "portal-theme";

function chosen() {
  try {
    return localStorage.getItem(KEY) || "auto";
  } catch {
    return document.documentElement.dataset.theme || "auto";
  }
}

export default function themeSwitch(root) {
  const buttons = [...root.querySelectorAll("[data-theme-choice]")];

  function show() {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.themeChoice === chosen()));
  }

  root.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-theme-choice]")?.dataset.themeChoice;
    if (!choice) return;
    if (choice === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    try {
      if (choice === "auto") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, choice);
    } catch {
      // Without storage the choice lasts as long as the page.
    }
    document.dispatchEvent(new CustomEvent("portal:theme"));
    show();
  });

  document.addEventListener("portal:theme", show);
  show();
  root.hidden = false;
}
