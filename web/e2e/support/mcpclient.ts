import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from "@modelcontextprotocol/sdk/shared/auth.js";
import type { FetchLike, Transport } from "@modelcontextprotocol/sdk/shared/transport.js";

/** How a client of a protected server is known to the authorization server. */
export interface Registration {
  /** The id that it was registered with beforehand. */
  id?: string;
  /** The URL of its metadata document. */
  document?: string;
  grants?: string[];
  /** What it asks for where the server of notes names nothing. */
  scope?: string;
}

/** What the SDK keeps and where it sends the person, in memory. */
export class Provider implements OAuthClientProvider {
  link?: URL;
  known?: OAuthClientInformationMixed;
  kept?: OAuthTokens;
  forgot: string[] = [];
  clientMetadataUrl?: string;
  readonly clientMetadata: OAuthClientMetadata;
  #verifier = "";

  constructor(
    readonly redirectUrl: string,
    { id, document, scope, grants = ["authorization_code", "refresh_token"] }: Registration,
  ) {
    if (id) this.known = { client_id: id };
    if (document) this.clientMetadataUrl = document;
    this.clientMetadata = {
      ...{ client_name: "Note taker", redirect_uris: [redirectUrl], token_endpoint_auth_method: "none" },
      ...{ grant_types: grants, response_types: ["code"], ...(scope && { scope }) },
    };
  }

  clientInformation() {
    return this.known;
  }
  saveClientInformation(known: OAuthClientInformationMixed) {
    this.known = known;
  }
  tokens() {
    return this.kept;
  }
  saveTokens(tokens: OAuthTokens) {
    this.kept = tokens;
  }
  redirectToAuthorization(link: URL) {
    this.link = link;
  }
  saveCodeVerifier(verifier: string) {
    this.#verifier = verifier;
  }
  codeVerifier() {
    return this.#verifier;
  }
  invalidateCredentials(scope: string) {
    this.forgot.push(scope);
    if (scope === "all") delete this.known;
    delete this.kept;
  }
}

/** Connects; it is an UnauthorizedError of the SDK while the person has to be asked. */
export async function connect(url: URL, authProvider: Provider, fetchFn: FetchLike = fetch): Promise<Client> {
  const client = new Client({ name: "note-taker", version: "1" });
  await client.connect(transportTo(url, authProvider, fetchFn) as Transport);
  return client;
}

export function transportTo(url: URL, authProvider: Provider, fetchFn: FetchLike = fetch) {
  return new StreamableHTTPClientTransport(url, { authProvider, fetch: fetchFn });
}

/** Calls a tool without arguments; answers with the text that it says. */
export async function call(client: Client, name: string): Promise<string> {
  const { content } = await client.callTool({ name, arguments: {} });
  return (content as { text: string }[])[0]?.text ?? "";
}
