import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newPerson } from "../support/person.ts";
import type { Server } from "../support/server.ts";
import { approveButton, expect, outcome, test } from "../support/test.ts";

test("a realm under a path has pages, approver and worker of its own, and its agent gets its answer", async ({
  server,
  browser,
}) => {
  const { link, clientId } = await blue(server);
  const { page } = await newPerson(browser);
  await page.goto(link);
  await page.getByRole("button", { name: "Create passkey" }).click();
  await expect(page.getByRole("heading", { name: "Nothing is waiting" })).toBeVisible();
  expect(page.url()).toBe(`${server.baseURL}/realms/blue/approver/`);
  const scope = await page.evaluate(async () => (await navigator.serviceWorker.ready).scope);
  expect(scope).toBe(`${server.baseURL}/realms/blue/approver/`);

  const asking = server.assent(
    "approve",
    "Open the blue door",
    ...["--person", "bea"],
    ...["--issuer", `${server.baseURL}/realms/blue`, "--client-id", clientId, "--client-secret-file", "secret"],
  );
  await page.getByRole("link", { name: "asks" }).click();
  await approveButton(page).click();
  await expect(outcome(page, "Approved")).toBeVisible();
  const ended = await asking;
  expect(ended.code, ended.stderr).toBe(0);
  await page.context().close();
});

/** Makes the realm "blue" with a person and an agent, beside the running server. */
async function blue(server: Server): Promise<{ link: string; clientId: string }> {
  const base = ["--base-url", server.baseURL];
  await operate(server, "realm", "create", "blue", "--ask-anyone", ...base);
  // The running server learns of it from the change feed; until then it has no such page.
  await expect.poll(async () => (await fetch(`${server.baseURL}/realms/blue/signin`)).status).toBe(200);
  const realm = ["--realm", "blue"];
  await operate(server, "identity", "create", "--username", "bea", "--display-name", "Bea", ...realm);
  const { link = "" } = await operate(server, "identity", "link", "bea", ...base, ...realm);
  const agent = ["--name", "Blue agent", "--kind", "agent", "--owner", "bea", "--auth", "client_secret_basic"];
  const { client_id: clientId = "", client_secret = "" } = await operate(server, "app", "create", ...agent, ...realm);
  await writeFile(join(server.data, "secret"), client_secret);
  return { link, clientId };
}

async function operate(server: Server, ...args: string[]): Promise<Record<string, string | undefined>> {
  const ended = await server.assent(...args, "--database", "assent.db", "--key-file", "dev.key", "--json");
  expect(ended.code, ended.stderr).toBe(0);
  return JSON.parse(ended.stdout);
}
