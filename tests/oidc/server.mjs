// An OpenID Connect issuer on loopback: node server.mjs SECONDS, the life of an access token.
//
// Prints its address. Anybody can sign in, under any name. POST /rotate makes it sign with its next key. As with real
// issuers, the next key and all earlier ones are published. POST /seconds?N sets the life of the next tokens.

import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";
import MemoryAdapter from "oidc-provider/lib/adapters/memory_adapter.js";

const AUDIENCE = "api://savepoint";
const SCOPE = "user_impersonation";

let seconds = Number(process.argv[2]);
/** The first one signs. */
const keys = [newKey(), newKey()];
let handle;
const server = createServer((request, response) => {
  if (request.method === "POST" && request.url === "/rotate") rotate();
  else if (request.method === "POST" && request.url.startsWith("/seconds?")) seconds = Number(request.url.slice(9));
  else return handle(request, response);
  response.end();
});
server.listen(0, "127.0.0.1", () => {
  start();
  console.log(issuer());
});

const issuer = () => `http://127.0.0.1:${server.address().port}`;

function newKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), alg: "RS256", use: "sig", kid: randomUUID() };
}

function rotate() {
  keys.push(keys.shift());
  keys.splice(1, 0, newKey());
  start();
}

function start() {
  const provider = new Provider(issuer(), {
    adapter: (model) => new MemoryAdapter(model), // kept when the keys change
    jwks: { keys },
    clients: [
      {
        client_id: "pages",
        application_type: "native", // so that the port of the pages may be any
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: ["http://127.0.0.1/api/workbench"],
      },
    ],
    clientBasedCORS: () => true,
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    claims: { openid: ["sub"], profile: ["name"] },
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: `The person ${id}` }) }),
    ttl: { AccessToken: () => seconds },
    features: {
      resourceIndicators: {
        enabled: true,
        defaultResource: () => AUDIENCE,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: SCOPE,
          audience: AUDIENCE,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
  });
  handle = provider.callback();
}
