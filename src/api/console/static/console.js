// What the pages do beyond HTML: nothing that is needed to use them, all of it to lose nothing.
import { keepDrafts } from "./drafts.js";
import { resume } from "./resume.js";
import { charts } from "./charts.js";
import { proofs } from "./proofs.js";
import { receipts } from "./receipts.js";
import { inclusions } from "./inclusion.js";
import { sliders } from "./sliders.js";
import { countdowns } from "./countdown.js";
import { fences } from "./fence.js";
import { uploads } from "./uploads.js";

const SLOW_MS = 400;

function zone() {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  if (!document.cookie.split("; ").includes(`merit_zone=${name}`)) {
    document.cookie = `merit_zone=${name}; path=/; max-age=31536000; samesite=lax`;
  }
}

export function say(text) {
  document.getElementById("said").textContent = text;
}

// Whatever takes a while says so, and is not sent twice.
function working() {
  const bar = document.getElementById("progress");
  let timer = 0;
  const begin = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { bar.hidden = false; say(document.body.dataset.working); }, SLOW_MS);
  };
  const end = () => { clearTimeout(timer); bar.hidden = true; };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (form.method === "post") {
      form.dataset.sent = "1";
      setTimeout(() => form.querySelectorAll("button").forEach((each) => { each.disabled = true; }));
    }
    begin();
  });
  window.addEventListener("pageshow", (event) => {
    end();
    if (event.persisted) {
      document.querySelectorAll("form[data-sent]").forEach((form) => {
        delete form.dataset.sent;
        form.querySelectorAll("button").forEach((each) => { each.disabled = false; });
      });
    }
  });
  document.addEventListener("htmx:beforeRequest", begin);
  document.addEventListener("htmx:afterRequest", end);
  document.addEventListener("htmx:sendError", () => say(document.body.dataset.offline));
}

// On a wide screen the navigation is open; on a phone it opens on demand.
function menu() {
  const wide = matchMedia("(min-width: 60rem)");
  const each = document.getElementById("menu");
  if (!each) return;
  const fit = () => { each.open = wide.matches; };
  wide.addEventListener("change", fit);
  fit();
}

function closing() {
  document.addEventListener("click", (event) => {
    document.querySelectorAll("details.me[open]").forEach((each) => {
      if (!each.contains(event.target)) each.open = false;
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.me[open]").forEach((each) => {
      each.open = false;
      each.querySelector("summary").focus();
    });
  });
  document.querySelectorAll("[data-print]").forEach((each) => each.addEventListener("click", () => print()));
}

zone();
menu();
working();
closing();
keepDrafts();
resume();
charts();
proofs();
receipts();
inclusions();
sliders();
countdowns();
fences();
uploads();
document.getElementById("problem")?.focus();
