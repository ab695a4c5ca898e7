/** The mark: an A whose crossbar is the one touch that was missing. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path
        d="M6 26 16 6l10 20"
        fill="none"
        stroke="currentColor"
        stroke-width="3.6"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
      <circle class="mark-dot" cx="16" cy="23.6" r="3.2" />
    </svg>
  );
}
