/** The time that is left, as a ring that empties; `part` runs from 1 to 0. */
export function Ring({ part }: { part: number }) {
  const full = Math.max(0, Math.min(1, part)) * 100;
  return (
    <svg class={part < 0.2 ? "ring ring-late" : "ring"} viewBox="0 0 36 36" aria-hidden="true" focusable="false">
      <circle class="ring-track" cx="18" cy="18" r="15" fill="none" stroke-width="4" />
      <circle
        class="ring-left"
        cx="18"
        cy="18"
        r="15"
        fill="none"
        stroke-width="4"
        pathLength={100}
        stroke-dasharray={`${full} 100`}
        transform="rotate(-90 18 18)"
      />
    </svg>
  );
}
