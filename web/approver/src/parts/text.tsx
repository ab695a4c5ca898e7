import { pieces, written } from "../lib/visible";

/** Text of others: text only, isolated from what stands around it, with what hides in it pointed out. */
export function Text({ value }: { value: string }) {
  const parts = pieces(value).map((piece) =>
    piece.kind === "text" ? (
      piece.text
    ) : (
      <mark
        class="odd"
        title={piece.kind === "hidden" ? "A character that cannot be seen" : "A character that looks like another"}
      >
        {written(piece)}
      </mark>
    ),
  );
  return <bdi class="foreign">{parts}</bdi>;
}
