// The username is the email address until somebody writes another one; a password is only asked for where one is handed over.

export default function userForm(form) {
  const name = form.querySelector("[data-user-name]");
  const address = form.querySelector("[data-user-email]");
  const passwords = form.querySelector("[data-user-password]");
  // Whichever of the two is filled in first is copied into the other, until that one was written by hand.
  let own = name.value !== address.value;
  let ownAddress = own;

  name.addEventListener("input", () => {
    own = true;
    if (!ownAddress) address.value = name.value;
  });
  address.addEventListener("input", () => {
    ownAddress = true;
    if (!own) name.value = address.value;
  });
  const ways = [...form.querySelectorAll("input[name=way]")];
  const follow = () => { passwords.hidden = form.elements.way.value === "invite"; };
  for (const way of ways) way.addEventListener("change", follow);
  follow();
}
