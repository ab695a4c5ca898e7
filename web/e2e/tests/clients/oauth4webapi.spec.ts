import * as oauth from "oauth4webapi";
import {
  type Application,
  approve,
  cibaGrant,
  confidential,
  connectDevice,
  deviceGrant,
  type Method,
  methods,
  scope,
  startWorld,
  type World,
} from "../../support/foreign.ts";
import { expect, test } from "../../support/test.ts";

// oauth4webapi takes each step by itself, so every answer is checked by it: its
// form, its media type, its headers and its signature.

test.describe.configure({ mode: "default" });

const loopback = { [oauth.allowInsecureRequests]: true };

let world: World;
let as: oauth.AuthorizationServer;
test.beforeAll(async ({ browser }) => {
  world = await startWorld(browser);
  const issuer = new URL(world.server.baseURL);
  for (const algorithm of ["oidc", "oauth2"] as const) {
    const found = await oauth.discoveryRequest(issuer, { algorithm, ...loopback });
    as = await oauth.processDiscoveryResponse(issuer, found);
  }
});
test.afterAll(() => world.stop());

/** One application as the library knows it. */
interface Party {
  app: Application;
  client: oauth.Client;
  auth: oauth.ClientAuth;
}

function party(method: Method, more: Partial<oauth.Client> = {}): Party {
  const app = world.app(method);
  const client = { client_id: app.id, id_token_signed_response_alg: method.idTokenAlg, ...more };
  return { app, client, auth: authentication(app) };
}

function authentication({ method, secret, key, kid }: Application): oauth.ClientAuth {
  if (method.auth === "client_secret_basic") return oauth.ClientSecretBasic(secret);
  return method.auth === "none" ? oauth.None() : oauth.PrivateKeyJwt({ key, kid });
}

/** An authorization request, with what its answer is checked against. */
async function request({ client }: Party, more: Record<string, string> = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const nonce = oauth.generateRandomNonce();
  const state = oauth.generateRandomState();
  const params = new URLSearchParams({
    ...{ client_id: client.client_id, response_type: "code", redirect_uri: world.redirect, scope, nonce, state },
    ...{ code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256", ...more },
  });
  return { params, verifier, nonce, state };
}

type Request = Awaited<ReturnType<typeof request>>;

function link(params: URLSearchParams): URL {
  const url = new URL(as.authorization_endpoint ?? "");
  url.search = String(params);
  return url;
}

/** Takes what came back to the token endpoint; a nonce that it asks for is brought on the second try. */
async function redeem({ client, auth }: Party, asked: Request, answer: URLSearchParams, DPoP?: oauth.DPoPHandle) {
  const { verifier, nonce: expectedNonce } = asked;
  const options = { ...loopback, ...(DPoP && { DPoP }) };
  return again(async () => {
    const sent = oauth.authorizationCodeGrantRequest(as, client, auth, answer, world.redirect, verifier, options);
    const response = await sent;
    const checks = { expectedNonce, requireIdToken: true };
    return signed(response, await oauth.processAuthorizationCodeResponse(as, client, response, checks));
  });
}

/** Checks the signature of the JWT that an answer held. */
async function signed<T>(response: Response, processed: T): Promise<T> {
  await oauth.validateApplicationLevelSignature(as, response, loopback);
  return processed;
}

async function again<T>(once: () => Promise<T>): Promise<T> {
  try {
    return await once();
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return once();
  }
}

async function tokens(who: Party, asked: Request, url: URL, DPoP?: oauth.DPoPHandle) {
  const answer = oauth.validateAuthResponse(as, who.client, await world.visit(url), asked.state);
  return redeem(who, asked, answer, DPoP);
}

async function signIn(who: Party) {
  const asked = await request(who);
  return tokens(who, asked, link(asked.params));
}

async function push({ client, auth }: Party, params: URLSearchParams): Promise<URL> {
  const response = await oauth.pushedAuthorizationRequest(as, client, auth, params, loopback);
  const { request_uri } = await oauth.processPushedAuthorizationResponse(as, client, response);
  return link(new URLSearchParams({ client_id: client.client_id, request_uri }));
}

async function refresh({ client, auth }: Party, token = "", DPoP?: oauth.DPoPHandle) {
  const options = { ...loopback, ...(DPoP && { DPoP }) };
  return again(async () => {
    const response = await oauth.refreshTokenGrantRequest(as, client, auth, token, options);
    return signed(response, await oauth.processRefreshTokenResponse(as, client, response));
  });
}

async function userinfo({ client }: Party, got: oauth.TokenEndpointResponse, DPoP?: oauth.DPoPHandle) {
  const sub = oauth.getValidatedIdTokenClaims(got)?.sub ?? "";
  const options = { ...loopback, ...(DPoP && { DPoP }) };
  return again(async () => {
    const response = await oauth.userInfoRequest(as, client, got.access_token, options);
    return oauth.processUserInfoResponse(as, client, sub, response);
  });
}

async function introspect({ client, auth }: Party, token = "") {
  const response = await oauth.introspectionRequest(as, client, auth, token, loopback);
  const about = await oauth.processIntrospectionResponse(as, client, response);
  return client.introspection_signed_response_alg ? signed(response, about) : about;
}

async function revoke({ client, auth }: Party, token = ""): Promise<void> {
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, token, loopback));
}

