// Files of an import are sent as they lie on the disk, one after the other, however large.
const HEADERS = (form) => ({
  "Content-Type": "application/octet-stream",
  "Accept-Language": document.documentElement.lang,
  "Idempotency-Key": crypto.randomUUID(),
  "X-CSRF-Token": form.elements._csrf.value,
});

async function send(form, file) {
  const where = new URLSearchParams({ code: form.dataset.code, name: file.name });
  const answer = await fetch(`/api/v1/imports/uploads?${where}`, {
    method: "POST", body: file, headers: HEADERS(form),
  });
  if (answer.ok) return "";
  const told = await answer.json().catch(() => ({}));
  return `${file.name}: ${told.title || answer.status}`;
}

export function uploads() {
  document.querySelectorAll("form.upload").forEach((form) => {
    const told = form.querySelector("output");
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      button.disabled = true;
      for (const file of form.elements.files.files) {
        told.textContent = `${document.body.dataset.working} ${file.name}`;
        const wrong = await send(form, file).catch(() => document.body.dataset.offline);
        if (wrong) {
          told.textContent = wrong;
          button.disabled = false;
          return;
        }
      }
      location.reload();
    });
  });
}
