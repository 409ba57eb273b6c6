// Forms everywhere: a form that is being sent marks its button busy and is not sent twice; data-confirm asks first. data-file: it is
// answered by a file, so the page stays and the form may be sent again.

export function busy(form, button) {
  form.dataset.sending = "true";
  if (!button) return;
  button.classList.add("is-busy");
  button.setAttribute("aria-disabled", "true");
  if (button.dataset.busyLabel) button.setAttribute("aria-label", button.dataset.busyLabel);
}

export function rest(form) {
  delete form.dataset.sending;
  // A button may stand elsewhere and name its form, as those in the rows of a list do.
  for (const button of form.elements) {
    if (!button.classList.contains("is-busy")) continue;
    button.classList.remove("is-busy");
    button.removeAttribute("aria-disabled");
    if (button.dataset.busyLabel) button.removeAttribute("aria-label");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sending) {
    event.preventDefault();
    return;
  }
  const question = event.submitter?.dataset.confirm || form.dataset.confirm;
  if (question && !form.dataset.confirmed) {
    event.preventDefault();
    ask(form, event.submitter, question);
    return;
  }
  if (form.method !== "post" || form.dataset.file !== undefined) return;
  // The value of the button must still be sent, so it is not disabled, only marked; and not before every listener has spoken.
  setTimeout(() => {
    if (!event.defaultPrevented) busy(form, event.submitter);
  });
});

// A page that comes back from the browser's cache must not stay busy.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("form[data-sending]").forEach(rest);
});

function ask(form, submitter, question) {
  const asked = document.getElementById("portal-confirm");
  if (!asked) {
    form.dataset.confirmed = "true";
    form.requestSubmit(submitter);
    return;
  }
  asked.querySelector("[data-confirm-text]").textContent = question;
  const yes = asked.querySelector("[data-confirm-yes]");
  yes.querySelector(".button__label").textContent = submitter?.textContent.trim() || yes.dataset.word;
  const dangerous = submitter?.classList.contains("button--danger") ?? false;
  yes.classList.toggle("button--danger", dangerous);
  yes.classList.toggle("button--primary", !dangerous);
  asked.returnValue = "";
  asked.addEventListener("close", () => {
    if (asked.returnValue !== "yes") return;
    form.dataset.confirmed = "true";
    form.requestSubmit(submitter);
    delete form.dataset.confirmed;
  }, { once: true });
  asked.showModal();
}
