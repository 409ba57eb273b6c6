// A button that copies a value and says that it did.

export default function copyLink(root) {
  const button = root.querySelector("[data-copy]");
  const said = root.querySelector("[role=status]");
  const tip = button.querySelector(".icon-button__tip");
  if (!navigator.clipboard) return;
  root.classList.add("is-ready");
  const word = tip.textContent;

  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    root.classList.add("is-copied");
    tip.textContent = button.dataset.done;
    said.textContent = button.dataset.done;
    setTimeout(() => {
      root.classList.remove("is-copied");
      tip.textContent = word;
      said.textContent = "";
    }, 2000);
  });
}
