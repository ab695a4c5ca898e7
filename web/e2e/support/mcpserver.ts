import type { AddressInfo } from "node:net";
import { InvalidTokenError } from "@modelcontextprotocol/sdk/server/auth/errors.js";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import {
  getOAuthProtectedResourceMetadataUrl,
  mcpAuthMetadataRouter,
} from "@modelcontextprotocol/sdk/server/auth/router.js";
import { createMcpExpressApp } from "@modelcontextprotocol/sdk/server/express.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { OAuthMetadata } from "@modelcontextprotocol/sdk/shared/auth.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { Request, Response } from "express";
import { createRemoteJWKSet, jwtVerify } from "jose";

/** A server of notes that the SDK runs: whoever calls it needs a token of ours. */
export interface ProtectedServer {
  readonly url: URL;
  stop(): void;
}

const reading = "notes:read";
const writing = "notes:write";

/** Which scopes a message needs: the tool that writes needs more than the rest. */
function needs({ body }: Request): string[] {
  return body?.method === "tools/call" && body.params?.name === "write" ? [reading, writing] : [reading];
}

/** Starts it on a free port, with the metadata and the checks that the SDK brings. */
export async function startProtectedServer(issuer: string): Promise<ProtectedServer> {
  const app = createMcpExpressApp();
  const web = app.listen(0, "127.0.0.1");
  await new Promise((resume) => web.once("listening", resume));
  const url = new URL(`http://localhost:${(web.address() as AddressInfo).port}/mcp`);
  const found = await fetch(`${issuer}/.well-known/oauth-authorization-server`);
  const metadata = (await found.json()) as OAuthMetadata & { jwks_uri: string };
  app.use(mcpAuthMetadataRouter({ oauthMetadata: metadata, resourceServerUrl: url }));
  const verifier = verifierOf(metadata, url);
  app.post("/mcp", (request, response, next) => {
    // Without a token it says no scope: the client takes what the resource gives by default.
    const requiredScopes = request.headers.authorization ? needs(request) : [];
    const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(url);
    requireBearerAuth({ verifier, requiredScopes, resourceMetadataUrl, expectedResource: url })(
      request,
      response,
      next,
    );
  });
  app.post("/mcp", answer);
  app.all("/mcp", (_, response) => {
    response.status(405).end();
  });
  return {
    url,
    stop() {
      web.closeAllConnections();
      web.close();
    },
  };
}

/** Tokens are checked with what discovery says and nothing else (RFC 9068, Section 4). */
function verifierOf({ issuer, jwks_uri }: OAuthMetadata & { jwks_uri: string }, resource: URL) {
  const keys = createRemoteJWKSet(new URL(jwks_uri));
  return {
    async verifyAccessToken(token: string) {
      const rules = { issuer, audience: resource.href, typ: "at+jwt" };
      const { payload } = await jwtVerify(token, keys, rules).catch((error) => {
        throw new InvalidTokenError(String(error));
      });
      const scopes = String(payload.scope).split(" ");
      return { token, clientId: String(payload.client_id), scopes, expiresAt: payload.exp as number, resource };
    },
  };
}

/** Each message has a server of its own: nothing is kept between them. */
async function answer(request: Request, response: Response): Promise<void> {
  const server = new McpServer({ name: "notes", version: "1" });
  const text = (said: string) => ({ content: [{ type: "text" as const, text: said }] });
  server.registerTool("read", { description: "Reads the note" }, () => text("milk"));
  server.registerTool("write", { description: "Writes the note" }, () => text("written"));
  server.registerTool("whoami", { description: "Says what the token holds" }, ({ authInfo }) =>
    text(JSON.stringify({ client: authInfo?.clientId, scopes: authInfo?.scopes })),
  );
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  response.on("close", () => void server.close());
  await server.connect(transport as Transport);
  await transport.handleRequest(request, response, request.body);
}
