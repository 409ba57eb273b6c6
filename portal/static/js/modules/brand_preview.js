// The card of a brand follows the form beside it: name, portal name and the two colours.

const COLOUR = /^#[0-9a-f]{6}$/i;

export default function brandPreview(root) {
  const form = document.getElementById(root.dataset.form);
  if (!form) return;

  function show() {
    for (const place of root.querySelectorAll("[data-brand-text]")) place.textContent = form.elements[place.dataset.brandText].value;
    for (const name of ["primary", "accent"]) {
      const colour = form.elements[`${name}_colour`].value.trim();
      if (COLOUR.test(colour)) root.querySelector(`[data-brand-${name}]`).setAttribute("fill", colour);
    }
  }

  form.addEventListener("input", show);
  show();
}
