/** Times and states in plain words. */
import type { Agent, State } from "./wire";

const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short" });
const fullDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });

/** The time left as a clock shows it, `4:05`; never below `0:00`. */
export function left(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** The time left as one says it: "4 minutes", "30 seconds". */
export function spokenLeft(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  if (seconds < 90) return seconds === 1 ? "1 second" : `${seconds} seconds`;
  return `${Math.round(seconds / 60)} minutes`;
}

/** The time of day. */
export function timeOfDay(at: Date): string {
  return clock.format(at);
}

/** A moment in the past: "today at 14:05", "Tue 3 Mar at 14:05". */
export function moment(at: Date, present: number): string {
  return `${dayOf(at, present)} at ${clock.format(at)}`;
}

/** The day of a moment: "today", "yesterday", "Tue, 3 Mar", or with its year when long past. */
export function dayOf(at: Date, present: number): string {
  const days = Math.round((midnight(new Date(present)) - midnight(at)) / 86_400_000);
  if (days === 0) return "today";
  if (days === 1) return "yesterday";
  return days < 180 ? day.format(at) : fullDay.format(at);
}

/** The first letter in upper case: "Today". */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** How an approval ended, in a word or two. */
export function outcome(state: State): string {
  const words: Record<State, string> = {
    pending: "Waiting",
    approved: "Approved",
    fulfilled: "Approved",
    denied: "Denied",
    expired: "Ran out",
    withdrawn: "Taken back",
  };
  return words[state];
}

/** Who asks: the agent if there is one, else the application. */
export function asker(approval: { client_name: string; agent?: Agent }): string {
  return approval.agent?.name || approval.client_name || "An application without a name";
}

function midnight(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}
