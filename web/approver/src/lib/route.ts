import { parse, pathOf, type Route } from "./place";
import { store } from "./store";

/** The screen that is shown. */
export const route = store<Route>(parse(location.pathname));

window.addEventListener("popstate", () => route.set(parse(location.pathname)));

/** Goes to a screen; the browser's own back button leads back. */
export function go(next: Route, options: { replace?: boolean } = {}): void {
  const path = pathOf(next);
  if (options.replace) history.replaceState(null, "", path);
  else if (path !== location.pathname) history.pushState(null, "", path);
  route.set(next);
  window.scrollTo(0, 0);
}
