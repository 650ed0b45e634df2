// Verifies a receipt in this browser: the signatures, the stored event, its place in the log.
// Nothing is asked of the server; the receipt on the page is all there is.
const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
const join = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const sha = async (data) => new Uint8Array(await crypto.subtle.digest("SHA-256", data));
const same = (a, b) => a.length === b.length && a.every((each, at) => each === b[at]);
const utf8 = (text) => new TextEncoder().encode(text);

function verifier(text) {
  const at = text.split("+");
  const name = at[0], hash = at[1], raw = bytes(at.slice(2).join("+"));
  return { name, hash, raw };
}

async function opened(note, pinned) {
  const cut = note.lastIndexOf("\n\n");
  const text = note.slice(0, cut + 1);
  const key = await crypto.subtle.importKey("raw", pinned.raw.slice(1), "Ed25519", false, ["verify"]);
  const mark = (await sha(join(utf8(`${pinned.name}\n`), pinned.raw))).slice(0, 4);
  if (pinned.raw[0] !== 1 || [...mark].map((e) => e.toString(16).padStart(2, "0")).join("") !== pinned.hash) throw new Error("key");
  for (const line of note.slice(cut + 2).trimEnd().split("\n")) {
    const [dash, name, encoded] = line.split(" ");
    if (dash !== "—" || name !== pinned.name) continue;
    const signed = bytes(encoded);
    if (same(signed.slice(0, 4), mark) && await crypto.subtle.verify("Ed25519", key, signed.slice(4), utf8(text))) return text;
  }
  throw new Error("signature");
}

// RFC 9162, 2.1.3.2.
export async function root(leaf, index, size, path) {
  let at = BigInt(index), last = BigInt(size) - 1n, hash = leaf;
  for (const step of path) {
    if (last === 0n) throw new Error("path");
    if (at % 2n === 1n || at === last) {
      hash = await sha(join([1], step, hash));
      if (at % 2n === 0n) while (at % 2n === 0n && at !== 0n) { at >>= 1n; last >>= 1n; }
    } else {
      hash = await sha(join([1], hash, step));
    }
    at >>= 1n; last >>= 1n;
  }
  if (last !== 0n) throw new Error("path");
  return hash;
}

export async function verify(receipt, shown) {
  const found = { signed: false, event: false, log: false, says: false };
  try {
    const pinned = verifier(receipt.verifier_key);
    const [name, kind, body] = (await opened(receipt.statement, pinned)).split("\n");
    if (name !== pinned.name || kind !== "receipt 1") return found;
    const [origin, size, top] = (await opened(receipt.checkpoint, pinned)).split("\n");
    if (origin !== pinned.name) return found;
    found.signed = true;
    const stated = JSON.parse(body);
    const leaf = await sha(join([0], bytes(receipt.leaf)));
    found.event = same(leaf, bytes(stated.leaf_hash));
    if (!found.event) return found;
    const reached = await root(leaf, stated.position - 1, Number(size), receipt.hashes.map(bytes));
    found.log = same(reached, bytes(top));
    found.says = Object.entries(shown).every(([field, value]) => stated.says[field] === value);
  } catch {
    return found;
  }
  return found;
}

export function receipts() {
  document.querySelectorAll("[data-receipt]").forEach((box) => {
    const data = JSON.parse(box.querySelector("script[type='application/json']").textContent);
    const button = box.querySelector("button[data-verify]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      const found = await verify(data.proof, data.shown);
      let all = true;
      for (const line of box.querySelectorAll("[data-check]")) {
        const holds = found[line.dataset.check];
        all &&= holds;
        line.className = holds ? "yes" : "no";
      }
      const verdict = box.querySelector("[data-verdict]");
      verdict.textContent = all ? verdict.dataset.yes : verdict.dataset.no;
      verdict.className = all ? "note good" : "note bad";
      verdict.hidden = false;
      box.dataset.verified = String(all);
    });
  });
}
