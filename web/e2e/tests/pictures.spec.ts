import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@playwright/test";

const templates = join(import.meta.dirname, "../../../internal/edge/pages/templates");

/** The pages that the server renders, as pictures are called: what other templates are made of is none. */
async function pages(): Promise<string[]> {
  const files = (await readdir(templates)).filter((name) => name.endsWith(".html"));
  const texts = await Promise.all(files.map((name) => readFile(join(templates, name), "utf8")));
  const whole = files.filter((_, i) => texts[i]?.includes('{{template "top" .}}'));
  return whole.map((name) => name.replace(".html", "").replaceAll("_", "-"));
}

/** The pictures that the tests take. */
async function pictures(): Promise<string[]> {
  const files = (await readdir(import.meta.dirname)).filter((name) => name.endsWith(".spec.ts"));
  const texts = await Promise.all(files.map((name) => readFile(join(import.meta.dirname, name), "utf8")));
  return texts.flatMap((text) => [...text.matchAll(/inspect\([\w.]+, "([a-z-]+)"\)/g)].map((found) => found[1] ?? ""));
}

// A page that no test looks at is one that nobody has seen in the dark on a phone.
test("each page that the server renders is looked at by a test", async () => {
  const [all, taken] = [await pages(), await pictures()];
  expect(all.length).toBeGreaterThan(20);
  // "account-add-x" is a picture of account_add.html and not of account.html.
  const pageOf = (picture: string) =>
    all.filter((page) => picture === page || picture.startsWith(`${page}-`)).sort((a, b) => b.length - a.length)[0];
  const seen = new Set(taken.map(pageOf));
  expect(all.filter((page) => !seen.has(page))).toEqual([]);
});
