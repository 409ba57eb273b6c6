// The mail beside its words: while somebody writes, the button "Show" is pressed for them. It sends the form into the frame.

const PAUSE = 400; // ms after the last key

export default function noticeWords(form) {
  const shows = document.querySelector("[data-notice-preview]");
  if (!shows) return;
  let waiting = null;

  function soon() {
    clearTimeout(waiting);
    waiting = setTimeout(show, PAUSE);
  }

  // A form of its own carries the words over: the real one would count as being sent.
  function show() {
    const carrier = document.createElement("form");
    Object.assign(carrier, { method: "post", action: shows.getAttribute("formaction"), target: shows.getAttribute("formtarget"), hidden: true });
    for (const [name, value] of new FormData(form)) {
      const field = document.createElement("textarea");
      field.name = name;
      field.value = value;
      carrier.append(field);
    }
    document.body.append(carrier);
    carrier.submit();
    carrier.remove();
  }

  shows.hidden = true;
  for (const field of form.elements) field.addEventListener("input", soon);
  show();
}
