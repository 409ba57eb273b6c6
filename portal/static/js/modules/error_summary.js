// Brings the errors of a form to the reader, and each link to its field.

export default function errorSummary(root) {
  root.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    const target = link && document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!target) return;
    event.preventDefault();
    const control = target.matches("input, select, textarea") ? target : target.querySelector("input, select, textarea");
    (control || target).focus();
    (target.closest(".field") || target).scrollIntoView({ block: "center" });
  });
  root.focus({ preventScroll: false });
}
