import type { ComponentChildren } from "preact";
import { pathOf, type Route } from "../lib/place";
import { go } from "../lib/route";

interface LinkProps {
  to: Route;
  class?: string;
  current?: boolean;
  children: ComponentChildren;
}

/** A link to a screen: a real address, followed without loading the page. */
export function Link({ to, current = false, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a {...rest} href={pathOf(to)} onClick={follow} aria-current={current ? "page" : undefined}>
      {children}
    </a>
  );
}
