/** How requests are refused and let pass by Express, Fastify and node:http. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Approval } from "./approval.js";
import { isRefusal, type Refusal } from "./errors.js";
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  MetadataHandler,
  Need,
  Passed,
  ResourceServer,
} from "./resource.js";
import type { Token } from "./token.js";

const passed = new WeakMap<object, Passed>();

/** The token of a request that `express`, `fastify` or `authorize` let pass. Throws a TypeError for another request. */
export function tokenOf(request: IncomingMessage | FastifyRequest): Token {
  return passedOf(request).token;
}

/** The approval of a request that needed one. Throws a TypeError for another request. */
export function approvalOf(request: IncomingMessage | FastifyRequest): Approval {
  const { approval } = passedOf(request);
  if (!approval) throw new TypeError("this request needed no approval");
  return approval;
}

function passedOf(request: IncomingMessage | FastifyRequest): Passed {
  const found = passed.get("raw" in request ? request.raw : request);
  if (!found) throw new TypeError("this request was not checked: put the middleware before its handler");
  return found;
}

/** Decides about a request of node:http, which a framework may know under another form. */
export type Decide = <R>(request: IncomingMessage, as: R, need: Need<R>) => Promise<Passed>;

/** The parts of a resource server that depend on who serves. */
export function frameworks(decide: Decide, metadata: MetadataHandler): FrameworkParts {
  const admit = async <R>(request: IncomingMessage, as: R, need: Need<R> = {}): Promise<Passed> => {
    const found = await decide(request, as, need);
    passed.set(request, found);
    return found;
  };
  return {
    authorize: (request, need) => admit(request, request, need),
    express: (need) => (request, response, next) => {
      admit(request, request, need).then(
        () => next(),
        (error) => (isRefusal(error) ? refuse(response, error) : next(error)),
      );
    },
    fastify: (need?: Need<FastifyRequest>) => async (request: FastifyRequest, reply: FastifyReply) => {
      try {
        await admit(request.raw, request, need);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        // Fastify goes no further once something was sent.
        await reply.code(error.status).headers(error.headers).send(JSON.stringify(error.body));
      }
    },
    async fastifyMetadata(app: FastifyInstance) {
      const handler = (request: FastifyRequest, reply: FastifyReply) => {
        reply.hijack();
        metadata(request.raw, reply.raw);
      };
      app.route({ method: ["GET", "OPTIONS"], url: metadata.path, handler });
    },
    metadata: () => metadata,
  };
}

export type FrameworkParts = Pick<ResourceServer, "authorize" | "express" | "fastify" | "fastifyMetadata" | "metadata">;

/** Sends a refusal. */
export function refuse(response: ServerResponse, { status, headers, body }: Refusal): void {
  response.writeHead(status, headers).end(JSON.stringify(body));
}

/** Serves the metadata, to scripts of any origin too. */
export function metadataHandler(url: URL, document: Record<string, unknown>): MetadataHandler {
  const text = JSON.stringify(document);
  const handler = ({ method }: IncomingMessage, response: ServerResponse) => {
    response.setHeader("Access-Control-Allow-Origin", "*");
    switch (method) {
      case "GET":
      case "HEAD":
        response.setHeader("Content-Type", "application/json");
        response.setHeader("Cache-Control", "public, max-age=300");
        response.end(method === "GET" ? text : undefined);
        return;
      case "OPTIONS": // MCP clients send a header of their own
        response.setHeader("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
        response.setHeader(
          "Access-Control-Allow-Headers",
          "MCP-Protocol-Version, Authorization, DPoP, Content-Type, Accept",
        );
        response.writeHead(204).end();
        return;
      default:
        response.setHeader("Allow", "GET, HEAD, OPTIONS");
        response.writeHead(405).end();
    }
  };
  return Object.assign(handler, { path: url.pathname, url: url.href });
}
