// A password field with a button that shows what was typed.

export default function field(root) {
  const input = root.querySelector("input");
  const button = root.querySelector(".field__reveal-button");
  button.hidden = false;

  function set(shown) {
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.setAttribute("aria-label", shown ? button.dataset.hide : button.dataset.show);
  }

  button.addEventListener("click", () => {
    set(input.type === "password");
    input.focus();
  });
  // A shown password must not be kept by the browser as ordinary text.
  input.form?.addEventListener("submit", () => set(false));
}
