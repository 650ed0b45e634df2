// What is written and not yet sent is kept on this device, for this person, on this page.
const key = (form) => `draft:${document.body.dataset.person}:${location.pathname}:${form.id}`;
const own = (name) => !name || name.startsWith("_");

function values(form) {
  const kept = {};
  for (const each of form.elements) {
    if (own(each.name) || each.type === "hidden" || each.type === "file") continue;
    kept[each.name] = each.type === "checkbox" ? String(each.checked) : each.value;
  }
  return kept;
}

function put(form, kept) {
  let changed = false;
  for (const each of form.elements) {
    if (own(each.name) || !(each.name in kept)) continue;
    if (each.type === "checkbox") {
      changed ||= each.checked !== (kept[each.name] === "true");
      each.checked = kept[each.name] === "true";
    } else if (each.value !== kept[each.name]) {
      changed = true;
      each.value = kept[each.name];
    }
  }
  return changed;
}

function note(form, before) {
  const template = document.getElementById("draft-note");
  if (!template) return;
  const shown = template.content.firstElementChild.cloneNode(true);
  shown.querySelector("button").addEventListener("click", () => {
    localStorage.removeItem(key(form));
    put(form, before);
    shown.remove();
  });
  form.prepend(shown);
}

export function keepDrafts() {
  if (!document.body.dataset.person) return;
  const done = document.body.dataset.done;
  if (done) {
    // The page that a form leads to may be another than the one that it was on.
    const mine = `draft:${document.body.dataset.person}:`;
    Object.keys(localStorage).forEach((each) => {
      if (each.startsWith(mine) && each.endsWith(`:${done}`)) localStorage.removeItem(each);
    });
  }
  document.querySelectorAll("form[data-draft]").forEach((form) => {
    const before = values(form);
    const kept = localStorage.getItem(key(form));
    if (kept && !document.getElementById("problem") && put(form, JSON.parse(kept))) {
      note(form, before);
      form.dispatchEvent(new Event("input", { bubbles: true }));
    }
    form.addEventListener("input", () => {
      localStorage.setItem(key(form), JSON.stringify(values(form)));
    });
  });
}