/** One poll, by the library's function for it. */
async function pollDevice({ client, auth }: Party, code: string) {
  const response = await oauth.deviceCodeGrantRequest(as, client, auth, code, loopback);
  return signed(response, await oauth.processDeviceCodeResponse(as, client, response));
}

async function pollPerson({ client, auth }: Party, id: string) {
  const response = await oauth.backchannelAuthenticationGrantRequest(as, client, auth, id, loopback);
  return signed(response, await oauth.processBackchannelAuthenticationGrantResponse(as, client, response));
}

const pending = { error: "authorization_pending", status: 400 };
const pause = (seconds = 5) => new Promise((resume) => setTimeout(resume, seconds * 1000));

// Requirement: clients-oauth4webapi, discovery-types
test("oauth4webapi finds by both kinds of discovery what it uses", () => {
  expect(as.issuer).toBe(world.server.baseURL);
  expect(as.authorization_response_iss_parameter_supported).toBe(true);
  expect(as.grant_types_supported).toEqual(expect.arrayContaining([deviceGrant, cibaGrant]));
});

for (const method of methods) {
  // Requirement: clients-oauth4webapi, id-token-algorithm, refresh-rotate, refresh-id-token
  test(`oauth4webapi signs in, reads userinfo and refreshes with ${method.name}`, async () => {
    const who = party(method);
    const got = await signIn(who);
    expect(await userinfo(who, got)).toMatchObject({ email: "demo@example.com", given_name: "Alex" });
    const next = await refresh(who, got.refresh_token);
    const claims = oauth.getValidatedIdTokenClaims(next);
    expect(claims).toMatchObject({ sub: oauth.getValidatedIdTokenClaims(got)?.sub, aud: who.client.client_id });
    expect(next.refresh_token).not.toBe(got.refresh_token);
    expect(await userinfo(who, next)).toHaveProperty("email");
  });

  // Requirement: clients-oauth4webapi, par-answer, jar-verified
  test(`oauth4webapi signs and pushes its request with ${method.name}`, async () => {
    const who = party(method);
    const { key, kid, id } = who.app;
    const plain = await request(who);
    expect(await tokens(who, plain, await push(who, plain.params))).toHaveProperty("id_token");
    for (const pushed of [false, true]) {
      const asked = await request(who);
      const object = await oauth.issueRequestObject(as, who.client, asked.params, { key, kid });
      const params = new URLSearchParams({ client_id: id, request: object });
      expect(await tokens(who, asked, pushed ? await push(who, params) : link(params))).toHaveProperty("id_token");
    }
  });

  // Requirement: clients-oauth4webapi, jarm-modes, jarm-claims, jarm-algorithm, jarm-errors
  test(`oauth4webapi takes a signed answer with ${method.name}`, async () => {
    const who = party(method, { authorization_signed_response_alg: method.idTokenAlg });
    for (const mode of ["jwt", "query.jwt"]) {
      const asked = await request(who, { response_mode: mode });
      const back = await world.visit(link(asked.params));
      expect([...back.searchParams.keys()]).toEqual(["response"]);
      const answer = await oauth.validateJwtAuthResponse(as, who.client, back, asked.state, loopback);
      expect(await redeem(who, asked, answer)).toHaveProperty("id_token");
    }
    const asked = await request(who, { response_mode: "jwt", scope: "openid unheard-of" });
    const back = await world.visit(link(asked.params));
    await expect(oauth.validateJwtAuthResponse(as, who.client, back, asked.state, loopback)).rejects.toMatchObject({
      error: "invalid_scope",
    });
  });

  // Requirement: clients-oauth4webapi, dpop-nonce, dpop-token-bound, dpop-downgrade
  test(`oauth4webapi binds its tokens to a key with ${method.name}`, async () => {
    const who = party(method);
    const DPoP = oauth.DPoP(who.client, await oauth.generateKeyPair(method.alg));
    const asked = await request(who, { dpop_jkt: await DPoP.calculateThumbprint() });
    const got = await tokens(who, asked, link(asked.params), DPoP);
    expect(got.token_type).toBe("dpop");
    expect(await userinfo(who, got, DPoP)).toHaveProperty("email");
    await expect(userinfo(who, got)).rejects.toMatchObject({ status: 401 });
    const next = await refresh(who, got.refresh_token, DPoP);
    expect(next.token_type).toBe("dpop");
    expect(await userinfo(who, next, DPoP)).toHaveProperty("email");
  });

  // Requirement: clients-oauth4webapi, revoke-access-token, revoke-refresh-takes-grant
  test(`oauth4webapi revokes with ${method.name}`, async () => {
    const who = party(method);
    const got = await signIn(who);
    await revoke(who, got.access_token);
    await expect(userinfo(who, got)).rejects.toMatchObject({ status: 401 });
    const next = await refresh(who, got.refresh_token);
    await revoke(who, next.refresh_token);
    await expect(refresh(who, next.refresh_token)).rejects.toMatchObject({ error: "invalid_grant", status: 400 });
    await expect(userinfo(who, next)).rejects.toMatchObject({ status: 401 });
  });
}

