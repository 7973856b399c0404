// Where a session of this page runs: on the server that the page comes from, or, where the page's
// address has `?place=URL`, on the one that the placement at that address names (deploy/ray).
// Servers that were left are not wanted again for a while. They have the page's own address as one
// of their allowed origins.
import { routeOf } from "./route.js";

const SILENCE_MS = 3000;  // the server says something twice a second
const AVOIDED_MS = 15000;
const ANSWER_MS = 4000;

/** A server: `address` of its root, `token` for it, and after how much silence it is given up. */
function place(address, token, silenceMs) {
  return {
    address,
    silenceMs,
    /** The address of a route of this server. */
    routeOf(path, query = {}) {
      if (!address) return routeOf(path, query);
      const all = new URLSearchParams(query);
      if (token) all.set("token", token);
      return `${address}/${path}?${all}`;
    },
  };
}

export const OWN_SERVER = place("", "", SILENCE_MS);

export class Placement {
  #address = new URLSearchParams(location.search).get("place");
  #left = new Map();  // address of a server to when it may be wanted again

  /** A server for this session. Throws an Error with `retryMs` where there is none now. */
  async find(session) {
    if (!this.#address) return OWN_SERVER;
    const now = performance.now();
    for (const [address, until] of this.#left) if (until < now) this.#left.delete(address);
    const answer = await fetch(this.#route(), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ session, avoid: [...this.#left.keys()].slice(-16) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const content = await answer.json();
    if (answer.ok) return place(content.url, content.token, 1000 * content.watchdog_s);
    const error = new Error(content.error.message);
    error.retryMs = 1000 * (Number(answer.headers.get("Retry-After")) || 5);
    throw error;
  }

  /** A server that will end, or does not answer. */
  leave({ address }) {
    if (address) this.#left.set(address, performance.now() + AVOIDED_MS);
  }

  #route() {
    const url = new URL(this.#address, location.href);
    const token = new URLSearchParams(location.search).get("token");
    if (token) url.searchParams.set("token", token);
    return url;
  }
}
