import assert from "node:assert/strict";
import { test } from "node:test";
import { verifyEvidence } from "@assent-id/evidence";
import { inputs, vectorNamed } from "./vectors.mjs";

/** The paths to every string, number, boolean and empty container below value. */
function leafPaths(value, path = []) {
  const below = typeof value === "object" && value !== null ? Object.keys(value) : [];
  return below.length === 0 ? [path] : below.flatMap((name) => leafPaths(value[name], [...path, name]));
}

function edited(value, path, edit) {
  const copy = JSON.parse(JSON.stringify(value));
  const last = path.at(-1);
  edit(
    path.slice(0, -1).reduce((inner, name) => inner[name], copy),
    last,
  );
  return copy;
}

const remove = (holder, name) => (Array.isArray(holder) ? holder.splice(Number(name), 1) : delete holder[name]);

const define = (holder, name, value) =>
  Object.defineProperty(holder, name, { value, enumerable: true, writable: true, configurable: true });

/** Puts another value of the same kind in its place. */
function change(holder, name) {
  const value = holder[name];
  if (typeof value === "string") define(holder, name, (value.startsWith("A") ? "B" : "A") + value.slice(1));
  // value + 1 may be the same double.
  else if (typeof value === "number") define(holder, name, -value - 1);
  else if (typeof value === "boolean") define(holder, name, !value);
  else define(holder, name, "not a container");
}

/**
 * The parts that may be named for a fault at path. The three members that the
 * passkey's signature ties together cannot always be told apart: then the
 * whole part is named.
 */
function partsOf([first, second]) {
  if (first !== "passkey" || second === undefined) return [first];
  const tied = ["authenticator_data", "client_data_json", "signature"].includes(second);
  return [`passkey.${second}`, ...(tied ? ["passkey"] : [])];
}

async function expectPart(v, evidence, path) {
  const [, jwks, options] = inputs(v);
  const got = await verifyEvidence(JSON.stringify(evidence), jwks, options);
  assert.equal(got.ok, false, `${path.join(".")}: accepted`);
  assert.ok(partsOf(path).includes(got.part), `${path.join(".")}: failing part ${got.part}: ${got.reason}`);
}

const tampered = [
  "approved",
  "approved-narrower",
  "denied",
  "denied-with-passkey",
  "expired",
  "withdrawn",
  "unicode",
  "numbers",
  "no-agent",
  "approved-passkey-software",
];

for (const name of tampered) {
  test(`every altered or removed leaf of ${name} is refused and named`, async () => {
    const v = vectorNamed(name);
    const paths = leafPaths(v.evidence);
    assert.ok(paths.length > 20);
    for (const path of paths) {
      await expectPart(v, edited(v.evidence, path, change), path);
      await expectPart(v, edited(v.evidence, path, remove), path);
    }
  });
}

test("every altered byte of a passkey is refused and named", async () => {
  const v = vectorNamed("attested");
  for (const name of ["credential_id", "public_key", "authenticator_data", "client_data_json", "signature"]) {
    const bytes = Buffer.from(v.evidence.passkey[name], "base64url");
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] ^= 1 << (i % 8);
      const path = ["passkey", name];
      await expectPart(
        v,
        edited(v.evidence, path, (holder) => define(holder, name, bytes.toString("base64url"))),
        path,
      );
      bytes[i] ^= 1 << (i % 8);
    }
  }
});

test("every altered character of the realm's signatures is refused and named", async () => {
  const v = vectorNamed("approved");
  for (const name of ["server", "binding"]) {
    const text = v.evidence[name];
    for (let i = 0; i < text.length; i++) {
      const altered = text.slice(0, i) + (text[i] === "A" ? "B" : "A") + text.slice(i + 1);
      await expectPart(v, { ...v.evidence, [name]: altered }, [name]);
    }
  }
});
