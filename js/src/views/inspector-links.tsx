// Links from what is selected to what stands around it.
import { callLabel, neighbours } from "../calls";
import { formatCount } from "../format";
import { selectOne } from "../select";
import type { Payload } from "../wire";
import { useDisplay } from "./hooks";
import { Section } from "./inspector-parts";

const MOST = 60;

export function Neighbours({ payload, calls }: { payload: Payload; calls: readonly number[] }) {
  if (calls.length === 0) return null;
  const { before, after } = neighbours(payload, calls);
  if (before.length + after.length === 0) return null;
  return (
    <Section title="Connected to">
      <CallLinks payload={payload} calls={before.map(({ call }) => call)} mark="←" label="from" />
      <CallLinks payload={payload} calls={after.map(({ call }) => call)} mark="→" label="to" />
    </Section>
  );
}

interface CallLinksProps {
  readonly payload: Payload;
  readonly calls: readonly number[];
  readonly mark: string;
  readonly label: string;
}

function CallLinks({ payload, calls, mark, label }: CallLinksProps) {
  const { store } = useDisplay();
  if (calls.length === 0) return null;
  return (
    <ul class="nbviz-links" aria-label={label}>
      {calls.slice(0, MOST).map((call) => {
        const path = payload.calls.path[call] ?? "";
        return (
          <li key={call}>
            <span class="nbviz-hint" aria-hidden="true">
              {mark}
            </span>
            <button
              type="button"
              class="nbviz-link"
              title={path || payload.meta.name}
              onPointerEnter={() => store.setHover(path)}
              onPointerLeave={() => store.setHover(null)}
              onClick={() => selectOne(store, path, call)}
            >
              {callLabel(payload, call)}
            </button>
            <span class="nbviz-hint">{payload.calls.op[call] || payload.calls.kind[call]}</span>
          </li>
        );
      })}
      {calls.length > MOST && <li class="nbviz-hint">and {formatCount(calls.length - MOST)} more</li>}
    </ul>
  );
}

export function Members({ payload, members }: { payload: Payload; members: readonly number[] }) {
  const { store } = useDisplay();
  const { rows } = payload;
  if (members.length === 0) return null;
  return (
    <Section title="Contains" note={formatCount(members.length)}>
      <ul class="nbviz-links">
        {members.slice(0, MOST).map((row) => (
          <li key={row}>
            <button
              type="button"
              class="nbviz-link"
              title={rows.path[row]}
              onClick={() => selectOne(store, rows.path[row] ?? "")}
            >
              {rows.label[row]?.replace(/^~/, "")}
            </button>
            <span class="nbviz-hint">{rows.type[row] || rows.kind[row]}</span>
          </li>
        ))}
        {members.length > MOST && <li class="nbviz-hint">and {formatCount(members.length - MOST)} more</li>}
      </ul>
    </Section>
  );
}
