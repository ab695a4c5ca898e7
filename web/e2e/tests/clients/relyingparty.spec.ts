import { randomBytes } from "node:crypto";
import type { Server as HTTPServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import express from "express";
import session from "express-session";
import * as client from "openid-client";
import { Strategy, type VerifyFunction } from "openid-client/passport";
import passport from "passport";
import { apply } from "../../support/foreign.ts";
import { expect, test } from "../../support/test.ts";

/** All that the relying party is told. */
interface Known {
  issuer: string;
  id: string;
  secret: string;
}

/** A site with sessions of its own that lets people in by passport. */
async function startSite({ issuer, id, secret }: Known): Promise<{ web: HTTPServer; origin: string }> {
  const config = await client.discovery(new URL(issuer), id, secret, undefined, {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  });
  const app = express();
  const web = app.listen(0, "127.0.0.1");
  await new Promise((resume) => web.once("listening", resume));
  const origin = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
  const verify: VerifyFunction = async (tokens, done) => {
    const sub = tokens.claims()?.sub ?? "";
    done(null, await client.fetchUserInfo(config, tokens.access_token, sub));
  };
  const strategy = { name: "assent", config, scope: "openid profile email", callbackURL: `${origin}/callback` };
  passport.use(new Strategy(strategy, verify));
  passport.serializeUser((user, done) => done(null, JSON.stringify(user)));
  passport.deserializeUser((user: string, done) => done(null, JSON.parse(user)));
  app.use(session({ secret: randomBytes(32).toString("hex"), resave: false, saveUninitialized: false }));
  app.use(passport.authenticate("session"));
  app.get("/login", passport.authenticate("assent"));
  app.get("/callback", passport.authenticate("assent", { successRedirect: "/", failureRedirect: "/failed" }));
  app.get("/failed", (_, response) => void response.status(401).send("<h1>Not let in</h1>"));
  app.get("/", (request, response) => {
    const { name, email } = (request.user ?? {}) as Record<string, string>;
    response.send(
      name ? `<h1>Hello ${name}</h1><p>${email}</p>` : '<h1>Hello stranger</h1><a href="/login">Sign in</a>',
    );
  });
  return { web, origin };
}

const heading = (page: Page, name: string) => expect(page.getByRole("heading", { name })).toBeVisible();

// Requirement: clients-relying-party, profile-oidc, consent-remembered, consent-cancel
test("a site that knows issuer, id and secret lets people in by passport", async ({ server, person: { page } }) => {
  const known = { issuer: server.baseURL, id: "site", secret: randomBytes(32).toString("hex") };
  const { web, origin } = await startSite(known);
  await apply(server, [
    {
      ...{ id: known.id, secret: known.secret, name: "Plain site", kind: "web", profile: "oidc" },
      ...{ token_endpoint_auth_method: "client_secret_post", grant_types: ["authorization_code"] },
      ...{ scopes: ["openid", "profile", "email"], redirect_uris: [`${origin}/callback`] },
    },
  ]);
  await page.goto(origin);
  await page.getByRole("link", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Allow Plain site?" })).toBeVisible();
  await page.locator("#deny").click();
  await heading(page, "Not let in");
  await page.goto(`${origin}/login`);
  await page.locator("#allow").click();
  await heading(page, "Hello Alex Demo");
  await expect(page.getByText("demo@example.com")).toBeVisible();
  // A new session of the site: consent is remembered, so nothing is asked.
  await page.context().clearCookies({ name: "connect.sid" });
  await page.goto(origin);
  await heading(page, "Hello stranger");
  await page.getByRole("link", { name: "Sign in" }).click();
  await heading(page, "Hello Alex Demo");
  web.closeAllConnections();
  web.close();
});
