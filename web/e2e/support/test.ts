import { test as base, expect, type Page } from "@playwright/test";
import { newPerson, type Person } from "./person.ts";
import { type Server, startServer } from "./server.ts";

interface Fixtures {
  server: Server;
  /** A person with a passkey who has come to the approver by the binding link. */
  person: Person;
}

/** Each test has a server and a person of its own, and fails if the page breaks its own policy. */
export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the fixtures that are needed from this pattern.
  server: async ({}, use) => {
    const server = await startServer();
    await use(server);
    await server.stop();
  },
  person: async ({ browser, server }, use) => {
    const person = await newPerson(browser);
    const broken = watch(person.page);
    await bind(person.page, server);
    await use(person);
    await person.page.context().close();
    expect(broken, "errors of the page").toEqual([]);
  },
});

export { expect };

/** Opens the binding link and creates a passkey; ends in the approver. */
export async function bind(page: Page, server: Server): Promise<void> {
  await page.goto(server.bindingLink);
  await page.getByRole("button", { name: "Create passkey" }).click();
  await expect(page.getByRole("heading", { name: "Waiting for you" })).toBeVisible();
}

/** Lets the demo agent ask from this page's session; answers with the id and number that the agent was told. */
export async function demoAsk(page: Page, server: Server, body: Record<string, unknown> = {}) {
  const status = await page.evaluate(async (json) => {
    const answer = await fetch(new URL("../v1/demo/ask", document.baseURI), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: json,
    });
    return answer.status;
  }, JSON.stringify(body));
  expect(status).toBe(202);
  const { approval_id: id = "", comparison = "" } = await server.next("asked");
  return { id, comparison };
}

/** Lets the demo agent ask and opens the request. */
export async function openRequest(page: Page, server: Server, body: Record<string, unknown> = {}) {
  const asked = await demoAsk(page, server, body);
  await page.locator(`a[href$="${asked.id}"]`).click();
  await expect(approveButton(page)).toBeVisible();
  return asked;
}

export const approveButton = (page: Page) => page.getByRole("button", { name: "Approve with passkey" });
export const denyButton = (page: Page) => page.getByRole("button", { name: "Deny", exact: true });
export const outcome = (page: Page, name: string) => page.getByRole("heading", { name, level: 2, exact: true });

/** Script errors and breaches of the content security policy. */
function watch(page: Page): string[] {
  const broken: string[] = [];
  page.on("pageerror", (error) => broken.push(error.message));
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) broken.push(message.text());
  });
  return broken;
}
