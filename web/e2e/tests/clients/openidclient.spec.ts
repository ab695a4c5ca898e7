import * as client from "openid-client";
import {
  type Application,
  approve,
  confidential,
  connectDevice,
  type Method,
  methods,
  scope,
  startWorld,
  type World,
} from "../../support/foreign.ts";
import { expect, test } from "../../support/test.ts";

// openid-client knows this server by its issuer alone, and checks every answer
// by its own rules, the signatures of ID tokens among them.

test.describe.configure({ mode: "default" });

let world: World;
test.beforeAll(async ({ browser }) => {
  world = await startWorld(browser);
});
test.afterAll(() => world.stop());

/** What a request for codes is checked against when the answer comes. */
interface Started {
  params: Record<string, string>;
  checks: client.AuthorizationCodeGrantChecks;
}

function authentication({ method, secret, key, kid }: Application): client.ClientAuth {
  if (method.auth === "client_secret_basic") return client.ClientSecretBasic(secret);
  return method.auth === "none" ? client.None() : client.PrivateKeyJwt({ key, kid });
}

/** Finds the server; what it refuses for want of a nonce is counted. */
async function configure(method: Method, more: Partial<client.ClientMetadata> = {}) {
  const app = world.app(method);
  const metadata = { id_token_signed_response_alg: method.idTokenAlg, ...more };
  const seen = { nonces: 0 };
  const config = await client.discovery(new URL(world.server.baseURL), app.id, metadata, authentication(app), {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    [client.customFetch]: async (...request) => {
      const answer = await fetch(...(request as Parameters<typeof fetch>));
      if (answer.status >= 400 && answer.headers.has("DPoP-Nonce")) seen.nonces++;
      return answer;
    },
  });
  return { app, config, seen };
}

async function start(more: Record<string, string> = {}): Promise<Started> {
  const checks = {
    pkceCodeVerifier: client.randomPKCECodeVerifier(),
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
    idTokenExpected: true,
    maxAge: 3600,
  };
  const params = {
    ...{ redirect_uri: world.redirect, scope, state: checks.expectedState, nonce: checks.expectedNonce },
    ...{
      code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
      code_challenge_method: "S256",
    },
    ...{ max_age: "3600", ...more },
  };
  return { params, checks };
}

/** Goes to the person with a link, and to the token endpoint with what comes back. */
async function tokens(config: client.Configuration, link: URL, { checks }: Started, options = {}) {
  return client.authorizationCodeGrant(config, await world.visit(link), checks, undefined, options);
}

async function signIn(config: client.Configuration) {
  const started = await start();
  return tokens(config, client.buildAuthorizationUrl(config, started.params), started);
}

for (const method of methods) {
  // Requirement: clients-openid-client, id-token-algorithm, authorize-max-age, refresh-rotate
  test(`openid-client signs in, reads userinfo and refreshes with ${method.name}`, async () => {
    const { config } = await configure(method);
    const got = await signIn(config);
    const claims = got.claims();
    expect(claims).toMatchObject({ iss: world.server.baseURL, aud: world.app(method).id });
    const sub = claims?.sub ?? "";
    const info = await client.fetchUserInfo(config, got.access_token, sub);
    expect(info).toMatchObject({ email: "demo@example.com", given_name: "Alex" });
    const again = await client.refreshTokenGrant(config, got.refresh_token ?? "");
    expect(again.claims()?.sub).toBe(sub);
    expect(again.refresh_token).not.toBe(got.refresh_token);
    await client.fetchUserInfo(config, again.access_token, sub);
  });

  // Requirement: clients-openid-client, par-answer, par-client-auth
  test(`openid-client pushes its request with ${method.name}`, async () => {
    const { config } = await configure(method);
    const started = await start();
    const link = await client.buildAuthorizationUrlWithPAR(config, started.params);
    expect([...link.searchParams.keys()].sort()).toEqual(["client_id", "request_uri"]);
    expect((await tokens(config, link, started)).claims()).toBeTruthy();
  });

  // Requirement: clients-openid-client, jar-verified, jar-only-client-id-outside
  test(`openid-client signs its request, pushed and not, with ${method.name}`, async () => {
    const { app, config } = await configure(method);
    const started = await start();
    const signed = await client.buildAuthorizationUrlWithJAR(config, started.params, { key: app.key, kid: app.kid });
    expect([...signed.searchParams.keys()].sort()).toEqual(["client_id", "request"]);
    expect((await tokens(config, signed, started)).claims()).toBeTruthy();
    const other = await start();
    const inner = await client.buildAuthorizationUrlWithJAR(config, other.params, { key: app.key, kid: app.kid });
    const pushed = await client.buildAuthorizationUrlWithPAR(config, inner.searchParams);
    expect((await tokens(config, pushed, other)).claims()).toBeTruthy();
  });

  // Requirement: clients-openid-client, jarm-modes, jarm-claims, jarm-algorithm, jarm-errors
  test(`openid-client takes a signed answer with ${method.name}`, async () => {
    const { config } = await configure(method, { authorization_signed_response_alg: method.idTokenAlg });
    client.useJwtResponseMode(config);
    expect((await signIn(config)).claims()).toBeTruthy();
    const started = await start({ scope: "openid unheard-of" });
    const refused = tokens(config, client.buildAuthorizationUrl(config, started.params), started);
    await expect(refused).rejects.toMatchObject({ code: "OAUTH_AUTHORIZATION_RESPONSE_ERROR", error: "invalid_scope" });
  });

  // Requirement: clients-openid-client, dpop-nonce, dpop-token-bound, dpop-downgrade
  test(`openid-client binds its tokens to a key with ${method.name}`, async () => {
    const { config, seen } = await configure(method);
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair());
    const started = await start();
    const link = await client.buildAuthorizationUrlWithPAR(config, started.params, { DPoP });
    const got = await tokens(config, link, started, { DPoP });
    expect(got.token_type).toBe("dpop");
    expect(seen.nonces).toBeGreaterThan(0);
    const sub = got.claims()?.sub ?? "";
    expect(await client.fetchUserInfo(config, got.access_token, sub, { DPoP })).toHaveProperty("email");
    await expect(client.fetchUserInfo(config, got.access_token, sub)).rejects.toThrow();
    const again = await client.refreshTokenGrant(config, got.refresh_token ?? "", undefined, { DPoP });
    expect(again.token_type).toBe("dpop");
  });

  // Requirement: clients-openid-client, revoke-access-token, revoke-refresh-takes-grant
  test(`openid-client revokes with ${method.name}`, async () => {
    const { config } = await configure(method);
    const got = await signIn(config);
    const sub = got.claims()?.sub ?? "";
    await client.tokenRevocation(config, got.access_token, { token_type_hint: "access_token" });
    await expect(client.fetchUserInfo(config, got.access_token, sub)).rejects.toMatchObject({ status: 401 });
    const again = await client.refreshTokenGrant(config, got.refresh_token ?? "");
    await client.tokenRevocation(config, again.refresh_token ?? "");
    await expect(client.refreshTokenGrant(config, again.refresh_token ?? "")).rejects.toMatchObject({
      error: "invalid_grant",
    });
  });
}

