// While a status cannot be read again, an old answer must not stand: "Cannot be checked now" stands in for it.

const PATIENCE = 600; // ms that a new reading may take before the old answer goes

// Put the stand-in (a <template data-unavailable> of the page) in the place of the verdict inside root, if there is one.
export function standIn(root) {
  const shown = root.querySelector("[data-verdict]");
  const spare = document.querySelector("template[data-unavailable]");
  if (shown && spare && shown.dataset.status !== "unavailable") shown.replaceWith(spare.content.cloneNode(true));
}

// Begin a reading: gives the function that ends it, to be called as soon as the new answer is in place.
export function doubted(root) {
  if (!root.querySelector("[data-verdict]")) return () => {};
  const timer = setTimeout(() => standIn(root), PATIENCE);
  return () => clearTimeout(timer);
}
