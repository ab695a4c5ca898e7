const paths = {
  waiting: "M10 2.8a7.2 7.2 0 1 0 0 14.4 7.2 7.2 0 0 0 0-14.4ZM10 6v4.3l2.8 1.7",
  history: "M4 5.2h12M4 10h12M4 14.8h7.5",
  passkeys: "M6.6 13.4a3.6 3.6 0 1 1 3.3-5H17v3h-2v2h-2.6v-2H9.9a3.6 3.6 0 0 1-3.3 2ZM6.6 9.8h.01",
  account: "M10 10.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4ZM4 16.6c.8-2.8 3-4.2 6-4.2s5.2 1.4 6 4.2",
  leave: "M8 3.5H4.2v13H8M11.5 6.5 15 10l-3.5 3.5M15 10H7.5",
  back: "M12.5 4.5 7 10l5.5 5.5",
  onward: "M7.5 4.5 13 10l-5.5 5.5",
  save: "M10 3.5v8.5M6.4 8.6 10 12.2l3.6-3.6M4 16.2h12",
  approved: "m4.5 10.5 3.6 3.6 7.4-8",
  denied: "m5.5 5.5 9 9m0-9-9 9",
  expired:
    "M6 3.2h8M6 16.8h8M6.8 3.2c0 4.4 6.4 4.6 6.4 6.8s-6.4 2.4-6.4 6.8m6.4-13.6c0 4.4-6.4 4.6-6.4 6.8s6.4 2.4 6.4 6.8",
  withdrawn: "M8 5 4 9l4 4M4 9h7.5a4.5 4.5 0 0 1 0 7.5H9",
  warning: "M10 3.4 17.5 16h-15L10 3.4ZM10 8.2v3.6M10 13.8v.01",
} as const;

export type IconName = keyof typeof paths;

/** A line drawing beside words; it never stands for a word of its own. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path
        d={paths[name]}
        fill="none"
        stroke="currentColor"
        stroke-width="1.7"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}
