import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { createClient } from "@assent-id/node";
import { startIssuer } from "./issuer.mjs";
import { keepApproval, wire } from "./person.mjs";

/** A server that answers as it is told, by path, and keeps what came. */
async function serve(t, answers = {}) {
  const calls = [];
  const server = createServer(async (request, response) => {
    const body = (await request.toArray()).join("");
    const { method, url, headers } = request;
    calls.push({ method, path: url, body, ...headers });
    const { status = 200, headers: own = {}, body: text = {} } = answers[url] ?? {};
    response.writeHead(status, { "content-type": "application/json", ...own }).end(JSON.stringify(text));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { calls, answers, url: `http://127.0.0.1:${server.address().port}` };
}

/** A client whose tokens say in their name what they are for. */
async function start(t) {
  const issuer = await startIssuer(t);
  issuer.handlers["/oauth/token"] = ({ body }) => ({
    body: { access_token: `for:${body.getAll("resource")}`, token_type: "Bearer", expires_in: 300 },
  });
  const client = createClient({ issuer: issuer.url, clientId: "app_1", clientSecret: "s" });
  return { issuer, client };
}

const challenge = 'Bearer error="insufficient_authorization_details"';

/** What a server answers that wants a person's yes in the name of a resource. */
const wants = (resource) => ({
  ...{ status: 403, headers: { "www-authenticate": challenge } },
  body: { error: "insufficient_authorization_details", ...wire, resource },
});

// Requirement: node-client-fetch-place
test("a server that is not the API gets neither its token nor anybody's approval, whatever it answers", async (t) => {
  const { issuer, client } = await start(t);
  const bank = await serve(t);
  const thief = await serve(t, { "/notes": wants(bank.url) });
  issuer.handlers["/oauth/bc-authorize"] = () => assert.fail("somebody was asked");
  const send = client.fetch({ resource: [bank.url], person: "alex" });
  const answer = await send(`${thief.url}/notes`, { method: "POST", body: "text", headers: { "x-own": "kept" } });
  assert.equal(answer.status, 403);
  assert.equal((await answer.json()).resource, bank.url);
  const [call] = thief.calls;
  assert.deepEqual([call.authorization, call.body, call["x-own"]], [undefined, "text", "kept"]);
  assert.deepEqual([thief.calls.length, issuer.calls.length], [1, 0]);
});

// Requirement: node-client-fetch-place
test("a token goes to URLs of the API's origin, at its path or below, and to no others", async (t) => {
  const { client } = await start(t);
  const { calls, url } = await serve(t);
  const send = client.fetch({ resource: [`${url}/notes/`] });
  const inside = ["/notes", "/notes/", "/notes/1?a=b", "/notes/a%2Fb", "/other/../notes/2"];
  const outside = ["/", "/note", "/notes2", "/notes%2F1", "/notes/../x", "/notes/%2e%2e/x", "/notes/..%2fx", "/Notes"];
  for (const path of inside) await send(url + path);
  for (const path of outside) await send(url + path);
  await send(url.replace("127.0.0.1", "localhost") + inside[0]).catch(() => {});
  const got = calls.map(({ authorization }) => authorization);
  assert.deepEqual(got.slice(0, inside.length), Array(inside.length).fill(`Bearer for:${url}/notes/`));
  for (const [at, each] of got.slice(inside.length).entries()) assert.equal(each, undefined, outside[at]);
});

// Requirement: node-client-fetch-place
test("each of several APIs gets a token of its own, at the place where it is called", async (t) => {
  const { client } = await start(t);
  const { calls, url } = await serve(t);
  const other = await serve(t);
  const urn = "urn:example:orders";
  const resource = [url, `${url}/admin`, urn];
  const send = client.fetch({ resource, baseURL: { [urn]: `${other.url}/v1` } });
  for (const path of ["/admin", "/admin/users", "/administration"]) await send(new URL(path, url));
  for (const path of ["/v1/orders", "/v2/orders"]) await send(new Request(other.url + path));
  assert.deepEqual(
    [...calls, ...other.calls].map(({ authorization }) => authorization),
    [`Bearer for:${url}/admin`, `Bearer for:${url}/admin`, `Bearer for:${url}`, `Bearer for:${urn}`, undefined],
  );
});

// Requirement: node-client-fetch-place
test("a request to another host under the API's address gets no token", async (t) => {
  const { client } = await start(t);
  const { calls, url } = await serve(t);
  const send = client.fetch({ resource: [url] });
  await send(url, { headers: { host: "other.example.com" } });
  await send(url, { headers: { host: new URL(url).host } });
  assert.deepEqual(
    calls.map(({ authorization }) => authorization),
    [undefined, `Bearer for:${url}`],
  );
});

// Requirement: node-client-fetch-place
test("an API without a resource is called at its baseURL with the application's own token, and asks for nothing", async (t) => {
  const { issuer, client } = await start(t);
  const { calls, url } = await serve(t, { "/pay": wants("https://api.example.com") });
  issuer.handlers["/oauth/bc-authorize"] = () => assert.fail("somebody was asked");
  assert.equal((await client.fetch({ baseURL: url, person: "alex" })(`${url}/pay`)).status, 403);
  assert.equal(calls[0].authorization, "Bearer for:");
});

// Requirement: node-client-fetch-place
test("an API is not believed about an approval for another one that the client calls as well", async (t) => {
  const { issuer, client } = await start(t);
  const bank = await serve(t);
  const notes = await serve(t, { "/": wants(bank.url) });
  issuer.handlers["/oauth/bc-authorize"] = () => assert.fail("somebody was asked");
  const send = client.fetch({ resource: [bank.url, notes.url], person: "alex" });
  assert.equal((await send(notes.url)).status, 403);
  assert.deepEqual([notes.calls.length, notes.calls[0].authorization], [1, `Bearer for:${notes.url}`]);
});

// Fetch Standard, Section 4.4.
//
// Requirement: node-client-fetch-place
test("a redirect is followed with the token within the API, and without it beyond", async (t) => {
  const { issuer, client } = await start(t);
  await keepApproval(issuer);
  issuer.handlers["/oauth/bc-authorize"] = () => assert.fail("somebody was asked");
  const to = (location, status = 307) => ({ status, headers: { location } });
  const stranger = await serve(t, { "/": wants("anything") });
  const { calls, url, answers } = await serve(t, { "/api/a": to("b"), "/api/c": to("/api/b", 303) });
  answers["/api/near"] = to("/elsewhere");
  answers["/elsewhere"] = wants(`${url}/api`);
  answers["/api/far"] = to(`${stranger.url}/`);
  answers["/api/round"] = to("/api/round");
  const send = client.fetch({ resource: [`${url}/api`], person: "alex" });
  const post = (path) =>
    send(`${url}/api/${path}`, { method: "POST", body: "x", headers: { cookie: "a=b", "content-type": "text/plain" } });
  const token = `Bearer for:${url}/api`;
  for (const path of ["a", "c", "near", "far"]) await post(path);
  assert.deepEqual(
    calls.map(({ method, path, body, authorization }) => [method, path, body, authorization]),
    [
      ["POST", "/api/a", "x", token],
      ["POST", "/api/b", "x", token],
      ["POST", "/api/c", "x", token],
      ["GET", "/api/b", "", token],
      ["POST", "/api/near", "x", token],
      ["POST", "/elsewhere", "x", undefined],
      ["POST", "/api/far", "x", token],
    ],
  );
  assert.equal(calls[3]["content-type"], undefined);
  const [far] = stranger.calls;
  assert.deepEqual([far.method, far.body, far.authorization, far.cookie], ["POST", "x", undefined, undefined]);
  await assert.rejects(post("round"), /too many redirects/);
  const manual = await send(`${url}/api/a`, { redirect: "manual" });
  assert.equal(manual.status, 307);
  await assert.rejects(send(`${url}/api/a`, { redirect: "error" }), TypeError);
});

// Requirement: node-client-fetch-place, node-client-errors
test("places where no token may go are refused before anything is sent", async (t) => {
  const { issuer, client } = await start(t);
  const api = "https://api.example.com";
  for (const bad of [
    {},
    { resource: [] },
    { resource: ["urn:example:orders"] },
    { resource: ["http://api.example.com"] },
    { resource: ["https://a:b@api.example.com"] },
    { resource: [`${api}/?tenant=1`] },
    { resource: [api, `${api}/`] },
    { resource: [api, "https://other.example.com"], baseURL: api },
    { resource: [api], baseURL: "http://10.0.0.1" },
    { resource: [api], baseURL: "api.example.com" },
    { resource: [api], baseURL: { "https://other.example.com": api } },
  ]) {
    assert.throws(() => client.fetch(bad), TypeError, JSON.stringify(bad));
  }
  assert.throws(() => client.fetch(), TypeError);
  client.fetch({ resource: [api], baseURL: "http://localhost:8080" });
  assert.equal(issuer.calls.length, 0);
});
