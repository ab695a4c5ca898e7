import { expect } from "@playwright/test";
import type { Server } from "./server.ts";

/** What a command of the operator prints as JSON. */
export type Printed = Record<string, string | undefined>;

/** Runs a command beside the running server, on its database. */
export async function operate(server: Server, ...args: string[]): Promise<Printed> {
  const ended = await server.assent(...args, "--database", "assent.db", "--key-file", "dev.key", "--json");
  expect(ended.code, ended.stderr).toBe(0);
  return JSON.parse(ended.stdout);
}

/** A new person of a realm, and the link with which they make their first passkey. */
export async function newIdentity(server: Server, username: string, name: string, realm?: string): Promise<string> {
  const where = realm ? ["--realm", realm] : [];
  await operate(server, "identity", "create", "--username", username, "--display-name", name, ...where);
  const { link = "" } = await operate(server, "identity", "link", username, "--base-url", server.baseURL, ...where);
  return link;
}

/** The management API of the server's first realm. */
export interface Management {
  /** Calls a path of the realm; fails unless the answer is a success. */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
}

/** Gets a token of an application for the management API. */
export async function management(server: Server): Promise<Management> {
  const app = await operate(server, "management", "create", "--name", "tests", "--base-url", server.baseURL);
  const basic = Buffer.from(`${app.client_id}:${app.client_secret}`).toString("base64");
  const answer = await fetch(`${server.baseURL}/oauth/token`, {
    method: "POST",
    headers: { authorization: `Basic ${basic}` },
    body: new URLSearchParams({ grant_type: "client_credentials" }),
  });
  const { access_token: token } = (await answer.json()) as { access_token?: string };
  expect(token).toBeTruthy();
  const realm = `${server.baseURL}/v1/tenants/${app.tenant_id}/realms/${app.realm_id}`;
  return {
    async call(method, path, body) {
      const done = await fetch(realm + path, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const text = await done.text();
      expect(done.ok, `${method} ${path}: ${done.status} ${text}`).toBe(true);
      return text === "" ? undefined : JSON.parse(text);
    },
  };
}
