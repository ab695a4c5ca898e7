import assert from "node:assert/strict";
import { test } from "node:test";
import { canonical as exported } from "@assent-id/evidence";
import { canonical } from "@assent-id/evidence/canonical";
import { challenge, hash } from "@assent-id/evidence/challenge";
import { parseJson } from "../dist/json.js";
import { load, vectorNamed } from "./vectors.mjs";

for (const { name, text, canonical: want } of load("canonical.json")) {
  test(`canonical JSON: ${name}`, () => {
    const make = () => canonical(parseJson(text));
    if (want === undefined) assert.throws(make);
    else assert.equal(make(), want);
  });
}

test("numbers are written as the RFC and the Go implementation write them", () => {
  const numbers = load("numbers.json");
  assert.ok(numbers.length > 1000);
  for (const { bits, text } of numbers) {
    assert.equal(canonical(Buffer.from(bits, "hex").readDoubleBE()), text, bits);
  }
});

test("what JSON does not have has no canonical form", () => {
  const cyclic = {};
  cyclic.self = cyclic;
  for (const value of [
    undefined,
    NaN,
    Infinity,
    1n,
    Symbol("x"),
    () => {},
    new Date(0),
    new Map(),
    "\ud800",
    { "\udc00": 1 },
    [undefined],
    cyclic,
  ]) {
    assert.throws(() => canonical(value), TypeError);
  }
});

test("members that are undefined are left out, as JSON.stringify does", () => {
  const value = { b: undefined, a: { d: undefined, c: 1 } };
  assert.equal(canonical(value), canonical(JSON.parse(JSON.stringify(value))));
});

test("a parsed member called __proto__ is a member and nothing else", () => {
  const value = parseJson('{"__proto__":{"polluted":true}}');
  assert.equal(value.polluted, undefined);
  assert.equal(canonical(value), '{"__proto__":{"polluted":true}}');
});

test("the sub-paths and the package give the same functions", async () => {
  assert.equal(exported, canonical);
  const v = vectorNamed("unicode");
  assert.equal(await hash(canonical(v.evidence.statement)), v.result.statement_hash);
  assert.equal(Buffer.from(await challenge(v.evidence.decision)).toString("base64url"), v.result.challenge);
});
