/**
 * News from the server: one stream of events, opened anew whenever it breaks.
 * An event only says that something changed; screens then read what it is.
 */
import { online, signedOut } from "./api";
import { realm } from "./place";

type Listener = (id: string) => void;

const listeners = new Set<Listener>();
let stream: EventSource | undefined;
let retry: ReturnType<typeof setTimeout> | undefined;
let failures = 0;

/** Calls the listener with an approval's id when it changed, or with "" when anything may have. */
export function onChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Opens the stream and keeps it open until `stop`. */
export function start(): () => void {
  const wake = () => {
    if (document.visibilityState === "visible") open(true);
  };
  open(true);
  window.addEventListener("online", wake);
  document.addEventListener("visibilitychange", wake);
  return () => {
    window.removeEventListener("online", wake);
    document.removeEventListener("visibilitychange", wake);
    close();
  };
}

function open(afresh: boolean): void {
  if (stream && stream.readyState === EventSource.OPEN) {
    tell("");
    return;
  }
  close();
  if (afresh) failures = 0;
  stream = new EventSource(realm("v1/approvals/events"));
  stream.onopen = () => {
    failures = 0;
    online.set(true);
    tell("");
  };
  stream.addEventListener("approvals", (event) => tell(idIn(event.data)));
  stream.onerror = () => again();
}

/**
 * EventSource gives up for good after an answer that is not a stream, and says
 * nothing about why. So every break ends it here, a plain read finds out
 * whether there is a network and a session, and the next try waits longer.
 */
function again(): void {
  close();
  if (signedOut.get()) return;
  tell("");
  failures += 1;
  retry = setTimeout(() => open(false), Math.min(500 * 2 ** failures, 20_000));
}

function close(): void {
  clearTimeout(retry);
  stream?.close();
  stream = undefined;
}

function tell(id: string): void {
  for (const listener of [...listeners]) listener(id);
}

function idIn(data: unknown): string {
  try {
    const { id } = JSON.parse(String(data)) as { id?: unknown };
    return typeof id === "string" ? id : "";
  } catch {
    return "";
  }
}
