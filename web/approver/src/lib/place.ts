/**
 * Where the approver lives. The server writes the realm's own path into
 * <base href>, so nothing here knows whether the issuer is at the root.
 */

/** The approver's folder, with a trailing slash. */
export const home = new URL(".", document.baseURI);

/** The issuer's folder, with a trailing slash; the API lies under it. */
export const issuer = new URL("..", home);

/** An address of the realm: `realm("v1/me")`. */
export function realm(path: string): string {
  return new URL(path, issuer).href;
}

/** The address at which to sign in and come back to the present screen. */
export function signInAddress(): string {
  const url = new URL("signin", issuer);
  url.searchParams.set("return_to", location.pathname);
  return url.href;
}

/** The screens, by their paths inside the approver's folder. */
export type Route =
  | { screen: "waiting" }
  | { screen: "approval"; id: string }
  | { screen: "history" }
  | { screen: "passkeys" };

/** Reads a route out of an address; what is not known leads to the first screen. */
export function parse(pathname: string): Route {
  const [first, second] = pathname.slice(home.pathname.length).split("/");
  if (first === "approvals" && second) return { screen: "approval", id: second };
  if (first === "history") return { screen: "history" };
  if (first === "passkeys") return { screen: "passkeys" };
  return { screen: "waiting" };
}

/** The path of a route. */
export function pathOf(route: Route): string {
  const tail = { waiting: "", history: "history", passkeys: "passkeys" };
  const inside = route.screen === "approval" ? `approvals/${encodeURIComponent(route.id)}` : tail[route.screen];
  return home.pathname + inside;
}
