import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "@playwright/test";

const script = join(import.meta.dirname, "../../../examples/seed-003.sh");

async function replay() {
  const child = spawn(script, { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    out += chunk;
  });
  const [code] = await once(child, "close");
  return { code, out };
}

// The same steps, with pages that people see, are in embedded.spec.ts: binding in "a
// new account", then "automatic" and its manual twin. Here the script takes them with
// curl and a bare page, so that whoever reads it sees everything that crosses the wire.
//
// Requirement: sdk-replay, sdk-bind, sdk-automatic, sdk-manual
test("the way from an empty database to the tokens is a script that ends well, twice in a row", async () => {
  test.setTimeout(300_000);
  for (const time of ["first", "second"]) {
    const { code, out } = await replay();
    expect(code, `${time} time:\n${out}`).toBe(0);
    expect(out).toContain("DONE: all");
    expect(out).toContain('"delivery_method":"RETURN"');
    // What is printed may be shown to anybody.
    expect(out).not.toMatch(/"(access_token|id_token|client_secret|token)": ?"[^"]{6}/);
    expect(out).not.toMatch(/"code": ?"[^"]{30}/);
    expect(out).not.toMatch(/[?&]?\b(token|code)=[A-Za-z0-9_-]{5}/);
  }
});
