/** Who one is, and the server as this person. */

import { connect, type Server } from "@savepoint/client";
import { say } from "./language.js";
import { find, make, notify, words } from "./page.js";
import type { Issuer, Signing } from "./signing.js";

interface Config {
  authMode: "local" | "easyauth" | "swa" | "jwt";
  signIn: string | null;
  issuer: string | null;
  clientId: string | null;
  scope: string | null;
}

/** Each tab can be another person, to try what several people do with one document. Only in the mode `local`. */
const PERSON = "savepoint:person";

const person = (): string => sessionStorage.getItem(PERSON) ?? "";

/** Returns what tells the server who this person is. */
export async function personHeaders(): Promise<Record<string, string>> {
  if (person()) return { "X-User-Id": person() };
  return (await signing())?.headers() ?? {};
}

/** Returns the server, as the person of this tab. */
export function serverFor(app: string): Server {
  const server = connect({
    baseUrl: "/api/persistence",
    app,
    headers: personHeaders,
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

let signed: Promise<Signing | undefined> | undefined;

/** Returns undefined if people do not sign in at an issuer. */
function signing(): Promise<Signing | undefined> {
  signed ??= configured().then(async (config) => {
    if (!config.issuer) return undefined;
    const { createSigning } = await import("./signing.js");
    return createSigning(config as Issuer);
  });
  signed.catch(() => (signed = undefined));
  return signed;
}

/** Takes what an issuer has added to the address, and goes to the place that was left for signing in. */
export async function arrive(): Promise<void> {
  if (!/^#.*\bstate=/.test(location.hash)) return;
  let place = "#/sessions";
  try {
    place = (await (await signing())?.arrive()) ?? place;
  } catch (error) {
    notify(say("You are not signed in: {reason}", { reason: words(error) }));
  }
  const { pathname, hash } = new URL(place, location.href);
  if (pathname !== location.pathname) {
    location.replace(place);
    await new Promise(() => undefined); // the page ends
  }
  history.replaceState(null, "", hash || "#/sessions");
}

/** Shows who is signed in, and how that can be changed. */
export function showPerson(server: Server): void {
  shownPerson(server).then(
    (found) => find("#who").replaceChildren(found),
    (error: unknown) => find("#who").replaceChildren(say("Who is signed in is not known: {reason}", { reason: words(error) })),
  );
}

async function shownPerson(server: Server): Promise<Node | string> {
  const [{ authMode }, me, issuer] = await Promise.all([configured(), ownerOf(server), signing()]);
  if (authMode === "local") return switcher(me ?? "nobody");
  if (!me) return (await signInButton()) ?? say("Not signed in");
  if (!issuer) return say("Signed in as {name}", { name: me });
  const out = make("button", { textContent: say("Sign out") });
  out.addEventListener("click", () => void issuer.signOut().catch(refused));
  return make("span", { className: "who" }, say("Signed in as {name}", { name: (await issuer.name()) ?? me }), out);
}

/** Returns what leads to the page for signing in, and back here. Undefined if there is none. */
export async function signInButton(): Promise<HTMLElement | undefined> {
  const [{ signIn }, issuer] = await Promise.all([configured(), signing()]);
  if (signIn) {
    const href = signIn + encodeURIComponent(location.pathname + location.hash);
    return make("a", { href, className: "button", textContent: say("Sign in") });
  }
  if (!issuer) return undefined;
  const button = make("button", { className: "main", textContent: say("Sign in") });
  button.addEventListener("click", () => void issuer.signIn().catch(refused));
  return button;
}

const refused = (error: unknown): void => notify(say("The page for signing in cannot be reached: {reason}", { reason: words(error) }));

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
    make("label", {}, `${say("Person")} `, name),
    make("button", { textContent: say("Switch") }),
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
