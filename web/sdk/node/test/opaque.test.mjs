import assert from "node:assert/strict";
import { test } from "node:test";
import { AssentError, createClient, createResourceServer, isRefusal } from "@assent-id/node";
import { createIntrospections, createTurns, keep } from "../dist/introspections.js";
import { Fault } from "../dist/jwt.js";
import { opaqueToken, quiet, resource, startIssuer, until } from "./issuer.mjs";

const asked = "/oauth/introspect";

async function start(t, config = {}) {
  const issuer = await startIssuer(t);
  const own = { issuer: issuer.url, resource, clientId: "svc_1", clientSecret: "s", logger: quiet(), ...config };
  const api = createResourceServer(own);
  t.after(() => api.close());
  await api.ready({ signal: AbortSignal.timeout(30_000) });
  const code = (raw) =>
    api.verifyToken(raw).then(
      () => "taken",
      (error) => (isRefusal(error) ? error.code : assert.fail(error)),
    );
  return { issuer, api, code };
}

// Requirement: node-opaque-strangers
test("what the issuer cannot have made is refused without asking it", async (t) => {
  const { issuer, code } = await start(t);
  const good = opaqueToken();
  const others = ["x", "at_", "at_0123456789", `${good}A`, good.slice(0, -1), good.replace("at_", "AT_"), `x${good}`];
  // Of the last character four bits count, and the others are zero.
  others.push(`${good.slice(0, -1)}B`, `at_${"+".repeat(42)}A`, "a.b", "a.b.c.d", good.replace("at_", "rt_"));
  for (const raw of others) assert.equal(await code(raw), "invalid_token", raw);
  assert.equal(issuer.count(asked), 0);
  assert.equal(await code(good), "invalid_token");
  assert.equal(issuer.count(asked), 1);
});

// Requirement: node-opaque-strangers
test("an API whose tokens are JWTs refuses opaque ones without asking", async (t) => {
  const { issuer, code } = await start(t, { tokenFormat: "jwt" });
  issuer.introspection = { active: true, ...issuer.claims() };
  assert.equal(await code(opaqueToken()), "invalid_token");
  assert.equal(issuer.count(asked), 0);
  assert.equal(await code(await issuer.token()), "taken");
});

// Requirement: node-opaque-strangers
test("the same token is asked about once at a time, and one that is no good is not asked about again at once", async (t) => {
  const { issuer, code } = await start(t);
  const raw = opaqueToken();
  const codes = await Promise.all(Array.from({ length: 100 }, () => code(raw)));
  assert.deepEqual([...new Set(codes)], ["invalid_token"]);
  assert.equal(issuer.count(asked), 1);
  const good = opaqueToken();
  issuer.introspection = { active: true, ...issuer.claims() };
  assert.deepEqual(await Promise.all([code(good), code(good), code(good)]), ["taken", "taken", "taken"]);
  assert.equal(issuer.count(asked), 2);
});

/** Questions about tokens by a clock of the test, and an issuer that does not answer about those that are in `held`. */
async function startQuestions(t) {
  const issuer = await startIssuer(t);
  const client = createClient({ issuer: issuer.url, clientId: "svc_1", clientSecret: "s" });
  const rules = { issuer: issuer.url, audience: resource, leeway: 5, now: Date.now };
  const clock = { now: 0 };
  const questions = createIntrospections({ client, rules }, () => clock.now);
  const held = new Set();
  let release = () => {};
  const gate = new Promise((resume) => {
    release = resume;
  });
  issuer.handlers[asked] = async ({ body }) => {
    if (held.has(body.get("token"))) await gate;
    return { body: issuer.introspection };
  };
  const failed = (work) =>
    work.then(
      () => assert.fail("it was good"),
      (error) => error,
    );
  return { issuer, questions, clock, held, release, failed };
}

// Requirement: node-opaque-strangers
test("that a token is no good is known for five seconds, and not longer", async (t) => {
  const { issuer, questions, clock, failed } = await startQuestions(t);
  const raw = opaqueToken();
  for (const ask of [questions.share, questions.opaque]) assert.ok((await failed(ask(raw))) instanceof Fault);
  clock.now = 4999;
  assert.ok((await failed(questions.share(raw))) instanceof Fault);
  assert.equal(issuer.count(asked), 1);
  clock.now = 5000;
  issuer.introspection = { active: true, ...issuer.claims() };
  assert.equal((await questions.share(raw)).subject, "idn_1");
  issuer.introspection = { active: false };
  clock.now = 64_999;
  assert.equal(questions.recall(raw).subject, "idn_1");
  clock.now = 65_000;
  assert.equal(questions.recall(raw), undefined);
  assert.ok((await failed(questions.share(raw))) instanceof Fault);
  assert.equal(questions.recall(raw), undefined);
});

// Requirement: node-opaque-strangers
test("tokens that nobody knows take no place of those that are known, or that are signed", async (t) => {
  const { issuer, questions, clock, held, release, failed } = await startQuestions(t);
  const known = opaqueToken();
  issuer.introspection = { active: true, ...issuer.claims() };
  await questions.share(known);
  clock.now = 61_000;
  const strangers = Array.from({ length: 100 }, opaqueToken);
  for (const each of strangers) held.add(each);
  const ends = strangers.map((each) => questions.share(each).catch((error) => error));
  await until(() => issuer.count(asked) === 65, "64 questions under way");
  assert.equal((await questions.share(known)).subject, "idn_1");
  assert.equal((await questions.signed(await issuer.token())).subject, "idn_1");
  assert.equal(issuer.count(asked), 67);
  issuer.introspection = { active: false };
  release();
  for (const end of await Promise.all(ends)) assert.ok(end instanceof Fault || end instanceof AssentError, end);
  assert.ok((await failed(questions.share(strangers[0]))) instanceof Error);
});

// Requirement: node-opaque-strangers
test("so much runs at once, the others wait in their order, and who leaves does not stop the next", async () => {
  const turn = createTurns(1, 2);
  const ran = [];
  const ends = [];
  const hold = () => new Promise((resume) => ends.push(resume));
  const life = new AbortController();
  const first = turn(hold, life.signal);
  await until(() => ends.length === 1);
  const leaving = new AbortController();
  const second = turn(async () => ran.push("second"), leaving.signal);
  const third = turn(async () => ran.push("third"), life.signal);
  await assert.rejects(turn(hold, life.signal), { kind: "unreachable" });
  leaving.abort(new Error("enough"));
  await assert.rejects(second, /enough/);
  ends[0]();
  await Promise.all([first, third]);
  assert.deepEqual(ran, ["third"]);
  await turn(async () => ran.push("fourth"), life.signal);
  await assert.rejects(
    turn(() => Promise.reject(new Error("bad")), life.signal),
    /bad/,
  );
  await turn(async () => ran.push("fifth"), life.signal);
  assert.deepEqual(ran, ["third", "fourth", "fifth"]);
});

// Requirement: node-opaque-strangers
test("of what is kept the oldest makes room", () => {
  const places = new Map();
  for (const name of ["a", "b", "a", "c"]) keep(places, name, 1, 2);
  assert.deepEqual([...places.keys()], ["a", "c"]);
});
