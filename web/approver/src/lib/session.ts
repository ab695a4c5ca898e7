/** Who is signed in and what waits for them; read at the start and after every change. */
import { approvals, me as fetchMe, signedOut } from "./api";
import { store } from "./store";
import type { Me, Summary } from "./wire";

/** The person; undefined until the server has answered. */
export const me = store<Me | undefined>(undefined);

/** What waits for an answer, newest first; undefined until the server has answered. */
export const waiting = store<Summary[] | undefined>(undefined);

let asked = 0;

/** Reads the person anew. */
export async function refreshMe(): Promise<void> {
  const answer = await fetchMe();
  if (answer.ok) me.set(answer.value);
}

/** Reads the waiting list anew; of two reads under way the later one counts. */
export async function refreshWaiting(): Promise<void> {
  asked += 1;
  const mine = asked;
  const answer = await approvals("pending");
  if (answer.ok && mine === asked) waiting.set(answer.value.approvals);
}

/** Forgets everything about the person the moment that nobody is signed in. */
signedOut.watch(() => {
  if (!signedOut.get()) return;
  asked += 1;
  me.set(undefined);
  waiting.set(undefined);
});
