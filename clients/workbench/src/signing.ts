/** Signing in at an OpenID Connect issuer, by code flow with PKCE. Loaded only if the server names an issuer. */

import { ErrorResponse, UserManager, WebStorageStateStore, type User } from "oidc-client-ts";

export interface Issuer {
  issuer: string;
  clientId: string;
  scope: string;
}

export interface Signing {
  /** Returns the header with the person's token, renewed if it ends soon. Empty if nobody is signed in. */
  headers(): Promise<Record<string, string>>;
  /** Returns what the issuer calls the person. */
  name(): Promise<string | undefined>;
  /** Leaves for the issuer, which leads back to this place. */
  signIn(): Promise<void>;
  /** Forgets the person. Leaves for the issuer, so that it does so, too, if it has a page for that. */
  signOut(): Promise<void>;
  /** Takes what the issuer has added to the address. Returns the place that was left. Rejects if it refuses. */
  arrive(): Promise<string>;
}

/** The only address to which the issuer leads back. It must be registered there. */
const PAGE = "/api/workbench";
const EARLY_SECONDS = 60;
/** Tabs renew one after another: many issuers accept a refresh token once. */
const LOCK = "savepoint:sign-in";
const LATER = ["server_error", "temporarily_unavailable"];

const isFresh = (user: User): boolean => (user.expires_in ?? 0) > EARLY_SECONDS;

export function createSigning({ issuer, clientId, scope }: Issuer): Signing {
  const manager = new UserManager({
    authority: issuer,
    client_id: clientId,
    redirect_uri: new URL(PAGE, location.href).href,
    scope,
    response_mode: "fragment", // no server gets the code, or logs it
    automaticSilentRenew: false, // it would use frames
    stateStore: new WebStorageStateStore({ store: sessionStorage }),
    userStore: new WebStorageStateStore({ store: localStorage }), // whoever signs in does so in each tab
  });

  const renew = async (): Promise<User | null> =>
    await navigator.locks.request(LOCK, async () => {
      const user = await manager.getUser(); // another tab may have renewed it
      if (!user || isFresh(user)) return user;
      try {
        // Without a refresh token, the library would use a frame.
        if (user.refresh_token) return await manager.signinSilent();
      } catch (error) {
        if (!(error instanceof ErrorResponse) || LATER.includes(error.error ?? "")) throw error;
      }
      await manager.removeUser();
      return null;
    });

  async function current(): Promise<User | null> {
    const user = await manager.getUser();
    return user && !isFresh(user) ? renew() : user;
  }

  return {
    async headers() {
      const user = await current();
      return user ? { Authorization: `Bearer ${user.access_token}` } : {};
    },
    async name() {
      const profile = (await manager.getUser())?.profile;
      return profile?.name ?? profile?.preferred_username;
    },
    signIn: () => manager.signinRedirect({ state: location.pathname + location.hash }),
    async signOut() {
      const { end_session_endpoint: page } = await manager.metadataService.getMetadata();
      if (page) return manager.signoutRedirect();
      await manager.removeUser();
      location.reload();
    },
    arrive: async () => String((await manager.signinRedirectCallback(location.href)).state),
  };
}
