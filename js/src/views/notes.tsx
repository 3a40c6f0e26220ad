// What could not be read, on top of everything; the worst first.
import { useState } from "preact/hooks";
import { selectOne } from "../select";
import type { Diagnostic, Payload } from "../wire";
import { useDisplay } from "./hooks";
import { Icon } from "./icons";

const SEVERITY = { error: 0, warning: 1, note: 2 } as const;

export function Notes({ payload }: { payload: Payload }) {
  const { diagnostics } = payload.meta;
  const [dismissed, setDismissed] = useState<readonly Diagnostic[] | null>(null);
  const [all, setAll] = useState(false);
  if (diagnostics.length === 0 || dismissed === diagnostics) return null;
  const sorted = [...diagnostics].sort((a, b) => SEVERITY[a.level] - SEVERITY[b.level]);
  const worst = sorted[0]?.level ?? "note";
  // Where there is no graph, its place says why.
  if (payload.calls.length === 0 && worst !== "error") return null;
  return (
    <div class={`nbviz-notes is-${worst}`} role={worst === "error" ? "alert" : "status"}>
      <Icon name="alert" />
      <ul>
        {(all ? sorted : sorted.slice(0, 1)).map((note) => (
          <li key={`${note.call}${note.message}`}>
            <Note payload={payload} note={note} />
          </li>
        ))}
      </ul>
      {sorted.length > 1 && (
        <button type="button" class="nbviz-link" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Show less" : `${sorted.length - 1} more`}
        </button>
      )}
      <button
        type="button"
        class="nbviz-button is-icon is-quiet"
        aria-label="Dismiss the notes"
        title="Dismiss the notes"
        onClick={() => setDismissed(diagnostics)}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}

function Note({ payload, note }: { payload: Payload; note: Diagnostic }) {
  const { store } = useDisplay();
  const path = note.call === null ? note.path : (payload.calls.path[note.call] ?? note.path);
  return (
    <>
      <span class="nbviz-message">{note.message}</span>
      {path !== "" && (
        <button type="button" class="nbviz-link" onClick={() => selectOne(store, path, note.call ?? undefined)}>
          {note.call === null ? path : "Show where"}
        </button>
      )}
    </>
  );
}
