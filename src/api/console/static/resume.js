// A form that met an ended session is kept in this tab, and sent once the same person is back.
const KEPT = "resume";

export function resume() {
  const pending = document.getElementById("pending");
  if (pending) {
    sessionStorage.setItem(KEPT, pending.textContent);
    return;
  }
  const person = document.body.dataset.person;
  const kept = sessionStorage.getItem(KEPT);
  if (!person || !kept) return;
  sessionStorage.removeItem(KEPT);
  const { path, fields, who } = JSON.parse(kept);
  const mark = document.querySelector("input[name=_csrf]");
  // Somebody else signed in here: what was written is not theirs to send.
  if (!mark || (who && who !== person)) return;
  const form = document.createElement("form");
  form.method = "post";
  form.action = path;
  form.hidden = true;
  for (const [name, value] of fields) {
    const field = document.createElement("input");
    field.name = name;
    field.value = name === "_csrf" ? mark.value : value;
    field.type = "hidden";
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}