for (const method of confidential) {
  // Requirement: clients-oauth4webapi, introspect-members, introspect-signed
  test(`oauth4webapi introspects, signed and not, with ${method.name}`, async () => {
    const who = party(method);
    const strict = party(method, { introspection_signed_response_alg: "RS256" });
    const got = await signIn(who);
    for (const asking of [who, strict]) {
      const about = await introspect(asking, got.access_token);
      expect(about).toMatchObject({ active: true, client_id: who.app.id, token_type: "Bearer", scope });
    }
    await revoke(who, got.refresh_token);
    for (const asking of [who, strict]) expect(await introspect(asking, got.access_token)).toEqual({ active: false });
  });
}

// Requirement: clients-oauth4webapi, device-answer, device-pending
test("oauth4webapi connects devices however it authenticates", async () => {
  const asked = methods
    .map((method) => party(method))
    .map(async (who) => {
      const sent = oauth.deviceAuthorizationRequest(as, who.client, who.auth, { scope }, loopback);
      return { who, answer: await oauth.processDeviceAuthorizationResponse(as, who.client, await sent) };
    });
  const started = await Promise.all(asked);
  for (const { who, answer } of started) {
    await expect(pollDevice(who, answer.device_code)).rejects.toMatchObject(pending);
    await connectDevice(world.page, answer.verification_uri_complete ?? "");
  }
  await pause(started[0]?.answer.interval);
  for (const { who, answer } of started)
    expect(await userinfo(who, await pollDevice(who, answer.device_code))).toHaveProperty("email");
});

// Requirement: clients-oauth4webapi, ciba-request, ciba-id-token
test("oauth4webapi asks people who are elsewhere however it authenticates", async () => {
  const asked = confidential.map(async (method, index) => {
    const who = party(method);
    const params = { scope, login_hint: "demo", binding_message: `Gate ${index}` };
    const sent = oauth.backchannelAuthenticationRequest(as, who.client, who.auth, params, loopback);
    const answer = await oauth.processBackchannelAuthenticationResponse(as, who.client, await sent);
    return { who, answer, message: params.binding_message };
  });
  const started = await Promise.all(asked);
  for (const { who, answer, message } of started) {
    await expect(pollPerson(who, answer.auth_req_id)).rejects.toMatchObject(pending);
    await approve(world.page, world.server, message);
  }
  await pause(started[0]?.answer.interval);
  for (const { who, answer } of started) {
    const got = await pollPerson(who, answer.auth_req_id);
    const claims = oauth.getValidatedIdTokenClaims(got) ?? {};
    expect(claims).toHaveProperty(["urn:openid:params:jwt:claim:auth_req_id"], answer.auth_req_id);
    expect(await userinfo(who, got)).toHaveProperty("email");
  }
});

// The last of all: it signs the person out.
//
// Requirement: clients-oauth4webapi, logout-redirect
test("oauth4webapi learns from discovery where people sign out", async () => {
  const who = party(methods[0] as Method);
  const { id_token } = await signIn(who);
  const bye = new URL("/bye", world.redirect).href;
  const out = new URL(as.end_session_endpoint ?? "");
  out.search = String(
    new URLSearchParams({ id_token_hint: id_token ?? "", post_logout_redirect_uri: bye, state: "out" }),
  );
  expect((await world.visit(out)).href).toBe(`${bye}?state=out`);
  const silent = await request(who, { prompt: "none" });
  await expect(tokens(who, silent, link(silent.params))).rejects.toMatchObject({ error: "login_required" });
});
