// Computes the root of the log from one event's hash and the hashes beside its way (RFC 9162).
import { root } from "./receipts.js";

const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
const text = (data) => btoa(String.fromCharCode(...data));

export function inclusions() {
  document.querySelectorAll("[data-inclusion]").forEach((box) => {
    const data = box.querySelector("script[type='application/json']");
    const button = box.querySelector("button[data-verify]");
    if (!data || !button) return;
    const { proof, root: signed } = JSON.parse(data.textContent);
    button.hidden = false;
    button.addEventListener("click", async () => {
      let holds = false;
      try {
        holds = text(await root(bytes(proof.leaf_hash), proof.position - 1, proof.tree_size, proof.hashes.map(bytes))) === signed;
      } catch { /* a path that leads nowhere proves nothing */ }
      const verdict = box.querySelector("[data-verdict]");
      verdict.textContent = holds ? verdict.dataset.yes : verdict.dataset.no;
      verdict.className = holds ? "note good" : "note bad";
      verdict.hidden = false;
      box.dataset.verified = String(holds);
    });
  });
}
