/** A square with the first letter of a name, so that askers are told apart at a glance. */
export function Badge({ name }: { name: string }) {
  const letter = name.match(/[\p{L}\p{N}]/u)?.[0]?.toUpperCase() ?? "·";
  return (
    <span class="badge" aria-hidden="true">
      {letter}
    </span>
  );
}
