// A disclosure menu closes with Esc (focus goes back to its button), with a click elsewhere, and when focus leaves it.

export default function menu(root) {
  const button = root.querySelector("summary");
  const close = () => { root.open = false; };

  root.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !root.open) return;
    event.stopPropagation();
    close();
    button.focus();
  });
  root.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !root.contains(event.relatedTarget)) close();
  });
  document.addEventListener("pointerdown", (event) => {
    if (root.open && !root.contains(event.target)) close();
  });
}