for (const method of confidential) {
  // Requirement: clients-openid-client, introspect-members, introspect-signed
  test(`openid-client introspects, signed and not, with ${method.name}`, async () => {
    const { app, config } = await configure(method);
    const { config: strict } = await configure(method, { introspection_signed_response_alg: "RS256" });
    const got = await signIn(config);
    for (const asking of [config, strict]) {
      const about = await client.tokenIntrospection(asking, got.access_token);
      expect(about).toMatchObject({ active: true, client_id: app.id, token_type: "Bearer", scope });
    }
    expect(await client.tokenIntrospection(config, got.refresh_token ?? "")).toMatchObject({ active: true });
    await client.tokenRevocation(config, got.refresh_token ?? "");
    expect(await client.tokenIntrospection(strict, got.access_token)).toEqual({ active: false });
  });
}

// They wait together: a library polls no sooner than the server lets it.
//
// Requirement: clients-openid-client, device-answer
test("openid-client connects devices however it authenticates", async () => {
  const ends = [];
  for (const method of methods) {
    const { config } = await configure(method);
    const asked = await client.initiateDeviceAuthorization(config, { scope });
    ends.push(client.pollDeviceAuthorizationGrant(config, asked));
    await connectDevice(world.page, asked.verification_uri_complete ?? "");
  }
  for (const got of await Promise.all(ends)) expect(got.claims()?.sub).toBeTruthy();
});

// Requirement: clients-openid-client, ciba-request
test("openid-client asks people who are elsewhere however it authenticates", async () => {
  const ends = [];
  for (const [index, method] of confidential.entries()) {
    const { config } = await configure(method);
    const message = `Door ${index}`;
    const asked = await client.initiateBackchannelAuthentication(config, {
      ...{ scope, login_hint: "demo", binding_message: message },
    });
    ends.push(client.pollBackchannelAuthenticationGrant(config, asked));
    await approve(world.page, world.server, message);
  }
  for (const got of await Promise.all(ends)) expect(got.claims()?.sub).toBeTruthy();
});

// The last of all: it signs the person out.
//
// Requirement: clients-openid-client, logout-redirect
test("openid-client signs the person out however it authenticates", async () => {
  for (const method of methods) {
    const { config } = await configure(method);
    const got = await signIn(config);
    const bye = new URL("/bye", world.redirect).href;
    const link = client.buildEndSessionUrl(config, {
      ...{ id_token_hint: got.id_token ?? "", post_logout_redirect_uri: bye, state: "out" },
    });
    expect((await world.visit(link)).href).toBe(`${bye}?state=out`);
    const silent = await start({ prompt: "none" });
    await expect(tokens(config, client.buildAuthorizationUrl(config, silent.params), silent)).rejects.toMatchObject({
      error: "login_required",
    });
  }
});
