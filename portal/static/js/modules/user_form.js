// The username is the email address until somebody writes another one; a password is only asked for where one is handed over.

export default function userForm(form) {
  const name = form.querySelector("[data-user-name]");
  const address = form.querySelector("[data-user-email]");
  const passwords = form.querySelector("[data-user-password]");
  // Whichever of the two is filled in first is copied into the other, until that one was written by hand. Somebody may have
  // begun before this module had started.
  let own = Boolean(name.value && name.value !== address.value);
  let ownAddress = Boolean(address.value && name.value !== address.value);
  if (!own) name.value = address.value;
  else if (!ownAddress) address.value = name.value;

  name.addEventListener("input", () => {
    own = true;
    if (!ownAddress) address.value = name.value;
  });
  address.addEventListener("input", () => {
    ownAddress = true;
    if (!own) name.value = address.value;
  });
  // Dimmed and not taken away, so that nothing jumps under the pointer.
  const invite = form.elements.invite;
  const follow = () => {
    passwords.classList.toggle("is-off", invite.checked);
    for (const input of passwords.querySelectorAll("input")) input.disabled = invite.checked;
  };
  invite.addEventListener("change", follow);
  follow();
}
