/** Who one is, and the server as this person. */

import { connect, type Server } from "@savepoint/client";
import { find, make, words } from "./page.js";

interface Config {
  authMode: "local" | "easyauth" | "swa" | "jwt";
  signIn: string | null;
}

/** Each tab can be another person, to try what several people do with one document. Only in the mode `local`. */
const PERSON = "savepoint:person";

const person = (): string => sessionStorage.getItem(PERSON) ?? "";

/** Returns what tells the server which person this tab is. */
export const personHeaders = (): Record<string, string> => (person() ? { "X-User-Id": person() } : {});

/** Returns the server, as the person of this tab. */
export function serverFor(app: string): Server {
  const server = connect({
    baseUrl: "/api/persistence",
    app,
    headers: async () => personHeaders(),
    onSignedOut: () => showPerson(server),
  });
  return server;
}

let config: Promise<Config> | undefined;

/** Asks the server once. If that fails, the next call asks again. */
function configured(): Promise<Config> {
  config ??= fetch("/api/client/config").then((found) => found.json());
  config.catch(() => (config = undefined));
  return config;
}

/** Shows who is signed in, and how that can be changed. */
export function showPerson(server: Server): void {
  shownPerson(server).then(
    (found) => find("#who").replaceChildren(found),
    (error: unknown) => find("#who").replaceChildren(`Who is signed in is not known: ${words(error)}`),
  );
}

async function shownPerson(server: Server): Promise<Node | string> {
  const [{ authMode }, me] = await Promise.all([configured(), ownerOf(server)]);
  if (authMode === "local") return switcher(me ?? "nobody");
  if (me) return `Signed in as ${me}`;
  return (await signInLink()) ?? "Not signed in";
}

/** Returns a link to the platform's page for signing in, which leads back here. Undefined if there is none. */
export async function signInLink(): Promise<HTMLAnchorElement | undefined> {
  const { signIn } = await configured();
  if (!signIn) return undefined;
  const href = signIn + encodeURIComponent(location.pathname + location.hash);
  return make("a", { href, className: "button", textContent: "Sign in" });
}

/** Returns undefined if nobody is signed in. */
async function ownerOf(server: Server): Promise<string | undefined> {
  try {
    return (await server.account.me()).ownerId;
  } catch (error) {
    if ((error as { status?: number }).status === 401) return undefined;
    throw error;
  }
}

function switcher(me: string): HTMLElement {
  const name = make("input", { name: "person", value: me, maxLength: 64, required: true, autocomplete: "off" });
  const form = make(
    "form",
    { className: "who" },
    make("label", {}, "Person ", name),
    make("button", { textContent: "Switch" }),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(PERSON, name.value.trim());
    // What is not saved is in the journal, under the name of the person who typed it. The id in the address is theirs.
    if (document.querySelector("form[data-savepoint-address]")) location.replace(location.pathname + location.search);
    else location.reload();
  });
  return form;
}
