import { store, useStore } from "../lib/store";

const words = store("");

/** Says something to those who listen rather than look. */
export function announce(text: string): void {
  words.set("");
  setTimeout(() => words.set(text), 50);
}

/** The region that screen readers listen to; there is one, and it is always there. */
export function Announcer() {
  return (
    <div class="sr" role="status" aria-live="polite">
      {useStore(words)}
    </div>
  );
}
